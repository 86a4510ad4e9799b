"""The business date of a run, in the lender's time zone, and whose loans it is for. Never Airflow's `ds`: a manual run
may have no logical date.

In this order: the form; the partition the run is for; the date that the assets which started it name; the run's
data interval. A night's run at 02:00 on the 15th closes the 14th: its business date is the day on which its data
interval starts. A run started by hand without dates means what the last scheduled one would have meant.

Three dates: `as_of_date` (a training: what was known then), `score_date` (a night), `delivery_date` (by when the files
had arrived that a run reads). `business_date` is the word of what serves trainings and nights alike: the one or the
other. On the wire the second and third are also called `run_date` (of a data check) and `delivered_by`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo


class RunDates(Protocol):
    """What is read of Airflow's DagRun."""

    data_interval_start: datetime | None
    data_interval_end: datetime | None
    run_after: datetime
    partition_key: str | None


Events = Mapping[Any, Sequence[Any]]  # Airflow's triggering_asset_events


def score_date(params: Mapping[str, Any], run: RunDates, timezone: str, events: Events | None = None) -> str:
    """Business date of a nightly run: what the form, partition or assets state, else the day its interval starts,
    else yesterday.
    """
    if stated := _stated("score_date", params, run, events):
        return stated
    if run.data_interval_start and run.data_interval_end:
        return _local_day(run.data_interval_start, timezone).isoformat()
    return _day_before(_local_day(run.run_after, timezone), timezone).isoformat()


def as_of_date(params: Mapping[str, Any], run: RunDates, timezone: str, events: Events | None = None) -> str:
    """Business date of a training run: what the form, partition or assets state, else the last month-end before its
    interval's end.
    """
    if stated := _stated("as_of_date", params, run, events):
        return stated
    day = _local_day(run.data_interval_end or run.run_after, timezone)
    return (day.replace(day=1) - timedelta(days=1)).isoformat()


def source_of(params: Mapping[str, Any], events: Events | None = None) -> str:
    """Whose loans a run is for: what the assets that started it state, else the form, which always states one."""
    return str(_told("source", events) or params["source"])


def _stated(name: str, params: Mapping[str, Any], run: RunDates, events: Events | None) -> str | None:
    """The date that somebody states in so many words."""
    date = params.get(name) or run.partition_key or _told(name, events)
    return _iso(date) if date else None


def _told(name: str, events: Events | None) -> Any:
    """What the events say under `name`; of several the latest counts."""
    found = [event for of_asset in (events or {}).values() for event in of_asset if event.extra.get(name)]
    return max(found, key=lambda event: event.timestamp).extra[name] if found else None


def _local_day(moment: datetime, timezone: str) -> date:
    return moment.astimezone(ZoneInfo(timezone)).date()


def _day_before(day: date, timezone: str) -> date:
    """The day whose end is the day's beginning: not 30 December 2011 in Samoa, which left it out."""
    begins = datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)
    return _local_day(begins - timedelta(seconds=1), timezone)


def _iso(text: Any) -> str:
    try:
        return date.fromisoformat(str(text)).isoformat()
    except ValueError as error:
        raise ValueError(f"not a date of the calendar (YYYY-MM-DD): {text}") from error
