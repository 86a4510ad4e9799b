"""DynamicFrame's JVM side over a plain DataFrame.

A DataFrame has one type a column, so there are no choice types: a reader has decided by the time a frame exists, and
ResolveChoice only casts. Records that a Map or Filter function failed on are left out and counted as errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pyspark.rdd import RDD
from pyspark.serializers import BatchedSerializer, CPickleSerializer
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from local_aws.glue_runtime import schemas, tables
from local_aws.glue_runtime.glue_types import GlueSchema, merge_types, spark_type
from local_aws.glue_runtime.readers import spark, unsupported


@dataclass(frozen=True)
class Mapping:
    """One entry of ApplyMapping: a source path becomes a target path of a type."""

    source: str
    source_type: str
    target: str
    target_type: str

    @classmethod
    def of(cls, *parts: str) -> Mapping:
        """From the 2, 3 or 4 parts that ApplyMapping takes."""
        if len(parts) == 4:
            return cls(*parts)
        if len(parts) == 3:
            return cls(parts[0], "", parts[1], parts[2])
        return cls(parts[0], "", parts[1], "")


@dataclass(frozen=True)
class Resolve:
    """One entry of ResolveChoice: a path and its action."""

    path: str
    action: str


def sequence(items: Any) -> list[Any]:
    """A Python list of what may be one already or a Scala Seq."""
    return list(items) if isinstance(items, list) else [items.apply(i) for i in range(items.size())]


def split_path(path: str) -> list[str]:
    """`a.b` → [a, b]; backticks keep a name with dots together."""
    return [quoted or plain for quoted, plain in re.findall(r"`([^`]*)`|([^.`]+)", path)]


def column(path: str) -> Column:
    return F.col(".".join(f"`{name}`" for name in split_path(path)))


class Frame:
    """What awsglue holds as `DynamicFrame._jdf`."""

    def __init__(self, df: DataFrame, errors: int = 0):
        self.df = df
        self.errors = errors
        self.name = ""

    def __getattr__(self, name: str) -> Any:
        raise unsupported(f"DynamicFrame.{name}") if not name.startswith("_") else AttributeError(name)

    @classmethod
    def of_java(cls, jdf: Any) -> Frame:
        return cls(DataFrame(jdf, spark()))

    @classmethod
    def empty(cls) -> Frame:
        return cls(spark().createDataFrame([], T.StructType([])))

    def with_df(self, df: DataFrame) -> Frame:
        return Frame(df, self.errors)

    def schema(self) -> Any:
        return GlueSchema(self.df.schema)

    def showString(self, rows: int) -> str:
        return "\n".join(self.df.limit(rows).toJSON().collect())

    def count(self) -> int:
        return int(self.df.count())

    def getNumPartitions(self) -> int:
        return int(self.df.rdd.getNumPartitions())

    def errorsCount(self) -> int:
        return self.errors

    stageErrorsCount = errorsCount

    def assertErrorThreshold(self) -> None:
        if self.errors:
            raise RuntimeError(f"{self.errors} records failed in a function of this frame's transformations")

    def errorsAsDynamicFrame(self) -> Frame:
        return Frame.empty()

    def toDF(self, specs: Any) -> Any:
        return self._resolve(sequence(specs))._jdf

    # records through Python functions

    def javaToPython(self) -> Any:
        """The records as awsglue's Filter and Map expect them."""
        records = self.df.rdd.map(lambda row: {"record": row.asDict(True), "isError": False})
        return records._reserialize(BatchedSerializer(CPickleSerializer(), 100))._jrdd

    def of_records(self, jrdd: Any) -> Frame:
        """Back from such records. The schema is read off the data, as a DynamicFrame's is: one pass more."""
        context = spark().sparkContext
        results: Any = RDD(jrdd, context, BatchedSerializer(CPickleSerializer(), 100)).cache()
        rows = results.filter(lambda x: not x.get("isError")).map(lambda x: x["record"])
        errors = results.filter(lambda x: x.get("isError")).count()
        found = rows.mapPartitions(schemas.types_of_partition).fold(T.StructType([]), merge_types)
        schema = schemas.keep_known(found, self.df.schema)
        names = schema.fieldNames()
        tuples = rows.map(lambda record: tuple(record.get(name) for name in names))
        return Frame(spark().createDataFrame(tuples, schema), self.errors + errors)

    # transformations; the trailing arguments are context, call site and error thresholds

    def applyMapping(self, mappings: list[Mapping], case_sensitive: bool, *_: Any) -> Frame:
        """A source that does not exist is left out, as in Glue."""
        tree: dict[str, Any] = {}
        for mapping in mappings:
            source = _existing(self.df.schema, split_path(mapping.source), case_sensitive)
            if source is None:
                continue
            value = column(".".join(f"`{name}`" for name in source))
            if mapping.target_type:
                value = value.cast(spark_type(mapping.target_type))
            *parents, leaf = split_path(mapping.target)
            branch = tree
            for parent in parents:
                branch = branch.setdefault(parent, {})
            branch[leaf] = value
        return self.with_df(self.df.select(*(_build(value).alias(name) for name, value in tree.items())))

    def resolveChoice(self, specs: Any, choice: str, database: str, table: str, *rest: Any) -> Frame:
        """`choice` (but match_catalog) says what becomes of columns of several types: there are none."""
        df = self._resolve(sequence(specs))
        if choice and choice.lower() == "match_catalog":
            types = {field.name.lower(): field.dataType for field in tables.table_schema(database, table)}
            known = [name for name in df.columns if name.lower() in types]
            df = df.select(*(F.col(f"`{name}`").cast(types[name.lower()]).alias(name) for name in known))
        return self.with_df(df)

    def _resolve(self, specs: list[Resolve]) -> DataFrame:
        df = self.df
        for spec in specs:
            action, _, target = spec.action.partition(":")
            if action.lower() in ("cast", "project"):
                path = split_path(spec.path)
                if _existing(df.schema, path, True):
                    df = _with_path(df, path, column(spec.path).cast(spark_type(target)))
            elif action.lower() not in ("make_cols", "make_struct"):
                raise unsupported(f"the ResolveChoice action {spec.action}")
        return df

    def dropFields(self, paths: Any, *_: Any) -> Frame:
        df = self.df
        for path in map(split_path, sequence(paths)):
            if len(path) == 1:
                df = df.drop(path[0])
            elif _existing(df.schema, path, True):
                inner = ".".join(f"`{name}`" for name in path[1:])
                df = df.withColumn(path[0], F.col(f"`{path[0]}`").dropFields(inner))
        return self.with_df(df)

    def selectFields(self, paths: Any, *_: Any) -> Frame:
        kept = [path for path in sequence(paths) if _existing(self.df.schema, split_path(path), True)]
        return self.applyMapping([Mapping(path, "", path, "") for path in kept], True)

    def renameField(self, old: str, new: str, *_: Any) -> Frame:
        if len(split_path(old)) == len(split_path(new)) == 1:
            return self.with_df(self.df.withColumnRenamed(split_path(old)[0], split_path(new)[0]))
        moved = _with_path(self.df, split_path(new), column(old))
        return self.with_df(moved).dropFields([old])

    def splitFields(self, paths: Any, *_: Any) -> list[Frame]:
        return [self.selectFields(paths), self.dropFields(paths)]

    def splitRows(self, paths: Any, values: Any, operators: Any, *_: Any) -> list[Frame]:
        condition = F.lit(True)
        for path, value, operator in zip(*map(sequence, (paths, values, operators)), strict=True):
            condition &= _OPERATORS[operator](column(path), value)
        condition = F.coalesce(condition, F.lit(False))
        return [self.with_df(self.df.where(condition)), self.with_df(self.df.where(~condition))]

    def join(self, keys1: Any, keys2: Any, other: Frame, *_: Any) -> Frame:
        """Equality join that keeps both sides' columns; the other's get a leading dot where a name is taken."""
        taken = set(self.df.columns)
        renamed = other.df.toDF(*(f".{name}" if name in taken else name for name in other.df.columns))
        condition = F.lit(True)
        for left, right in zip(sequence(keys1), sequence(keys2), strict=True):
            first, *rest = split_path(right)
            name = ".".join(f"`{part}`" for part in [f".{first}" if first in taken else first, *rest])
            condition &= column(left) == F.col(name)
        return Frame(self.df.join(renamed, condition), self.errors + other.errors)

    def union(self, other: Frame, *_: Any) -> Frame:
        joined = Frame(self.df.unionByName(other.df, allowMissingColumns=True), self.errors + other.errors)
        joined.name = self.name
        return joined

    def repartition(self, partitions: int, *_: Any) -> Frame:
        return self.with_df(self.df.repartition(partitions))

    def coalesce(self, partitions: int, shuffle: bool = False, *_: Any) -> Frame:
        return self.with_df(self.df.repartition(partitions) if shuffle else self.df.coalesce(partitions))


_OPERATORS = {
    ">": Column.__gt__,
    ">=": Column.__ge__,
    "<": Column.__lt__,
    "<=": Column.__le__,
    "=": Column.__eq__,
    "==": Column.__eq__,
    "!=": Column.__ne__,
}


def _existing(schema: T.DataType, path: list[str], case_sensitive: bool) -> list[str] | None:
    """The path in the schema's own spelling; None when there is none."""
    found = []
    for name in path:
        if not isinstance(schema, T.StructType):
            return None
        match = next((f for f in schema if f.name == name), None)
        if match is None and not case_sensitive:
            match = next((f for f in schema if f.name.lower() == name.lower()), None)
        if match is None:
            return None
        found.append(match.name)
        schema = match.dataType
    return found


def _build(value: Any) -> Column:
    if isinstance(value, dict):
        return F.struct(*(_build(item).alias(name) for name, item in value.items()))
    return value


def _with_path(df: DataFrame, path: list[str], value: Column) -> DataFrame:
    if len(path) == 1:
        return df.withColumn(path[0], value)
    inner = ".".join(f"`{name}`" for name in path[1:])
    return df.withColumn(path[0], F.col(f"`{path[0]}`").withField(inner, value))
