"""The validator: from a model and its panel to the evidence pack and the verdict."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import platform
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pandas as pd

import mortgage_model.validation.battery  # noqa: F401 (registers the tests)
from contracts import load_contract
from mortgage_model.development.panel_data import label_name, open_panel
from mortgage_model.development.splits import SplitBounds
from mortgage_model.development.train import develop
from mortgage_model.documents.card import Card
from mortgage_model.documents.evaluation import (
    Evaluation,
    ModelEvidence,
    ModelFacts,
    Provenance,
    SampleFacts,
)
from mortgage_model.documents.gate import GateResult, Threshold
from mortgage_model.documents.profile import ReferenceProfile
from mortgage_model.documents.training import TrainingRecord
from mortgage_model.progress import say
from mortgage_model.report.page import render_report
from mortgage_model.scoring.artifact import (
    MortgageModel,
    only_file,
    read_packed,
    to_json_text,
    with_nulls,
)
from mortgage_model.validation import evaluation as figures
from mortgage_model.validation.checks import Evidence, run_checks
from mortgage_model.validation.clarify import bias_report, explainability_report
from mortgage_model.validation.demographics import read_demographics
from mortgage_model.validation.gate import ThresholdError, checked_thresholds, evaluate_gate
from mortgage_model.validation.model_card import model_card, read_card
from mortgage_model.validation.model_quality import binary_classification_metrics
from mortgage_model.validation.replicates import Replicates
from mortgage_model.validation.samples import Predict, ScoredSample, score_samples

# Where SageMaker unpacks the job's code: the scripts, and what the lender keeps beside them.
SCRIPTS = Path(__file__).resolve().parents[2]
CARD = SCRIPTS / "model_card.json"
LIBRARIES = ("numpy", "pandas", "pyarrow", "scipy")
REPLICATES = 200


@dataclass(frozen=True)
class ValidationRun:
    """What the pipeline says about the run; recorded in the evidence as given."""

    as_of_date: str
    source: str
    training_job: str
    model_uri: str
    panel_manifest_uri: str
    git_commit: str
    seed: int
    retrain: bool = False


class MortgageLoanModelValidator:
    """Loads a model and its panel from `root`, measures, judges and writes the evidence.

    `root` has the folders model/, panel/ and settings/, as a Processing job sees them; output/ is written.
    """

    def __init__(self, root: Path, run: ValidationRun, replicates: int = REPLICATES) -> None:
        self.root = root
        self.run = run
        self.replicates = replicates

    def validate(self) -> GateResult:
        """Write the evidence pack; return the verdict.

        Raises a DataFault for a model, a panel or a thresholds file that cannot be used.
        """
        thresholds_file = only_file(self.root / "settings", "*.json", "thresholds file")
        thresholds = _read_thresholds(thresholds_file)
        card = read_card(CARD)
        model, profile = read_packed(self.root / "model")
        say(f"model: {model.metadata['trees']} trees, {len(model.spec.names)} features")

        evaluation = with_nulls(self.evaluate(model, profile))
        for path, value in evaluation.get("not_finite", {}).items():
            say(f"{path} is {value}: null in the evidence")
        provenance = evaluation["mortgage"]["provenance"]
        provenance["model_sha256"] = _sha256(only_file(self.root / "model", "*.tar.gz", "model"))
        provenance["thresholds_sha256"] = _sha256(thresholds_file)
        evaluation["mortgage"]["thresholds"] = thresholds
        result = evaluate_gate(evaluation, thresholds)
        self._write(evaluation, result, model_card(card, evaluation, result))
        return result

    def evaluate(self, model: MortgageModel, profile: ReferenceProfile) -> Evaluation:
        """The content of evaluation.json, without thresholds and file fingerprints."""
        contract = load_contract("loan_panel")
        bounds = SplitBounds(**model.metadata["split"])
        scored = score_samples(
            open_panel(self.root / "panel", contract),
            contract,
            model,
            bounds,
            profile,
            benchmarks=self._benchmarks(model),
            seed=self.run.seed,
        )
        samples = scored.samples
        for name, sample in samples.items():
            say(f"{name}: {sample.n:,} rows of {sample.loans:,} loans, {sample.events:,} defaults")
        replicates = Replicates(samples, self.replicates, self.run.seed)
        metrics = {name: figures.sample_metrics(sample, replicates) for name, sample in samples.items()}
        metrics["train_to_oot"] = figures.comparison_metrics(samples, metrics, replicates)
        say(f"bootstrap: {self.replicates} replicates of whole loans")

        csi = figures.feature_shift(profile, scored.feature_counts)
        evidence = Evidence(
            model,
            contract,
            bounds,
            samples,
            metrics,
            replicates,
            scored.drawn,
            csi,
            scored.feature_counts,
            scored.portfolio,
            self.run.seed,
            self._demographics(),
            partial(self._retrain, model) if self.run.retrain else None,
            scored.economy,
        )
        return {
            "binary_classification_metrics": binary_classification_metrics(
                samples["validation"], samples["oot"], metrics["oot"]
            ),
            "mortgage": self._evidence(evidence),
        }

    def _evidence(self, evidence: Evidence) -> ModelEvidence:
        """Our own part of evaluation.json: figures, tables, the battery, and where everything came from."""
        checks = run_checks(evidence)
        say(f"battery: {len(checks)} tests")
        model, samples, oot = evidence.model, evidence.samples, evidence.oot
        ordered = list(samples.values())
        return {
            "format": 1,
            "as_of_date": self.run.as_of_date,
            "source": self.run.source,
            "horizon_months": int(model.metadata["hyperparameters"]["horizon_months"]),
            "samples": {name: _sample_facts(sample, evidence.bounds) for name, sample in samples.items()},
            "metrics": evidence.metrics,
            "bootstrap": {
                "replicates": self.replicates,
                "seed": self.run.seed,
                "unit": "loan",
                "interval": "percentile, 95 %",
            },
            "deciles": {name: figures.deciles(sample) for name, sample in samples.items()},
            "grades": {name: figures.grades(sample, model.scale) for name, sample in samples.items()},
            "cap": figures.cap(oot),
            "score_histogram": figures.score_histogram(oot),
            "psi": figures.score_shift(samples),
            "csi": evidence.csi,
            "by_year": figures.breakdown(ordered, [s.month.astype("U4") for s in ordered]),
            "by_vintage": figures.breakdown([oot], [oot.vintage]),
            "by_month": figures.by_month(ordered),
            "checks": checks,
            "model": _model_facts(model.metadata),
            "provenance": self._provenance(model.metadata),
        }

    def _provenance(self, metadata: TrainingRecord) -> Provenance:
        run = self.run
        return {
            "as_of_date": run.as_of_date,
            "source": run.source,
            "training_job": run.training_job,
            "model_uri": run.model_uri,
            "panel_manifest_uri": run.panel_manifest_uri,
            "git_commit": run.git_commit,
            "seed": run.seed,
            "retrain": run.retrain,
            "created_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "contract": metadata.get("contract"),
            "training_libraries": metadata.get("libraries"),
            "libraries": {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES},
        }

    def _benchmarks(self, model: MortgageModel) -> dict[str, Predict]:
        """What to compare with: the challenger of the same training job, the model in force where it was delivered."""
        benchmarks: dict[str, Predict] = {}
        if model.challenger is not None:
            benchmarks["challenger"] = model.challenger.predict
        if (self.root / "champion").is_dir():
            champion, _ = read_packed(self.root / "champion")
            benchmarks["champion"] = lambda frame: champion.predict(frame)["pd"].to_numpy()
        return benchmarks

    def _retrain(self, model: MortgageModel) -> TrainingRecord:
        """Metadata of a model trained again on the panel with the recorded hyperparameters."""
        settings, contract = model.metadata["hyperparameters"], load_contract("loan_panel")
        return develop(self.root / "panel", settings, SCRIPTS, contract).model.metadata

    def _demographics(self) -> pd.DataFrame | None:
        """Protected attributes by loan hash, from the newest delivery; None where the lender delivered none."""
        folder = self.root / "demographics"
        return read_demographics(folder) if folder.is_dir() else None

    def _write(self, evaluation: Evaluation, result: GateResult, card: Card) -> None:
        checks, provenance = evaluation["mortgage"]["checks"], evaluation["mortgage"]["provenance"]
        files = {
            "evaluation.json": to_json_text(evaluation),
            "card.json": to_json_text(card),
            "explainability.json": to_json_text(explainability_report(checks)),
            "report.html": render_report(evaluation, result, card),
        }
        if bias := bias_report(checks, label_name(load_contract("loan_panel"))):
            files["bias.json"] = to_json_text(bias)
        output = self.root / "output"
        output.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (output / name).write_text(text, encoding="utf-8")
        gate = result.to_json(
            thresholds_sha256=provenance["thresholds_sha256"],
            model_sha256=provenance["model_sha256"],
            training_job=self.run.training_job,
            evidence={name: _sha256(output / name) for name in sorted(files)},
        )
        (output / "gate.json").write_text(to_json_text(gate), encoding="utf-8")


def _read_thresholds(file: Path) -> list[Threshold]:
    try:
        return checked_thresholds(json.loads(file.read_text(encoding="utf-8")))
    except ValueError as error:
        raise ThresholdError(f"{file.name}: {error}") from error


def _sample_facts(sample: ScoredSample, bounds: SplitBounds) -> SampleFacts:
    start, end = bounds.range_of(sample.name)
    return {
        "first_month": start,
        "last_month": end,
        "n": sample.n,
        "events": sample.events,
        "loans": sample.loans,
        "matrix_sha256": sample.matrix_sha256,
    }


def _model_facts(metadata: TrainingRecord) -> ModelFacts:
    return {
        "hyperparameters": metadata.get("hyperparameters"),
        "trees": metadata.get("trees"),
        "booster_sha256": metadata.get("booster_sha256"),
        "features": metadata.get("features"),
        "panel": metadata.get("panel"),
    }


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
