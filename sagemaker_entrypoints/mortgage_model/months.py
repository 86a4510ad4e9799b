"""Months as numbers, so that they can be counted."""

from __future__ import annotations

from contracts.faults import DataFault


class MonthError(DataFault):
    """A text is no month. The message repeats it."""


def month_number(month: str) -> int:
    """Months since year 0 of 'YYYY-MM'. Raises MonthError for anything else."""
    year, dash, number = month.partition("-")
    if not (
        dash and len(year) == 4 and len(number) == 2 and year.isdigit() and number.isdigit() and 1 <= int(number) <= 12
    ):
        raise MonthError(f"{month!r} is not a month of the form YYYY-MM")
    return int(year) * 12 + int(number) - 1


def month_text(number: int) -> str:
    """Inverse of month_number."""
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
