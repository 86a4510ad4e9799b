"""Between Glue's and Spark's names of types."""

from __future__ import annotations

import json
from typing import Any

from pyspark.sql import types as T

_ATOMIC: dict[type[T.DataType], str] = {
    T.BinaryType: "binary",
    T.BooleanType: "boolean",
    T.ByteType: "byte",
    T.DateType: "date",
    T.DoubleType: "double",
    T.FloatType: "float",
    T.IntegerType: "int",
    T.LongType: "long",
    T.NullType: "null",
    T.ShortType: "short",
    T.StringType: "string",
    T.TimestampType: "timestamp",
    T.TimestampNTZType: "timestampntz",
}
_SPARK_NAMES = {
    "long": "bigint",
    "short": "smallint",
    "byte": "tinyint",
    "integer": "int",
    "timestampntz": "timestamp_ntz",
}


def spark_type(name: str) -> T.DataType:
    """Glue's and Hive's type names (`long`, `decimal(10,2)`, `array<string>`) as a Spark type."""
    return T._parse_datatype_string(_SPARK_NAMES.get(name.strip().lower(), name))


def hive_type(data_type: T.DataType) -> str:
    """As the Data Catalog writes it."""
    return str(data_type.simpleString())


def _json(data_type: T.DataType) -> dict[str, Any]:
    if isinstance(data_type, T.StructType):
        fields = [{"name": f.name, "container": _json(f.dataType), "properties": {}} for f in data_type]
        return {"dataType": "struct", "fields": fields}
    if isinstance(data_type, T.ArrayType):
        return {"dataType": "array", "elementType": _json(data_type.elementType)}
    if isinstance(data_type, T.MapType):
        return {"dataType": "map", "valueType": _json(data_type.valueType)}
    if isinstance(data_type, T.DecimalType):
        return {"dataType": "decimal", "precision": data_type.precision, "scale": data_type.scale}
    return {"dataType": _ATOMIC[type(data_type)]}


class GlueSchema:
    """DynamicFrame's schema: Glue's JSON, and the tree for printSchema."""

    def __init__(self, schema: T.StructType):
        self._schema = schema

    def toString(self) -> str:
        return json.dumps(_json(self._schema))

    def treeString(self) -> str:
        return "root\n" + "".join(_tree(self._schema, "|--"))


def _tree(schema: T.StructType, lead: str) -> list[str]:
    lines = []
    for field in schema:
        lines.append(f"{lead} {field.name}: {_json(field.dataType)['dataType']}\n")
        inner = field.dataType.elementType if isinstance(field.dataType, T.ArrayType) else field.dataType
        if isinstance(inner, T.StructType):
            lines += _tree(inner, "|    " + lead)
    return lines


def merge_types(a: T.DataType, b: T.DataType) -> T.DataType:
    """The narrowest type for values of both; text where nothing else holds both."""
    if isinstance(a, T.NullType) or a == b:
        return b
    if isinstance(b, T.NullType):
        return a
    if isinstance(a, T.StructType) and isinstance(b, T.StructType):
        mine, other = ({f.name: f.dataType for f in s} for s in (a, b))
        merged = {n: merge_types(t, other.get(n, T.NullType())) for n, t in mine.items()}
        merged |= {n: t for n, t in other.items() if n not in mine}
        return T.StructType([T.StructField(n, t) for n, t in merged.items()])
    if isinstance(a, T.ArrayType) and isinstance(b, T.ArrayType):
        return T.ArrayType(merge_types(a.elementType, b.elementType))
    if isinstance(a, T.NumericType) and isinstance(b, T.NumericType):
        return T.DoubleType()
    return T.StringType()
