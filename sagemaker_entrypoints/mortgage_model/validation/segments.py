"""The parts of a portfolio by which the ranking is looked at."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

# Segments by which the ranking is looked at: bands' inner bounds, lower bound inclusive, or the column's levels.
SEGMENTS: dict[str, tuple[float, ...] | None] = {
    "ltv": (60, 70, 80, 90),
    "credit_score": (620, 660, 700, 740, 780),
    "property_state": None,
    "channel": None,
    "loan_age": (12, 36, 60, 120),
    "delinquency_status": (1, 2),
}


def segments_of(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """The band of every row per segmentation whose column is there, as text; "missing" where it is null."""
    segments = {}
    for column, inner in SEGMENTS.items():
        if column not in frame:
            continue
        values = frame[column]
        if inner is None:
            segments[column] = values.astype(object).where(values.notna(), "missing").to_numpy(dtype=object)
            continue
        names = [f"below {inner[0]}", *(f"{a} to {b}" for a, b in pairwise(inner)), f"{inner[-1]} and more", "missing"]
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        position = np.where(np.isnan(numbers), len(names) - 1, np.searchsorted(inner, numbers, side="right"))
        segments[column] = np.array(names, dtype=object)[position]
    return segments
