"""Gradient-boosted trees for PD: monotone, early-stopped, reproducible bit by bit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd
import xgboost as xgb

# Histograms are summed per thread. A fixed number of threads keeps the order of the sums, and so the model, the
# same on every machine, whatever its number of processors.
THREADS = 4


def train(
    train_features: pd.DataFrame,
    train_labels: np.ndarray,
    validation_features: pd.DataFrame,
    validation_labels: np.ndarray,
    constraints: tuple[int, ...],
    hyperparameters: Mapping[str, int | float],
) -> xgb.Booster:
    """Fit trees (`hist`) under monotone constraints; keep those up to the best validation log loss.

    The base score is the training default rate, and rows are not re-weighted by class, so margins are logits
    of probabilities. Features are float32 with NaN for missing; labels 0 or 1. The booster's attributes
    best_iteration and best_score tell where it stopped.
    """
    parameters = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "nthread": THREADS,
        "monotone_constraints": tuple(constraints),
        "base_score": float(train_labels.mean()),
        **{
            name: hyperparameters[name]
            for name in (
                "max_depth",
                "learning_rate",
                "min_child_weight",
                "subsample",
                "colsample_bytree",
                "reg_lambda",
                "gamma",
                "seed",
            )
        },
    }
    rows = xgb.QuantileDMatrix(train_features, train_labels, nthread=THREADS)
    watched = xgb.QuantileDMatrix(validation_features, validation_labels, ref=rows, nthread=THREADS)
    booster = xgb.train(
        parameters,
        rows,
        num_boost_round=int(hyperparameters["n_estimators"]),
        evals=[(watched, "validation")],
        early_stopping_rounds=int(hyperparameters["early_stopping_rounds"]),
        verbose_eval=False,
    )
    return booster[: booster.best_iteration + 1]


def margin(booster: xgb.Booster, features: pd.DataFrame) -> np.ndarray:
    """Uncalibrated logit of PD per row, float64 (n,)."""
    values = booster.inplace_predict(
        features.to_numpy(dtype=np.float32, copy=False), predict_type="margin", validate_features=False
    )
    return values.astype(np.float64)


def fingerprint(booster: xgb.Booster) -> str:
    """SHA-256 of the booster as booster.ubj stores it."""
    return hashlib.sha256(booster.save_raw("ubj")).hexdigest()
