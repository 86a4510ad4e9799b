"""The challenger: logistic regression on weight-of-evidence bins (Siddiqi 2006), the scorecard that lenders know.

Each feature is cut where it separates defaults best (a shallow decision tree), bins are merged until their default
rates move as the contract's direction says, and each bin is replaced by its weight of evidence. Missing values are a
bin of their own. scikit-learn does the fitting: optbinning would bring OR-tools and CVXPY, some 300 MB, into a
container that has scikit-learn already. Stored as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from mortgage_model.scoring.features import FeatureSpec

LARGEST_BINS = 6
# A bin holds at least this share of the training rows.
SMALLEST_SHARE = 0.02
# Defaults and non-defaults added to a bin, so that an empty one has a weight of evidence.
PRIOR = 0.5
# Below this information value a feature is noise to a scorecard (Siddiqi 2006: under 0.02 unpredictive).
LEAST_INFORMATION = 0.02
# Inverse strength of the L2 penalty on standardised weights of evidence.
INVERSE_PENALTY = 0.1


@dataclass(frozen=True)
class Bins:
    """One feature: bin i holds edges[i - 1] <= value < edges[i]; a weight of evidence per bin, and for missing."""

    edges: tuple[float, ...]
    weights: tuple[float, ...]
    missing: float

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
        return expit(log_odds)

    def to_json(self) -> dict[str, Any]:
        """Without the spec, which the model's directory holds once."""
        return {
            "intercept": self.intercept,
            "coefficients": dict(self.coefficients),
            "bins": {name: asdict(bins) for name, bins in self.bins.items()},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], spec: FeatureSpec) -> Challenger:
        bins = {
            name: Bins(tuple(entry["edges"]), tuple(entry["weights"]), entry["missing"])
            for name, entry in document["bins"].items()
        }
        return cls(spec, bins, document["coefficients"], document["intercept"])


def fit(spec: FeatureSpec, features: pd.DataFrame, labels: np.ndarray) -> Challenger:
    """Fit on the rows that trained the model: `features` as `spec` makes them, `labels` (n, 0 or 1) of both classes."""
    labels = labels.astype(np.float64)
    bins, encoded = {}, {}
    for name, direction in zip(spec.names, spec.constraints, strict=True):
        values = features[name].to_numpy(np.float64)
        found = _bins(values, labels, direction)
        weights = found.encode(values)
        if _information(weights, labels) - _by_chance(found, labels) >= LEAST_INFORMATION:
            bins[name], encoded[name] = found, weights
    if not bins:
        return Challenger(spec, {}, {}, float(np.log(labels.mean() / (1 - labels.mean()))))
    matrix = np.column_stack(list(encoded.values()))
    spread = matrix.std(axis=0)
    regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=500, tol=1e-6).fit(matrix / spread, labels)
    coefficients = regression.coef_[0] / spread
    return Challenger(spec, bins, dict(zip(bins, coefficients.tolist(), strict=True)), float(regression.intercept_[0]))


def _bins(values: np.ndarray, labels: np.ndarray, direction: int) -> Bins:
    present = ~np.isnan(values)
    edges: list[float] = []
    if present.any() and np.ptp(values[present]) > 0:
        smallest = max(1, int(SMALLEST_SHARE * len(values)))
        tree = DecisionTreeClassifier(
            criterion="entropy", max_leaf_nodes=LARGEST_BINS, min_samples_leaf=smallest, random_state=0
        ).fit(values[present, None], labels[present])
        edges = sorted(tree.tree_.threshold[tree.tree_.children_left >= 0].tolist())
    edges = _monotone_edges(edges, values[present], labels[present], direction)
    codes = np.searchsorted(edges, values[present], side="right")
    count = len(edges) + 1
    weights = _weights(codes, labels[present], count, labels)
    absent = np.zeros(int((~present).sum()), dtype=np.intp)
    missing = _weights(absent, labels[~present], 1, labels)[0] if len(absent) else 0.0
    return Bins(tuple(edges), tuple(weights.tolist()), float(missing))


def _monotone_edges(edges: list[float], values: np.ndarray, labels: np.ndarray, direction: int) -> list[float]:
    """Edges left after merging neighbours whose default rates go against `direction`, pool by pool."""
    while direction and edges:
        codes = np.searchsorted(edges, values, side="right")
        rates = np.bincount(codes, labels, len(edges) + 1) / np.maximum(np.bincount(codes, minlength=len(edges) + 1), 1)
        against = direction * np.diff(rates) < 0
        if not against.any():
            break
        edges = [edge for place, edge in enumerate(edges) if place != int(np.argmax(against))]
    return edges


def _weights(codes: np.ndarray, labels: np.ndarray, count: int, all_labels: np.ndarray) -> np.ndarray:
    """Weight of evidence per bin: log of (share of the defaults / share of the others) in it; high is risky."""
    bad = np.bincount(codes, labels, count) + PRIOR
    good = np.bincount(codes, 1 - labels, count) + PRIOR
    return np.log(bad / all_labels.sum()) - np.log(good / (1 - all_labels).sum())


def _information(weights: np.ndarray, labels: np.ndarray) -> float:
    """Information value: the weights' mean among defaults less their mean among the others."""
    return float(weights[labels == 1].mean() - weights[labels == 0].mean())


def _by_chance(bins: Bins, labels: np.ndarray) -> float:
    """Information value that bins without meaning have on average: that of a chi-square with bins - 1 degrees."""
    return len(bins.edges) * (1 / labels.sum() + 1 / (1 - labels).sum())
