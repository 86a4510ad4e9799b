"""Tables of the Data Catalog: reading one with a predicate on its partitions, registering what a sink wrote."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from local_aws.glue_runtime import s3
from local_aws.glue_runtime.glue_types import hive_type, spark_type
from local_aws.glue_runtime.readers import Options, csv_reader, spark, unsupported

_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"
_TEXT = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_STORAGE = {
    "parquet": (
        f"{_PARQUET}.MapredParquetInputFormat",
        f"{_PARQUET}.MapredParquetOutputFormat",
        f"{_PARQUET}.serde.ParquetHiveSerDe",
    ),
    "orc": (
        "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
        "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
        "org.apache.hadoop.hive.ql.io.orc.OrcSerde",
    ),
    "csv": (_TEXT, _TEXT_OUT, "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"),
    "json": (_TEXT, _TEXT_OUT, "org.openx.data.jsonserde.JsonSerDe"),
}

#: A table, a partition or a storage descriptor of the Data Catalog.
Table = dict[str, Any]


def get_table(database: str, name: str) -> Table:
    table: Table = s3.client("glue").get_table(DatabaseName=database, Name=name)["Table"]
    return table


def table_format(table: Table) -> tuple[str, Options]:
    """(format, Glue's format options) as the table's parameters and SerDe say."""
    storage = table["StorageDescriptor"]
    serde = storage.get("SerdeInfo", {})
    name = table.get("Parameters", {}).get("classification", "").lower().removeprefix("glue")
    name = name or next((n for n, classes in _STORAGE.items() if classes[2] == serde.get("SerializationLibrary")), "")
    parameters = {**serde.get("Parameters", {}), **table.get("Parameters", {})}
    options: Options = {}
    if name == "csv":
        options["separator"] = parameters.get("field.delim") or parameters.get("delimiter") or ","
        options["withHeader"] = options["writeHeader"] = int(parameters.get("skip.header.line.count", 0)) > 0
    return name, options


def _schema(columns: list[dict[str, str]]) -> T.StructType:
    return T.StructType([T.StructField(c["Name"], spark_type(c.get("Type", "string"))) for c in columns])


def table_schema(database: str, name: str) -> T.StructType:
    """Columns, then partition keys."""
    table = get_table(database, name)
    return _schema([*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", [])])


def _partitions(table: Table, predicate: str) -> list[Table]:
    """The partitions whose key values meet a Spark SQL predicate."""
    pages = (
        s3.client("glue")
        .get_paginator("get_partitions")
        .paginate(DatabaseName=table["DatabaseName"], TableName=table["Name"])
    )
    partitions = [p for page in pages for p in page["Partitions"]]
    if not predicate or not partitions:
        return partitions
    keys = _schema(table["PartitionKeys"])
    text = ", ".join(f"`{field.name}` string" for field in keys)
    rows = spark().createDataFrame([(*p["Values"], i) for i, p in enumerate(partitions)], f"{text}, __index long")
    typed = rows.select("__index", *(F.col(f"`{f.name}`").cast(f.dataType).alias(f.name) for f in keys))
    return [partitions[row["__index"]] for row in typed.where(predicate).select("__index").collect()]


def read_table(database: str, name: str, predicate: str = "") -> DataFrame:
    """A table's rows; a predicate on partition keys keeps other partitions' files unread."""
    table = get_table(database, name)
    columns, keys = _schema(table["StorageDescriptor"]["Columns"]), _schema(table.get("PartitionKeys", []))
    location = table["StorageDescriptor"]["Location"].rstrip("/") + "/"
    everything = T.StructType([*columns, *keys])
    if not keys:
        return _load(table, columns, [location])
    partitions = _partitions(table, predicate)
    if not partitions:
        return spark().createDataFrame([], everything)
    places = [p["StorageDescriptor"]["Location"].rstrip("/") + "/" for p in partitions]
    if all(place.startswith(location) and place.count("=") >= len(keys) for place in places):
        return _load(table, everything, places, basePath=location).select(*everything.fieldNames())
    frames = [
        _load(table, columns, [place]).select(
            "*", *(F.lit(v).cast(f.dataType).alias(f.name) for f, v in zip(keys, p["Values"], strict=True))
        )
        for place, p in zip(places, partitions, strict=True)
    ]
    result = frames[0]
    for frame in frames[1:]:
        result = result.unionByName(frame)
    return result


def _load(table: Table, schema: T.StructType, paths: list[str], **options: str) -> DataFrame:
    name, format_options = table_format(table)
    reader = spark().read.schema(schema).options(**options)
    if name == "csv":
        reader = csv_reader(reader, format_options).option("header", format_options["withHeader"])
        return reader.csv(paths)
    if name == "json":
        return reader.json(paths)
    if name == "parquet":
        return reader.parquet(*paths)
    if name == "orc":
        return reader.orc(paths)
    raise unsupported(f"a table of the classification {name!r}")


def register(
    database: str,
    name: str,
    schema: T.StructType,
    keys: list[str],
    location: str,
    file_format: str,
    format_options: Options,
    update: bool,
) -> None:
    """Create the table or (with `update`) bring its columns up to date, and add the partitions it lacks."""
    glue = s3.client("glue")
    storage = _storage(schema, keys, location, file_format, format_options)
    table: Table = {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": storage,
        "PartitionKeys": [{"Name": key, "Type": hive_type(schema[key].dataType)} for key in keys],
        "Parameters": {"classification": file_format.removeprefix("glue"), "EXTERNAL": "TRUE"},
    }
    if file_format == "csv" and str(format_options.get("writeHeader", True)).lower() == "true":
        table["Parameters"]["skip.header.line.count"] = "1"
    try:
        glue.get_table(DatabaseName=database, Name=name)
    except glue.exceptions.EntityNotFoundException:
        glue.create_table(DatabaseName=database, TableInput=table)
    else:
        if update:
            glue.update_table(DatabaseName=database, TableInput=table)
    if not keys:
        return
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=name)
    known = {tuple(p["Values"]) for page in pages for p in page["Partitions"]}
    new = [
        {"Values": values, "StorageDescriptor": {**storage, "Location": uri}}
        for values, uri in s3.partition_folders(location, keys)
        if tuple(values) not in known
    ]
    for start in range(0, len(new), 100):
        glue.batch_create_partition(DatabaseName=database, TableName=name, PartitionInputList=new[start : start + 100])


def _storage(schema: T.StructType, keys: list[str], location: str, file_format: str, format_options: Options) -> Table:
    input_format, output_format, library = _STORAGE[file_format.removeprefix("glue")]
    parameters = {"serialization.format": "1"}
    if file_format == "csv":
        parameters["field.delim"] = format_options.get("separator", ",")
    return {
        "Columns": [{"Name": f.name, "Type": hive_type(f.dataType)} for f in schema if f.name not in keys],
        "Location": location,
        "InputFormat": input_format,
        "OutputFormat": output_format,
        "SerdeInfo": {"SerializationLibrary": library, "Parameters": parameters},
    }
