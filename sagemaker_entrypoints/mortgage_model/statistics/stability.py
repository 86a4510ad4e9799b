"""Has the portfolio moved since development? PSI of scores, CSI of features.

PSI = sum over bins of (a - e) ln(a / e), e = share of the reference sample, a = share of the compared sample:
the symmetrised Kullback-Leibler divergence (Jeffreys 1946; Siddiqi, Credit Risk Scorecards, 2006).

Smoothing rule: half an observation is added to every bin of both samples before shares are taken, so an empty
bin counts as "half a loan", never as a hole or an infinity. A value missing in either sample has a bin of its
own. Common reading: below 0.10 stable, 0.10-0.25 some shift, above 0.25 a different population.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.stats import chi2

from mortgage_model.statistics.common import NotComputable

PSEUDO_COUNT = 0.5
MISSING = "(missing)"
OTHER = "(other)"


def psi(reference_counts: np.ndarray, compared_counts: np.ndarray) -> float:
    """PSI of two vectors of counts over the same bins, shape (k,); at least 0."""
    return float(psi_terms(reference_counts, compared_counts).sum())


def psi_terms(reference_counts: np.ndarray, compared_counts: np.ndarray) -> np.ndarray:
    """Each bin's part of the PSI, shape (k,), every one at least 0."""
    e, a = np.asarray(reference_counts, dtype=float), np.asarray(compared_counts, dtype=float)
    if e.shape != a.shape or e.ndim != 1:
        raise ValueError(f"counts {e.shape} and {a.shape} must be two vectors over the same bins")
    if (e < 0).any() or (a < 0).any():
        raise ValueError("counts cannot be negative")
    if e.sum() == 0 or a.sum() == 0:
        raise NotComputable("one of the two samples has no rows")
    e = (e + PSEUDO_COUNT) / (e.sum() + PSEUDO_COUNT * e.size)
    a = (a + PSEUDO_COUNT) / (a.sum() + PSEUDO_COUNT * a.size)
    terms: np.ndarray = (a - e) * np.log(a / e)
    return terms


def psi_critical_value(reference: int, compared: int, bins: int, confidence: float = 0.95) -> float:
    """The PSI that two samples of one population stay below with `confidence`, by sampling alone.

    Yurdakul & Naranjo (2020), Statistical properties of the population stability index, Journal of Risk Model
    Validation 14(4): PSI / (1/n + 1/m) is asymptotically chi-square with bins - 1 degrees of freedom. Sizes
    are independent observations: of a panel, loans.
    """
    if reference <= 0 or compared <= 0 or bins < 2:
        raise NotComputable("a critical value needs two samples with rows and two bins")
    return float((1 / reference + 1 / compared) * chi2.ppf(confidence, bins - 1))


def quantile_edges(reference: np.ndarray, bins: int = 10) -> np.ndarray:
    """Inner cut points, at most bins - 1, at the reference sample's quantiles; outer bins are open."""
    values = np.asarray(reference, dtype=float)
    values = values[np.isfinite(values)]
    if values.size == 0:
        raise NotComputable("the reference sample has no values")
    return np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))


def numeric_bin_counts(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Counts of (-inf, e1], (e1, e2], ..., (ek, inf), missing: shape (k + 2,)."""
    return np.bincount(numeric_bins(values, edges), minlength=edges.size + 2)


def numeric_bins(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Bin number of each value, missing last, shape (n,)."""
    values = np.asarray(values, dtype=float)
    return np.where(np.isnan(values), edges.size + 1, np.searchsorted(edges, values, side="left"))


def numeric_table(
    reference: np.ndarray, compared: np.ndarray, bins: int = 10
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Bin labels and the two samples' counts, for a numeric feature or a score; empty missing bins are left
    out.
    """
    edges = quantile_edges(reference, bins)
    e, a = numeric_bin_counts(reference, edges), numeric_bin_counts(compared, edges)
    text = [f"{edge:.6g}" for edge in edges]
    labels = [f"≤ {text[0]}", *(f"{lo} – {hi}" for lo, hi in pairwise(text)), f"> {text[-1]}", MISSING]
    keep = slice(None) if e[-1] or a[-1] else slice(-1)
    return labels[keep], e[keep], a[keep]
