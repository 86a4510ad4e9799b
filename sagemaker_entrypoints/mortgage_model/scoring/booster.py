"""Gradient-boosted trees for PD: monotone, early-stopped, reproducible bit by bit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xgboost as xgb

# Histograms are summed per thread. A fixed number of threads keeps the order of the sums, and so the model, the
# same on every machine, whatever its number of processors.
THREADS = 4


# Hyperparameters that XGBoost takes under the same names.
TREE_PARAMETERS = (
    "max_depth",
    "learning_rate",
    "min_child_weight",
    "subsample",
    "colsample_bytree",
    "reg_lambda",
    "gamma",
    "num_parallel_tree",
    "seed",
)


def known_as(name: str) -> str:
    """A feature's name in the booster: XGBoost refuses [, ] and <, which columns of a lender's table may have."""
    for refused in "%[]<":  # % first, so that no two names become one
        name = name.replace(refused, f"%{ord(refused):02X}")
    return name


def rows_of(features: pd.DataFrame) -> pd.DataFrame:
    """The same rows under the booster's names."""
    return features.set_axis([known_as(name) for name in features.columns], axis=1, copy=False)


@dataclass(frozen=True)
class Rows:
    """Training rows, binned once for any number of fits, and the rows that tell when to stop, if any."""

    binned: xgb.QuantileDMatrix
    watched: xgb.QuantileDMatrix | None
    default_rate: float
    threads: int


def bin_rows(
    train_features: pd.DataFrame,
    train_labels: np.ndarray,
    validation_features: pd.DataFrame | None = None,
    validation_labels: np.ndarray | None = None,
    threads: int | None = None,
) -> Rows:
    """Features are float32 with NaN for missing; labels 0 or 1."""
    threads = threads or THREADS
    binned = xgb.QuantileDMatrix(rows_of(train_features), train_labels, nthread=threads)
    watched = None
    if validation_features is not None:
        watched = xgb.QuantileDMatrix(rows_of(validation_features), validation_labels, ref=binned, nthread=threads)
    return Rows(binned, watched, float(train_labels.mean()), threads)


def fit(rows: Rows, constraints: tuple[int, ...], hyperparameters: Mapping[str, int | float]) -> xgb.Booster:
    """Fit trees (`hist`) under monotone constraints; keep those up to the best validation log loss.

    The base score is the training default rate, and rows are not re-weighted by class, so margins are logits
    of probabilities. Without watched rows all n_estimators rounds are kept.
    """
    parameters = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "nthread": rows.threads,
        "monotone_constraints": tuple(constraints),
        "base_score": rows.default_rate,
        **{name: hyperparameters[name] for name in TREE_PARAMETERS},
    }
    rounds = int(hyperparameters["n_estimators"])
    if rows.watched is None:
        return xgb.train(parameters, rows.binned, num_boost_round=rounds)
    booster = xgb.train(
        parameters,
        rows.binned,
        num_boost_round=rounds,
        evals=[(rows.watched, "validation")],
        early_stopping_rounds=int(hyperparameters["early_stopping_rounds"]),
        verbose_eval=False,
    )
    return booster[: booster.best_iteration + 1]


def train(
    train_features: pd.DataFrame,
    train_labels: np.ndarray,
    validation_features: pd.DataFrame,
    validation_labels: np.ndarray,
    constraints: tuple[int, ...],
    hyperparameters: Mapping[str, int | float],
) -> xgb.Booster:
    """`fit` on rows used once. The booster's attributes best_iteration and best_score tell where it stopped."""
    rows = bin_rows(train_features, train_labels, validation_features, validation_labels)
    return fit(rows, constraints, hyperparameters)


def margin(booster: xgb.Booster, features: pd.DataFrame) -> np.ndarray:
    """Uncalibrated logit of PD per row, float64 (n,)."""
    if not len(features):  # which XGBoost refuses
        return np.array([])
    values = booster.inplace_predict(
        features.to_numpy(dtype=np.float32, copy=False), predict_type="margin", validate_features=False
    )
    return values.astype(np.float64)


def gains(booster: xgb.Booster, names: Sequence[str]) -> dict[str, float]:
    """Feature of `names` -> its total gain over all trees; only those that a tree splits on."""
    found = booster.get_score(importance_type="total_gain")
    return {name: float(np.sum(found[known_as(name)])) for name in names if known_as(name) in found}


def fingerprint(booster: xgb.Booster) -> str:
    """SHA-256 of the booster as booster.ubj stores it."""
    return hashlib.sha256(booster.save_raw("ubj")).hexdigest()
