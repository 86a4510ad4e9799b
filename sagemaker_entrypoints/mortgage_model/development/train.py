"""The training, stage by stage: from a loan panel to a model directory and its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import xgboost as xgb

from contracts.faults import DataFault
from contracts.model import Contract
from mortgage_model.development import boosting, calibrating, panel_data, scorecard, search
from mortgage_model.development.checkpoint import Checkpoint, request_digest
from mortgage_model.development.hyperparameters import Hyperparameters
from mortgage_model.development.profile import reference_profile
from mortgage_model.development.record import VERSIONS, describe_features, long_run_rates, matrix_fingerprint
from mortgage_model.development.sample_metrics import sample_metrics
from mortgage_model.development.splits import (
    SAMPLES,
    SplitBounds,
    SplitError,
    check_events,
    out_of_time_split,
    time_ordered_folds,
)
from mortgage_model.documents.profile import ReferenceProfile
from mortgage_model.documents.training import SampleCounts, SampleMetrics, TrainingRecord
from mortgage_model.progress import say
from mortgage_model.scoring import artifact, booster
from mortgage_model.scoring.calibration import Calibration
from mortgage_model.scoring.challenger import Challenger
from mortgage_model.scoring.features import FeatureSpec
from mortgage_model.scoring.grades import MasterScale

# Storage that fails now may be there in a minute; a DataFault stays.
PREDICTABLE_ERRORS = (DataFault, pa.ArrowInvalid, OSError)
DEVELOPMENT = ("train", "validation")
SEARCH_FOLDS = 3


@dataclass(frozen=True)
class Plan:
    """The panel, rows by month ('YYYY-MM': rows, labelled, events), the split, and the same counts by sample."""

    dataset: ds.Dataset
    months: pd.DataFrame
    bounds: SplitBounds
    counts: dict[str, SampleCounts]

    def months_of(self, sample: str) -> list[str]:
        return [month for month in self.months.index if self.bounds.sample_of(month) == sample]


@dataclass(frozen=True)
class Prepared:
    """Feature matrix, labels and months per sample, the spec fitted on train, train's input columns, and the loan of
    each row of the validation sample.
    """

    matrices: dict[str, pd.DataFrame]
    labels: dict[str, np.ndarray]
    months: dict[str, np.ndarray]
    spec: FeatureSpec
    profile_frame: pd.DataFrame
    validation_loans: np.ndarray
    fingerprints: dict[str, str]

    def of_development(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Arrays per sample as one, of train and validation together."""
        return np.concatenate([values[name] for name in DEVELOPMENT])


@dataclass(frozen=True)
class Trained:
    """A model with its record, the profile of its training sample, and its metrics as metrics.json has them."""

    model: artifact.MortgageModel
    profile: ReferenceProfile
    metrics: SampleMetrics


def train(
    panel_folder: Path,
    hyperparameters: Hyperparameters,
    model_folder: Path,
    output_folder: Path,
    source_folder: Path,
    contract: Contract,
    checkpoints: Path | None = None,
) -> SampleMetrics:
    """Train on the panel under `panel_folder`, write model and metrics, return the metrics.

    What is found in the folder `checkpoints` of an interrupted training of the same request is not done again.

    Raises one of PREDICTABLE_ERRORS, with a message for the person who started the job, for bad data or
    settings.
    """
    trained = develop(panel_folder, hyperparameters, source_folder, contract, checkpoints)
    artifact.save_model(model_folder, trained.model, trained.profile, source_folder)
    output_folder.mkdir(parents=True, exist_ok=True)
    (output_folder / "metrics.json").write_text(artifact.to_json_text(trained.metrics), encoding="utf-8")
    return trained.metrics


def develop(
    panel_folder: Path,
    hyperparameters: Hyperparameters,
    source_folder: Path,
    contract: Contract,
    checkpoints: Path | None = None,
) -> Trained:
    """`train` without writing: plan, prepare, search, fit, calibrate, challenge, record."""
    plan = make_plan(panel_folder, contract, hyperparameters)
    prepared = prepare(plan, contract, hyperparameters)
    searched = None
    if hyperparameters["search_trials"]:
        checkpoint = open_checkpoint(checkpoints, source_folder, plan, prepared, hyperparameters)
        searched = search_hyperparameters(prepared, hyperparameters, checkpoint)
        hyperparameters = {**hyperparameters, **searched.trials[searched.best].parameters}
    trees, stopped_by = fit_trees(prepared, hyperparameters)
    calibrated = calibrate(trees, prepared)
    challenger = scorecard.fit(prepared.spec, prepared.matrices["train"], prepared.labels["train"])
    say(f"challenger: {len(challenger.bins)} features with weights of evidence")
    model = artifact.MortgageModel(
        artifact.feature_contract(contract),
        prepared.spec,
        trees,
        calibrated,
        MasterScale.geometric(),
        metadata={
            "hyperparameters": dict(hyperparameters),
            "search": searched.to_json() if searched else None,
            "stopped_by": stopped_by,
        },
        challenger=challenger,
    )
    return record(model, challenger, plan, prepared, contract)


def make_plan(panel_folder: Path, contract: Contract, hyperparameters: Hyperparameters) -> Plan:
    """The split of the panel's months, out of time; SplitError where it holds too little to learn from."""
    horizon = int(hyperparameters["horizon_months"])
    dataset = panel_data.open_panel(panel_folder, contract)
    months = panel_data.count_months(dataset, contract, horizon)
    bounds = out_of_time_split(
        months.index, horizon, int(hyperparameters["oot_months"]), int(hyperparameters["validation_months"])
    )
    sample_of = months.index.map(bounds.sample_of, na_action="ignore")
    by_sample = months.groupby(sample_of).sum().reindex(list(SAMPLES), fill_value=0)
    counts: dict[str, SampleCounts] = by_sample.to_dict("index")
    check_events({name: (count["labelled"], count["events"]) for name, count in counts.items()}, bounds)
    for name, count in counts.items():
        say(f"{name}: {' to '.join(bounds.range_of(name))}, {count['labelled']:,} rows, {count['events']:,} defaults")
    return Plan(dataset, months, bounds, counts)


def prepare(plan: Plan, contract: Contract, hyperparameters: Hyperparameters) -> Prepared:
    """Every sample's rows as features, by a spec that saw train alone."""
    matrices, labels, row_months = {}, {}, {}
    for name in SAMPLES:
        sample = panel_data.read_sample(
            plan.dataset,
            contract,
            plan.months_of(name),
            max_rows=int(hyperparameters["max_train_rows"]) if name == "train" else 0,
            seed=int(hyperparameters["seed"]),
        )
        if name == "train":
            spec = FeatureSpec.fit(sample.frame, sample.labels, contract)
            profile_frame = sample.frame[list(spec.inputs)]
        elif name == "validation":
            validation_loans = sample.loans
        matrices[name], labels[name] = spec.transform(sample.frame), sample.labels
        row_months[name] = sample.frame[panel_data.MONTH].to_numpy(dtype=str)
    say(f"features: {len(spec.names)} from {len(spec.inputs)} columns")
    fingerprints = {name: matrix_fingerprint(matrices[name], labels[name]) for name in SAMPLES}
    return Prepared(matrices, labels, row_months, spec, profile_frame, validation_loans, fingerprints)


def open_checkpoint(
    folder: Path | None, source_folder: Path, plan: Plan, prepared: Prepared, hyperparameters: Hyperparameters
) -> Checkpoint | None:
    """The trials of an interrupted training of the same data, settings, search space, libraries and code."""
    if folder is None:
        return None
    facts = {
        "data": prepared.fingerprints,
        "split": plan.bounds.to_json(),
        "parameters": hyperparameters,
        "space": {name: asdict(limits) for name, limits in search.panel_space().items()},
        "libraries": VERSIONS,
    }
    checkpoint = Checkpoint(folder, request_digest(source_folder, facts))
    if checkpoint.trials:
        say(f"search: {len(checkpoint.trials)} trials were finished before this training was interrupted")
    return checkpoint


def search_hyperparameters(
    prepared: Prepared, hyperparameters: Hyperparameters, checkpoint: Checkpoint | None
) -> search.Search:
    """Search on time-ordered folds of train and validation together; the out-of-time sample stays unseen."""
    months, labels = (prepared.of_development(values) for values in (prepared.months, prepared.labels))
    try:
        folds = time_ordered_folds(
            months, int(hyperparameters["horizon_months"]), SEARCH_FOLDS, int(hyperparameters["validation_months"])
        )
    except SplitError as error:
        raise SplitError(f"the search: {error}; shorten validation_months, or set search_trials to 0") from None
    usable = [fold for fold in folds if all(0 < labels[rows].sum() < len(rows) for rows in fold)]
    if not usable:
        raise SplitError("no fold of the search holds both defaults and non-defaults; set search_trials to 0")
    searched = search.search(
        pd.concat([prepared.matrices[name] for name in DEVELOPMENT], ignore_index=True),
        labels,
        usable,
        prepared.spec.constraints,
        hyperparameters,
        search.panel_space(),
        int(hyperparameters["search_trials"]),
        float(hyperparameters["search_seconds"]),
        checkpoint=checkpoint,
    )
    say(f"search: trial {searched.best} of {len(searched.trials)} is best: {searched.trials[searched.best]}")
    return searched


def fit_trees(prepared: Prepared, hyperparameters: Hyperparameters) -> tuple[xgb.Booster, str]:
    """The booster, and what stopped it: the validation sample where it can tell, else the number of trees asked for."""
    matrices, labels = prepared.matrices, prepared.labels
    if 0 < labels["validation"].sum() < len(labels["validation"]):
        stopped_by = "validation log loss"
        rows = boosting.bin_rows(matrices["train"], labels["train"], matrices["validation"], labels["validation"])
    else:
        stopped_by = "n_estimators: the validation sample does not hold both defaults and non-defaults"
        rows = boosting.bin_rows(matrices["train"], labels["train"])
    trees = boosting.fit(rows, prepared.spec.constraints, hyperparameters)
    say(f"booster: {trees.num_boosted_rounds()} trees kept, stopped by {stopped_by}")
    return trees, stopped_by


def calibrate(trees: xgb.Booster, prepared: Prepared) -> Calibration:
    """The calibration on the validation sample, whose rows hang together by loan."""
    calibrated = calibrating.fit(
        booster.margin(trees, prepared.matrices["validation"]),
        prepared.labels["validation"].astype(float),
        prepared.validation_loans,
    )
    say(f"calibration: {calibrated.method}, {calibrated.reason}")
    return calibrated


def record(
    model: artifact.MortgageModel, challenger: Challenger, plan: Plan, prepared: Prepared, contract: Contract
) -> Trained:
    """The model with what metadata.json says of it: its settings, and the data and figures as they are found here."""
    probabilities = {name: model.score(matrix) for name, matrix in prepared.matrices.items()}
    metrics = metrics_by_sample(prepared.labels, probabilities)
    metadata: TrainingRecord = {
        **model.metadata,
        "split": plan.bounds.to_json(),
        "samples": plan.counts,
        "metrics": metrics,
        "trees": model.booster.num_boosted_rounds(),
        "calibration": model.calibration.to_json(),
        "challenger": metrics_by_sample(
            prepared.labels, {name: challenger.score(matrix) for name, matrix in prepared.matrices.items()}
        ),
        "through_the_cycle": long_run_rates(
            model.scale, *map(prepared.of_development, (probabilities, prepared.months, prepared.labels))
        ),
        "booster_sha256": booster.fingerprint(model.booster),
        "matrix_sha256": prepared.fingerprints,
        "panel": {
            "rows": int(plan.months["rows"].sum()),
            "files": len(plan.dataset.files),
            "first_month": plan.months.index[0],
            "last_month": plan.months.index[-1],
        },
        "features": describe_features(model.spec, contract),
        "contract": {"name": contract.name, "version": contract.version},
        "libraries": VERSIONS,
    }
    profile = reference_profile(prepared.profile_frame, probabilities["train"])
    return Trained(replace(model, metadata=metadata), profile, metrics)


def metrics_by_sample(labels: Mapping[str, np.ndarray], probabilities: Mapping[str, np.ndarray]) -> SampleMetrics:
    found: SampleMetrics = {}
    for name in SAMPLES:
        found |= sample_metrics(name, labels[name], probabilities[name])
    return found
