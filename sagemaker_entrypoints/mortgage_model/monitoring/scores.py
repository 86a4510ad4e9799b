"""The night's PDs: their distribution, the grades, who moved between grades, and the mean PD of segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mortgage_model.statistics.portfolio import migration_matrix
from mortgage_model.statistics.stability import MISSING

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
    return {
        "grades": list(order),
        "matrix": migration_matrix(then, here, len(order)).tolist(),
        "new": len(now) - len(both),
        "gone": len(before) - len(both),
        "upgraded": int((here < then).sum()),
        "downgraded": int((here > then).sum()),
    }


def segments(frame: pd.DataFrame, pd_: np.ndarray, grades: np.ndarray, order: Sequence[str]) -> dict[str, Any]:
    """{dimension: {level: {"n", "mean_pd", "grades"}}}, the LARGEST levels of each and the rest together."""
    grade = pd.Index(order).get_indexer(grades)
    return {name: _segments(frame[name], pd_, grade, len(order)) for name in SEGMENTS if name in frame}


def _segments(values: pd.Series, pd_: np.ndarray, grade: np.ndarray, grades: int) -> dict[str, Any]:
    """One dimension's levels. grade: number of each loan's grade, from 0 to `grades` - 1."""
    level, names = pd.factorize(values.astype(object).where(values.notna(), MISSING))
    largest = np.argsort(-np.bincount(level), kind="stable")[:LARGEST]
    level = np.where(np.isin(level, largest), level, len(names))
    n, total = np.bincount(level), np.bincount(level, pd_)
    table = np.bincount(level * grades + grade, minlength=len(n) * grades).reshape(len(n), grades)
    found = {
        str([*names, REST][i]): {"n": int(n[i]), "mean_pd": round(total[i] / n[i], 7), "grades": table[i].tolist()}
        for i in np.flatnonzero(n)
    }
    return dict(sorted(found.items()))


def quantiles(pd_: np.ndarray) -> Mapping[str, float]:
    points = (5, 25, 50, 75, 95, 99)
    return {f"p{q:02d}": float(v) for q, v in zip(points, np.percentile(pd_, points), strict=True)}
