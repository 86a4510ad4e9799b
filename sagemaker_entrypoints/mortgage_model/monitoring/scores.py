"""The night's PDs: their distribution, the grades, who moved between grades, and the mean PD of segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

# Dimensions of the segment filter, as far as the scoring input has them.
SEGMENTS = ("property_state", "product_type", "occupancy_status", "channel", "loan_purpose")
LARGEST = 12
REST = "(rest)"


def grade_counts(grades: np.ndarray, order: Sequence[str]) -> list[int]:
    """Loans per grade of `order`."""
    found = pd.Series(np.asarray(grades, dtype=object)).value_counts()
    return [int(found.get(grade, 0)) for grade in order]


def migration(before: pd.DataFrame, now: pd.DataFrame, order: Sequence[str]) -> dict[str, Any]:
    """Loans by grade then (rows) and now (columns); both frames have loan_id and grade.

    Result: {"grades", "matrix", "new", "gone", "upgraded", "downgraded"}; up is towards a lower PD.
    """
    both = before[["loan_id", "grade"]].merge(now[["loan_id", "grade"]], on="loan_id", suffixes=("_then", "_now"))
    place = {grade: i for i, grade in enumerate(order)}
    then, here = both["grade_then"].map(place).to_numpy(int), both["grade_now"].map(place).to_numpy(int)
    matrix = np.zeros((len(order), len(order)), dtype=int)
    np.add.at(matrix, (then, here), 1)
    return {
        "grades": list(order),
        "matrix": matrix.tolist(),
        "new": len(now) - len(both),
        "gone": len(before) - len(both),
        "upgraded": int((here < then).sum()),
        "downgraded": int((here > then).sum()),
    }


def segments(frame: pd.DataFrame, pd_: np.ndarray, grades: np.ndarray, order: Sequence[str]) -> dict[str, Any]:
    """{dimension: {level: {"n", "mean_pd", "grades"}}}, the LARGEST levels of each and the rest together."""
    found: dict[str, Any] = {}
    for name in SEGMENTS:
        if name not in frame:
            continue
        values = frame[name].astype(object).where(frame[name].notna(), "(missing)").to_numpy()
        largest = set(pd.Series(values).value_counts().index[:LARGEST])
        levels = np.array([value if value in largest else REST for value in values], dtype=object)
        found[name] = {str(level): _segment(levels == level, pd_, grades, order) for level in sorted(set(levels))}
    return found


def _segment(inside: np.ndarray, pd_: np.ndarray, grades: np.ndarray, order: Sequence[str]) -> dict[str, Any]:
    return {
        "n": int(inside.sum()),
        "mean_pd": round(float(pd_[inside].mean()), 7),
        "grades": grade_counts(grades[inside], order),
    }


def quantiles(pd_: np.ndarray) -> Mapping[str, float]:
    points = (5, 25, 50, 75, 95, 99)
    return {f"p{q:02d}": float(v) for q, v in zip(points, np.percentile(pd_, points), strict=True)}
