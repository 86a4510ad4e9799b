"""Has a distribution moved, given binned counts of a reference and of tonight? Intervals and tests.

Everything works on counts over the bins of the model's reference profile, because a night keeps aggregates, not rows.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from scipy.special import chdtrc, kolmogorov

from mortgage_model.statistics.common import NotComputable
from mortgage_model.statistics.stability import PSEUDO_COUNT


def psi_interval(
    reference_counts: np.ndarray, compared_counts: np.ndarray, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of the PSI between the two populations, from two samples' counts over the same k bins.

    Two samples of one population have a PSI of about (k - 1)(1/n + 1/m) by chance (Yurdakul & Naranjo 2020, Statistical
    properties of the population stability index); this is taken off, and its variance is added to the delta method's
    variance over both multinomials. The lower end is at least 0.
    """
    e, a = _two_samples(reference_counts, compared_counts)
    n_e, n_a, k = e.sum(), a.sum(), e.size
    e = (e + PSEUDO_COUNT) / (n_e + PSEUDO_COUNT * k)
    a = (a + PSEUDO_COUNT) / (n_a + PSEUDO_COUNT * k)
    ratio = np.log(a / e)
    value = float(np.sum((a - e) * ratio))
    noise = 1 / n_e + 1 / n_a
    variance = _multinomial_variance(a, ratio + 1 - e / a) / n_a + _multinomial_variance(e, 1 - ratio - a / e) / n_e
    reach = NormalDist().inv_cdf(0.5 + confidence / 2) * np.sqrt(variance + 2 * (k - 1) * noise**2)
    centre = value - (k - 1) * noise
    return max(0.0, float(centre - reach)), max(0.0, float(centre + reach))


def _multinomial_variance(shares: np.ndarray, slope: np.ndarray) -> float:
    return max(0.0, float(np.sum(shares * slope**2) - np.sum(shares * slope) ** 2))


def chi_square_p(reference_counts: np.ndarray, compared_counts: np.ndarray) -> float:
    """p of Pearson's test that both samples come from one distribution over the bins; bins empty in both drop out."""
    e, a = _two_samples(reference_counts, compared_counts)
    used = (e + a) > 0
    if used.sum() < 2:
        return 1.0
    table = np.stack((e[used], a[used]))
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    return float(chdtrc(int(used.sum()) - 1, np.sum((table - expected) ** 2 / expected)))


def binned_ks(reference_counts: np.ndarray, compared_counts: np.ndarray) -> tuple[float, float]:
    """Largest distance of the two distribution functions at the bin edges, and its asymptotic p.

    Bins are in rising order, without the missing bin. Between the edges the distance may be larger, so the test is
    conservative.
    """
    e, a = _two_samples(reference_counts, compared_counts)
    distance = float(np.max(np.abs(np.cumsum(a) / a.sum() - np.cumsum(e) / e.sum())))
    return distance, float(kolmogorov(distance * np.sqrt(e.sum() * a.sum() / (e.sum() + a.sum()))))


def share_difference_z(part: float, whole: float, reference_part: float, reference_whole: float) -> float:
    """Standard score of the difference of two independent shares, pooled; 0 where both are all or none."""
    if whole <= 0 or reference_whole <= 0:
        raise NotComputable("one of the two samples has no rows")
    pooled = (part + reference_part) / (whole + reference_whole)
    error = np.sqrt(pooled * (1 - pooled) * (1 / whole + 1 / reference_whole))
    return float((part / whole - reference_part / reference_whole) / error) if error > 0 else 0.0


def _two_samples(reference_counts: np.ndarray, compared_counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    e, a = np.asarray(reference_counts, dtype=float), np.asarray(compared_counts, dtype=float)
    if e.shape != a.shape or e.ndim != 1:
        raise ValueError(f"counts {e.shape} and {a.shape} must be two vectors over the same bins")
    if e.sum() <= 0 or a.sum() <= 0:
        raise NotComputable("one of the two samples has no rows")
    return e, a
