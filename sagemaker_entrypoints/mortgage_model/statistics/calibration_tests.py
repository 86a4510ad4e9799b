"""Tests of "these PDs are right": Spiegelhalter, Hosmer-Lemeshow, binomial per grade, traffic light; and Murphy's
decomposition of the Brier score.

All take rows as independent: give them one row per loan. Labels 0/1 and PDs are vectors of shape (n,).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, chi2, norm

from mortgage_model.statistics.calibration import by_score_band
from mortgage_model.statistics.common import NotComputable, labels_and_probabilities

# Confidence levels of Tasche (2003), A traffic lights approach to PD validation.
YELLOW_BELOW, RED_BELOW = 0.05, 0.001


@dataclass(frozen=True)
class Murphy:
    """Brier = reliability - resolution + uncertainty + within_bands.

    `within_bands` is what the bands hide (Stephenson, Coelho & Jolliffe 2008); 0 if a band holds one PD.
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bands: float


def murphy(labels: np.ndarray, probabilities: np.ndarray, bands: int = 10) -> Murphy:
    """Decomposition by quantile band of PD (Murphy 1973, A new vector partition of the probability score)."""
    y, p = labels_and_probabilities(labels, probabilities)
    table = by_score_band(y, p, bands)
    weight = np.array([band.n for band in table]) / y.size
    expected = np.array([band.mean_pd for band in table])
    observed = np.array([band.observed_rate for band in table])
    rate, score = y.mean(), float(np.mean((p - y) ** 2))
    reliability = float(weight @ (expected - observed) ** 2)
    resolution = float(weight @ (observed - rate) ** 2)
    uncertainty = float(rate * (1 - rate))
    return Murphy(score, reliability, resolution, uncertainty, score - (reliability - resolution + uncertainty))


@dataclass(frozen=True)
class TestResult:
    """A test statistic and its p-value."""

    statistic: float
    p_value: float


def spiegelhalter(labels: np.ndarray, probabilities: np.ndarray) -> TestResult:
    """Z of the Brier score against its expectation if every PD were right; two-sided p (Spiegelhalter 1986)."""
    y, p = labels_and_probabilities(labels, probabilities)
    variance = float(np.sum((1 - 2 * p) ** 2 * p * (1 - p)))
    if variance == 0:
        raise NotComputable("every PD is 0, 1/2 or 1")
    z = float(np.sum((y - p) * (1 - 2 * p)) / np.sqrt(variance))
    return TestResult(z, float(2 * norm.sf(abs(z))))


def hosmer_lemeshow(labels: np.ndarray, probabilities: np.ndarray, bands: int = 10) -> TestResult:
    """Chi-square over quantile bands, as many degrees of freedom as bands because the sample was not fitted on.

    Hosmer, Lemeshow & Sturdivant (2013), section 5.2.2. At a large n it rejects what does not matter.
    """
    table = by_score_band(labels, probabilities, bands)
    n = np.array([band.n for band in table], dtype=float)
    observed = np.array([band.events for band in table], dtype=float)
    mean = np.array([band.mean_pd for band in table])
    if ((mean == 0) | (mean == 1)).any():
        raise NotComputable("a band's mean PD is 0 or 1")
    statistic = float(np.sum((observed - n * mean) ** 2 / (n * mean * (1 - mean))))
    return TestResult(statistic, float(chi2.sf(statistic, len(table))))


def binomial_p_value(events: int, n: int, probability: float) -> float:
    """One-sided p of "the PD is not too low": P(at least `events` defaults among `n` loans of that PD)."""
    if n <= 0:
        raise NotComputable("the band has no rows")
    return float(binom.sf(events - 1, n, probability))


def traffic_light(events: int, n: int, probability: float) -> str:
    """green, yellow or red: how surprising so many defaults are (Tasche 2003, by the binomial distribution)."""
    p_value = binomial_p_value(events, n, probability)
    return "red" if p_value < RED_BELOW else "yellow" if p_value < YELLOW_BELOW else "green"
