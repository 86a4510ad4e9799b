"""The reference profile that later scoring portfolios are compared with for drift."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def reference_profile(frame: pd.DataFrame, pd_values: np.ndarray, bins: int = 10) -> dict[str, Any]:
    """Shares of a sample per input and for the score.

    Result: {"rows", "features": {name: profile}, "score": profile}. A numeric profile is {"type": "numeric",
    "missing", "edges" (interior bin edges at the sample's quantiles, bins closed on the right), "shares",
    "mean"}; a categorical one {"type": "categorical", "missing", "shares": {level: share}}. Shares are of
    non-missing rows.
    """
    features = {}
    for name in frame.columns:
        values = frame[name]
        numeric = pd.api.types.is_numeric_dtype(values.dtype)
        features[name] = numeric_profile(values.to_numpy(np.float64), bins) if numeric else _categorical(values)
    return {"rows": len(frame), "features": features, "score": numeric_profile(pd_values, bins)}


def numeric_profile(values: np.ndarray, bins: int) -> dict[str, Any]:
    present = values[~np.isnan(values)]
    profile: dict[str, Any] = {"type": "numeric", "missing": _share(len(values) - len(present), len(values))}
    if not len(present):
        return {**profile, "edges": [], "shares": [], "mean": None}
    edges = np.unique(np.quantile(present, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    counts = np.bincount(np.searchsorted(edges, present, side="left"), minlength=len(edges) + 1)
    return {
        **profile,
        "edges": edges.tolist(),
        "shares": (counts / len(present)).tolist(),
        "mean": float(present.mean()),
    }


def _categorical(values: pd.Series) -> dict[str, Any]:
    shares = values.astype(object).value_counts(normalize=True)
    return {
        "type": "categorical",
        "missing": _share(int(values.isna().sum()), len(values)),
        "shares": {str(level): float(shares[level]) for level in sorted(shares.index)},
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
