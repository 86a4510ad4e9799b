"""Reads the borrower_demographics table, for the fairness measures alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from contracts import load_contract
from mortgage_model.development.panel_data import KEY, PanelError
from mortgage_model.scoring.typed import typed
from mortgage_model.validation.samples import hash_loans

TABLE = "borrower_demographics"


def read_demographics(folder: Path) -> pd.DataFrame:
    """The table's protected columns, indexed by loan hash; of a loan that is there twice, the last row.

    Raises PanelError for a file without the contract's columns.
    """
    contract = load_contract(TABLE)
    protected = contract.with_role("protected")
    wanted = [KEY, *(column.name for column in protected)]
    files = sorted(folder.rglob("*.csv*"))
    if not files:
        raise PanelError(f"there is no CSV file under {folder}: {TABLE} was announced and not delivered")
    tables = []
    for file in files:
        try:
            tables.append(pd.read_csv(file, usecols=wanted, dtype=str))
        except ValueError as error:
            raise PanelError(f"{file.name} is not the table {TABLE}: {error}") from error
    table = pd.concat(tables, ignore_index=True).drop_duplicates(KEY, keep="last")
    for column in protected:
        read = typed(pa.array(table[column.name], pa.string(), from_pandas=True), column)
        table[column.name] = read.values.to_pandas().to_numpy()
    return table.set_index(pd.Index(hash_loans(table.pop(KEY).to_numpy(dtype=object))))
