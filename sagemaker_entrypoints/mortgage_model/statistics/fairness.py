"""Differences between groups of a protected attribute: figures to look into, never a legal finding.

`flagged` is 1 where the unfavourable decision falls (a PD at or above a cut-off); groups are boolean masks.
"""

from __future__ import annotations

import numpy as np

from mortgage_model.statistics.common import NotComputable


def adverse_impact_ratio(flagged: np.ndarray, group: np.ndarray, reference: np.ndarray) -> float:
    """Share of the group not flagged over that of the reference group (four-fifths rule, 29 CFR 1607.4 D)."""
    favourable = 1.0 - np.asarray(flagged, dtype=float)
    there = _mean(favourable, reference)
    if there == 0:
        raise NotComputable("nobody in the reference group is left unflagged")
    return _mean(favourable, group) / there


def standardised_mean_difference(values: np.ndarray, group: np.ndarray, reference: np.ndarray) -> float:
    """(mean of group - mean of reference) / pooled standard deviation (Cohen 1988, d)."""
    x = np.asarray(values, dtype=float)
    a, b = x[group], x[reference]
    if min(a.size, b.size) < 2:
        raise NotComputable("a group has fewer than two loans")
    pooled = np.sqrt(((a.size - 1) * a.var(ddof=1) + (b.size - 1) * b.var(ddof=1)) / (a.size + b.size - 2))
    if pooled == 0:
        raise NotComputable("all values are the same")
    return float((a.mean() - b.mean()) / pooled)


def error_rates(labels: np.ndarray, flagged: np.ndarray, group: np.ndarray) -> dict[str, float | None]:
    """False-positive and false-negative rate of the group; null where the group has none of the class."""
    y, f = np.asarray(labels)[group], np.asarray(flagged)[group]
    return {
        "false_positive_rate": float(f[y == 0].mean()) if (y == 0).any() else None,
        "false_negative_rate": float(1 - f[y == 1].mean()) if (y == 1).any() else None,
    }


def _mean(values: np.ndarray, group: np.ndarray) -> float:
    if not group.any():
        raise NotComputable("a group has no loans")
    return float(values[group].mean())
