from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from airflow.timetables.base import DataInterval, TimeRestriction
from pendulum import datetime as pendulum_datetime
from pendulum import parse, timezone

from mortgage_risk.dag import timetable as timetable_module
from mortgage_risk.dag.business_date import as_of_date, score_date, source_of
from mortgage_risk.dag.timetable import FromNowOnTimetable

NEW_YORK = "America/New_York"


def run(start: datetime | None, end: datetime | None, after: datetime) -> SimpleNamespace:
    return SimpleNamespace(data_interval_start=start, data_interval_end=end, run_after=after, partition_key=None)


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(NEW_YORK)).astimezone(UTC)  # type: ignore[misc, arg-type]


def test_a_night_closes_the_day_before() -> None:
    night = run(local(2020, 1, 14, 2), local(2020, 1, 15, 2), local(2020, 1, 15, 2))
    assert score_date({}, night, NEW_YORK) == "2020-01-14"


def test_the_day_is_the_lenders_not_utc() -> None:
    """21:00 in New York is the next day in UTC."""
    evening = run(local(2020, 1, 14, 21), local(2020, 1, 15, 21), local(2020, 1, 15, 21))
    assert score_date({}, evening, NEW_YORK) == "2020-01-14"


def test_a_run_without_dates_means_what_last_night_meant() -> None:
    """Manual and asset-triggered runs may have neither logical date nor data interval."""
    assert score_date({}, run(None, None, local(2020, 1, 15, 15)), NEW_YORK) == "2020-01-14"
    assert as_of_date({}, run(None, None, local(2020, 1, 15, 15)), NEW_YORK) == "2019-12-31"


def test_the_form_comes_first() -> None:
    night = run(local(2020, 1, 14, 2), local(2020, 1, 15, 2), local(2020, 1, 15, 2))
    assert score_date({"score_date": "2019-06-30"}, night, NEW_YORK) == "2019-06-30"
    assert as_of_date({"as_of_date": "2019-06-30"}, night, NEW_YORK) == "2019-06-30"
    with pytest.raises(ValueError, match="2019-02-30"):
        score_date({"score_date": "2019-02-30"}, night, NEW_YORK)


def event(day: str, at: datetime) -> SimpleNamespace:
    return SimpleNamespace(extra={"score_date": day, "source": "canonical"}, timestamp=at)


def test_a_run_started_by_an_asset_is_for_the_date_that_the_asset_names() -> None:
    """Which may be any past night's, whenever it was scored."""
    started = run(None, None, local(2020, 1, 15, 15))
    one = {"mortgage_scores": [event("2019-11-30", local(2020, 1, 15, 14))]}
    assert score_date({}, started, NEW_YORK, one) == "2019-11-30"
    two = {"mortgage_scores": [*one["mortgage_scores"], event("2019-11-02", local(2020, 1, 15, 14, 30))]}
    assert score_date({}, started, NEW_YORK, two) == "2019-11-02"
    assert score_date({"score_date": "2018-01-31"}, started, NEW_YORK, two) == "2018-01-31"
    other = {"mortgage_loan_panel": [SimpleNamespace(extra={"as_of_date": "2019-12-31"}, timestamp=started.run_after)]}
    assert score_date({}, started, NEW_YORK, other) == "2020-01-14"
    assert as_of_date({}, started, NEW_YORK, other) == "2019-12-31"


def test_a_run_started_by_an_asset_is_for_the_source_and_date_of_the_last_event() -> None:
    """Not for the form's default, which such a run has too."""

    def asked(source: str, day: str, minute: int) -> SimpleNamespace:
        return SimpleNamespace(extra={"source": source, "as_of_date": day}, timestamp=local(2020, 1, 15, 14, minute))

    form = {"source": "canonical", "as_of_date": None}
    events = {"mortgage_retraining": [asked("freddie_mac", "2019-11-15", 5), asked("fannie_mae", "2019-10-31", 1)]}
    started = run(None, None, local(2020, 1, 15, 15))
    assert source_of(form, events) == "freddie_mac"
    assert as_of_date(form, started, NEW_YORK, events) == "2019-11-15"
    assert source_of(form, {}) == "canonical"
    assert source_of(form, {"by hand": [SimpleNamespace(extra={}, timestamp=started.run_after)]}) == "canonical"


def test_a_run_for_a_partition_is_for_that_date() -> None:
    partition = SimpleNamespace(**{**vars(run(None, None, local(2020, 1, 15, 15))), "partition_key": "2019-06-30"})
    assert score_date({}, partition, NEW_YORK) == "2019-06-30"
    partition.partition_key = "june"
    with pytest.raises(ValueError, match="june"):
        score_date({}, partition, NEW_YORK)


def test_monthly_training_is_as_of_the_last_month_end() -> None:
    monthly = run(local(2020, 2, 5, 4), local(2020, 3, 5, 4), local(2020, 3, 5, 4))
    assert as_of_date({}, monthly, NEW_YORK) == "2020-02-29"


def test_every_day_of_a_year_is_scored_once_across_daylight_saving() -> None:
    """02:00 does not exist on one Sunday of March and comes twice on one of November... the dates stay
    complete.
    """
    timetable = FromNowOnTimetable("0 2 * * *", timezone(NEW_YORK))
    between = TimeRestriction(
        pendulum_datetime(2020, 1, 1, tz=NEW_YORK),
        pendulum_datetime(2020, 12, 31, 12, tz=NEW_YORK),
        catchup=True,
    )
    dates, last = [], None
    while info := timetable.next_dagrun_info(last_automated_data_interval=last, restriction=between):
        last = info.data_interval
        dates.append(score_date({}, run(last.start, last.end, info.run_after), NEW_YORK))
    assert len(dates) == 366
    assert dates == sorted(set(dates))
    assert (dates[0], dates[-1]) == ("2020-01-01", "2020-12-31")


@pytest.mark.parametrize(
    ("last_night", "next_night"),
    [("2020-01-14", "2020-01-15"), ("2020-01-10", "2020-01-14"), ("2019-11-30", "2020-01-15")],
    ids=["last night's was made", "an outage of days: the last night is made up for", "a backfill of past nights"],
)
def test_after_past_nights_the_next_run_is_the_next_one_due(monkeypatch, last_night: str, next_night: str) -> None:
    monkeypatch.setattr(timetable_module, "now", lambda tz: parse("2020-01-15 12:00", tz=NEW_YORK).in_timezone(tz))
    monkeypatch.setattr("airflow.timetables.interval.utcnow", lambda: parse("2020-01-15 12:00", tz=NEW_YORK))
    start = parse(f"{last_night} 02:00", tz=NEW_YORK)
    info = FromNowOnTimetable("0 2 * * *", timezone(NEW_YORK)).next_dagrun_info(
        last_automated_data_interval=DataInterval(start, start.add(days=1)),
        restriction=TimeRestriction(pendulum_datetime(2000, 1, 1), None, catchup=False),
    )
    assert info.data_interval.start.in_timezone(NEW_YORK).date().isoformat() == next_night


@pytest.mark.parametrize(
    ("clock", "first_run"),
    [("12:00", "2020-01-16"), ("02:30", "2020-01-15"), ("01:59", "2020-01-15")],
    ids=["in the day", "just due", "just before"],
)
def test_unpausing_starts_nothing_at_once(monkeypatch: pytest.MonkeyPatch, clock: str, first_run: str) -> None:
    moment = parse(f"2020-01-15 {clock}", tz=NEW_YORK)
    monkeypatch.setattr(timetable_module, "now", lambda tz: moment.in_timezone(tz))
    info = FromNowOnTimetable("0 2 * * *", timezone(NEW_YORK)).next_dagrun_info(
        last_automated_data_interval=None,
        restriction=TimeRestriction(pendulum_datetime(2000, 1, 1), None, catchup=False),
    )
    assert info.run_after.in_timezone(NEW_YORK).isoformat() == f"{first_run}T02:00:00-05:00"
    night = run(info.data_interval.start, info.data_interval.end, info.run_after)
    assert score_date({}, night, NEW_YORK) < first_run
