"""Spark schemas of contract tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.model import Contract

if TYPE_CHECKING:
    from pyspark.sql.types import StructType


def struct_type(contract: Contract, as_text: bool = False) -> StructType:
    """The table's columns in order as a Spark schema.

    ``as_text`` gives every column as a string, for readers that must see a value as it stands in the file
    before they judge whether it parses. Nullability is left open: required is a check, not a reader's setting
    (Spark does not enforce it on read and may compute wrongly where it is stated and untrue).
    """
    from pyspark.sql import types

    spark_types = {
        "string": types.StringType(),
        "integer": types.IntegerType(),
        "number": types.DoubleType(),
        "date": types.DateType(),
        "boolean": types.BooleanType(),
    }
    return types.StructType(
        [
            types.StructField(column.name, spark_types["string" if as_text else column.type], nullable=True)
            for column in contract.columns
        ]
    )
