"""The night's PDs: their distribution, the grades, who moved between grades, and the mean PD of segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mortgage_model.documents.monitoring import Migration, SegmentFigures, Segments
from mortgage_model.statistics.portfolio import migration_matrix
from mortgage_model.statistics.stability import MISSING

# Dimensions of the segment filter, as far as the scoring input has them.
SEGMENTS = ("property_state", "product_type", "occupancy_status", "channel", "loan_purpose")
LARGEST = 12
REST = "(rest)"
QUANTILES = (5, 25, 50, 75, 95, 99)


def grade_counts(grades: np.ndarray, order: Sequence[str]) -> list[int]:
    """Loans per grade of `order`."""
    found = pd.Series(np.asarray(grades, dtype=object)).value_counts()
    return [int(found.get(grade, 0)) for grade in order]


def migration(before: pd.DataFrame, now: pd.DataFrame, order: Sequence[str]) -> Migration:
    """Loans by grade then (rows) and now (columns); both frames have loan_id and grade.

    Every loan counts once: one that is there twice by its last row (`doubled` counts the others), one whose grade is
    none of `order`, of another scale, as `other_grade` and not in the matrix.
    """
    then, here = (rows[["loan_id", "grade"]].drop_duplicates("loan_id", keep="last") for rows in (before, now))
    both = then.merge(here, on="loan_id", suffixes=("_then", "_now"))
    places = pd.Index(order)
    was, is_ = (places.get_indexer(both[name]) for name in ("grade_then", "grade_now"))
    known = (was >= 0) & (is_ >= 0)
    was, is_ = was[known], is_[known]
    return {
        "grades": list(order),
        "matrix": migration_matrix(was, is_, len(order)).tolist(),
        "new": len(here) - len(both),
        "gone": len(then) - len(both),
        "upgraded": int((is_ < was).sum()),
        "downgraded": int((is_ > was).sum()),
        "doubled": len(before) + len(now) - len(then) - len(here),
        "other_grade": int((~known).sum()),
    }


def segments(frame: pd.DataFrame, probabilities: np.ndarray, grades: np.ndarray, order: Sequence[str]) -> Segments:
    """The LARGEST levels of each dimension and the rest together."""
    grade = pd.Index(order).get_indexer(grades)
    return {name: _segments(frame[name], probabilities, grade, len(order)) for name in SEGMENTS if name in frame}


def _segments(
    values: pd.Series, probabilities: np.ndarray, grade: np.ndarray, grades: int
) -> dict[str, SegmentFigures]:
    """One dimension's levels. grade: number of each loan's grade, from 0 to `grades` - 1."""
    level, names = pd.factorize(values.astype(object).where(values.notna(), MISSING))
    largest = np.argsort(-np.bincount(level), kind="stable")[:LARGEST]
    level = np.where(np.isin(level, largest), level, len(names))
    n, total = np.bincount(level), np.bincount(level, probabilities)
    graded = grade >= 0  # a grade of another scale is -1
    table = np.bincount(level[graded] * grades + grade[graded], minlength=len(n) * grades).reshape(len(n), grades)
    found: dict[str, SegmentFigures] = {
        str([*names, REST][i]): {"n": int(n[i]), "mean_pd": round(total[i] / n[i], 7), "grades": table[i].tolist()}
        for i in np.flatnonzero(n)
    }
    return dict(sorted(found.items()))


def quantiles(probabilities: np.ndarray) -> dict[str, float | None]:
    """PD by percentile; null for a night without loans."""
    values = np.percentile(probabilities, QUANTILES).tolist() if len(probabilities) else [None] * len(QUANTILES)
    return {f"p{point:02d}": value for point, value in zip(QUANTILES, values, strict=True)}
