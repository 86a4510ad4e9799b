"""Out-of-time sampling of a loan panel, with an embargo that keeps outcome windows apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np

from contracts.faults import DataFault
from mortgage_model.months import MonthError, month_number, month_text

SAMPLES = ("train", "validation", "oot")
# Positions of training rows and of validation rows.
Fold = tuple[np.ndarray, np.ndarray]


class SplitError(DataFault):
    """The panel's history is too short, or a sample holds too few events, for an honest split.

    `advice`: settings that would do.
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True)
class SplitBounds:
    """First and last observation month (inclusive, 'YYYY-MM') of each sample."""

    train_start: str
    train_end: str
    validation_start: str
    validation_end: str
    oot_start: str
    oot_end: str

    def range_of(self, sample: str) -> tuple[str, str]:
        """First and last month of 'train', 'validation' or 'oot'."""
        return getattr(self, f"{sample}_start"), getattr(self, f"{sample}_end")

    def sample_of(self, month: str) -> str | None:
        """The sample a month belongs to; None in an embargo or in the immature tail."""
        for sample in SAMPLES:
            start, end = self.range_of(sample)
            if start <= month <= end:
                return sample
        return None

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def out_of_time_split(months: Iterable[str], horizon: int, oot_months: int, validation_months: int) -> SplitBounds:
    """Split the observation months of a panel whose last month is the end of the tape.

    A month t is mature when its whole outcome window (t, t + horizon] has been observed, t <= last - horizon.
    Later months are left out even where a label is known: there only defaults and pay-offs are, and their
    default rate is near 1. Between the end of a sample and the start of the next lie `horizon` months, so
    that the last outcome window of the earlier closes before the first observation of the later.

        train | embargo | validation_months | embargo | oot_months | immature

    Raises SplitError, naming the months available and needed, when no month is left for training.
    """
    try:
        numbers = sorted({month_number(month) for month in months})
    except MonthError as error:
        raise SplitError(f"snapshot_month: {error}") from None
    if not numbers:
        raise SplitError("the panel has no observation months")
    first, last_mature = numbers[0], numbers[-1] - horizon
    oot_start = last_mature - oot_months + 1
    validation_end = oot_start - horizon - 1
    validation_start = validation_end - validation_months + 1
    train_end = validation_start - horizon - 1
    if train_end < first:
        needed = 3 * horizon + oot_months + validation_months + 1
        raise SplitError(
            f"the panel spans {numbers[-1] - first + 1} months "
            f"({month_text(first)} to {month_text(numbers[-1])}); a split with horizon {horizon}, "
            f"oot_months {oot_months} and validation_months {validation_months} needs at least {needed}: "
            "shorten oot_months or validation_months, or bring more history",
            advice=_what_fits(numbers[-1] - first + 1, horizon),
        )
    return SplitBounds(*map(month_text, (first, train_end, validation_start, validation_end, oot_start, last_mature)))


def _what_fits(months: int, horizon: int) -> str:
    """Settings with which a panel of so many months can be split, in words; the samples as long as may be, a third each
    of what the embargoes leave, up to a year.
    """
    if (free := months - 3 * horizon) >= 3:
        length = min(12, free // 3)
        return f"A split that fits: oot_months {length}, validation_months {length} (horizon_months {horizon})"
    if months < 6:
        return f"No split fits {months} months, even with horizon_months 1: bring more history"
    shorter = (months - 3) // 3
    return (
        f"No split fits {months} months with horizon_months {horizon}, however short the samples; horizon_months "
        f"{shorter} with oot_months 1 and validation_months 1 is the longest that does"
    )


def time_ordered_folds(months: np.ndarray, horizon: int, folds: int, fold_months: int) -> list[Fold]:
    """Expanding windows over rows with observation `months` (n, 'YYYY-MM'), see `ordered_folds`."""
    distinct = np.unique(months)
    numbers = np.array([month_number(month) for month in distinct])
    return ordered_folds(numbers[np.searchsorted(distinct, months)], horizon, folds, fold_months)


def ordered_folds(
    months: np.ndarray, horizon: int, folds: int, fold_months: int, text: Callable[[int], str] = month_text
) -> list[Fold]:
    """Expanding windows over rows with observation `months` (n, numbers), the last fold ending the last.

    Each fold's validation rows span `fold_months` months, its training rows end `horizon` months before them. Folds
    without a training month are left out; SplitError, with months as `text` writes them, where none is left.
    """
    first, last = int(months.min()), int(months.max())
    found = []
    for fold in reversed(range(folds)):
        end = last - fold * fold_months
        start = end - fold_months + 1
        train = np.flatnonzero(months < start - horizon)
        validation = np.flatnonzero((months >= start) & (months <= end))
        if len(train) and len(validation):
            found.append((train, validation))
    if not found:
        raise SplitError(
            f"{text(first)} to {text(last)} is too short for a fold of {fold_months} months after training rows and an "
            f"embargo of {horizon} months"
        )
    return found


def check_events(samples: dict[str, tuple[int, int]], bounds: SplitBounds) -> None:
    """Raise SplitError unless training (rows, events) holds both defaults and non-defaults.

    Later samples without them leave metrics without a value, which the gate refuses in words.
    """
    rows, events = samples["train"]
    if not 0 < events < rows:
        found = "; ".join(
            f"{name} {' to '.join(bounds.range_of(name))}: {rows} rows, {events} defaults"
            for name, (rows, events) in samples.items()
        )
        raise SplitError(f"train must hold both defaults and non-defaults. Found {found}")
