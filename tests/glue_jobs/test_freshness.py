"""How old a run's tapes are, on its own date, against the limits that the settings give."""

from __future__ import annotations

import datetime as dt

import pytest

from data_quality.freshness import AgeLimit, ingest_ages, report_age
from data_quality.outcomes import Outcome, summarize
from mortgage_etl.files.extracts import Extract

LIMIT = AgeLimit.of("report_age", {"report_age_warning_days": "45", "report_age_error_days": "90"})
LOANS = {"loans", "performance"}


def words(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.table, "fresh" if outcome.success else outcome.severity) for outcome in outcomes]


@pytest.mark.parametrize(
    ("night", "found"),
    [
        ("2020-01-10", "fresh"),
        ("2019-12-20", "fresh"),  # the month is not over: delivered early
        ("2020-02-14", "fresh"),
        ("2020-02-15", "warning"),
        ("2020-03-30", "warning"),
        ("2020-03-31", "error"),
        ("2026-11-24", "error"),
    ],
)
def test_the_newest_month_ages_from_its_last_day(night: str, found: str) -> None:
    outcomes = report_age("scoring_input", "2019-12", dt.date.fromisoformat(night), LIMIT)
    assert words(outcomes) == [("scoring_input", found)]
    assert summarize("scoring_input", outcomes)["success"] == (found != "error")


def test_a_replayed_night_is_measured_on_its_own_date() -> None:
    assert words(report_age("scoring_input", "2014-12", dt.date(2015, 1, 10), LIMIT)) == [("scoring_input", "fresh")]


def test_the_message_has_the_figures_the_settings_and_what_to_do() -> None:
    (outcome,) = report_age("scoring_input", "2014-12", dt.date(2026, 11, 24), LIMIT)
    assert outcome.observed == 4346
    assert outcome.message == (
        "scoring_input: the newest reporting month is 2014-12, which ended on 2014-12-31, 4,346 days before the run's "
        "date (a warning from 46 days on, an error from 91 days on: settings report_age_…_days). Land the newer tapes "
        "and clear find_delivery and after; or choose a date on which these were new."
    )


def test_without_a_single_row_there_is_no_age() -> None:
    assert report_age("scoring_input", None, dt.date(2020, 1, 1), LIMIT) == []


@pytest.mark.parametrize(
    ("loans", "performance", "economy", "found"),
    [
        ("2020-03-01", "2020-03-01", "2020-03-01", ["fresh", "fresh", "fresh", "fresh"]),
        ("2019-06-30", "2020-03-01", "2020-03-01", ["fresh", "warning", "fresh", "fresh"]),  # delivered once
        ("2019-06-30", "2020-02-01", "2020-03-01", ["warning", "warning", "warning", "fresh"]),
        ("2019-06-30", "2019-12-01", "2020-03-01", ["error", "warning", "warning", "fresh"]),  # nothing for 121 days
        ("2020-03-01", "2020-03-01", "2019-01-01", ["fresh", "fresh", "fresh", "warning"]),
        (None, None, None, []),  # a plain folder has no date of delivery
    ],
)
def test_tables_that_are_delivered_late_warn_and_no_delivery_at_all_is_an_error(
    loans: str | None, performance: str | None, economy: str | None, found: list[str]
) -> None:
    days = {"loans": loans, "performance": performance, "economic_indicators": economy}
    extracts = {
        name: Extract(name, ("f",), 1, dt.date.fromisoformat(day) if day else None) for name, day in days.items()
    }
    outcomes = ingest_ages("raw", extracts, LOANS, dt.date(2020, 3, 31), LIMIT)
    assert [verdict for _, verdict in words(outcomes)] == found
    assert [outcome.table for outcome in outcomes] == (["raw", *extracts] if loans else [])
