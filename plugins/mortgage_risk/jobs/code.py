"""Packs the code that jobs run and puts it into S3 under the hash of its content, so that a run names exactly
its code.

What lies under `code/<sha256>/`:
    sourcedir/            sagemaker_entrypoints/* and contracts/, as files (what the processing job mounts)
    sourcedir.tar.gz      the same, packed (SageMaker's submit directory)
    glue_libs.zip         mortgage_etl/ and contracts/ (Glue's --extra-py-files)
    <script>.py           the Glue scripts
    _manifest.json        written last: without it the upload is not complete
"""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mortgage_risk import aws
from mortgage_risk.layout import manifest

Files = dict[str, bytes]
_LEFT_OUT = ("__pycache__", ".pyc", ".DS_Store", ".swp")


class JobCodeError(RuntimeError):
    """The folder of job_code_root does not hold what the jobs need."""


def collect(root: Path) -> Files:
    """Everything that goes under `code/<sha256>/`, by relative path. The same sources give the same bytes."""
    contracts = _read_tree(root / "contracts", "contracts/")
    source = {**_read_tree(root / "sagemaker_entrypoints", ""), **contracts}
    glue = _read_tree(root / "glue_jobs", "")
    scripts = {name: body for name, body in glue.items() if "/" not in name and name.endswith(".py")}
    libraries = {name: body for name, body in glue.items() if "/" in name}
    return {
        **{f"sourcedir/{name}": body for name, body in source.items()},
        "sourcedir.tar.gz": _tar_gz(source),
        "glue_libs.zip": _zip({**libraries, **contracts}),
        **scripts,
    }


def content_hash(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, body in sorted(files.items()):
        digest.update(f"{name} {len(body)}\n".encode() + hashlib.sha256(body).digest())
    return digest.hexdigest()


def upload(s3: Any, prefix: str, files: Mapping[str, bytes], facts: Mapping[str, Any], kms_key_id: str = "") -> bool:
    """Put `files` below `prefix`, manifest last; False if they were there already."""
    if aws.exists(s3, manifest(prefix)):
        return False
    for name, body in sorted(files.items()):
        aws.write_bytes(s3, prefix + name, body, "application/octet-stream", kms_key_id)
    listing = [{"key": name, "bytes": len(body)} for name, body in sorted(files.items())]
    aws.write_json(s3, manifest(prefix), {**facts, "files": listing}, kms_key_id)
    return True


def git_commit(root: Path, run: Callable[..., Any] = subprocess.run) -> str:
    """The commit checked out in `root`, with '-dirty' if files differ from it; 'unknown' without git."""
    try:
        commit = run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True, timeout=10)
        changes = run(
            ["git", "status", "--porcelain", "--", "glue_jobs", "sagemaker_entrypoints", "contracts"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return str(commit.stdout).strip() + ("-dirty" if changes.stdout.strip() else "")


def _read_tree(folder: Path, prefix: str) -> Files:
    if not folder.is_dir():
        raise JobCodeError(f"{folder} is not there; AIRFLOW__MORTGAGE_RISK__JOB_CODE_ROOT must name its parent folder.")
    return {
        prefix + path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.endswith(_LEFT_OUT) for part in path.relative_to(folder).parts)
    }


def _tar_gz(files: Mapping[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, body in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(body), 0o644
            archive.addfile(info, io.BytesIO(body))
    return gzip.compress(raw.getvalue(), mtime=0)


def _zip(files: Mapping[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in sorted(files.items()):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, body)
    return raw.getvalue()
