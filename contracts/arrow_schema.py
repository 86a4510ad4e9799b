"""Arrow schemas of contract tables, for what is written without Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.model import Column, Contract

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_schema(contract: Contract) -> pa.Schema:
    """The table's columns in order; only one that is not required is nullable, which a writer can promise."""
    import pyarrow as pa

    return pa.schema([pa.field(c.name, _type_of(c), nullable=not c.required) for c in contract.columns])


def _type_of(column: Column) -> pa.DataType:
    import pyarrow as pa

    if column.wide:
        return pa.int64()
    return {
        "string": pa.string(),
        "integer": pa.int32(),
        "number": pa.float64(),
        "date": pa.date32(),
        "boolean": pa.bool_(),
    }[column.type]
