"""The challenger: logistic regression on weight-of-evidence bins (Siddiqi 2006), the scorecard that lenders know.

Stored as JSON. How it is fitted: development/scorecard.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from mortgage_model.documents.model import BinsRecord, ChallengerRecord
from mortgage_model.scoring.features import FeatureSpec


@dataclass(frozen=True)
class Bins:
    """One feature: bin i holds edges[i - 1] <= value < edges[i]; a weight of evidence per bin, and for missing."""

    edges: tuple[float, ...]
    weights: tuple[float, ...]
    missing: float

    def to_json(self) -> BinsRecord:
        return {"edges": self.edges, "weights": self.weights, "missing": self.missing}

    def encode(self, values: np.ndarray) -> np.ndarray:
        weights = np.array(self.weights)[np.searchsorted(self.edges, values, side="right")]
        return np.where(np.isnan(values), self.missing, weights)


@dataclass(frozen=True)
class Challenger:
    """logit(PD) = intercept + sum of coefficient x weight of evidence, over the features of `spec` in `bins`."""

    spec: FeatureSpec
    bins: Mapping[str, Bins]
    coefficients: Mapping[str, float]
    intercept: float

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """PD per row of contract columns, float64 (n,)."""
        return self.score(self.spec.transform(frame))

    def score(self, features: pd.DataFrame) -> np.ndarray:
        """PD of rows already transformed by `spec`, float64 (n,)."""
        log_odds = np.full(len(features), self.intercept)
        for name, bins in self.bins.items():
            log_odds += self.coefficients[name] * bins.encode(features[name].to_numpy(np.float64))
        probabilities: np.ndarray = expit(log_odds)
        return probabilities

    def to_json(self) -> ChallengerRecord:
        """Without the spec, which the model's directory holds once."""
        return {
            "intercept": self.intercept,
            "coefficients": dict(self.coefficients),
            "bins": {name: bins.to_json() for name, bins in self.bins.items()},
        }

    @classmethod
    def from_json(cls, document: ChallengerRecord, spec: FeatureSpec) -> Challenger:
        bins = {
            name: Bins(tuple(entry["edges"]), tuple(entry["weights"]), entry["missing"])
            for name, entry in document["bins"].items()
        }
        return cls(spec, bins, document["coefficients"], document["intercept"])
