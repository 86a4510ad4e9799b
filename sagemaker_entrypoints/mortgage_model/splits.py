"""Out-of-time sampling of a loan panel, with an embargo that keeps outcome windows apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

SAMPLES = ("train", "validation", "oot")


class SplitError(ValueError):
    """The panel's history is too short, or a sample holds too few events, for an honest split."""


def month_number(month: str) -> int:
    """Months since year 0 of 'YYYY-MM'. Raises SplitError for anything else."""
    year, dash, number = month.partition("-")
    if not (
        dash and len(year) == 4 and len(number) == 2 and year.isdigit() and number.isdigit() and 1 <= int(number) <= 12
    ):
        raise SplitError(f"snapshot_month {month!r} is not a month of the form YYYY-MM")
    return int(year) * 12 + int(number) - 1


def month_text(number: int) -> str:
    """Inverse of month_number."""
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


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
    numbers = sorted({month_number(month) for month in months})
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
            "shorten oot_months or validation_months, or bring more history"
        )
    return SplitBounds(*map(month_text, (first, train_end, validation_start, validation_end, oot_start, last_mature)))


def check_events(samples: dict[str, tuple[int, int]], bounds: SplitBounds) -> None:
    """Raise SplitError unless every sample (rows, events) holds both defaults and non-defaults."""
    poor = {name: counts for name, counts in samples.items() if not 0 < counts[1] < counts[0]}
    if poor:
        found = "; ".join(
            f"{name} {' to '.join(bounds.range_of(name))}: {rows} rows, {events} defaults"
            for name, (rows, events) in samples.items()
        )
        raise SplitError(f"{' and '.join(poor)} must hold both defaults and non-defaults. Found {found}")
