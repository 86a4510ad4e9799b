"""Whole columns are compared as contracts/values.py compares single values, whatever type the file stores."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from contracts.model import Column
from contracts.values import NO_VALUE, typed_value
from mortgage_model.scoring.typed import typed

NUMBER = Column("x", "number", "D.", "feature", missing_codes=("-999", "?"))
STORED = [
    pa.array(["-999", "25.5", None]),
    pa.array([" -999.0 ", "25.50", ""]),
    pa.array(["-9.99e2", "+25.5", "NULL"]),
    pa.array(["?", "2.55E1", "NaN"]),
    pa.array([-999, 25.5, None], pa.float64()),
    pa.array([-999, 25.5, np.nan], pa.float32()),
    pa.array([Decimal("-999.00"), Decimal("25.50"), None]),
    pa.array(["-999", "25.5", None]).dictionary_encode(),
    pa.array(["-999", "25.5", None], pa.large_string()),
    pa.chunked_array([["-999"], ["25.5", None]]),
]


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: str(stored.type))
def test_a_number_and_its_codes_are_found_in_any_type(stored):
    found = typed(stored, NUMBER)
    assert found.values.to_pylist() == [None, 25.5, None]
    assert found.absent.tolist() == [True, False, True]
    assert not found.unreadable.any()


@pytest.mark.parametrize("kind", [pa.int16(), pa.int64(), pa.float32()])
def test_whole_numbers_with_gaps(kind):
    assert typed(pa.array([-999, 25, None], kind), NUMBER).values.to_pylist() == [None, 25.0, None]


@pytest.mark.parametrize(
    ("kind", "stored", "values", "unreadable"),
    [
        ("integer", pa.array(["3", "3.0", "3.5", "x", "1e2"]), [3, 3, None, None, 100], [0, 0, 1, 1, 0]),
        ("number", pa.array(["0x1F", "1_000", "nan", "1e999", "12:30", "5%"]), [None] * 6, [1, 1, 0, 1, 1, 1]),
        ("boolean", pa.array(["Yes", "0", "f", "maybe", None]), [1, 0, 0, None, None], [0, 0, 0, 1, 0]),
        ("boolean", pa.array([True, False, None]), [1, 0, None], [0, 0, 0]),
        ("boolean", pa.array([1.0, 0.0, 2.0]), [1, 0, None], [0, 0, 1]),
        ("string", pa.array([1.0, np.nan, 2.5]), ["1", None, "2.5"], [0, 0, 0]),
        ("string", pa.array([10**17 + 1, 2]), [str(10**17 + 1), "2"], [0, 0]),
        ("string", pa.array([True, None]), ["true", None], [0, 0]),
        ("date", pa.array(["2020-02-29", "2020-02-30", "29.02.2020", "2020-02-29 00:00:00"]),
         ["2020-02-29", None, None, "2020-02-29"], [0, 1, 1, 0]),
        ("date", pa.array([dt.date(2020, 1, 2), None]), ["2020-01-02", None], [0, 0]),
        ("date", pa.array([dt.datetime(2020, 1, 2), dt.datetime(2020, 1, 2, 3)]), ["2020-01-02", None], [0, 1]),
        ("string", pa.nulls(2), [None, None], [0, 0]),
    ],
)  # fmt: skip
def test_values_of_each_type(kind, stored, values, unreadable):
    found = typed(stored, Column("x", kind, "D.", "attribute"))
    assert found.values.to_pylist() == values
    assert found.unreadable.astype(int).tolist() == unreadable


def test_a_percent_sign_is_read_where_the_unit_is_percent():
    found = typed(pa.array(["83.7%", "83.7 %", "83.7"]), Column("x", "number", "D.", "feature", unit="percent"))
    assert found.values.to_pylist() == [83.7] * 3


def test_text_that_is_a_whole_number_is_the_code_it_was_before_a_gap_made_it_a_fraction():
    column = Column("x", "string", "D.", "feature", allowed=("1", "2", "NA"), missing_codes=("9",))
    found = typed(pa.array(["1.0", "2", "9.0", "NA", "3.0", "NULL"]), column)
    assert found.values.to_pylist() == ["1", "2", None, "NA", "3.0", None], "NA is one of the values, NULL is not"


@pytest.mark.parametrize("kind", ["integer", "number", "boolean", "date", "string"])
def test_columns_and_single_values_agree(kind):
    texts = ["1", "1.0", "-2", "+3", "0.5", ".5", "1e3", "x", "yes", "F", "2020-01-31", "2020-13-01", "017", "١", "5%"]
    found = typed(pa.array(texts), Column("x", kind, "D.", "attribute"))
    single = [typed_value(kind, text) for text in texts]
    assert [value is None for value in single] == found.unreadable.tolist()
    told = [None if v is None else float(v) if kind in ("integer", "number", "boolean") else str(v) for v in single]
    assert found.values.to_pylist() == told


def test_words_for_nothing_are_nothing():
    assert typed(pa.array(list(NO_VALUE)), NUMBER).absent.all()
