"""Is a PD of 2 % a default rate of 2 %? Brier, log loss, logistic recalibration, calibration by band.

Labels are 0/1 vectors of shape (n,), 1 = default; `probabilities` are PDs of shape (n,). Raises NotComputable where a
statistic has no value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from scipy.stats import beta

from mortgage_model.documents.bands import BandRow
from mortgage_model.statistics.common import (
    Estimate,
    NotComputable,
    labels_and_probabilities,
    normal_estimate,
    require_both_classes,
)

# A PD of exactly 0 or 1 has no log-odds; this is below any PD a master scale distinguishes.
SMALLEST_PD = 1e-9
# Below this spread of the log-odds the scores are one number and a slope through them means nothing.
SMALLEST_SPREAD = 1e-9


def brier(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared error of the probability (Brier 1950)."""
    y, p = labels_and_probabilities(labels, probabilities)
    return float(np.mean((p - y) ** 2))


def brier_skill(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """1 - Brier / Brier of the sample's own default rate: 0 = no better than the average, 1 = perfect."""
    y, p = labels_and_probabilities(labels, probabilities)
    require_both_classes(y)
    rate = y.mean()
    return float(1 - np.mean((p - y) ** 2) / (rate * (1 - rate)))


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log-likelihood, natural logarithm; PDs are kept SMALLEST_PD away from 0 and 1."""
    y, p = labels_and_probabilities(labels, probabilities)
    return float(np.mean(log_loss_terms(y, p)))


def log_loss_terms(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The terms whose mean is the log loss, shape (n,)."""
    p = np.clip(p, SMALLEST_PD, 1 - SMALLEST_PD)
    terms: np.ndarray = -np.where(y == 1, np.log(p), np.log1p(-p))
    return terms


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Log-odds of probabilities, kept SMALLEST_PD away from 0 and 1."""
    values: np.ndarray = logit(np.clip(np.asarray(probabilities, dtype=float), SMALLEST_PD, 1 - SMALLEST_PD))
    return values


@dataclass(frozen=True)
class Recalibration:
    """logit P(default) = intercept + slope x logit(PD); a calibrated model has intercept 0, slope 1 (Cox
    1958).
    """

    intercept: Estimate
    slope: Estimate


def recalibrate(labels: np.ndarray, probabilities: np.ndarray, confidence: float = 0.95) -> Recalibration:
    """Fit the logistic recalibration by Newton's method, with intervals from the Fisher information.

    The intervals take rows as independent; see `bootstrap` for several months per loan.
    """
    y, p = labels_and_probabilities(labels, probabilities)
    require_both_classes(y)
    x = log_odds(p)
    if np.ptp(x) < SMALLEST_SPREAD:
        raise NotComputable("every loan has the same PD")
    coefficients, information = _newton(y, np.column_stack((np.ones_like(x), x)), np.zeros_like(x))
    try:
        errors = np.sqrt(np.diag(np.linalg.inv(information)))
    except np.linalg.LinAlgError:
        raise NotComputable("the scores carry no information on the slope") from None
    intercept, slope = (normal_estimate(v, e, confidence) for v, e in zip(coefficients, errors, strict=True))
    return Recalibration(intercept, slope)


def calibration_in_the_large(labels: np.ndarray, probabilities: np.ndarray, confidence: float = 0.95) -> Estimate:
    """Shift of the log-odds that makes the mean PD equal the default rate (slope held at 1); 0 is ideal."""
    y, p = labels_and_probabilities(labels, probabilities)
    require_both_classes(y)
    x = log_odds(p)
    coefficients, information = _newton(y, np.ones((y.size, 1)), x)
    return normal_estimate(coefficients[0], np.sqrt(1 / information[0, 0]), confidence)


def _newton(y: np.ndarray, design: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logistic maximum likelihood: coefficients (k,) and Fisher information (k, k). Steps that lower the
    likelihood are halved.
    """

    def log_likelihood(b: np.ndarray) -> float:
        eta = design @ b + offset
        return float(np.sum(y * eta - np.logaddexp(0.0, eta)))

    b = np.zeros(design.shape[1])
    current = log_likelihood(b)
    for _ in range(60):
        mu = expit(design @ b + offset)
        information = (design.T * (mu * (1 - mu))) @ design
        try:
            step = np.linalg.solve(information, design.T @ (y - mu))
        except np.linalg.LinAlgError:
            break
        while (proposed := log_likelihood(b + step)) < current - 1e-10 * abs(current) and np.abs(step).max() > 1e-12:
            step = step / 2
        b, current = b + step, proposed
        if not np.isfinite(b).all() or np.abs(b).max() > 1e4:
            break
        if np.abs(step).max() < 1e-10 * max(1.0, np.abs(b).max()):
            return b, information
    raise NotComputable("the likelihood has no finite maximum: the scores separate defaults from the rest completely")


def jeffreys_interval(events: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a default rate under Jeffreys' prior Beta(1/2, 1/2), ends set to 0 and 1 when none or all
    default.

    Brown, Cai & DasGupta (2001), Interval estimation for a binomial proportion, section 3.1.2.
    """
    if n <= 0:
        raise NotComputable("the band has no rows")
    tail = (1 - confidence) / 2
    low = 0.0 if events == 0 else float(beta.ppf(tail, events + 0.5, n - events + 0.5))
    high = 1.0 if events == n else float(beta.ppf(1 - tail, events + 0.5, n - events + 0.5))
    return low, high


def jeffreys_p_value(events: int, n: int, probability: float) -> float:
    """One-sided p of "the PD is not too low": posterior probability that the true rate is below `probability`.

    ECB, Instructions for reporting the validation results of internal models (2019), section 2.5.3.1.
    """
    if n <= 0:
        raise NotComputable("the band has no rows")
    return float(beta.cdf(probability, events + 0.5, n - events + 0.5))


@dataclass(frozen=True)
class Band:
    """One row of a calibration table: PD expected against default rate observed."""

    label: str
    n: int
    events: int
    mean_pd: float
    observed_rate: float
    interval: tuple[float, float]

    def to_json(self) -> BandRow:
        return {
            "label": self.label,
            "n": self.n,
            "events": self.events,
            "mean_pd": self.mean_pd,
            "observed_rate": self.observed_rate,
            "interval": list(self.interval),
        }


def by_score_band(labels: np.ndarray, probabilities: np.ndarray, bands: int = 10) -> list[Band]:
    """Calibration by quantile of PD ("deciles"), lowest PD first; equal PDs are never split between bands.

    Fewer bands come back where PDs tie.
    """
    y, p = labels_and_probabilities(labels, probabilities)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bands + 1)[1:-1], method="higher"))
    position = np.searchsorted(edges, p, side="right")
    present = np.unique(position)
    return [_band(str(rank), y[position == code], p[position == code]) for rank, code in enumerate(present, 1)]


def by_group(labels: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, order: list[str]) -> list[Band]:
    """Calibration by named group, such as rating grade; groups without rows are left out."""
    y, p = labels_and_probabilities(labels, probabilities)
    groups = np.asarray(groups).astype(str)
    return [_band(name, y[groups == name], p[groups == name]) for name in order if (groups == name).any()]


def _band(label: str, y: np.ndarray, p: np.ndarray) -> Band:
    events = int(y.sum())
    return Band(label, y.size, events, float(p.mean()), float(y.mean()), jeffreys_interval(events, y.size))


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, bands: int = 10) -> float:
    """Mean over quantile bands, weighted by rows, of |mean PD - default rate|, in probability units."""
    table = by_score_band(labels, probabilities, bands)
    total = sum(band.n for band in table)
    return float(sum(band.n * abs(band.mean_pd - band.observed_rate) for band in table) / total)
