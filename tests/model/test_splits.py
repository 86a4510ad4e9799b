from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mortgage_model.development.splits import SAMPLES, SplitError, check_events, out_of_time_split
from mortgage_model.months import month_number, month_text


def calendar(first: str, n: int) -> list[str]:
    return [month_text(month_number(first) + i) for i in range(n)]


def test_a_ten_year_panel_is_split_as_documented():
    bounds = out_of_time_split(calendar("2008-01", 120), horizon=12, oot_months=12, validation_months=12)
    assert bounds.to_json() == {
        "train_start": "2008-01",
        "train_end": "2012-12",
        "validation_start": "2014-01",
        "validation_end": "2014-12",
        "oot_start": "2016-01",
        "oot_end": "2016-12",
    }
    assert [bounds.sample_of(m) for m in ("2012-12", "2013-06", "2014-01", "2015-12", "2016-12", "2017-01")] == [
        "train",
        None,
        "validation",
        None,
        "oot",
        None,
    ]


@given(
    first=st.integers(1990 * 12, 2020 * 12),
    n=st.integers(1, 240),
    horizon=st.integers(1, 36),
    oot=st.integers(1, 36),
    validation=st.integers(1, 36),
    gaps=st.sets(st.integers(0, 239)),
)
def test_no_outcome_window_reaches_into_a_later_sample(first, n, horizon, oot, validation, gaps):
    months = [first + i for i in range(n) if i not in gaps or i in (0, n - 1)]
    needed = 3 * horizon + oot + validation + 1
    if n < needed:
        with pytest.raises(SplitError, match=f"needs at least {needed}"):
            out_of_time_split(map(month_text, months), horizon, oot, validation)
        return
    bounds = out_of_time_split(map(month_text, months), horizon, oot, validation)
    window_ends = [month_number(bounds.range_of(sample)[1]) + horizon for sample in SAMPLES]
    starts = [month_number(bounds.range_of(sample)[0]) for sample in SAMPLES]
    assert window_ends[0] < starts[1]
    assert window_ends[1] < starts[2]
    assert window_ends[2] <= months[-1], "the last outcome window must close within the tape"
    for sample, length in (("validation", validation), ("oot", oot)):
        start, end = map(month_number, bounds.range_of(sample))
        assert end - start + 1 == length


@pytest.mark.parametrize("month", ["2008-13", "2008", "2008-1", "200801", "20a8-01"])
def test_a_malformed_month_is_named(month):
    with pytest.raises(SplitError, match=month):
        out_of_time_split([month], 12, 12, 12)


def test_short_history_names_months_available_and_needed():
    with pytest.raises(SplitError, match=r"spans 60 months \(2008-01 to 2012-12\).*needs at least 61"):
        out_of_time_split(calendar("2008-01", 60), 12, 12, 12)


def test_training_rows_of_one_class_are_named_with_all_counts():
    bounds = out_of_time_split(calendar("2008-01", 120), 12, 12, 12)
    check_events({"train": (100, 5), "validation": (10, 0), "oot": (10, 10)}, bounds)
    with pytest.raises(SplitError, match=r"^train must hold.*2014-01 to 2014-12: 10 rows, 1 defaults"):
        check_events({"train": (100, 0), "validation": (10, 1), "oot": (10, 9)}, bounds)


@given(months=st.integers(1, 80), horizon=st.integers(1, 24))
def test_a_panel_that_is_too_short_is_told_which_settings_would_do(months, horizon):
    panel = calendar("2008-01", months)
    try:
        out_of_time_split(panel, horizon, 40, 40)
    except SplitError as error:
        advice = error.advice
    if fits := re.match(r"A split that fits: oot_months (\d+), validation_months (\d+) \(horizon_months (\d+)", advice):
        oot, validation, same = map(int, fits.groups())
        assert same == horizon
        out_of_time_split(panel, horizon, oot, validation)
    elif shorter := re.search(r"horizon_months (\d+) with oot_months 1 and validation_months 1", advice):
        out_of_time_split(panel, int(shorter[1]), 1, 1)
        with pytest.raises(SplitError):
            out_of_time_split(panel, int(shorter[1]) + 1, 1, 1)
    else:
        assert "bring more history" in advice
        with pytest.raises(SplitError):
            out_of_time_split(panel, 1, 1, 1)
