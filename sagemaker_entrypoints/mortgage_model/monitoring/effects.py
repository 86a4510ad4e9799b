"""What each input does to tonight's PD: TreeSHAP contributions to the log-odds, averaged over the portfolio."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xgboost as xgb

from mortgage_model.artifact import MortgageModel

SAMPLE = 2000


def mean_contributions(model: MortgageModel, features: pd.DataFrame, seed: int = 0) -> dict[str, float]:
    """Input -> mean contribution to the calibrated log-odds over at most SAMPLE rows of `features`.

    Path-dependent TreeSHAP (Lundberg et al. 2020) counts from the average of the training rows, so the value says how
    far the input has moved the portfolio's log-odds since training. A model feature computed from several inputs
    counts for each of them: the figures rank, they do not add up.
    """
    if not len(features):
        return {}
    rows = np.random.default_rng(seed).permutation(len(features))[:SAMPLE]
    matrix = xgb.DMatrix(features.to_numpy(np.float32)[np.sort(rows)], feature_names=list(model.spec.names))
    contributions = model.booster.predict(matrix, pred_contribs=True)[:, :-1].mean(axis=0)
    return by_input(model, model.calibration.slope * contributions)


def by_input(model: MortgageModel, per_feature: np.ndarray) -> dict[str, float]:
    """Values per model feature (k,), added up for every input that feeds it."""
    inputs = {feature.name: feature.inputs for feature in model.spec.engineered}
    total = dict.fromkeys(model.spec.inputs, 0.0)
    for name, value in zip(model.spec.names, per_feature, strict=True):
        for source in inputs.get(name, (name,)):
            total[source] += float(value)
    return total
