"""Faults planted into the scoring input of chosen nights, so that monitoring can be held against what is known.

unit_change   DTI arrives as a ratio instead of percent
broken_feed   the credit bureau's feed is empty: no credit scores
population    a book of weaker loans is bought: loans are redrawn until the PSI of the credit score is about 0.25

A changed relation of features and default is no fault of the input: the book itself is drawn by another law (see
`Hazards` and the simulator's `--relation-change`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

KINDS = ("unit_change", "broken_feed", "population")
# Tilt of the drawing per point of credit score. For a normal distribution with standard deviation s a tilt b moves the
# mean by b s^2, and the PSI is (b s)^2: with s of some 50 points, 0.01 gives 0.25.
TILT = 0.01


@dataclass(frozen=True)
class Fault:
    """kind: one of KINDS; on every night from first to last (None: for ever)."""

    kind: str
    first: date
    last: date | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a fault is one of {', '.join(KINDS)}, not {self.kind!r}")

    @classmethod
    def parse(cls, text: str) -> Fault:
        """'kind@2014-03-01' or 'kind@2014-03-01..2014-03-03'."""
        kind, _, days = text.partition("@")
        first, _, last = days.partition("..")
        return cls(kind, date.fromisoformat(first), date.fromisoformat(last) if last else None)

    def on(self, night: date) -> bool:
        return self.first <= night and (self.last is None or night <= self.last)


def plant(
    frame: pd.DataFrame, ids: np.ndarray, night: date, faults: tuple[Fault, ...], seed: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """The scoring input `frame` (columns of the contract) and its loan ids as they arrive on `night`."""
    for fault in faults:
        if not fault.on(night):
            continue
        if fault.kind == "unit_change":
            frame = frame.assign(dti=frame["dti"] / 100)
        elif fault.kind == "broken_feed":
            frame = frame.assign(credit_score=np.nan)
        else:
            rows = _weaker(frame["credit_score"].to_numpy(float), seed)
            frame, ids = frame.iloc[rows].reset_index(drop=True), _distinct(ids[rows])
    return frame, ids


def _weaker(score: np.ndarray, seed: int) -> np.ndarray:
    """Row numbers, as many as there are, drawn with a preference for low scores; the same draw every night."""
    known = np.where(np.isnan(score), np.nanmedian(score), score)
    weights = np.exp(-TILT * (known - known.mean()))
    return np.random.default_rng(seed).choice(score.size, score.size, p=weights / weights.sum())


def _distinct(ids: np.ndarray) -> np.ndarray:
    """The first of equal ids keeps its name; the others are the loans that were bought."""
    repeat = pd.Series(ids).groupby(ids).cumcount().to_numpy()
    return np.where(repeat == 0, ids, [f"{loan}+{n}" for loan, n in zip(ids, repeat, strict=True)]).astype(object)
