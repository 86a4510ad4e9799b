"""Runs the validation job on the session's small trained model, once for all test modules."""

from __future__ import annotations

import json
import shutil
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

from model_validation_script import MortgageLoanModelValidator, ValidationRun

from mortgage_model.gate import GateResult

ROOT = Path(__file__).resolve().parents[2]
THRESHOLDS = ROOT / "sagemaker_entrypoints" / "thresholds.json"
RUN = ValidationRun(
    as_of_date="2015-12-31",
    source="canonical",
    training_job="train-1",
    model_uri="s3://b/model.tar.gz",
    panel_manifest_uri="s3://b/_manifest.json",
    git_commit="abc123",
    seed=7,
)


def prepare(root: Path, model_dir: Path, panel_dir: Path) -> Path:
    """The folders that a Processing job sees."""
    for name in ("model", "settings"):
        (root / name).mkdir(parents=True)
    with tarfile.open(root / "model" / "model.tar.gz", "w:gz", compresslevel=1) as tar:
        tar.add(model_dir, arcname=".")
    shutil.copy(THRESHOLDS, root / "settings" / "thresholds.json")
    (root / "panel").symlink_to(panel_dir)
    return root


def validate(root: Path, replicates: int = 40) -> tuple[GateResult, dict[str, Any]]:
    result = MortgageLoanModelValidator(root, RUN, replicates).validate()
    return result, json.loads((root / "output" / "evaluation.json").read_text())


@cache
def validated_once(root: Path, model_dir: Path, panel_dir: Path) -> tuple[Path, GateResult, dict[str, Any]]:
    """Folder, verdict and evaluation of the one run that the tests look at; do not modify them."""
    return root, *validate(prepare(root, model_dir, panel_dir))
