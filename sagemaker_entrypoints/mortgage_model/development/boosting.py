"""Fits gradient-boosted trees for PD: monotone, early-stopped, reproducible bit by bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xgboost as xgb

from mortgage_model.development.hyperparameters import Hyperparameters
from mortgage_model.scoring.booster import rows_of

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


def fit(rows: Rows, constraints: Sequence[int], hyperparameters: Hyperparameters) -> xgb.Booster:
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
