"""What Spark holds rows to is what the contracts say, and what every other place holds them to."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from contracts import load_contract
from contracts.expectations import build_suite
from contracts.model import Column, Contract
from contracts.requests import validate_record
from contracts.sources import SOURCES
from contracts.spark_schema import struct_type
from data_quality.validation import Validator
from mortgage_etl.cleaning import accounting
from mortgage_etl.cleaning.quarantine import none_quarantined
from mortgage_etl.cleaning.rules import broken_rules
from mortgage_etl.layouts import public_economics
from mortgage_etl.layouts.by_source import LAYOUTS, raw_tables

DAY = dt.date(2000, 1, 1)
VALUES = {
    "number": [-1.0, 0.0, 0.5, 5.0, 5.5, None],
    "integer": [-1, 0, 1, 5, 6, None],
    "date": [DAY - dt.timedelta(1), DAY, DAY + dt.timedelta(1), None],
}


def test_a_range_of_one_bound_is_the_same_rule_in_the_etl_the_checks_and_a_request(spark: SparkSession) -> None:
    columns = [
        Column(f"{kind}_{name}", kind, "D.", "attribute", minimum=low, maximum=high)
        for kind, bound in (("number", 0.5), ("integer", 1), ("date", DAY))
        for name, low, high in (("least", bound, None), ("most", None, bound), ("both", bound, bound))
    ]
    contract = Contract("t", "1", "D.", "g", tuple(columns))
    rows = [[VALUES[c.type][n] if n < len(VALUES[c.type]) else None for c in columns] for n in range(6)]
    frame = spark.createDataFrame(rows, struct_type(contract))
    broken = {column.name: broken_rules(column, F.col(column.name)) for column in columns}
    assert {reason for rules in broken.values() for _, reason in rules} == {"out_of_range"}
    found = frame.select(
        [F.coalesce(rules[0][0], F.lit(False)).alias(name) for name, rules in broken.items()]
    ).collect()
    for row, judged in zip(rows, found, strict=True):
        for column, value in zip(columns, row, strict=True):
            alone = Contract("t", "1", "D.", "g", (column,))
            sent = value.isoformat() if isinstance(value, dt.date) else value
            assert judged[column.name] == bool(validate_record(alone, {column.name: sent})), (column.name, value)
    suite = [check for check in build_suite(contract, DAY) if check.type == "expect_column_values_to_be_between"]
    observed = {outcome.column: outcome.observed for outcome in Validator().run("t", frame, suite)}
    assert observed == {column.name: sum(row[column.name] for row in found) for column in columns}


def test_the_quarantine_has_its_contracts_columns_and_reasons(spark: SparkSession) -> None:
    contract = load_contract("quarantine")
    assert none_quarantined(spark).schema == struct_type(contract)
    assert dict(none_quarantined(spark).dtypes)["row_number"] == "bigint"
    assert set(accounting.OF_OTHERS) < set(contract.column("reason").allowed or ())


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_has_a_layout_of_each_raw_table_that_yields_what_it_feeds(source: str) -> None:
    layouts = raw_tables(source)
    assert [raw.name for raw in layouts] == list(SOURCES[source])
    for raw in layouts:
        wanted = {name for table in raw.feeds for name in load_contract(table).column_names}
        assert set(raw.columns) == wanted, raw.name
        assert set(raw.key) <= wanted


def test_no_layout_is_of_no_source() -> None:
    assert set(LAYOUTS) == {raw for feeds in SOURCES.values() for raw in feeds}
    assert {raw.name for raw in public_economics.TABLES} == {"fhfa_hpi", "laus_unemployment", "pmms"}
