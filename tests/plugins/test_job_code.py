from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from fake_aws import FakeAws

from mortgage_risk.jobs import code

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "contracts/__init__.py": "c",
        "contracts/tables/loans.odcs.yaml": "t",
        "contracts/__pycache__/x.pyc": "junk",
        "sagemaker_entrypoints/inference.py": "i",
        "sagemaker_entrypoints/mortgage_model/scoring/features.py": "f",
        "glue_jobs/prepare_loan_panel.py": "p",
        "glue_jobs/mortgage_etl/labels.py": "l",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_each_service_finds_what_it_needs(root: Path) -> None:
    files = code.collect(root)
    source = {
        "inference.py",
        "mortgage_model/scoring/features.py",
        "contracts/__init__.py",
        "contracts/tables/loans.odcs.yaml",
    }
    assert {name.removeprefix("sourcedir/") for name in files if name.startswith("sourcedir/")} == source
    with tarfile.open(fileobj=io.BytesIO(files["sourcedir.tar.gz"])) as archive:
        assert set(archive.getnames()) == source
    with zipfile.ZipFile(io.BytesIO(files["glue_libs.zip"])) as archive:
        assert set(archive.namelist()) == {
            "mortgage_etl/labels.py",
            "contracts/__init__.py",
            "contracts/tables/loans.odcs.yaml",
        }
    assert files["prepare_loan_panel.py"] == b"p"


def test_the_same_sources_give_the_same_bytes(root: Path) -> None:
    before = code.collect(root)
    for path in root.rglob("*.py"):
        os.utime(path, (0, 1_000_000_000))
        path.chmod(0o600)
    after = code.collect(root)
    assert after == before
    assert code.content_hash(after) == code.content_hash(before)
    (root / "contracts/__init__.py").write_text("changed")
    assert code.content_hash(code.collect(root)) != code.content_hash(before)


def test_upload_once_and_an_interrupted_upload_is_completed(root: Path, fake_aws: FakeAws) -> None:
    files, prefix, s3 = code.collect(root), "s3://b/code/x/", fake_aws.client("s3")
    fake_aws.faults["put_object"] = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        code.upload(s3, prefix, files, {})
    assert "code/x/_manifest.json" not in fake_aws.objects
    assert code.upload(s3, prefix, files, {}) is True
    assert code.upload(s3, prefix, files, {}) is False
    assert len(fake_aws.objects) == len(files) + 1


def test_a_missing_folder_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(code.JobCodeError, match="JOB_CODE_ROOT"):
        code.collect(tmp_path)


def test_git_commit_without_git_is_unknown(tmp_path: Path) -> None:
    assert code.git_commit(tmp_path) == "unknown"
    assert len(code.git_commit(REPO).removesuffix("-dirty")) == 40
