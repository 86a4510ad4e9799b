"""What each input does to tonight's PD: contributions to the log-odds, averaged over the portfolio."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mortgage_model.scoring import reasons
from mortgage_model.scoring.artifact import MortgageModel

SAMPLE = 2000


def mean_contributions(model: MortgageModel, features: pd.DataFrame, seed: int = 0) -> dict[str, float]:
    """Input -> mean contribution to the log-odds over at most SAMPLE rows of the transformed `features`."""
    if not len(features):
        return {}
    rows = np.random.default_rng(seed).permutation(len(features))[:SAMPLE]
    return named(model, contributions(model, features.iloc[np.sort(rows)]))


def named(model: MortgageModel, by_row: np.ndarray) -> dict[str, float]:
    """The means of `contributions` over their rows, by input."""
    return dict(zip(model.spec.inputs, by_row.mean(axis=0).tolist(), strict=True))


def contributions(model: MortgageModel, features: pd.DataFrame) -> np.ndarray:
    """Contribution per row and input of the model (n, inputs), log-odds before calibration.

    TreeSHAP counts from the average of the training rows (see `reasons`), so a portfolio's mean says how far an input
    has moved its log-odds since training. A model feature computed from several inputs counts for each of them: the
    figures rank, they do not add up.
    """
    return by_input(model, reasons.by_feature(model, features))


def by_input(model: MortgageModel, per_feature: np.ndarray) -> np.ndarray:
    """Values per model feature (n, features), added up for every input that feeds it: (n, inputs)."""
    engineered = {feature.name: feature.inputs for feature in model.spec.engineered}
    feeds = np.array(
        [[source in engineered.get(name, (name,)) for source in model.spec.inputs] for name in model.spec.names]
    )
    values: np.ndarray = per_feature @ feeds.astype(per_feature.dtype)
    return values
