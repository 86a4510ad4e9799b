"""The business date of a run, in the lender's time zone. Never Airflow's `ds`: a manual run may have no
logical date.

A night's run at 02:00 on the 15th closes the 14th: its business date is the day on which its data interval
starts. A run started by hand without dates means what the last scheduled one would have meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo


class RunDates(Protocol):
    """What is read of Airflow's DagRun."""

    data_interval_start: datetime | None
    data_interval_end: datetime | None
    run_after: datetime


def score_date(params: Mapping[str, Any], run: RunDates, timezone: str) -> str:
    """Business date of a nightly run: the form's `score_date`, else the day its interval starts, else
    yesterday.
    """
    if params.get("score_date"):
        return _iso(params["score_date"])
    if run.data_interval_start and run.data_interval_end:
        return _local_day(run.data_interval_start, timezone).isoformat()
    return (_local_day(run.run_after, timezone) - timedelta(days=1)).isoformat()


def as_of_date(params: Mapping[str, Any], run: RunDates, timezone: str) -> str:
    """Business date of a training run: the form's `as_of_date`, else the last month-end before its interval's
    end.
    """
    if params.get("as_of_date"):
        return _iso(params["as_of_date"])
    day = _local_day(run.data_interval_end or run.run_after, timezone)
    return (day.replace(day=1) - timedelta(days=1)).isoformat()


def today(timezone: str) -> str:
    return datetime.now(ZoneInfo(timezone)).date().isoformat()


def _local_day(moment: datetime, timezone: str) -> date:
    return moment.astimezone(ZoneInfo(timezone)).date()


def _iso(text: Any) -> str:
    try:
        return date.fromisoformat(str(text)).isoformat()
    except ValueError as error:
        raise ValueError(f"not a date of the calendar (YYYY-MM-DD): {text}") from error
