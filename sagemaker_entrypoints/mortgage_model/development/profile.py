"""The reference profile: the training sample's shares, and how later portfolios are counted over the same bins."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from mortgage_model.documents.profile import CategoricalProfile, FeatureProfile, NumericProfile, ReferenceProfile
from mortgage_model.statistics.stability import MISSING, OTHER, numeric_bin_counts


def reference_profile(frame: pd.DataFrame, probabilities: np.ndarray, bins: int = 10) -> ReferenceProfile:
    """Shares of a sample per input and for the score."""
    features: dict[str, FeatureProfile] = {}
    for name in frame.columns:
        values = frame[name]
        numeric = pd.api.types.is_numeric_dtype(values.dtype)
        features[name] = numeric_profile(values.to_numpy(np.float64), bins) if numeric else _categorical(values)
    return {"rows": len(frame), "features": features, "score": numeric_profile(probabilities, bins)}


def numeric_profile(values: np.ndarray, bins: int) -> NumericProfile:
    """Edges at the sample's quantiles; no edge, share or mean where every value is missing."""
    present = values[~np.isnan(values)]
    missing = _share(len(values) - len(present), len(values))
    if not len(present):
        return {"type": "numeric", "missing": missing, "edges": [], "shares": [], "mean": None}
    edges = np.unique(np.quantile(present, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    counts = np.bincount(np.searchsorted(edges, present, side="left"), minlength=len(edges) + 1)
    return {
        "type": "numeric",
        "missing": missing,
        "edges": edges.tolist(),
        "shares": (counts / len(present)).tolist(),
        "mean": float(present.mean()),
    }


def _categorical(values: pd.Series) -> CategoricalProfile:
    shares = values.astype(object).value_counts(normalize=True)
    return {
        "type": "categorical",
        "missing": _share(int(values.isna().sum()), len(values)),
        "shares": {str(level): float(shares[level]) for level in sorted(shares.index)},
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def profile_bins(values: pd.Series, feature: FeatureProfile) -> np.ndarray:
    """Counts of a feature's values over its reference bins: numeric bins or levels, then others, then missing.

    Numeric features have no "others"; theirs are the bins of `statistics.stability`.
    """
    if feature["type"] == "numeric":
        return numeric_bin_counts(values.to_numpy(np.float64, na_value=np.nan), np.asarray(feature["edges"]))
    counts = values.astype(object).value_counts()
    named = [int(counts.get(level, 0)) for level in feature["shares"]]
    return np.array([*named, int(counts.sum()) - sum(named), int(values.isna().sum())])


def reference_counts(feature: FeatureProfile, rows: int) -> tuple[list[str], np.ndarray]:
    """Bin labels and the training sample's counts for `profile_bins`, from the shares the profile records."""
    present = rows * (1 - feature["missing"])
    if feature["type"] == "numeric":
        edges = [f"{edge:.6g}" for edge in feature["edges"]]
        between = [f"{low} – {high}" for low, high in pairwise(edges)]
        labels = [f"≤ {edges[0]}", *between, f"> {edges[-1]}"] if edges else ["all"]
        counts = [present * share for share in feature["shares"]] or [0.0]
    else:
        labels = [*feature["shares"], OTHER]
        counts = [*(present * share for share in feature["shares"].values()), 0.0]
    return [*labels, MISSING], np.array([*counts, rows * feature["missing"]])
