"""Every runtime environment, made from its committed lock by uv. Standard library only: this runs first.

`python3.11 -m local_platform.environments [name ...]` makes those named, or all; one that already matches its
lock is left alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_platform.command import CommandError, ended

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
RUNTIMES = Path(os.environ.get("MORTGAGE_RUNTIMES_DIR", ROOT / ".runtimes"))
UV_VERSION = "0.13.9"

GLUE = "glue-5.1"
LOCKS = {
    "tooling": ROOT / "requirements/tooling.lock",
    "local-aws": ROOT / "local_aws/runtimes/local-aws.lock",
    "airflow": ROOT / "requirements/airflow.lock",
    GLUE: ROOT / "local_aws/runtimes/glue-5.1.lock",
    "sagemaker-xgboost-3.2-0": ROOT / "local_aws/runtimes/sagemaker-xgboost-3.2-0.lock",
}


def runtime_python(name: str) -> Path:
    return RUNTIMES / name / "bin" / "python"


def install_uv() -> Path:
    """uv in the project's own folder, at the pinned version."""
    uv = TOOLS / "bin" / "uv"
    if uv.exists() and UV_VERSION in _run([uv, "--version"]).stdout:
        return uv
    if sys.version_info[:2] != (3, 11):
        raise CommandError(
            f"Python 3.11 is needed, this is {sys.version.split()[0]} ({sys.executable}). "
            "Install Python 3.11 and run `make PYTHON=/path/to/python3.11 …`."
        )
    _run([sys.executable, "-m", "venv", TOOLS])
    _run([TOOLS / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={UV_VERSION}"])
    return uv


def make_environment(uv: Path, name: str) -> float | None:
    """Seconds it took, or None where the environment already matched its lock."""
    lock, home = LOCKS[name], RUNTIMES / name
    stamp, digest = home / ".lock-sha256", hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return None
    started = time.monotonic()
    if not runtime_python(name).exists():
        _run([uv, "venv", "--quiet", "--python", sys.executable, home])
    _run([uv, "pip", "sync", "--quiet", "--python", runtime_python(name), lock], _compiler(home))
    replace_empty_shim(home)
    if name == GLUE:
        # Spark's classes, archived once: every Glue run starts in a quarter of the time.
        _run([runtime_python(name), "-m", "local_aws.glue_runtime.archive"], {"PYTHONPATH": str(ROOT)})
    stamp.write_text(digest)
    return time.monotonic() - started


def _compiler(home: Path) -> dict[str, str]:
    """Settings that let sagemaker-training install on a machine with no C compiler.

    Its one C file is a host-name shim that MPI jobs alone preload; a compiler that writes an empty file stands in.
    """
    if any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        return {}
    stub = home / "no-compiler"
    stub.write_text('#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = -o ] && : > "$2"; shift; done\n')
    stub.chmod(0o755)
    return {"CC": str(stub)}


def replace_empty_shim(home: Path) -> None:
    """Put a module in the place of the empty library that `_compiler` leaves: sagemaker-training imports it."""
    for library in home.glob("lib/python*/site-packages/gethostname.*.so"):
        if not library.stat().st_size:
            library.unlink()
            text = '"""In place of a C library that MPI jobs alone preload; made where there is no C compiler."""\n'
            library.with_name("gethostname.py").write_text(text)


def _run(command: list[str | Path], extra: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env={**os.environ, **(extra or {})}
    )
    if done.returncode:
        raise CommandError(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done


def main(names: list[str]) -> None:
    unknown = set(names) - set(LOCKS)
    if unknown:
        raise CommandError(f"unknown environment {', '.join(sorted(unknown))}; there are {', '.join(LOCKS)}")
    uv = install_uv()
    RUNTIMES.mkdir(parents=True, exist_ok=True)
    names = names or list(LOCKS)
    # Two at a time: one unpacks while the other waits for the registry.
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, seconds in zip(names, pool.map(lambda n: make_environment(uv, n), names), strict=True):
            if seconds is not None:
                print(f"environment {name} made from its lock in {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(ended(lambda: main(sys.argv[1:])))
