"""Spark schemas of contract tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.model import Column, Contract

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType


def struct_type(contract: Contract) -> StructType:
    """The table's columns in order as a Spark schema.

    Nullability is left open: required is a check, not a reader's setting (Spark does not enforce it on read and may
    compute wrongly where it is stated and untrue).
    """
    from pyspark.sql import types

    return types.StructType([types.StructField(c.name, _type_of(c), nullable=True) for c in contract.columns])


def _type_of(column: Column) -> DataType:
    from pyspark.sql import types

    if column.wide:
        return types.LongType()
    return {
        "string": types.StringType(),
        "integer": types.IntegerType(),
        "number": types.DoubleType(),
        "date": types.DateType(),
        "boolean": types.BooleanType(),
    }[column.type]
