"""How a portfolio lies on the grades, and moves between them: concentration and migration.

ECB, Instructions for reporting the validation results of internal models (2019), sections 2.5.5.1 (migration
matrix bandwidths) and 2.5.5.3 (concentration in rating grades).
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from mortgage_model.statistics.common import NotComputable


def herfindahl(counts: np.ndarray) -> float:
    """Sum of squared shares over the grades (k,): 1 / k when spread evenly, 1 when all are in one grade."""
    shares = _shares(counts)
    return float(np.sum(shares**2))


def concentration_p_value(reference_counts: np.ndarray, current_counts: np.ndarray) -> float:
    """One-sided p of "the grades are no more concentrated than at development", both over the same k grades.

    ECB section 2.5.5.3: 1 - Phi(sqrt(k - 1) (CV_now - CV_then) / sqrt(CV_now^2 (1/2 + CV_now^2))), CV = the
    coefficient of variation sqrt(k sum (share - 1/k)^2).
    """
    then, now = (_variation(counts) for counts in (reference_counts, current_counts))
    if now == 0:
        raise NotComputable("the loans lie evenly on the grades, the test's variance is 0")
    k = np.asarray(current_counts).size
    return float(norm.sf(np.sqrt(k - 1) * (now - then) / np.sqrt(now**2 * (0.5 + now**2))))


def migration_matrix(before: np.ndarray, after: np.ndarray, grades: int) -> np.ndarray:
    """Loans by grade number before (rows) and after (columns), int (grades, grades)."""
    return np.bincount(np.asarray(before) * grades + np.asarray(after), minlength=grades**2).reshape(grades, grades)


def bandwidths(matrix: np.ndarray) -> tuple[float, float]:
    """Upper (to worse grades) and lower (to better) bandwidth of a migration matrix of counts.

    ECB section 2.5.5.1: distance moved, summed over the loans that move that way, over the farthest that the
    same loans could have moved from their grades; 0 where nobody does.
    """
    counts = np.asarray(matrix, dtype=float)
    k = counts.shape[0]
    if k < 2 or counts.sum() == 0:
        raise NotComputable("a migration matrix needs two grades and a loan")
    distance = np.arange(k)[None, :] - np.arange(k)[:, None]
    farthest = np.maximum(np.arange(k), k - 1 - np.arange(k))[:, None]

    def bandwidth(moved: np.ndarray) -> float:
        scale = float(np.sum(farthest * counts * moved))
        return float(np.sum(np.abs(distance) * counts * moved)) / scale if scale else 0.0

    return bandwidth(distance > 0), bandwidth(distance < 0)


def _shares(counts: np.ndarray) -> np.ndarray:
    values = np.asarray(counts, dtype=float)
    if values.sum() <= 0:
        raise NotComputable("there are no loans")
    shares: np.ndarray = values / values.sum()
    return shares


def _variation(counts: np.ndarray) -> float:
    shares = _shares(counts)
    return float(np.sqrt(shares.size * np.sum((shares - 1 / shares.size) ** 2)))
