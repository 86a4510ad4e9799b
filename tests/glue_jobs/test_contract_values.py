"""Spark and Great Expectations compare a table's values with the contract's as contracts/values.py does."""

from __future__ import annotations

import datetime as dt

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from contracts.expectations import build_suite
from contracts.model import Column, Contract
from contracts.values import Codes
from data_quality.validation import Validator
from mortgage_etl.cleaning.quarantine import _is_missing

TEXTS = ["999", "999.0", "9.99e2", "0999", "998", "9", "9.0", "09", "U", "u", "1900-01-01", "1900-01-02", "x", "-999."]


@pytest.mark.parametrize(
    ("kind", "codes", "layout"),
    [
        ("number", ("999", "U"), ()),
        ("number", ("-999",), ("999.0",)),
        ("integer", ("999.0",), ()),
        ("string", ("9", "U"), ()),
        ("string", ("0999",), ("9.0",)),
        ("date", ("1900-01-01", "9"), ()),
    ],
)
def test_the_reader_finds_the_codes_that_the_contract_means(spark: SparkSession, kind, codes, layout):
    column = Column("x", kind, "D.", "attribute", missing_codes=codes)
    frame = spark.createDataFrame([(text,) for text in TEXTS], "value string")
    found = [row[0] for row in frame.select(_is_missing(F.col("value"), layout, column)).collect()]
    known = Codes.of(kind, (*layout, *codes))
    assert found == [known.holds(kind, text) for text in TEXTS]
    assert any(found)


def test_blank_text_is_missing_without_a_contract(spark: SparkSession):
    frame = spark.createDataFrame([("",), ("a",), (".",)], "value string")
    assert [row[0] for row in frame.select(_is_missing(F.col("value"), (".",), None)).collect()] == [True, False, True]


def test_data_checks_hold_whole_numbers_and_days_against_the_contract(spark: SparkSession):
    columns = (
        Column("grade", "integer", "D.", "attribute", allowed=(1, 2)),
        Column("rate", "number", "D.", "attribute", allowed=(0.5, 1)),
        Column("day", "date", "D.", "attribute", allowed=(dt.date(2020, 1, 1), dt.date(2020, 1, 2)),
               minimum=dt.date(2020, 1, 1), maximum=dt.date(2020, 1, 1)),
    )  # fmt: skip
    contract = Contract("t", "1", "D.", "g", columns)
    schema = "grade int, rate double, day date"
    good = [(1, 0.5, dt.date(2020, 1, 1)), (2, 1.0, None)]
    bad = [(3, 0.7, dt.date(2020, 1, 2)), (1, 1.0, dt.date(2020, 1, 3))]
    suite, validator = build_suite(contract, dt.date(2020, 2, 1)), Validator()
    assert all(outcome.success for outcome in validator.run("good", spark.createDataFrame(good, schema), suite))
    failed = [o.message for o in validator.run("bad", spark.createDataFrame(bad, schema), suite) if not o.success]
    assert failed == [
        "bad: 1 of 2 rows (50 %) break the rule that grade is one of 1, 2.",
        "bad: 1 of 2 rows (50 %) break the rule that rate is one of 0.5, 1.",
        "bad: 1 of 2 rows (50 %) break the rule that day is one of 2020-01-01, 2020-01-02.",
        "bad: 2 of 2 rows (1e+02 %) break the rule that day is between 2020-01-01 and 2020-01-01.",
    ]
