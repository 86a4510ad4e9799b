"""Reads the ETL's partitioned loan panel: checked against its contract, month by month, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from contracts.faults import DataFault
from contracts.model import Column, Contract
from mortgage_model.months import month_number

MONTH = "snapshot_month"
HORIZON = "horizon_months"
KEY = "loan_id"
NO_MONTH = "0000-01"


class PanelError(DataFault):
    """The panel is not what its contract says. The message names the column or the count at fault."""


@dataclass(frozen=True)
class Sample:
    """`frame`: n rows of contract columns and snapshot_month; `labels`: n values 0 or 1 (int8); `loans`: n numbers,
    one a loan.
    """

    frame: pd.DataFrame
    labels: np.ndarray
    loans: np.ndarray


def open_panel(folder: str | Path, contract: Contract) -> ds.Dataset:
    """The Parquet panel under `folder` (hive partitions snapshot_month=YYYY-MM), its columns checked.

    Raises PanelError where there is no Parquet file, a file cannot be read, or a column that the model needs
    is missing or of another type.
    """
    folder = Path(folder)
    files = sorted(str(path) for path in folder.rglob("*.parquet"))
    if not files:
        raise PanelError(f"there is no Parquet file under {folder}: the loan panel is empty or was not delivered")
    partitioning = ds.partitioning(pa.schema([(MONTH, pa.string())]), flavor="hive")
    try:
        dataset = ds.dataset(files, format="parquet", partitioning=partitioning, partition_base_dir=str(folder))
    except (pa.ArrowInvalid, OSError) as error:
        raise PanelError(f"the panel's Parquet files under {folder} cannot be read: {error}") from error
    _check_columns(dataset.schema, contract)
    return dataset


def label_name(contract: Contract) -> str:
    """The contract's one label column."""
    labels = contract.with_role("label")
    if len(labels) != 1:
        raise PanelError(f"contract {contract.name} must declare one label, it declares {len(labels)}")
    return labels[0].name


def count_months(dataset: ds.Dataset, contract: Contract, horizon_months: int) -> pd.DataFrame:
    """Rows, labelled rows and defaults per observation month: columns rows, labelled, events; by 'YYYY-MM'.

    Raises PanelError for no rows, labels other than 0, 1 and null, or a panel built with another horizon.
    """
    label = label_name(contract)
    counted = (
        dataset.to_table(columns=[MONTH, HORIZON, label])
        .group_by(MONTH)
        .aggregate(
            [
                (label, "count"),
                (label, "sum"),
                (label, "min_max"),
                (HORIZON, "min"),
                (HORIZON, "max"),
                ([], "count_all"),
            ]
        )
    )
    months = counted.to_pandas().set_index(MONTH).sort_index()
    if not len(months):
        raise PanelError("the loan panel has no rows")
    horizons = {int(months[f"{HORIZON}_{end}"].agg(end)) for end in ("min", "max")}
    if horizons != {horizon_months}:
        found = " to ".join(map(str, sorted(horizons)))
        raise PanelError(
            f"the panel's labels look {found} months ahead; hyperparameter horizon_months is {horizon_months}"
        )
    extremes = months[f"{label}_min_max"].dropna()
    values = {value for pair in extremes for value in pair.values() if value is not None}
    if not values <= {0, 1}:
        raise PanelError(f"{label} must be 0, 1 or null; the panel holds values from {min(values)} to {max(values)}")
    return pd.DataFrame(
        {
            "rows": months["count_all"],
            "labelled": months[f"{label}_count"],
            "events": months[f"{label}_sum"].fillna(0),
        }
    ).astype("int64")


def read_sample(
    dataset: ds.Dataset,
    contract: Contract,
    months: Iterable[str],
    max_rows: int = 0,
    seed: int = 0,
    columns: Iterable[str] | None = None,
) -> Sample:
    """Labelled rows of `months`, ordered by month and loan, so that file names and row order do not matter.

    `max_rows` > 0 keeps a seeded random sample of about that many rows, the same share of every month: the
    default rate stays what it is. `columns`: default the contract's features. Numbers come as float32, text
    as categories.
    """
    label = label_name(contract)
    wanted = [contract.column(name) for name in columns] if columns else list(contract.with_role("feature"))
    # A gap in the panel can leave a sample without a month: it is then empty, as one of no labelled row is.
    months = sorted(months) or [NO_MONTH]
    labelled = ds.field(label).is_valid()
    share = 1.0
    if max_rows:
        total = dataset.count_rows(filter=ds.field(MONTH).isin(months) & labelled)
        share = min(1.0, max_rows / max(total, 1))
    tables = []
    for month in months:
        table = dataset.to_table(
            columns=[KEY, label, *(column.name for column in wanted)],
            filter=(ds.field(MONTH) == month) & labelled,
        )
        order = pc.sort_indices(table[KEY])
        if share < 1.0:
            chosen = np.random.default_rng([seed, month_number(month)]).permutation(len(table))
            order = order.take(pa.array(np.sort(chosen[: round(share * len(table))])))
        tables.append(_compact(table.take(order), month, wanted, label))
    combined = pa.concat_tables(tables).unify_dictionaries()
    labels = combined[label].to_numpy().astype(np.int8)
    loans = combined[KEY].combine_chunks().indices.to_numpy()
    frame = combined.drop_columns([label, KEY]).to_pandas(split_blocks=True, self_destruct=True)
    return Sample(frame, labels, loans)


def read_month(dataset: ds.Dataset, contract: Contract, month: str, columns: Iterable[str]) -> pd.DataFrame:
    """`columns` of every row of a month, its outcome known or not, typed as `read_sample` gives them."""
    label = label_name(contract)
    table = dataset.to_table(columns=[KEY, label, *columns], filter=ds.field(MONTH) == month)
    compact = _compact(table, month, [contract.column(name) for name in columns], label)
    return compact.drop_columns([label, KEY]).to_pandas(split_blocks=True, self_destruct=True)


def _compact(table: pa.Table, month: str, columns: list[Column], label: str) -> pa.Table:
    """float32 numbers and dictionary-encoded text: a quarter of the memory of doubles and strings."""
    arrays = {label: table[label].cast(pa.int8()), KEY: table[KEY].cast(pa.string()).dictionary_encode()}
    for column in columns:
        values = table[column.name]
        if column.type in ("integer", "number", "boolean"):
            arrays[column.name] = values.cast(pa.float32(), safe=False)
        elif column.type == "string":
            arrays[column.name] = values.cast(pa.string()).dictionary_encode()
        else:
            arrays[column.name] = values
    arrays[MONTH] = pa.chunked_array([pa.array([month] * len(table), pa.string()).dictionary_encode()])
    return pa.table(arrays)


def _check_columns(schema: pa.Schema, contract: Contract) -> None:
    needed = [
        *contract.with_role("feature"),
        *contract.with_role("label"),
        *(contract.column(name) for name in (KEY, HORIZON)),
    ]
    missing = [column.name for column in needed if column.name not in schema.names]
    if MONTH not in schema.names:
        missing.append(MONTH)
    if missing:
        raise PanelError(f"the panel lacks {', '.join(missing)} of contract {contract.name} {contract.version}")
    wrong = [
        f"{column.name} is {schema.field(column.name).type}, the contract says {column.type}"
        for column in needed
        if not _has_type(schema.field(column.name).type, column.type)
    ]
    if wrong:
        raise PanelError(
            f"the panel's columns differ from contract {contract.name} {contract.version}: {'; '.join(wrong)}"
        )


def _has_type(actual: pa.DataType, declared: str) -> bool:
    types = pa.types
    if types.is_dictionary(actual):
        actual = actual.value_type
    if declared == "integer":
        return types.is_integer(actual)
    if declared == "number":
        return types.is_floating(actual) or types.is_integer(actual) or types.is_decimal(actual)
    if declared == "string":
        return types.is_string(actual) or types.is_large_string(actual)
    if declared == "date":
        return types.is_date(actual) or types.is_timestamp(actual)
    return types.is_boolean(actual)
