"""The master scale: PD bands with geometric bounds, each a grade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class MasterScale:
    """`grades` from best to worst; grade i holds bounds[i] <= PD < bounds[i + 1], the last one PD = 1 too."""

    grades: tuple[str, ...]
    bounds: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.bounds) != len(self.grades) + 1 or list(self.bounds) != sorted(set(self.bounds)):
            raise ValueError("a master scale needs rising bounds, one more than grades")

    @classmethod
    def geometric(cls, best_upper: float = 0.0005, factor: float = 2.0, count: int = 10) -> MasterScale:
        """`count` grades M01, M02 …, the first up to PD `best_upper`, each next band `factor` times as high.

        The default's first band ends at 0.05 %, the CRR's floor for retail PDs (art. 163), the last starts at
        12.8 %.
        """
        inner = tuple(round(best_upper * factor**i, 10) for i in range(count - 1))
        return cls(tuple(f"M{i:02d}" for i in range(1, count + 1)), (0.0, *inner, 1.0))

    def assign(self, pd_values: np.ndarray) -> np.ndarray:
        """Grade per PD, array of str (n,)."""
        return np.array(self.grades)[np.searchsorted(self.bounds[1:-1], pd_values, side="right")]

    def to_json(self) -> list[dict[str, Any]]:
        return [
            {"grade": grade, "pd_from": low, "pd_to": high}
            for grade, low, high in zip(self.grades, self.bounds[:-1], self.bounds[1:], strict=True)
        ]

    @classmethod
    def from_json(cls, document: list[dict[str, Any]]) -> MasterScale:
        return cls(
            tuple(band["grade"] for band in document),
            (document[0]["pd_from"], *(band["pd_to"] for band in document)),
        )


def long_run_rates(scale: MasterScale, pd_values: np.ndarray, months: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """The through-the-cycle view: per grade, and for all, the long-run average default rate.

    It is the plain average over calendar years of the year's default rate, so that every year of the cycle counts the
    same however many loans it has (EBA/GL/2017/16, paragraphs 78-81). `months` are 'YYYY-MM'. A grade's PD is its
    point-in-time reading; this is where loans of the grade stood on average. Result: {"years", "portfolio", "grades":
    [{"grade", "n", "events", "years", "rate" (null without rows)}]}.
    """
    years = months.astype("U4")
    grades = scale.assign(pd_values)

    def average(rows: np.ndarray) -> dict[str, Any]:
        rates = [float(labels[rows & (years == year)].mean()) for year in np.unique(years[rows])]
        rate = float(np.mean(rates)) if rates else None
        return {"n": int(rows.sum()), "events": int(labels[rows].sum()), "years": len(rates), "rate": rate}

    return {
        "years": np.unique(years).tolist(),
        "portfolio": average(np.ones(len(labels), dtype=bool)),
        "grades": [{"grade": grade, **average(grades == grade)} for grade in scale.grades],
    }
