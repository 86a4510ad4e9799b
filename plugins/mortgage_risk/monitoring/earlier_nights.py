"""Which earlier nights a night is read with. Pure functions of dates, YYYY-MM-DD."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

VINTAGES = 36  # a vintage is the scores of a month's last night; its final read comes a year later


def vintage_dates(score_dates: Sequence[str], until: str) -> list[str]:
    """Of the nights that were scored up to `until`, the last of each of the newest VINTAGES months."""
    last: dict[str, str] = {}
    for day in sorted(day for day in score_dates if day <= until):
        last[day[:7]] = day
    return sorted(last.values())[-VINTAGES:]


def month_before(day: str, score_dates: Sequence[str]) -> str | None:
    """The last scored night at least 28 and at most 45 days before `day`."""
    today = date.fromisoformat(day)
    low, high = ((today - timedelta(days=n)).isoformat() for n in (45, 28))
    return max((found for found in score_dates if low <= found <= high), default=None)
