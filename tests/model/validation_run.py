"""Runs the validation job on the session's small trained model, once for all test modules."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from model_validation_script import MortgageLoanModelValidator, ValidationRun

from contracts import load_contract
from mortgage_model.development.panel_data import open_panel
from mortgage_model.development.splits import SplitBounds
from mortgage_model.documents.gate import GateResult
from mortgage_model.scoring.artifact import MortgageModel, load_model, read_profile
from mortgage_model.validation import evaluation as figures
from mortgage_model.validation.checks import Evidence
from mortgage_model.validation.replicates import Replicates
from mortgage_model.validation.samples import score_samples

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


def gather(
    model_dir: Path,
    panel_dir: Path,
    metrics: dict[str, Any] | None = None,
    replicates: int = 20,
    alter: Callable[[MortgageModel], MortgageModel] = lambda model: model,
    **rivals: Any,
) -> Evidence:
    """What the tests of the battery look at; `alter` plants a defect in the model before it scores."""
    model, contract = alter(load_model(model_dir)), load_contract("loan_panel")
    bounds, profile = SplitBounds(**model.metadata["split"]), read_profile(model_dir)
    scored = score_samples(open_panel(panel_dir, contract), contract, model, bounds, profile, rivals, seed=7)
    drawn = Replicates(scored.samples, replicates, 7)
    if metrics is None:
        metrics = {name: figures.sample_metrics(sample, drawn) for name, sample in scored.samples.items()}
        metrics["train_to_oot"] = figures.comparison_metrics(scored.samples, metrics, drawn)
    csi = figures.feature_shift(profile, scored.feature_counts)
    return Evidence(
        model, contract, bounds, scored.samples, metrics, drawn, scored.drawn, csi,
        scored.feature_counts, scored.portfolio, seed=7, economy=scored.economy,
    )  # fmt: skip
