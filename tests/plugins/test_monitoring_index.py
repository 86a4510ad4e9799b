"""The index of monitored nights, kept in S3."""

from __future__ import annotations

from typing import Any

from fake_aws import FakeAws
from test_monitoring import document

from mortgage_risk.monitoring.index import Index, index_row, missing_row

ROOT = "s3://b/index/source=canonical/"


def entered(fake: FakeAws, *days: str) -> Index:
    index = Index(fake.client("s3"), ROOT)
    for day in days:
        content: Any = document(day)
        index.enter(index_row(content, f"s3://b/nights/{day}/", {}, None))
    return index


def dates(index: Index, day: str) -> list[str]:
    return [row["date"] for row in index.before(day)]


def test_before_a_night_are_those_of_its_month_and_of_the_one_before(fake_aws: FakeAws) -> None:
    index = entered(fake_aws, "2019-10-31", "2019-12-02", "2019-11-30", "2019-12-01", "2019-12-03", "2020-01-01")
    assert dates(index, "2019-12-03") == ["2019-11-30", "2019-12-01", "2019-12-02"]
    assert dates(index, "2019-10-31") == []
    assert index.newest() == "2020-01-01"


def test_the_first_night_of_a_month_has_nights_before_it(fake_aws: FakeAws) -> None:
    index = entered(fake_aws, "2019-10-31", "2019-11-30")
    assert dates(index, "2019-12-01") == ["2019-10-31", "2019-11-30"]


def test_a_missing_night_is_no_night_to_compare_with(fake_aws: FakeAws) -> None:
    index = entered(fake_aws, "2019-12-01")
    index.enter(missing_row("2019-12-02", "no tape"))
    assert dates(index, "2019-12-03") == ["2019-12-01"]
    assert index.newest() == "2019-12-02"


def test_a_night_entered_again_takes_its_own_place(fake_aws: FakeAws) -> None:
    index = entered(fake_aws, "2019-12-01", "2019-12-02")
    index.enter(missing_row("2019-12-01"))
    assert dates(index, "2019-12-03") == ["2019-12-02"]
