"""What the suites look at: sources that cannot be read, rejected rows, manifests, previous results."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from pyspark.sql import SparkSession

from contracts import load_contract
from data_quality import storage, suites
from data_quality.freshness import AgeLimit
from data_quality.outcomes import Outcome
from data_quality.validation import Validator
from mortgage_etl.cleaning.source_tables import SourceTables
from mortgage_etl.files.extracts import Extract

RUN_DATE = dt.date(2019, 12, 31)
REPORTED, INGEST = AgeLimit("report_age", 45, 90), AgeLimit("ingest_age", 45, 90)


class FolderS3:
    """Just enough of boto3's S3 client, over a folder per bucket."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.types: dict[str, str] = {}

    def get_object(self, Bucket: str, Key: str) -> dict:
        path = self.root / Bucket / Key
        if not path.is_file():
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(path.read_bytes())}

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        path = self.root / Bucket / Key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Body)
        self.types[Key] = ContentType

    def get_paginator(self, _: str) -> FolderS3:
        return self

    def paginate(self, Bucket: str, Prefix: str) -> Iterator[dict]:
        root = self.root / Bucket
        keys = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        yield {"Contents": [{"Key": key} for key in keys if key.startswith(Prefix)]}


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderS3:
    client = FolderS3(tmp_path)
    monkeypatch.setattr(storage.boto3, "client", lambda _: client)
    return client


def test_previous_result_is_the_newest_of_an_earlier_date(s3: FolderS3) -> None:
    root = "s3://b/dq/raw/source=canonical"
    for day, rows in (("2019-10-31", 1), ("2019-11-30", 2), ("2019-12-31", 3), ("2020-01-31", 4)):
        storage.write_json(f"{root}/run_date={day}/result.json", {"rows": rows})
    assert storage.previous_result(root, RUN_DATE) == {"rows": 2}
    assert storage.previous_result(root, dt.date(2019, 10, 31)) is None


def test_docs_are_uploaded_with_types_a_browser_knows(s3: FolderS3, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (docs / "static").mkdir(parents=True)
    (docs / "index.html").write_text("<html>")
    (docs / "static" / "a.css").write_text("a {}")
    storage.upload_folder(docs, "s3://b/data_docs")
    assert s3.types == {"data_docs/index.html": "text/html", "data_docs/static/a.css": "text/css"}


@pytest.mark.parametrize(
    ("rejected", "failed"),
    [(0, set()), (50, {"warning"}), (51, {"warning", "error"})],
)
def test_rejected_rows_warn_and_too_many_are_an_error(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, rejected: int, failed: set[str]
) -> None:
    counts = {
        "rows_in": 1000,
        "rows_out": 1000 - rejected,
        "quarantined": rejected,
        "by_reason": {"out_of_range": rejected} if rejected else {},
    }
    outcomes = raw_outcomes(spark, monkeypatch, SourceTables({}, {"loans": counts}))
    assert {outcome.severity for outcome in outcomes if not outcome.success} == failed
    assert all(f"{rejected:,} of 1,000 rows" in outcome.message for outcome in outcomes)
    assert not rejected or "out of range" in outcomes[0].message


@pytest.mark.parametrize(("day", "fresh"), [(dt.date(2019, 11, 16), True), (dt.date(2019, 11, 15), False)])
def test_old_extract_warns(spark: SparkSession, monkeypatch: pytest.MonkeyPatch, day: dt.date, fresh: bool) -> None:
    extracts = {"loans": Extract("loans", ("f",), 1, day)}
    whole, loans = raw_outcomes(spark, monkeypatch, SourceTables({}, {}, {}, extracts))
    for outcome in (whole, loans):
        assert (outcome.severity, outcome.success) == ("warning", fresh)
        assert str(day) in outcome.message


def raw_outcomes(spark: SparkSession, monkeypatch: pytest.MonkeyPatch, read: SourceTables) -> list[Outcome]:
    monkeypatch.setattr(suites, "read_clean_tables", lambda *_: read)
    return suites.raw_subject(spark, "canonical", "s3://b/tables", RUN_DATE, {}, INGEST).outcomes


def dataset(spark: SparkSession, suite: str) -> suites.Subject:
    return suites.dataset_subject(spark, suite, "s3://b/data", RUN_DATE, 12, {}, REPORTED, INGEST)


def test_unpublished_and_unreadable_datasets(spark: SparkSession, s3: FolderS3, tmp_path: Path) -> None:
    (outcome,) = suites.raw_subject(spark, "canonical", str(tmp_path / "tables"), RUN_DATE, {}, INGEST).outcomes
    assert (outcome.severity, outcome.success) == ("error", False)
    assert f"there is no {tmp_path}/tables/_manifest.json" in outcome.message
    assert "there is no s3://b/data/_manifest.json" in dataset(spark, "loan_panel").outcomes[0].message
    storage.write_json("s3://b/data/_manifest.json", {"rows": 1, "data_prefix": f"{tmp_path}/gone"})
    assert "cannot be read" in dataset(spark, "loan_panel").outcomes[0].message
    storage.write_json("s3://b/data/_manifest.json", {"rows": 1, "columns": ["loan_id"], "data_prefix": "x"})
    assert "not those of the contract" in dataset(spark, "scoring_input").outcomes[0].message


def scoring_line(loan: str) -> str:
    values = []
    for column in load_contract("scoring_input").columns:
        if column.name == "loan_id":
            values.append(loan)
        elif column.allowed:
            values.append(str(column.allowed[0]))
        else:
            values.append(str(int(max(column.minimum or 0, 1))))
    return ",".join(values)


def test_scoring_input_with_bad_lines_and_too_few_rows(spark: SparkSession, s3: FolderS3, tmp_path: Path) -> None:
    columns = list(load_contract("scoring_input").column_names)
    data = tmp_path / "attempt=1"
    data.mkdir()
    lines = [scoring_line("A"), scoring_line("B").replace(",", ",x", 1), scoring_line("C").rsplit(",", 1)[0]]
    (data / "part-0.csv").write_text("\n".join(lines))
    tapes = {"performance": {"ingest_date": "2015-01-10", "files": [], "bytes": 1}}
    manifest = {
        **{"rows": 4, "columns": columns, "data_prefix": str(data)},
        **{"source": "canonical", "newest_month": "2014-12", "extracts": tapes},
    }
    storage.write_json("s3://b/data/_manifest.json", manifest)
    subject = dataset(spark, "scoring_input")
    assert [(o.expectation, o.severity, o.success) for o in subject.outcomes] == [
        ("expect_reporting_month_to_be_recent", "error", False),
        ("expect_extract_to_be_recent", "error", False),
        ("expect_extract_to_be_recent", "warning", False),
    ]
    (table,) = subject.tables
    outcomes = Validator().run(table.name, table.frame, table.checks)
    failed = {outcome.expectation: outcome for outcome in outcomes if not outcome.success}
    assert failed["expect_column_values_to_be_null"].observed == 2
    assert failed["expect_table_row_count_to_equal"].observed == 3
    json.dumps([outcome.message for outcome in outcomes])
