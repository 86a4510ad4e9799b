"""What a book is made from. Months are integers: year * 12 + (month - 1)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from contracts.sources import SOURCES

HORIZON = 12  # months of the true PD
BLOCK_LOANS = 8192  # loans drawn together from one random stream; part of what a seed means, so not an option
INGEST_LAG_DAYS = 10  # the extract is taken this long after the last month-end
LAYOUTS = tuple(SOURCES)


@dataclass(frozen=True)
class BookSettings:
    """Settings of a book. Raises ValueError where they make no sense.

    start, end: first and last reporting month. relation_change: from this month on defaults follow another law (see
    `Hazards`). Rates are shares of rows (dirt) or of loans / loan-months (missing values).
    """

    loans: int
    seed: int
    start: int
    end: int
    layout: str = "canonical"
    dirt_rate: float = 4e-4
    missing_credit_score_rate: float = 0.003
    missing_dti_rate: float = 0.015
    unknown_delinquency_rate: float = 1e-4
    relation_change: int | None = None

    def __post_init__(self) -> None:
        if self.loans < 1:
            raise ValueError(f"loans must be at least 1, not {self.loans}")
        if self.layout not in LAYOUTS:
            raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, not {self.layout!r}")
        if not 1995 * 12 <= self.start <= self.end < 2025 * 12:
            raise ValueError("start and end must satisfy 1995-01 <= start <= end <= 2024-12")
        for name in (
            "dirt_rate",
            "missing_credit_score_rate",
            "missing_dti_rate",
            "unknown_delinquency_rate",
        ):
            if not 0 <= getattr(self, name) <= 0.2:
                raise ValueError(f"{name} must lie in 0..0.2, not {getattr(self, name)}")

    @property
    def blocks(self) -> int:
        return -(-self.loans // BLOCK_LOANS)

    def block_size(self, block: int) -> int:
        return min(BLOCK_LOANS, self.loans - block * BLOCK_LOANS)

    @property
    def ingest_date(self) -> dt.date:
        return month_end(self.end) + dt.timedelta(days=INGEST_LAG_DAYS)

    def random(self, *key: int) -> np.random.Generator:
        """The stream of one purpose: (0,) economy, (1, block) loans and their path, (2, block) dirt."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))


def parse_month(text: str) -> int:
    """'2006-01' -> month number. Raises ValueError on anything else."""
    date = dt.datetime.strptime(text, "%Y-%m").date()
    return date.year * 12 + date.month - 1


def month_text(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def first_day(month: int) -> dt.date:
    return dt.date(month // 12, month % 12 + 1, 1)


def month_end(month: int) -> dt.date:
    return first_day(month + 1) - dt.timedelta(days=1)
