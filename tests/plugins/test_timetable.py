"""The clock: every zone, every kind of cron expression, every moment. No night is left out and none is made twice."""

from __future__ import annotations

import functools
import itertools
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pendulum
import pytest
from airflow.timetables.base import DataInterval, TimeRestriction
from hypothesis import given, settings
from hypothesis import strategies as st

from mortgage_risk.dag import timetable as module
from mortgage_risk.dag.business_date import as_of_date, score_date
from mortgage_risk.dag.timetable import FromNowOnTimetable

ZONES = sorted(name for name in available_timezones() if name not in ("localtime", "posixrules"))
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
NOTABLE = [  # zone, year of a change of its clock
    ("America/New_York", 2027),
    ("Australia/Lord_Howe", 2027),  # by half an hour
    ("America/Havana", 2027),  # at midnight
    ("Asia/Beirut", 2022),
    ("Africa/Cairo", 2027),
    ("Europe/London", 2027),
    ("America/Nuuk", 2027),  # the last hour of a date does not exist
    ("Antarctica/Troll", 2027),  # by two hours
    ("Antarctica/Casey", 2010),  # by three, back into the day before
    ("Pacific/Apia", 2011),  # a whole date does not exist
    ("Africa/Casablanca", 2027),  # back for Ramadan
    ("Asia/Kathmandu", 2027),  # never
]


@functools.cache
def changes(zone: str, year: int) -> list[datetime]:
    """Moments (UTC, to the minute) at which the zone's offset changes in a year."""
    tz, found = ZoneInfo(zone), []
    at = datetime(year, 1, 1, tzinfo=UTC)
    while at.year == year:
        low, high = at, at + DAY / 2
        if low.astimezone(tz).utcoffset() != high.astimezone(tz).utcoffset():
            before = low.astimezone(tz).utcoffset()
            while high - low > MINUTE:
                middle = low + (high - low) // 2
                low, high = (middle, high) if middle.astimezone(tz).utcoffset() == before else (low, middle)
            found.append(high.replace(second=0, microsecond=0))
        at += DAY / 2
    return found


minutes, hours = st.integers(0, 59), st.integers(0, 23)
daily = st.builds("{} {} * * *".format, minutes, hours)
monthly = st.builds("{} {} {} * *".format, minutes, hours, st.integers(1, 28))
any_cron = st.one_of(
    daily,
    monthly,
    st.builds("{} {} * * {}".format, minutes, hours, st.integers(0, 6)),
    st.builds("{} * * * *".format, minutes),
    st.builds("*/{} * * * *".format, st.sampled_from([1, 10, 20, 45])),
    st.builds("*/20 {} * * *".format, hours),
    st.builds("{},30 {},{} * * *".format, minutes, hours, hours),
    st.builds("{} */{} * * *".format, minutes, st.sampled_from([2, 3, 6])),
)


@st.composite
def moments(draw: st.DrawFn, crons: st.SearchStrategy[str] = daily, near: bool = True) -> tuple[str, Any, str]:
    """A zone, a moment mostly near a change of its clock, an expression: of `crons`, or daily near the change."""
    zone, year = draw(st.one_of(st.sampled_from(NOTABLE), st.tuples(st.sampled_from(ZONES), st.integers(2000, 2036))))
    around = draw(st.sampled_from(changes(zone, year) or [datetime(year, 6, 15, 12, tzinfo=UTC)]))
    seconds = draw(st.one_of(st.sampled_from([-1, 0, 1, 3599, 3600, 7200]), st.integers(-2 * 86400, 2 * 86400)))
    ends = (around - MINUTE).astimezone(ZoneInfo(zone))  # the last minute before the change, by the clock
    last = ends + draw(st.sampled_from([1, 16, 30, 46, 60, 0, 61, -30, 120])) * MINUTE
    cron = draw(st.one_of(crons, *[st.just(f"{last.minute} {last.hour} * * *")] * near * 3))
    return zone, pendulum.instance(around + timedelta(seconds=seconds)), cron


def timetable(cron: str, zone: str) -> FromNowOnTimetable:
    return FromNowOnTimetable(cron, pendulum.timezone(zone))


def due(cron: str, zone: str, first: datetime, last: datetime) -> list[datetime]:
    """Every run that is due from `first` to `last`, as Airflow walks from one to the next."""
    table, found = timetable(cron, zone), []
    at = table._align_to_next(pendulum.instance(first))
    while at <= last:
        found.append(at)
        at = table._get_next(at)
    return found


def nights(infos: list[DataInterval], zone: str) -> list[str]:
    return [score_date({}, run(interval, interval.end), zone) for interval in infos]


def run(interval: DataInterval | None, after: datetime) -> SimpleNamespace:
    start, end = (interval.start, interval.end) if interval else (None, None)
    return SimpleNamespace(data_interval_start=start, data_interval_end=end, run_after=after, partition_key=None)


def dates_that_exist(zone: str, first: date, last: date) -> list[str]:
    tz, at = ZoneInfo(zone), datetime(first.year, first.month, first.day, tzinfo=UTC) - DAY
    found = set()
    while at.date() <= last + DAY:
        found.add(at.astimezone(tz).date())
        at += timedelta(hours=1)
    return [day.isoformat() for day in sorted(found) if first <= day <= last]


@settings(max_examples=80, deadline=None)
@given(moments(any_cron))
def test_before_and_after_every_moment_something_is_due_and_nothing_between(at) -> None:
    zone, moment, cron = at
    table = timetable(cron, zone)
    before, after = table._get_prev(moment), table._get_next(moment)
    assert before < moment < after
    assert table._get_next(before) in (moment, after)
    assert table._get_prev(after) == (moment if table._get_next(before) == moment else before)
    assert table._align_to_next(after) == table._align_to_prev(after) == after
    assert table._align_to_prev(moment) <= moment <= table._align_to_next(moment)


@settings(max_examples=80, deadline=None)
@given(moments())
def test_every_date_that_exists_has_its_one_night(at) -> None:
    """By a backfill, which walks from interval to interval."""
    zone, moment, cron = at
    table, last, made = timetable(cron, zone), None, []
    between = TimeRestriction(moment.subtract(days=4), moment.add(days=4), catchup=True)
    while info := table.next_dagrun_info(last_automated_data_interval=last, restriction=between):
        assert last is None or info.data_interval.start == last.end
        last = info.data_interval
        made.append(last)
    scored = nights(made, zone)
    assert scored == dates_that_exist(zone, *(date.fromisoformat(scored[n]) for n in (0, -1)))


@settings(max_examples=80, deadline=None)
@given(moments(), st.lists(st.integers(6 * 3600, 22 * 3600), min_size=8, max_size=12))
def test_by_the_clock_no_night_is_left_out_whenever_the_scheduler_looks(at, pauses: list[int]) -> None:
    """It looks at least once between two nights, before or after what is due."""
    zone, moment, cron = at
    table, clock, made = timetable(cron, zone), moment.subtract(days=3), []
    last = table.infer_manual_data_interval(run_after=clock)
    patch = pytest.MonkeyPatch()
    patch.setattr(module, "now", lambda _: clock)
    patch.setattr("airflow.timetables.interval.utcnow", lambda: clock)
    for pause in pauses:
        clock = clock.add(seconds=pause)
        never = TimeRestriction(pendulum.datetime(2000, 1, 1), None, catchup=False)
        info = table.next_dagrun_info(last_automated_data_interval=last, restriction=never)
        assert info.data_interval.start == last.end
        if info.run_after <= clock:
            last = info.data_interval
            made.append(last)
    patch.undo()
    scored = nights(made, zone)
    if scored:
        assert scored == dates_that_exist(zone, *(date.fromisoformat(scored[n]) for n in (0, -1)))


@settings(max_examples=80, deadline=None)
@given(moments(any_cron))
def test_by_hand_it_is_the_last_night_that_is_over(at) -> None:
    zone, moment, cron = at
    table = timetable(cron, zone)
    made = table.infer_manual_data_interval(run_after=moment)
    assert made.start < made.end <= moment < table._get_next(made.end)
    assert table._get_next(made.start) == made.end
    by_hand = score_date({}, run(made, moment), zone)
    assert by_hand in dates_that_exist(zone, *[date.fromisoformat(by_hand)] * 2)


@settings(max_examples=50, deadline=None)
@given(moments(), st.integers(0, 59))
def test_what_is_due_every_hour_is_due_whenever_the_clock_shows_it(at, minute: int) -> None:
    zone, moment, _ = at
    tz = ZoneInfo(zone)
    first = datetime.fromtimestamp(moment.timestamp() // 60 * 60, UTC) - timedelta(hours=5)
    every = [first + n * MINUTE for n in range(10 * 60)]
    assert due(f"{minute} * * * *", zone, first, every[-1]) == [m for m in every if m.astimezone(tz).minute == minute]


@settings(max_examples=60, deadline=None)
@given(moments(monthly, near=False))
def test_every_month_has_one_training_as_of_the_end_of_the_one_before(at) -> None:
    zone, moment, cron = at
    found = due(cron, zone, moment.subtract(days=70), moment.add(days=70))
    months = [m.astimezone(ZoneInfo(zone)).strftime("%Y-%m") for m in found]
    start = date.fromisoformat(f"{months[0]}-01")
    expected = [f"{start.year + (start.month - 1 + n) // 12}-{(start.month - 1 + n) % 12 + 1:02d}" for n in range(9)]
    assert months == expected[: len(months)]
    ends = [as_of_date({}, run(DataInterval(a, b), b), zone) for a, b in itertools.pairwise(found)]
    assert ends == [(date.fromisoformat(f"{month}-01") - DAY).isoformat() for month in months[1:]]


@pytest.mark.parametrize(
    ("zone", "cron", "night", "is_due"),
    [
        ("America/New_York", "0 2 * * *", "2027-03-14", "2027-03-14T03:00:00-04:00"),
        ("America/New_York", "30 1 * * *", "2026-11-01", "2026-11-01T01:30:00-05:00"),  # its second time
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-04", "2026-10-04T02:45:00+11:00"),
        ("America/Havana", "0 0 * * *", "2027-03-14", "2027-03-14T01:00:00-04:00"),
        ("Asia/Beirut", "30 0 * * *", "2022-03-27", "2022-03-27T01:30:00+03:00"),
        ("Africa/Cairo", "0 0 * * *", "2027-04-30", "2027-04-30T01:00:00+03:00"),
        ("America/Nuuk", "30 23 * * *", "2027-03-27", "2027-03-27T22:59:59-02:00"),  # not on the 28th
        ("Pacific/Apia", "0 2 * * *", "2011-12-31", "2011-12-31T02:00:00+14:00"),
        ("Pacific/Apia", "0 4 30 * *", "2011-12-31", "2011-12-31T04:00:00+14:00"),  # December's, on the day after
    ],
)
def test_a_reading_that_the_clock_skips_or_shows_twice(zone: str, cron: str, night: str, is_due: str) -> None:
    tz = ZoneInfo(zone)
    begins = datetime.combine(date.fromisoformat(night), datetime.min.time(), tz).astimezone(UTC)
    found = [moment.astimezone(tz) for moment in due(cron, zone, begins - DAY, begins + 2 * DAY)]
    assert [moment.isoformat() for moment in found if moment.date().isoformat() == night] == [is_due]


@pytest.mark.parametrize(
    ("zone", "moment", "night"),
    [
        ("America/New_York", "2027-03-14T12:00:00Z", "2027-03-13"),
        ("Pacific/Apia", "2011-12-31T00:30:00+14:00", "2011-12-29"),  # the 30th was never
        ("America/Havana", "2027-03-14T05:30:00Z", "2027-03-13"),  # the 14th begins at 01:00
        ("Antarctica/Casey", "2010-03-04T23:30:00+08:00", "2010-03-03"),  # the 4th, for the second time
    ],
)
def test_without_an_interval_it_is_the_day_before_that_exists(zone: str, moment: str, night: str) -> None:
    assert score_date({}, run(None, datetime.fromisoformat(moment)), zone) == night
