"""Which rows of a table break its contract, and how: every one is found, so that all can be mended at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from contracts.model import Column, Contract
from contracts.split import OUT_OF_TIME
from contracts.values import NUMERIC, TYPE_WORDS, as_text
from mortgage_model.scoring.typed import Typed, Values, as_texts, flags, per_value, typed
from mortgage_model.table.periods import EXAMPLES, read_periods

NAMED_VALUES = 12
NAMED_LABELS = 5


@dataclass(frozen=True)
class Problem:
    """Rows (n, bool) that break a rule; `words` begin with the column's name and hold no value of a feature."""

    rows: np.ndarray
    words: str


def column_problems(stored: Values, read: Typed, column: Column) -> Iterator[Problem]:
    """Rows of a column that are empty, unreadable, or not among its allowed values, range or form."""
    if column.required:
        yield Problem(read.absent, f"{column.name} is empty; the contract requires it")
    words = f"{column.name} must be {TYPE_WORDS[column.type]}"
    if column.type in NUMERIC and read.unreadable.any() and flags(pc.ends_with(as_texts(stored), "%")).any():
        words += ", and some end in %: give the column the unit percent, or leave the sign out"
    yield Problem(read.unreadable, words)
    values, there = read.values, ~read.absent & ~read.unreadable
    if column.allowed is not None:
        plain = [as_text(value) if column.type in ("string", "date") else float(value) for value in column.allowed]  # type: ignore[arg-type]
        more = " …" if len(plain) > NAMED_VALUES else ""
        named = ", ".join(map(as_text, column.allowed[:NAMED_VALUES])) + more
        yield Problem(there & ~flags(pc.is_in(values, pa.array(plain))), f"{column.name} must be one of {named}")
    ends = (column.minimum, column.maximum)
    low, high = (as_text(end) if column.type == "date" and end is not None else end for end in ends)
    outside = np.zeros(len(values), dtype=bool)
    if low is not None:
        outside |= flags(pc.less(values, pa.scalar(low, values.type)))
    if high is not None:
        outside |= flags(pc.greater(values, pa.scalar(high, values.type)))
    yield Problem(outside, f"{column.name} must be from {_bound(low, '-inf')} to {_bound(high, 'inf')}")
    if (regex := column.regex) is not None:
        matching = per_value(values, lambda text: text if regex.search(text) else None)
        yield Problem(there & flags(matching.is_null()), f"{column.name} must have the form {column.pattern}")


def _bound(end: object, none: str) -> str:
    return none if end is None else end if isinstance(end, str) else f"{end:g}"


def labels(stored: Values, column: Column) -> tuple[np.ndarray, list[Problem]]:
    """The label per row: 0, 1, or NaN where it is empty or not known yet; and rows whose label says nothing."""
    if mapping := column.label_mapping:
        known = dict.fromkeys(mapping.bad, 1.0) | dict.fromkeys(mapping.good, 0.0)
        as_written = (*known, *mapping.indeterminate)
        read = typed(stored, replace(column, type="string", allowed=as_written))
        found = np.array([known.get(text, np.nan) for text in read.values.to_pylist()])
        wrong = ~read.absent & ~flags(pc.is_in(read.values, pa.array(as_written)))
        words = f"{column.name} must be a value of its labelMapping, or empty"
    else:
        read = typed(stored, column)
        found = read.values.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False)
        wrong = read.unreadable | ~(np.isnan(found) | np.isin(found, (0, 1)))
        words = f"{column.name} must be 0, 1 or empty"
    if wrong.any():
        others = pc.unique(as_texts(stored).filter(pa.array(wrong))).to_pylist()
        words += f"; found {', '.join(sorted(others)[:NAMED_LABELS])}{' …' if len(others) > NAMED_LABELS else ''}"
        words += "" if mapping else ". Say which values are which with labelMapping"
    problems = [Problem(wrong, words)]
    if column.required:
        problems.append(Problem(read.absent, f"{column.name} is empty; the contract requires it"))
    return found, problems


def time_problems(frame: pd.DataFrame, contract: Contract) -> Iterator[Problem]:
    """Rows that a split by time cannot place. `frame`: the columns of the table, times as text."""
    if contract.split is None or contract.split.method != OUT_OF_TIME:
        return
    (time,) = contract.with_role("time")
    periods = read_periods(frame[time.name], time.unit)
    empty = frame[time.name].isna().to_numpy()
    yield Problem(empty, f"{time.name} is empty; the rows are split by it")
    words = f"{time.name} must be a period like the others, which are {periods.form}"
    yield Problem(periods.unread & ~empty, f"{words} (known are {EXAMPLES})")


def repeated_keys(stored: dict[str, Values], contract: Contract) -> Iterator[Problem]:
    """Rows whose primary key stands on an earlier row."""
    if contract.key:
        keys = pd.DataFrame({name: as_texts(stored[name]).to_pandas() for name in contract.key})
        again = keys.duplicated().to_numpy()
        yield Problem(again, f"{', '.join(contract.key)} is on an earlier row already; it is the table's primary key")
