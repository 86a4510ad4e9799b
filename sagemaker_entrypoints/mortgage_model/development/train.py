"""The training: from a loan panel to a model directory and its metrics."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy
import pandas
import pyarrow
import pyarrow.dataset
import scipy
import sklearn

from contracts import Contract
from contracts.faults import DataFault
from mortgage_model.development import panel_data, search
from mortgage_model.development.checkpoint import Checkpoint, request_digest
from mortgage_model.development.profile import reference_profile
from mortgage_model.development.sample_metrics import sample_metrics
from mortgage_model.development.splits import (
    SAMPLES,
    SplitBounds,
    SplitError,
    check_events,
    out_of_time_split,
    time_ordered_folds,
)
from mortgage_model.progress import say
from mortgage_model.scoring import artifact, booster, calibration, challenger
from mortgage_model.scoring.features import FeatureSpec, describe_features
from mortgage_model.scoring.grades import MasterScale, long_run_rates

# Storage that fails now may be there in a minute; a DataFault stays.
PREDICTABLE_ERRORS = (DataFault, pyarrow.ArrowInvalid, OSError)
DEVELOPMENT = ("train", "validation")
SEARCH_FOLDS = 3
VERSIONS = {"python": platform.python_version()} | {
    module.__name__: module.__version__ for module in (booster.xgb, numpy, pandas, pyarrow, scipy, sklearn)
}


def train(
    panel_folder: Path,
    hyperparameters: Mapping[str, int | float],
    model_folder: Path,
    output_folder: Path,
    source_folder: Path,
    contract: Contract,
    checkpoints: Path | None = None,
) -> dict[str, dict[str, Any]]:
    """Train on the panel under `panel_folder`, write model and metrics, return the metrics.

    What is found in the folder `checkpoints` of an interrupted training of the same request is not done again.

    Raises one of PREDICTABLE_ERRORS, with a message for the person who started the job, for bad data or
    settings.
    """
    dataset = panel_data.open_panel(panel_folder, contract)
    months = panel_data.count_months(dataset, contract, int(hyperparameters["horizon_months"]))
    bounds = out_of_time_split(
        months.index,
        int(hyperparameters["horizon_months"]),
        int(hyperparameters["oot_months"]),
        int(hyperparameters["validation_months"]),
    )
    by_sample = months.groupby(months.index.map(bounds.sample_of, na_action="ignore")).sum()
    counts = {
        name: by_sample.loc[name].to_dict() if name in by_sample.index else dict.fromkeys(months, 0) for name in SAMPLES
    }
    check_events({name: (count["labelled"], count["events"]) for name, count in counts.items()}, bounds)
    for name, count in counts.items():
        say(f"{name}: {' to '.join(bounds.range_of(name))}, {count['labelled']:,} rows, {count['events']:,} defaults")

    prepared = _prepare(dataset, contract, bounds, months.index, hyperparameters)
    matrices, labels, spec, profile_frame = prepared.matrices, prepared.labels, prepared.spec, prepared.profile_frame
    say(f"features: {len(spec.names)} from {len(spec.inputs)} columns")
    fingerprints = {name: _matrix_fingerprint(matrices[name], labels[name]) for name in SAMPLES}
    searched = None
    if hyperparameters["search_trials"]:
        facts = {"data": fingerprints, "split": bounds.to_json(), "parameters": hyperparameters, "libraries": VERSIONS}
        checkpoint = Checkpoint(checkpoints, request_digest(source_folder, facts)) if checkpoints else None
        if checkpoint and checkpoint.trials:
            say(f"search: {len(checkpoint.trials)} trials were finished before this training was interrupted")
        searched = _search(prepared, hyperparameters, checkpoint)
        hyperparameters = {**hyperparameters, **searched.trials[searched.best].parameters}
        say(f"search: trial {searched.best} of {len(searched.trials)} is best: {searched.trials[searched.best]}")
    if 0 < labels["validation"].sum() < len(labels["validation"]):
        stopped_by = "validation log loss"
        rows = booster.bin_rows(*(data[name] for name in ("train", "validation") for data in (matrices, labels)))
    else:
        stopped_by = "n_estimators: the validation sample does not hold both defaults and non-defaults"
        rows = booster.bin_rows(matrices["train"], labels["train"])
    trees = booster.fit(rows, spec.constraints, hyperparameters)
    say(f"booster: {trees.num_boosted_rounds()} trees kept, stopped by {stopped_by}")
    calibrated = calibration.fit(
        booster.margin(trees, matrices["validation"]),
        labels["validation"].astype(float),
        prepared.validation_loans,
    )
    say(f"calibration: {calibrated.method}, {calibrated.reason}")

    benchmark = challenger.fit(spec, matrices["train"], labels["train"])
    say(f"challenger: {len(benchmark.bins)} features with weights of evidence")

    model = artifact.MortgageModel(
        artifact.feature_contract(contract),
        spec,
        trees,
        calibrated,
        MasterScale.geometric(),
        metadata={},
        challenger=benchmark,
    )
    scores = {name: model.score(matrix) for name, matrix in matrices.items()}
    metrics = {
        key: metric for name in SAMPLES for key, metric in sample_metrics(name, labels[name], scores[name]).items()
    }
    metadata = {
        "hyperparameters": dict(hyperparameters),
        "split": bounds.to_json(),
        "samples": counts,
        "metrics": metrics,
        "trees": trees.num_boosted_rounds(),
        "stopped_by": stopped_by,
        "calibration": calibrated.to_json(),
        "search": searched.to_json() if searched else None,
        "challenger": {
            key: metric
            for name in SAMPLES
            for key, metric in sample_metrics(name, labels[name], benchmark.score(matrices[name])).items()
        },
        "through_the_cycle": long_run_rates(
            model.scale,
            *(numpy.concatenate([of[name] for name in DEVELOPMENT]) for of in (scores, prepared.months, labels)),
        ),
        "booster_sha256": booster.fingerprint(trees),
        "matrix_sha256": fingerprints,
        "panel": {
            "rows": int(months["rows"].sum()),
            "files": len(dataset.files),
            "first_month": months.index[0],
            "last_month": months.index[-1],
        },
        "features": describe_features(spec, contract),
        "contract": {"name": contract.name, "version": contract.version},
        "libraries": VERSIONS,
    }
    model = replace(model, metadata=metadata)
    artifact.save_model(model_folder, model, reference_profile(profile_frame, scores["train"]), source_folder)
    output_folder.mkdir(parents=True, exist_ok=True)
    (output_folder / "metrics.json").write_text(artifact.to_json_text(metrics), encoding="utf-8")
    return metrics


@dataclass(frozen=True)
class Prepared:
    """Feature matrix, labels and months per sample, the spec fitted on train, train's input columns, and the loan of
    each row of the validation sample.
    """

    matrices: dict[str, pandas.DataFrame]
    labels: dict[str, numpy.ndarray]
    months: dict[str, numpy.ndarray]
    spec: FeatureSpec
    profile_frame: pandas.DataFrame
    validation_loans: numpy.ndarray


def _prepare(
    dataset: pyarrow.dataset.Dataset,
    contract: Contract,
    bounds: SplitBounds,
    months: pandas.Index,
    hyperparameters: Mapping[str, int | float],
) -> Prepared:
    matrices, labels, row_months = {}, {}, {}
    for name in SAMPLES:
        sample = panel_data.read_sample(
            dataset,
            contract,
            [month for month in months if bounds.sample_of(month) == name],
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
    return Prepared(matrices, labels, row_months, spec, profile_frame, validation_loans)


def _search(
    prepared: Prepared, hyperparameters: Mapping[str, int | float], checkpoint: Checkpoint | None
) -> search.Search:
    """Search on time-ordered folds of train and validation together; the out-of-time sample stays unseen."""
    months, labels = (
        numpy.concatenate([values[name] for name in DEVELOPMENT]) for values in (prepared.months, prepared.labels)
    )
    try:
        folds = time_ordered_folds(
            months, int(hyperparameters["horizon_months"]), SEARCH_FOLDS, int(hyperparameters["validation_months"])
        )
    except SplitError as error:
        raise SplitError(f"the search: {error}; shorten validation_months, or set search_trials to 0") from None
    usable = [fold for fold in folds if all(0 < labels[rows].sum() < len(rows) for rows in fold)]
    if not usable:
        raise SplitError("no fold of the search holds both defaults and non-defaults; set search_trials to 0")
    return search.search(
        pandas.concat([prepared.matrices[name] for name in DEVELOPMENT], ignore_index=True),
        labels,
        usable,
        prepared.spec.constraints,
        hyperparameters,
        search.PANEL_SPACE,
        int(hyperparameters["search_trials"]),
        float(hyperparameters["search_seconds"]),
        checkpoint=checkpoint,
    )


def _matrix_fingerprint(matrix: pandas.DataFrame, labels: numpy.ndarray) -> str:
    """SHA-256 of the rows as the booster saw them, whatever their files were called."""
    digest = hashlib.sha256(numpy.ascontiguousarray(matrix.to_numpy(copy=False)).data)
    digest.update(numpy.ascontiguousarray(labels).data)
    return digest.hexdigest()
