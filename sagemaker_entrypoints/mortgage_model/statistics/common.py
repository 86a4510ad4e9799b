"""What every statistic shares: checked inputs, an estimate, and one way to say "this cannot be computed"."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from contracts.faults import DataFault


class NotComputable(DataFault):
    """The statistic has no value on this sample; the message says why, in words for a report."""


def finite(value: float, what: str) -> float:
    """The value; NotComputable where it is nan or infinite: JSON has no such number, a threshold no answer to it."""
    if not np.isfinite(value):
        raise NotComputable(f"{what} is {value}")
    return value


@dataclass(frozen=True)
class Estimate:
    """A figure with its standard error and its normal (Wald) interval."""

    value: float
    standard_error: float
    interval: tuple[float, float]


def normal_estimate(value: float, error: float, confidence: float) -> Estimate:
    """An estimate whose interval reaches as far to both sides as the normal distribution says."""
    reach = NormalDist().inv_cdf(0.5 + confidence / 2) * error
    return Estimate(float(value), float(error), (float(value - reach), float(value + reach)))


def labels_and_scores(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Check a sample and return it as two float arrays of shape (n,).

    Raises NotComputable for an empty sample, ValueError for labels other than 0/1, scores that are not
    finite or shapes that differ (these are mistakes of the caller, not properties of the portfolio).
    """
    y, s = np.asarray(labels, dtype=float), np.asarray(scores, dtype=float)
    if y.ndim != 1 or y.shape != s.shape:
        raise ValueError(f"labels {y.shape} and scores {s.shape} must be two vectors of one length")
    if y.size == 0:
        raise NotComputable("the sample has no rows")
    if not np.isin(y, (0.0, 1.0)).all():
        raise ValueError("labels must be 0 or 1")
    if not np.isfinite(s).all():
        raise ValueError("scores must be finite numbers")
    return y, s


def labels_and_probabilities(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `labels_and_scores`, and every score must lie in [0, 1]."""
    y, p = labels_and_scores(labels, probabilities)
    if p.min() < 0 or p.max() > 1:
        raise ValueError("probabilities must lie in [0, 1]")
    return y, p


def require_both_classes(y: np.ndarray) -> None:
    """Raise NotComputable unless the sample holds at least one default and one non-default."""
    events = int(y.sum())
    if events == 0:
        raise NotComputable(f"none of the {y.size:,} observations defaulted")
    if events == y.size:
        raise NotComputable(f"all {y.size:,} observations defaulted")
