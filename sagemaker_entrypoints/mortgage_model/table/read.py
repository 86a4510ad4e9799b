"""Reads a table that a contract describes, from CSV or Parquet; refuses it with a count of every row at fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq

from contracts.faults import DataFault
from contracts.model import Column, Contract
from mortgage_model.development.panel_data import label_name
from mortgage_model.scoring.typed import Values, typed
from mortgage_model.table import rules

ROLES = ("feature", "time", "key")
PARQUET_MAGIC = b"PAR1"
NAMED_ROWS = 5
# A byte order mark and UTF-16's two: what spreadsheets write.
UTF16 = (b"\xff\xfe", b"\xfe\xff")


class TableError(DataFault):
    """The table is not what its contract says. The message names the file, column and rows."""


def read_table(path: str | Path, contract: Contract) -> tuple[pd.DataFrame, np.ndarray]:
    """The labelled rows' features, time, key and other columns that the split compares, and their labels (n, 0 or 1).

    Numbers are float64, text is text with None, times and keys are text. Raises TableError for a file that cannot be
    read, a missing column, rows that break the contract, or labels of one kind only.
    """
    path = Path(path)
    label = contract.column(label_name(contract))
    if not contract.with_role("feature"):
        raise TableError(f"contract {contract.name} gives no column the role feature: there is nothing to learn from")
    rule = contract.split.near_duplicates if contract.split else None
    compared = {*rule.equal, *rule.relative, *rule.absolute} if rule else set()
    wanted = [column for column in contract.columns if column.role in ROLES or column.name in compared]
    stored = _columns(path, contract, [*wanted, label])
    found, problems = rules.labels(stored[label.name], label)
    frame = {}
    for column in wanted:
        read = typed(stored[column.name], column)
        problems += rules.column_problems(stored[column.name], read, column)
        as_text = column.role in ("time", "key")  # text keeps keys of any length apart
        frame[column.name] = typed(stored[column.name], replace(column, type="string")) if as_text else read
    table = pd.DataFrame({name: read.values.to_pandas() for name, read in frame.items()})
    problems += rules.time_problems(table, contract)
    problems += rules.repeated_keys(stored, contract)
    _refuse(path, contract, [problem for problem in problems if problem.rows.any()])
    labelled = ~np.isnan(found)
    kept, labels = table[labelled].reset_index(drop=True), found[labelled].astype(np.int8)
    if not 0 < labels.sum() < len(labels):
        raise TableError(
            f"{path.name} must hold both values of {label.name}; of {len(labels)} rows {labels.sum()} are 1"
        )
    return kept, labels


def _refuse(path: Path, contract: Contract, problems: Sequence[rules.Problem]) -> None:
    """TableError where a row breaks a rule, with every rule and the number of its rows."""
    if not problems:
        return
    n = len(problems[0].rows)
    told = []
    for problem in problems:
        rows = np.flatnonzero(problem.rows) + 1
        more = f" ({len(rows):,} of {n:,} rows: {_numbers(rows)})" if len(rows) > 1 else ""
        told.append(f"row {rows[0]}: {problem.words}{more}")
    if len(told) == 1:
        raise TableError(f"{path.name}, {told[0]}")
    bad = int(np.any([problem.rows for problem in problems], axis=0).sum())
    raise TableError(
        f"{path.name} breaks contract {contract.name} in {len(told)} ways, in {bad:,} of {n:,} rows:\n  "
        + "\n  ".join(told)
    )


def _numbers(rows: np.ndarray) -> str:
    return ", ".join(map(str, rows[:NAMED_ROWS].tolist())) + (" …" if len(rows) > NAMED_ROWS else "")


def _columns(path: Path, contract: Contract, wanted: Sequence[Column]) -> dict[str, Values]:
    """The wanted columns and those of the key, as the file stores them."""
    names = list(dict.fromkeys((*(column.name for column in wanted), *contract.key)))
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if not start:
            raise TableError(f"{path.name} is empty (0 bytes)")
        table = _parquet(path, contract, names) if start == PARQUET_MAGIC else _csv(path, contract, start, names)
    except (OSError, ValueError, pa.ArrowException) as error:
        if isinstance(error, TableError):
            raise
        raise TableError(f"{path} cannot be read as CSV or Parquet: {error}") from error
    if not len(table):
        raise TableError(f"{path.name} has a header and no row")
    return {name: table[name] for name in names}


def _parquet(path: Path, contract: Contract, names: Sequence[str]) -> pa.Table:
    schema = pq.read_schema(path)
    _check_header(path, contract, schema.names, names)
    nested = [name for name in names if pa.types.is_nested(schema.field(name).type)]
    if nested:
        raise TableError(f"{path.name}: {', '.join(nested)} holds lists or records; a column has one value a row")
    return pq.ParquetFile(path).read(columns=list(names))


def _csv(path: Path, contract: Contract, start: bytes, names: Sequence[str]) -> pa.Table:
    """Every field as text. TableError for rows that have more or fewer fields than the header."""
    if start.startswith(UTF16):
        raise TableError(f"{path.name} is UTF-16; save it as CSV in UTF-8")
    wrong: list[pv.InvalidRow] = []

    def skip(row: pv.InvalidRow) -> str:
        wrong.append(row)
        return "skip"

    read = pv.ReadOptions(use_threads=False)  # rows then have numbers
    parse = pv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip)
    with pv.open_csv(path, read, parse) as stream:
        header = stream.schema.names
    _check_header(path, contract, [name.strip() for name in header], names)
    wrong.clear()
    types = dict.fromkeys(header, pa.string())
    convert = pv.ConvertOptions(column_types=types, strings_can_be_null=False, include_columns=header)
    table = pv.read_csv(path, read, parse, convert).rename_columns([name.strip() for name in header])
    if wrong:
        rows = np.array([row.number for row in wrong]) - 1  # the header is line 1
        widths = sorted({row.actual_columns for row in wrong})
        raise TableError(
            f"{path.name}, row {rows[0]}: {len(rows):,} of {len(table) + len(rows):,} rows do not have the header's "
            f"{len(header)} fields but {' or '.join(map(str, widths[:NAMED_ROWS]))} (rows {_numbers(rows)}); a comma "
            "within a value needs quotes around the value"
        )
    return table


def _check_header(path: Path, contract: Contract, header: Sequence[str], names: Sequence[str]) -> None:
    twice = [name for name in names if header.count(name) > 1]
    if twice:
        raise TableError(f"{path.name} has the column {', '.join(twice)} more than once")
    missing = [name for name in names if name not in header]
    if missing:
        hint = "; its fields must be separated by commas" if len(header) == 1 else ""
        raise TableError(
            f"{path.name} lacks {', '.join(missing)} of contract {contract.name}; it has {', '.join(header)}{hint}"
        )
