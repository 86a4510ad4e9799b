"""Bad rows, planted at a stated rate and counted exactly.

Dirt is only ever added: take the planted rows away and the clean book remains, so every planted row must end
in quarantine and nothing else may. A bad row of a thing (a loan, a borrower) has a key of its own; a bad
performance row belongs to a real loan in a month that the loan does not report.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from simulator.economy import HISTORY
from simulator.layouts.base import Dirt, Layout
from simulator.settings import BookSettings, first_day

KINDS = (
    "duplicate_key",
    "unparseable_number",
    "negative_balance",
    "future_date",
    "unknown_state",
    "out_of_range_credit_score",
    "orphan",
)


def kinds_for(dirt: Dirt) -> tuple[str, ...]:
    """The kinds of bad row that a table can have."""
    possible = (
        True,
        dirt.number is not None,
        dirt.balance is not None,
        dirt.future is not None,
        dirt.state is not None,
        dirt.credit_score is not None,
        dirt.orphans,
    )
    return tuple(kind for kind, can in zip(KINDS, possible, strict=True) if can)


def dirty_lines(
    table: pa.Table,
    dirt: Dirt,
    layout: Layout,
    settings: BookSettings,
    random: np.random.Generator,
    block: int,
) -> tuple[list[str], Counter[str]]:
    """Lines to append to a table's file, and how many of each kind.

    The number of each kind is binomial with the table's rows at dirt_rate split evenly, plus one in the
    first block, so that even the smallest book has every kind.
    """
    kinds = kinds_for(dirt)
    if settings.dirt_rate == 0 or not len(table):
        return [], Counter()
    numbers = random.binomial(len(table), settings.dirt_rate / len(kinds), len(kinds)) + (block == 0)
    counts = Counter({kind: int(n) for kind, n in zip(kinds, numbers, strict=True) if n})
    rows = _sample(table, layout, random, counts.total())
    spoiled: Counter[str] = Counter()  # bad rows so far of a real loan, each in a month of its own
    lines: list[str] = []
    for kind in kinds:
        for _ in range(counts[kind]):
            row = rows[len(lines)]
            loan = row[dirt.key[0]]
            if kind == "orphan":
                row[dirt.key[0]] = f"ORPHAN{block:05d}{len(lines):05d}"
            elif kind != "duplicate_key":
                _spoil(row, kind, dirt, settings, spoiled[loan])
                spoiled[loan] += 1
                if dirt.moved is None:
                    row[dirt.key[0]] = f"DIRT{block:05d}{len(lines):05d}"
            lines.append(layout.delimiter.join(row))
    return lines, counts


def _sample(table: pa.Table, layout: Layout, random: np.random.Generator, size: int) -> list[list[str]]:
    """Rows of the table as they stand in the file, different ones where it has enough."""
    index = random.choice(len(table), size, replace=size > len(table))
    sink = pa.BufferOutputStream()
    options = pacsv.WriteOptions(include_header=False, delimiter=layout.delimiter, quoting_style="none")
    pacsv.write_csv(table.take(pa.array(index)), sink, options)
    text = sink.getvalue().to_pybytes().decode()
    return [line.split(layout.delimiter) for line in text.splitlines()]


def _spoil(row: list[str], kind: str, dirt: Dirt, settings: BookSettings, nth: int) -> None:
    if dirt.moved is not None:
        row[dirt.moved] = _date(settings.start - HISTORY - 1 - nth, dirt)  # a month that no good row has
    if kind == "unparseable_number":
        row[_at(dirt.number)] = "12x.4"
    elif kind == "negative_balance":
        row[_at(dirt.balance)] = "-50000"
    elif kind == "future_date":
        row[_at(dirt.future)] = _date(settings.end + 25 + nth, dirt)
    elif kind == "unknown_state":
        row[_at(dirt.state)] = "ZZ"
    elif kind == "out_of_range_credit_score":
        row[_at(dirt.credit_score)] = "912"


def _date(month: int, dirt: Dirt) -> str:
    return first_day(month).strftime(dirt.date_format)


def _at(column: int | None) -> int:
    assert column is not None
    return column
