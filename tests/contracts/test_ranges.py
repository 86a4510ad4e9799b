"""A range is one rule wherever it is checked, also where it has one bound only."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import Contract, ContractError, Rule
from contracts.dictionary import _values
from contracts.expectations import build_suite
from contracts.model import Column
from contracts.requests import in_range_words, span_words, validate_record

AS_OF = dt.date(2020, 1, 31)
BOUNDS = [(None, None), (0, None), (None, 5), (0, 5), (3, 3)]


def column(low: object, high: object, kind: str = "number") -> Column:
    return Column("x", kind, "D.", "attribute", unit="points", minimum=low, maximum=high)


def contract(of: Column, *rules: Rule) -> Contract:
    return Contract("t", "1", "D.", "g", (of,), rules)


@pytest.mark.parametrize(("low", "high"), BOUNDS)
@given(value=st.one_of(st.integers(-9, 9), st.floats(-9, 9)))
def test_a_value_is_outside_or_a_request_passes(low: int | None, high: int | None, value: float) -> None:
    checked = column(low, high)
    outside = (low is not None and value < low) or (high is not None and value > high)
    assert bool(checked.outside(value)) == outside
    assert bool(validate_record(contract(checked), {"x": value})) == outside
    assert checked.bounded == ((low, high) != (None, None)) == (checked.outside(value) is not None)


@pytest.mark.parametrize(("low", "high"), BOUNDS[1:])
def test_arrays_and_series_are_judged_element_by_element(low: int | None, high: int | None) -> None:
    values = [-1.0, 0.0, 3.0, 5.0, 6.0]
    one_by_one = [column(low, high).outside(value) for value in values]
    assert column(low, high).outside(np.array(values)).tolist() == one_by_one
    with_gap = column(low, high).outside(pd.Series([*values, np.nan]))
    assert with_gap.tolist() == [*one_by_one, False]


def test_days_have_ranges_of_one_bound_too() -> None:
    day = column(dt.date(2000, 1, 1), None, "date")
    assert [bool(day.outside(dt.date(year, 1, 1))) for year in (1999, 2000, 2001)] == [True, False, False]
    assert in_range_words(day) == "at least 2000-01-01 points"


@pytest.mark.parametrize(
    ("low", "high", "words", "listed"),
    [
        (0, None, "at least 0 points", "0 … "),
        (None, 5000, "at most 5,000 points", " … 5,000"),
        (0, 0.5, "between 0 and 0.5 points", "0 … 0.5"),
    ],
)
def test_every_place_says_the_bounds_that_there_are(low: float, high: float, words: str, listed: str) -> None:
    checked = column(low, high)
    assert in_range_words(checked) == words
    (check,) = [c for c in build_suite(contract(checked), AS_OF) if "between" in c.type]
    assert check.claim == f"x is {words}"
    assert check.kwargs == {"column": "x", "min_value": low, "max_value": high}
    assert _values(checked) == listed


@pytest.mark.parametrize(
    ("low", "high", "claim"),
    [(0.1, None, "at least 0.1 %"), (None, 15, "at most 15 %"), (0.1, 15, "0.1 to 15 %")],
)
def test_a_rule_about_a_share_may_have_one_bound(low: float | None, high: float | None, claim: str) -> None:
    rule = Rule("share", "mean_percent", "warning", "It is some.", "x", low, high, "percent")
    (check,) = [c for c in build_suite(contract(column(None, None), rule), AS_OF) if c.percent]
    assert check.claim == f"it is some ({claim})"
    assert check.kwargs["min_value"] == (None if low is None else low / 100)
    assert check.kwargs["max_value"] == (None if high is None else high / 100)


def test_an_age_without_a_limit_is_refused() -> None:
    rule = Rule("fresh", "days_since_newest", "error", "It is new.", "x", minimum=3)
    with pytest.raises(ContractError, match="t: rule 'fresh' needs a maximum"):
        build_suite(contract(column(None, None, "date"), rule), AS_OF)


def test_a_range_without_unit_is_told_plainly() -> None:
    assert span_words(None, 3, None) == "at most 3"
