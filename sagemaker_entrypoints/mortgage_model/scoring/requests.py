"""Bodies of requests as frames of the contract's columns, or an error that names row and field, never a value."""

from __future__ import annotations

import io
import json
from http import HTTPStatus

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
from sagemaker_inference.errors import BaseInferenceToolkitError

from contracts.faults import DataFault
from contracts.model import Column, Contract
from contracts.requests import validate_record, without_code
from contracts.values import NUMERIC, TYPE_WORDS
from mortgage_model.scoring.typed import typed

REPORTED_PROBLEMS = 10


class RequestError(BaseInferenceToolkitError, DataFault):
    """The request is at fault: answered with a 4xx status and the message."""

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(status.value, message, status.phrase)

    def __str__(self) -> str:
        return self.message


def read_csv(data: bytes, contract: Contract) -> pd.DataFrame:
    """Header-less CSV to a frame of the contract's columns, missing codes as missing values. Raises RequestError naming
    row and column.

    Ranges and lists of allowed values are not enforced: a night's input is checked before, and monitored after.
    """
    wrong_width: list[pv.InvalidRow] = []

    types = {column.name: _stored(column) for column in contract.columns}
    if not data.strip():
        raise RequestError("the request has no rows")
    try:
        table = _parse(data, types, wrong_width)
    except pa.ArrowInvalid:
        # Arrow's message repeats the value, and the toolkit answers with the traceback: neither may leave.
        if not wrong_width:
            raise RequestError(_first_unparsable(data, types)) from None
    if wrong_width:
        row = wrong_width[0]
        raise RequestError(
            f"row {row.number} has {row.actual_columns} columns; the model takes {len(types)}: {', '.join(types)}"
        )
    for name, kind in types.items():
        if pa.types.is_floating(kind) and pc.any(pc.is_inf(table[name])).as_py():
            row = pc.index(pc.is_inf(table[name]), True).as_py() + 1
            raise RequestError(f"row {row}, {name} must be a finite number or empty")
    return pd.DataFrame({column.name: _meant(table[column.name], column) for column in contract.columns})


def _stored(column: Column) -> pa.DataType:
    """How a column is parsed: as text where its codes or values may be other than numbers."""
    as_text = column.type not in NUMERIC or column.codes.texts
    return pa.string() if as_text else pa.float64()


def _meant(values: pa.ChunkedArray, column: Column) -> pd.Series:
    """The values that the contract's column means. RequestError for one of another type."""
    if column.type in NUMERIC and not column.codes:
        return values.to_pandas()
    read = typed(values, column)
    if read.unreadable.any():
        row = np.argmax(read.unreadable) + 1
        raise RequestError(f"row {row}, {column.name} must be {TYPE_WORDS[column.type]} or empty")
    return read.values.to_pandas()


def _parse(data: bytes, types: dict[str, pa.DataType], wrong_width: list[pv.InvalidRow]) -> pa.Table:
    """Rows as columns of `types`; rows of another width are left out and appended to `wrong_width`."""

    def skip(row: pv.InvalidRow) -> str:
        wrong_width.append(row)
        return "skip"

    # One block and one thread: rows then have numbers, and serving is parallel over requests.
    return pv.read_csv(
        io.BytesIO(data),
        pv.ReadOptions(column_names=list(types), use_threads=False, block_size=len(data)),
        pv.ParseOptions(invalid_row_handler=skip),
        pv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True),
    )


def _first_unparsable(data: bytes, types: dict[str, pa.DataType]) -> str:
    """Where the first value, by row, stands that is not a number in a column that needs one."""
    try:
        table = _parse(data, dict.fromkeys(types, pa.string()), [])
    except pa.ArrowInvalid:
        return "the body cannot be read as CSV in UTF-8"
    failures = []
    for position, (name, kind) in enumerate(types.items()):
        if pa.types.is_floating(kind):
            values = table[name].to_pandas()
            failed = pd.to_numeric(values, errors="coerce").isna().to_numpy() & values.notna().to_numpy()
            if failed.any():
                failures.append((int(np.argmax(failed)) + 1, position, name))
    if not failures:
        return "the body cannot be read as CSV"
    row, _, name = min(failures)
    return f"row {row}, {name} must be a number or empty"


def read_json(data: bytes, contract: Contract) -> pd.DataFrame:
    """Records by column name to a frame of the contract's columns. RequestError names row and field."""
    try:
        document = json.loads(data)
    except ValueError as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    records = document.get("records") if isinstance(document, dict) else document
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise RequestError('the body must be {"records": [{column: value, ...}, ...]} or the bare list')
    if not records:
        raise RequestError("the request has no rows")
    problems = [
        f"row {row}, {problem}"
        for row, record in enumerate(records, start=1)
        for problem in validate_record(contract, record)
    ]
    if problems:
        more = f" (and {len(problems) - REPORTED_PROBLEMS} more)" if len(problems) > REPORTED_PROBLEMS else ""
        raise RequestError("; ".join(problems[:REPORTED_PROBLEMS]) + more)
    return pd.DataFrame(
        {
            column.name: pd.Series(
                [without_code(column, record.get(column.name)) for record in records],
                dtype=object if column.categorical else np.float64,
            )
            for column in contract.columns
        }
    )
