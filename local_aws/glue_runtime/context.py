"""GlueContext's JVM side: sources, sinks, purging."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any

from pyspark.sql import DataFrame

from local_aws.glue_runtime import s3, tables
from local_aws.glue_runtime.frames import Frame
from local_aws.glue_runtime.readers import Options, read_files, spark, unsupported

_FILE_CONNECTIONS = ("s3", "file", "parquet", "orc")


class GlueScalaContext:
    """`GlueContext._ssql_ctx`."""

    def __init__(self, *arguments: Any):
        """The arguments are Spark's context and partition hints, which Spark decides on here."""

    def __getattr__(self, name: str) -> Any:
        raise unsupported(f"GlueContext.{name}") if not name.startswith("_") else AttributeError(name)

    def getSource(self, connection_type: str, options: Options, ctx: str = "", predicate: str = "") -> Source:
        if connection_type not in _FILE_CONNECTIONS:
            raise unsupported(f"the connection type {connection_type}")
        return FileSource(options, connection_type if connection_type in ("parquet", "orc") else None)

    def getCatalogSource(
        self, database: str, table: str, tmp: str, ctx: str, predicate: str, options: Options, catalog_id: Any
    ) -> Source:
        return CatalogSource(database, table, predicate or options.get("partitionPredicate", ""))

    def getSink(self, connection_type: str, options: Options, ctx: str = "") -> Sink:
        if connection_type not in _FILE_CONNECTIONS:
            raise unsupported(f"the connection type {connection_type}")
        return Sink(options, connection_type if connection_type in ("parquet", "orc") else None)

    def getCatalogSink(self, database: str, table: str, tmp: str, ctx: str, options: Options, catalog_id: Any) -> Sink:
        found = tables.get_table(database, table)
        keys = [key["Name"] for key in found.get("PartitionKeys", [])]
        sink = Sink({**options, "path": found["StorageDescriptor"]["Location"], "partitionKeys": keys}, None)
        sink.setFormat(*tables.table_format(found))
        if options.get("enableUpdateCatalog"):
            sink.setCatalogInfo(database, table)
        return sink

    def getCatalogSchemaAsSparkSchema(self, database: str, table: str, catalog_id: Any = None) -> Any:
        return tables.table_schema(database, table)

    def purgeS3Path(self, path: str, options: Options, ctx: str = "") -> None:
        """Delete objects older than retentionPeriod hours (168 when not given, as in Glue)."""
        hours = float(options.get("retentionPeriod", 168))
        s3.delete_older(path, time.time() - hours * 3600)


class Source(ABC):
    """Gives a frame; awsglue's DataSource holds one."""

    def setFormat(self, name: str, options: Options) -> None:
        raise unsupported(f"a format for {type(self).__name__}")

    def getDynamicFrame(self, *partitions: int) -> Frame:
        return Frame(self.read())

    def getDataFrame(self) -> Any:
        return self.read()._jdf

    def getSampleDynamicFrame(self, rows: int, options: Options) -> Frame:
        return Frame(self.read().limit(rows))

    @abstractmethod
    def read(self) -> DataFrame:
        """What is there now."""


class FileSource(Source):
    def __init__(self, options: Options, file_format: str | None):
        self.options = options
        self.format: str | None = file_format
        self.format_options: Options = {}

    def setFormat(self, name: str, options: Options) -> None:
        self.format, self.format_options = name, options

    def read(self) -> DataFrame:
        paths = self.options.get("paths") or [self.options["path"]]
        return read_files([paths] if isinstance(paths, str) else paths, self.format, self.format_options, self.options)


class CatalogSource(Source):
    def __init__(self, database: str, table: str, predicate: str):
        self.database, self.table, self.predicate = database, table, predicate

    def read(self) -> DataFrame:
        return tables.read_table(self.database, self.table, self.predicate)


class Sink:
    """Appends files; with enableUpdateCatalog also registers the table and its new partitions."""

    def __init__(self, options: Options, file_format: str | None):
        self.options = options
        self.format = file_format
        self.format_options: Options = {}
        self.target: tuple[str, str] | None = None

    def setFormat(self, name: str, options: Options) -> None:
        self.format, self.format_options = name, options

    def setCatalogInfo(self, database: str, table: str, catalog_id: str = "") -> None:
        self.target = (database, table)

    def setAccumulableSize(self, size: int) -> None:
        """How many failed records to keep: none are."""

    def pyWriteDynamicFrame(self, frame: Frame, site: str = "", info: str = "") -> Frame:
        self._write(frame.df)
        return Frame.empty()

    def pyWriteDataFrame(self, jdf: Any, context: Any, site: str = "", info: str = "") -> Any:
        self._write(DataFrame(jdf, spark()))
        return Frame.empty().df._jdf

    def _write(self, df: DataFrame) -> None:
        keys = list(self.options.get("partitionKeys") or [])
        path = self.options["path"]
        writer = df.write.mode("append")
        if keys:
            writer = writer.partitionBy(*keys)
        compression = self.format_options.get("compression") or self.options.get("compression")
        if compression:
            writer = writer.option("compression", compression)
        if self.format in ("parquet", "glueparquet"):
            writer.parquet(path)
        elif self.format == "orc":
            writer.orc(path)
        elif self.format == "json":
            writer.json(path)
        elif self.format == "csv":
            quote = self.format_options.get("quoteChar", '"')
            header = str(self.format_options.get("writeHeader", True)).lower()
            quote = "\u0000" if quote in (-1, "-1") else quote
            writer = writer.options(sep=self.format_options.get("separator", ","), header=header, quote=quote)
            writer.options(escape='"', emptyValue="").csv(path)
        else:
            raise unsupported(f"the format {self.format}")
        if self.target and str(self.options.get("enableUpdateCatalog", "false")).lower() == "true":
            update = self.options.get("updateBehavior", "UPDATE_IN_DATABASE") == "UPDATE_IN_DATABASE"
            tables.register(*self.target, df.schema, keys, path, self.format, self.format_options, update)
