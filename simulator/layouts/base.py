"""What a layout is, and the small conversions that the agency layouts share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.book import Block


@dataclass(frozen=True)
class Dirt:
    """Where bad rows of one table can be planted: column indexes by what they hold, None where a kind has no
    place.

    moved: date column of the key by which a bad row is moved away from the good ones; without it the table
    holds things (one row a key), and a bad row gets a key of its own.
    """

    key: tuple[int, ...]
    moved: int | None = None
    number: int | None = None
    balance: int | None = None
    future: int | None = None
    state: int | None = None
    credit_score: int | None = None
    orphans: bool = False
    date_format: str = "%Y-%m-%d"


@dataclass(frozen=True)
class Layout:
    """A set of tables and how their files are written."""

    name: str
    tables: Callable[[Block], dict[str, pa.Table]]
    dirt: dict[str, Dirt]
    header: bool = False
    delimiter: str = "|"
    suffix: str = "txt"


def month_strings(dates: pa.Array | pa.ChunkedArray, text: str) -> pa.Array:
    """First-of-month dates to text by a strftime format, null staying null; formats each distinct month
    once."""
    months = dates.combine_chunks() if isinstance(dates, pa.ChunkedArray) else dates
    encoded = months.dictionary_encode()
    labels = [None if d is None else d.strftime(text) for d in encoded.dictionary.to_pylist()]
    return pa.array(labels, pa.string()).take(encoded.indices)


def add_months(dates: pa.Array, months: np.ndarray | int) -> pa.Array:
    """First-of-month dates moved by a number of months (N,)."""
    start = dates.to_numpy(zero_copy_only=False).astype("datetime64[M]")
    return pa.array((start + np.asarray(months).astype("timedelta64[M]")).astype("datetime64[D]"))


def by_loan(loans: pa.Table, performance: pa.Table) -> pa.Array:
    """Row of `loans` for every row of `performance` (both in the order of loans)."""
    ids = performance["loan_id"].combine_chunks()
    return pc.index_in(ids, loans["loan_id"].combine_chunks())


def empty(rows: int) -> pa.Array:
    return pa.nulls(rows, pa.string())


def constant(value: str, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), rows)


def sellers(rows: int) -> pa.Array:
    """Invented sellers, by position."""
    names = pa.array(["NORTHFIELD BANK", "OTHER", "SUMMIT HOME LENDING", "OTHER", "LAKESHORE MORTGAGE"])
    return names.take(pa.array(np.arange(rows) * 7 % 5))


def fill(column: pa.ChunkedArray, missing: str) -> pa.ChunkedArray:
    """Any column as text with a missing code."""
    return pc.fill_null(column.cast(pa.string()), missing)


def whole(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A number as the agencies' legacy files write whole ones: 360 -> '360.0'."""
    return pc.binary_join_element_wise(column.cast(pa.string()), ".0", "")
