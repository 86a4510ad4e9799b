"""What the contracts say is what the model's code holds to: ranges, and what it answers of a loan."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest

from contracts import load_contract
from contracts.model import Column
from mortgage_model.monitoring.features import _out_of_range
from mortgage_model.scoring.reasons import TOP
from mortgage_model.scoring.typed import typed
from mortgage_model.table.rules import column_problems

DAY = dt.date(2000, 1, 1)
VALUES = {
    "number": [-1.0, 0.0, 0.5, 5.0],
    "integer": [-1, 0, 1, 5],
    "date": [DAY - dt.timedelta(1), DAY, DAY + dt.timedelta(1)],
}


@pytest.mark.parametrize(("kind", "bound"), [("number", 0.5), ("integer", 1), ("date", DAY)])
@pytest.mark.parametrize("ends", [("minimum",), ("maximum",), ("minimum", "maximum")])
def test_a_range_of_one_bound_is_the_contracts_rule(kind: str, bound: object, ends: tuple[str, ...]) -> None:
    column = Column("x", kind, "D.", "attribute", **dict.fromkeys(ends, bound))
    stored = pa.array(VALUES[kind])
    expected = [bool(column.outside(value)) for value in VALUES[kind]]
    (outside,) = [p.rows for p in column_problems(stored, typed(stored, column), column) if "must be from" in p.words]
    assert outside.tolist() == expected
    if kind != "date":
        share = _out_of_range(pd.Series(VALUES[kind]), column)
        assert share == pytest.approx(sum(expected) / len(expected))


def test_the_answer_has_the_columns_that_are_published() -> None:
    answered = tuple(column.name for column in load_contract("scores").with_role("attribute"))
    assert answered == ("pd", "grade", *(f"reason_{n + 1}" for n in range(TOP)))
