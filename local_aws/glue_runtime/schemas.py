"""The schema of records that a Python function has made: read off the values, as a DynamicFrame's is."""

from __future__ import annotations

from typing import Any

from pyspark.sql import types as T

from local_aws.glue_runtime.glue_types import merge_types


def types_of_partition(records: Any) -> Any:
    merged: T.DataType = T.StructType([])
    for record in records:
        merged = merge_types(merged, _type_of(record))
    yield merged


def _type_of(value: Any) -> T.DataType:
    """A record in a record is a struct here, where Spark would infer a map."""
    if isinstance(value, dict):
        return T.StructType([T.StructField(name, _type_of(item)) for name, item in value.items()])
    if isinstance(value, list):
        merged: T.DataType = T.NullType()
        for item in value:
            merged = merge_types(merged, _type_of(item))
        return T.ArrayType(merged)
    return T._infer_type(value)


def keep_known(found: T.StructType, known: T.StructType) -> T.StructType:
    """The types found in the data, but a column that only holds nulls, or values that fit, keeps its known type."""
    types = {field.name: field.dataType for field in known}
    order = [f.name for f in known if f.name in found.fieldNames()]
    order += [name for name in found.fieldNames() if name not in types]
    if not order:  # no record is left
        return known
    fields = []
    for name in order:
        fields.append(T.StructField(name, _known_type(found[name].dataType, types.get(name))))
    return T.StructType(fields)


def _known_type(seen: T.DataType, before: T.DataType | None) -> T.DataType:
    if isinstance(seen, T.NullType):
        return before or T.StringType()
    if isinstance(seen, T.StructType):
        return keep_known(seen, before if isinstance(before, T.StructType) else T.StructType([]))
    if isinstance(seen, T.ArrayType):
        inner = before.elementType if isinstance(before, T.ArrayType) else None
        return T.ArrayType(_known_type(seen.elementType, inner))
    return before if before is not None and _fits(seen, before) else seen


def _fits(seen: T.DataType, before: T.DataType) -> bool:
    """Python has one integer and one float: what came from an int column and is a long now is still that int."""
    pairs = ((T.LongType, T.IntegralType), (T.DoubleType, T.FractionalType))
    return type(seen) is type(before) or any(
        isinstance(seen, a) and isinstance(before, b) and not isinstance(before, T.DecimalType) for a, b in pairs
    )
