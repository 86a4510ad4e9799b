"""Many tests at once: p-values adjusted for their number, in the order given, shape (k,)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Rejecting those below alpha keeps the chance of any false alarm at alpha (Holm 1979)."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    return _restored(np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)), order)


def benjamini_hochberg(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Rejecting those below q keeps the expected share of false ones among them at q (Benjamini & Hochberg 1995)."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    return _restored(np.minimum.accumulate((p[order] * p.size / np.arange(1, p.size + 1))[::-1])[::-1], order)


def _restored(adjusted: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Adjusted p-values, at most 1, in the order that `order` sorted."""
    result = np.empty_like(adjusted)
    result[order] = np.minimum(adjusted, 1.0)
    return result
