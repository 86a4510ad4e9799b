"""Great Expectations on Spark: a good table passes; each planted defect is found by the check meant for it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts import Column, load_contract
from contracts.expectations import build_suite
from contracts.spark_schema import struct_type
from data_quality.outcomes import Outcome, from_validation, summarize
from data_quality.validation import Validator
from tests.documents import misfits

RUN_DATE = dt.date(2019, 12, 31)
ROWS = 40


@pytest.fixture(scope="module", autouse=True)
def interpreted(spark: SparkSession) -> Iterator[None]:
    """Compiling a hundred aggregates to Java takes seconds, and forty rows do not repay it."""
    settings = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
    before = {key: spark.conf.get(key) for key in settings}
    for key, value in settings.items():
        spark.conf.set(key, value)
    yield
    for key, value in before.items():
        spark.conf.set(key, value)


def good_value(column: Column, row: int) -> object:
    if column.name == "loan_id":
        return f"L{row // 4}"
    if column.name == "snapshot_month":
        return f"2019-{row % 4 + 1:02d}"
    if column.unit == "month":
        return dt.date(2019, 12 - row % 4, 1)
    if column.name == "default_in_horizon":
        return 1 if row < 2 else 0
    if column.allowed:
        return column.allowed[row % len(column.allowed)]
    if column.type == "date":
        return dt.date(2019, 12, 1)
    if column.type == "string":
        return "941"
    low, high = column.minimum or 0, column.maximum or 100
    return int(low) if column.type == "integer" else float(low + (high - low) / 10)


def good_frame(spark: SparkSession, table: str) -> DataFrame:
    contract = load_contract(table)
    rows = [tuple(good_value(column, row) for column in contract.columns) for row in range(ROWS)]
    return spark.createDataFrame(rows, struct_type(contract))


def failures(frame: DataFrame, table: str, previous_rows: int | None = None, only: str | None = None) -> list[Outcome]:
    """What fails of the table's suite, or of its checks of type ``only``."""
    suite = build_suite(load_contract(table), RUN_DATE, previous_rows)
    checks = [check for check in suite if only in (None, check.type)]
    return [outcome for outcome in Validator().run(table, frame, checks) if not outcome.success]


@pytest.mark.parametrize("table", ["loan_panel", "performance"])
def test_a_good_table_passes_every_check(spark: SparkSession, table: str) -> None:
    assert failures(good_frame(spark, table), table, ROWS) == []


PLANTED = {  # what is put into one row: column, SQL value, and the check that must find it
    "negative balance": ("current_upb", "-5D", "expect_column_values_to_be_between"),
    "unknown state": ("property_state", "'ZZ'", "expect_column_values_to_be_in_set"),
    "impossible score": ("credit_score", "9999", "expect_column_values_to_be_between"),
    "delinquent at the snapshot": ("delinquency_status", "3", "expect_column_values_to_be_between"),
    "bad label": ("default_in_horizon", "2", "expect_column_values_to_be_in_set"),
    "required is null": ("original_upb", "null", "expect_column_values_to_not_be_null"),
    "bad form": ("zip3", "'94x'", "expect_column_values_to_match_regex"),
    "not a number": ("ltv", "double('NaN')", "expect_column_values_to_be_between"),
}


@pytest.fixture(scope="module")
def planted_outcomes(spark: SparkSession) -> list[Outcome]:
    frame = good_frame(spark, "loan_panel")
    for column, value, _ in PLANTED.values():
        this_row = "loan_id = 'L3' and snapshot_month = '2019-01'"
        frame = frame.withColumn(column, F.expr(f"if({this_row}, {value}, {column})"))
    return failures(frame, "loan_panel")


@pytest.mark.parametrize("defect", PLANTED)
def test_one_bad_value_is_found_by_its_check(planted_outcomes: list[Outcome], defect: str) -> None:
    column, _, expectation = PLANTED[defect]
    (found,) = [outcome for outcome in planted_outcomes if outcome.column == column]
    assert (found.expectation, found.severity, found.observed) == (expectation, "error", 1)
    assert found.message.startswith("loan_panel: 1 of 40 rows (2.5 %) break the rule that " + column)
    assert "L3" not in found.message


def test_nothing_but_the_planted_defects_is_reported(planted_outcomes: list[Outcome]) -> None:
    assert {outcome.column for outcome in planted_outcomes} == {column for column, _, _ in PLANTED.values()}


def test_missing_all_null_retyped_and_extra_columns(spark: SparkSession) -> None:
    frame = (
        good_frame(spark, "loan_panel")
        .drop("ltv")
        .withColumn("dti", F.lit(None).cast("double"))
        .withColumn("mi_percentage", F.lit(None).cast("double"))
        .withColumn("loan_age", F.col("loan_age").cast("string"))
        .withColumn("stray", F.lit(1))
    )
    found = {(o.column, o.expectation, o.severity): o.message for o in failures(frame, "loan_panel")}
    columns = "expect_table_columns_to_match_set"
    assert "columns ltv are missing" in found.pop((None, columns, "error"))
    assert "stray" in found.pop((None, columns, "warning"))
    not_null = "expect_column_values_to_not_be_null"
    assert "dti is null in all 40 rows" in found.pop(("dti", not_null, "error"))
    assert "mi_percentage is null in all 40 rows" in found.pop(("mi_percentage", not_null, "warning"))
    assert "StringType" in found.pop(("loan_age", "expect_column_values_to_be_in_type_list", "error"))
    assert {column for column, _, _ in found} <= {"loan_age"}


def test_rules_about_the_whole_table(spark: SparkSession) -> None:
    panel = good_frame(spark, "loan_panel").withColumn("default_in_horizon", F.lit(0))
    found = {(o.expectation, o.severity): o for o in failures(panel.union(panel), "loan_panel", 1000)}
    assert set(found) == {
        ("expect_compound_columns_to_be_unique", "error"),
        ("expect_table_row_count_to_be_between", "warning"),
        ("expect_table_row_count_to_be_between", "error"),
        ("expect_column_mean_to_be_between", "warning"),
        ("expect_column_sum_to_be_between", "error"),
    }
    assert found["expect_table_row_count_to_be_between", "error"].observed == 80
    assert "(1,000 rows then): not so, found 80" in found["expect_table_row_count_to_be_between", "error"].message
    assert found["expect_compound_columns_to_be_unique", "error"].observed == 80


def test_a_share_is_told_in_the_unit_of_its_rule() -> None:
    checks = build_suite(load_contract("loan_panel"), RUN_DATE)
    (rate,) = [check for check in checks if check.type == "expect_column_mean_to_be_between"]
    outcome = from_validation("loan_panel", rate, False, {"observed_value": 0.000843}, "")
    assert outcome.message.endswith("(0.1 to 15 %): not so, found 0.0843 %.")


@pytest.mark.parametrize(
    ("newest", "severities"),
    [
        (dt.date(2019, 11, 1), []),
        (dt.date(2019, 10, 1), ["warning"]),
        (dt.date(2019, 8, 1), ["error", "warning"]),
    ],
)
def test_freshness(spark: SparkSession, newest: dt.date, severities: list[str]) -> None:
    frame = good_frame(spark, "performance").withColumn("reporting_month", F.lit(newest))
    found = failures(frame, "performance", only="expect_column_max_to_be_between")
    assert sorted(outcome.severity for outcome in found) == severities
    assert all(outcome.observed == str(newest) for outcome in found)
    json.dumps(summarize("raw", found))


def test_a_month_after_the_run_date_is_an_error(spark: SparkSession) -> None:
    frame = good_frame(spark, "performance")
    month = F.when(F.col("loan_id") == "L1", F.lit(dt.date(2020, 1, 1))).otherwise(F.col("reporting_month"))
    frame = frame.withColumn("reporting_month", month)
    (future,) = failures(frame, "performance", only="expect_column_values_to_be_between")
    assert (future.column, future.severity, future.observed) == ("reporting_month", "error", 4)


def test_an_empty_table_and_an_unlabelled_one_are_errors(spark: SparkSession) -> None:
    rows = "expect_table_row_count_to_be_between"
    (empty,) = failures(good_frame(spark, "loan_panel").limit(0), "loan_panel", only=rows)
    assert (empty.severity, empty.message) == ("error", "loan_panel: it has rows: not so, found 0.")
    unlabelled = good_frame(spark, "loan_panel").withColumn("default_in_horizon", F.lit(None).cast("int"))
    (events,) = failures(unlabelled, "loan_panel", only="expect_column_sum_to_be_between")
    assert (events.severity, events.observed) == ("error", None)


def test_result_tells_errors_from_warnings() -> None:
    ok = Outcome("loans", None, "expect_table_row_count_to_be_between", "error", True, "loans: fine.", 7)
    warning = Outcome("loans", "dti", "x", "warning", False, "loans: odd.", 1)
    error = Outcome("loans", "ltv", "x", "error", False, "loans: wrong.", 2)
    mild = summarize("raw", [ok, warning])
    assert mild["success"]
    assert mild["row_counts"] == {"loans": 7}
    assert mild["statistics"] == {"evaluated": 2, "passed": 1, "failed": 0, "warnings": 1}
    severe = summarize("raw", [ok, warning, error])
    assert not severe["success"]
    assert [entry["message"] for entry in severe["expectations"]] == [
        "loans: wrong.",
        "loans: odd.",
        "loans: fine.",
    ]


def test_data_docs_hold_no_rows(spark: SparkSession, tmp_path: Path) -> None:
    validator = Validator()
    checks = build_suite(load_contract("borrowers"), RUN_DATE)
    frame = good_frame(spark, "borrowers").withColumn("dti", F.lit(-1.5))
    validator.run("borrowers", frame, checks)
    validator.write_data_docs(tmp_path)
    pages = list(tmp_path.rglob("*.html"))
    assert (tmp_path / "index.html") in pages
    assert not any("L3<" in page.read_text() or "-1.5" in page.read_text() for page in pages)


def test_a_result_is_what_the_plugins_read():
    outcomes = [
        Outcome("loans", "ltv", "expect_x", severity, success, "loans: so.")
        for severity, success in (("error", False), ("warning", False), ("error", True))
    ]
    result = json.loads(json.dumps(summarize("raw", outcomes)))
    assert misfits(result, "DataQualityResult") == []
