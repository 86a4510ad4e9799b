"""Reads a table that a contract describes, from CSV or Parquet, and checks it column by column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from contracts.model import Column, Contract
from mortgage_model.panel_data import label_name

NUMBERS = ("integer", "number")


class TableError(ValueError):
    """The table is not what its contract says. The message names the file, column and row."""


def read_table(path: str | Path, contract: Contract) -> tuple[pd.DataFrame, np.ndarray]:
    """The labelled rows' features, time and key columns, and their labels (n, 0 or 1).

    Raises TableError for a file that cannot be read, a missing column, a value that breaks the contract or a label
    other than 0, 1 and empty.
    """
    path = Path(path)
    wanted = [column for column in contract.columns if column.role in ("feature", "time", "key")]
    label = contract.column(label_name(contract))
    raw = _read(path, [column.name for column in (*wanted, label)])
    missing = [column.name for column in (*wanted, label) if column.name not in raw]
    if missing:
        raise TableError(f"{path.name} lacks {', '.join(missing)} of contract {contract.name}")
    labels = _typed(raw[label.name], label, path.name)
    wrong = labels.notna() & ~labels.isin([0, 1])
    if wrong.any():
        raise TableError(f"{path.name}, row {_row(wrong)}: {label.name} must be 0, 1 or empty")
    labelled = labels.notna()
    frame = pd.DataFrame({column.name: _typed(raw[column.name], column, path.name) for column in wanted})
    kept = frame[labelled].reset_index(drop=True)
    found = labels[labelled].to_numpy(np.int8)
    if not 0 < found.sum() < len(found):
        raise TableError(f"{path.name} must hold both values of {label.name}; of {len(found)} rows {found.sum()} are 1")
    return kept, found


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            names = pq.read_schema(path).names
            return pq.read_table(path, columns=[name for name in columns if name in names]).to_pandas()
        return pd.read_csv(path, usecols=lambda name: name in columns, dtype=str, keep_default_na=False)
    except (OSError, ValueError, pa.ArrowInvalid) as error:
        raise TableError(f"{path} cannot be read as CSV or Parquet: {error}") from error


def _typed(values: pd.Series, column: Column, file: str) -> pd.Series:
    """Text with None, or float64 with NaN, for missing; values checked against the contract."""
    text = values.astype(object).where(values.notna(), None)
    absent = text.isna() | text.isin(["", *column.missing_codes])
    if column.required and absent.any():
        raise TableError(f"{file}, row {_row(absent)}: {column.name} is empty; the contract requires it")
    if column.type not in NUMBERS:
        typed = text.astype(str).where(~absent, None)
        wrong = ~absent & ~typed.isin(column.allowed) if column.allowed else pd.Series(False, index=values.index)
        must = f"must be one of {', '.join(map(str, column.allowed or ()))}"
    else:
        typed = pd.to_numeric(text.where(~absent, None), errors="coerce").astype(np.float64)
        wrong = ~absent & ~np.isfinite(typed)
        must = "must be a number"
        if not wrong.any():
            low = -np.inf if column.minimum is None else column.minimum
            high = np.inf if column.maximum is None else column.maximum
            wrong, must = ~absent & ~typed.between(low, high), f"must be from {low:g} to {high:g}"
    if wrong.any():
        raise TableError(f"{file}, row {_row(wrong)}: {column.name} {must}")
    return typed


def _row(flags: pd.Series) -> int:
    """Number of the first flagged row, the first data row being 1."""
    return int(np.argmax(flags.to_numpy())) + 1
