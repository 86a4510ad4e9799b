"""Develops a model on any table: features, hyperparameter search, calibration; and scores rows it never saw.

Everything that learns is inside `develop`, which gets development rows alone: levels and references of features, the
search on inner folds, and the calibration on the inner folds' margins. Held-out rows are only scored. How rows are held
out: mortgage_model/table/holding_out.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from contracts.model import Contract
from contracts.split import GROUPED_K_FOLD
from mortgage_model.development.search import Hyperparameters, Range, Search, search
from mortgage_model.development.splits import Fold
from mortgage_model.scoring import booster, calibration
from mortgage_model.scoring.artifact import MortgageModel, feature_contract
from mortgage_model.scoring.features import FeatureError, FeatureSpec
from mortgage_model.scoring.grades import MasterScale
from mortgage_model.statistics import discrimination
from mortgage_model.table.holding_out import GroupedKFold, OutOfTime
from mortgage_model.table.read import TableError

# Tables are smaller than panels and score no nightly portfolio: deep trees of few rows, averaged, are affordable.
TABLE_SPACE = {
    "max_depth": Range(4, 12),
    "min_child_weight": Range(0.1, 5.0, log=True),
    "subsample": Range(0.6, 1.0),
    "colsample_bytree": Range(0.3, 0.8),
    "reg_lambda": Range(0.2, 5.0, log=True),
}
# XGBoost's documented defaults, but for a smaller learning rate with as many more rounds and early stopping: chosen
# before any table was seen, so that what fits a table is found inside its folds alone.
TABLE_START = {
    "max_depth": 6,
    "min_child_weight": 1.0,
    "subsample": 1.0,
    "colsample_bytree": 1.0,
    "reg_lambda": 1.0,
    "learning_rate": 0.05,
    "n_estimators": 600,
    "early_stopping_rounds": 30,
}
# Trees averaged in each round of the final fit; the search grows one, which ranks hyperparameters as well in a fraction
# of the time.
AVERAGED_TREES = 4
# Folds of one table are fitted side by side, each with one thread, so that the result does not depend on the machine.
WORKERS = 2


@dataclass(frozen=True)
class Settings:
    """How much to search, and the seed of every draw."""

    hyperparameters: Hyperparameters
    trials: int
    seed: int


@dataclass(frozen=True)
class Evidence:
    """Rows scored by models that never saw them: positions, labels, PDs, independent units, folds; searches per fold;
    `notes`, what was found on the way that the reader of the figures must know.
    """

    rows: np.ndarray
    labels: np.ndarray
    pd: np.ndarray
    units: np.ndarray
    folds: np.ndarray
    searches: tuple[Search, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def ranking(self) -> np.ndarray:
        """The scores to rank by: PDs of several folds come from several models, so each is placed within its fold."""
        return discrimination.placements(self.labels, self.pd, self.folds)


def cross_validate(
    frame: pd.DataFrame, labels: np.ndarray, contract: Contract, settings: Settings, say: Callable[[str], None]
) -> tuple[Evidence, MortgageModel]:
    """Evidence by the contract's split, and the model: of all rows for k folds, of the development rows out of time.

    Raises TableError for a table without a declared split, SplitError for one with too few events for it, FeatureError
    where no feature varies.
    """
    if contract.split is None:
        raise TableError(f"contract {contract.name} declares no split: add the custom property split to the table")
    notes = _features_that_vary(frame, contract)
    grouped = contract.split.method == GROUPED_K_FOLD
    hold_out = GroupedKFold if grouped else OutOfTime
    splitter: GroupedKFold | OutOfTime = hold_out(frame, labels, contract, settings.seed)

    def one(number: int) -> tuple[MortgageModel, Search, np.ndarray]:
        development, held_out = splitter.outer[number]
        model, searched = develop(frame, labels, development, splitter.inner(development), contract, settings)
        say(f"fold {number + 1} of {len(splitter.outer)}: trial {searched.best} of {len(searched.trials)} is best")
        return model, searched, model.predict(frame.iloc[held_out])["pd"].to_numpy()

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        results = list(pool.map(one, range(len(splitter.outer))))
    rows = np.concatenate([held_out for _, held_out in splitter.outer])
    evidence = Evidence(
        rows=rows,
        labels=labels[rows],
        pd=np.concatenate([pd_values for *_, pd_values in results]),
        units=splitter.units[rows],
        folds=np.repeat(np.arange(len(results)), [len(held_out) for _, held_out in splitter.outer]),
        searches=tuple(searched for _, searched, _ in results),
        notes=(*notes, *splitter.notes),
    )
    if not grouped:
        return evidence, results[0][0]
    everything = np.arange(len(frame))
    model, _ = develop(frame, labels, everything, splitter.inner(everything), contract, settings)
    return evidence, model


def develop(
    frame: pd.DataFrame,
    labels: np.ndarray,
    rows: np.ndarray,
    folds: Sequence[Fold],
    contract: Contract,
    settings: Settings,
) -> tuple[MortgageModel, Search]:
    """Model of the rows at positions `rows`; `folds` are positions within `rows`."""
    own_frame, own_labels = frame.iloc[rows].reset_index(drop=True), labels[rows]
    spec = FeatureSpec.fit(own_frame, own_labels, contract)
    features = spec.transform(own_frame)
    searched = search(
        features, own_labels, folds, spec.constraints, settings.hyperparameters, TABLE_SPACE, settings.trials, threads=1
    )
    validated = np.flatnonzero(~np.isnan(searched.margins))
    place = np.full(len(rows), -1)
    place[validated] = np.arange(len(validated))
    inner = [np.sort(place[valid]) for _, valid in folds]
    blocks = [(np.setdiff1d(np.arange(len(validated)), block, assume_unique=True), block) for block in inner]
    calibrated = calibration.fit(
        searched.margins[validated],
        own_labels[validated].astype(float),
        folds=blocks if len(blocks) > 1 else None,
    )
    final = {**searched.hyperparameters, "num_parallel_tree": AVERAGED_TREES}
    trees = booster.fit(booster.bin_rows(features, own_labels, threads=1), spec.constraints, final)
    metadata: dict[str, Any] = {
        "hyperparameters": final,
        "search": searched.to_json(),
        "rows": len(rows),
        "events": int(own_labels.sum()),
        "trees": trees.num_boosted_rounds(),
        "booster_sha256": booster.fingerprint(trees),
        "contract": {"name": contract.name, "version": contract.version},
    }
    model = MortgageModel(
        feature_contract(contract), spec, trees, calibrated, MasterScale.geometric(), metadata=metadata
    )
    return model, searched


def _features_that_vary(frame: pd.DataFrame, contract: Contract) -> tuple[str, ...]:
    """A note on features of one value, or none; FeatureError where every one is so. Missing is a value of its own."""
    features = [column.name for column in contract.with_role("feature")]
    constant = [name for name in features if frame[name].nunique(dropna=False) < 2]
    if len(constant) == len(features):
        raise FeatureError(f"no feature can tell one row from another: {', '.join(constant)} never vary")
    return (f"Features that never vary, and so carry nothing: {', '.join(constant)}.",) if constant else ()
