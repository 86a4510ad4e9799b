"""Files in one of Glue's formats as a DataFrame."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame, SparkSession

#: Options of a connection or a format, as a script gives them.
Options = dict[str, Any]


def spark() -> SparkSession:
    return SparkSession.builder.getOrCreate()


def unsupported(what: str) -> NotImplementedError:
    return NotImplementedError(f"local_aws's Glue runtime does not support {what}")


def read_files(paths: list[str], file_format: str | None, format_options: Options, options: Options) -> DataFrame:
    """A DataFrame of files in one of Glue's formats, with Glue's options and column names."""
    reader = spark().read
    if str(options.get("recurse", "false")).lower() == "true":
        reader = reader.option("recursiveFileLookup", "true")
    if file_format in ("parquet", "glueparquet"):
        return reader.parquet(*paths)
    if file_format == "orc":
        return reader.orc(paths)
    if file_format == "json":
        multiline = str(format_options.get("multiLine", format_options.get("multiline", "false"))).lower()
        return reader.option("multiLine", multiline).json(paths)
    if file_format == "csv":
        header = str(format_options.get("withHeader", "false")).lower() == "true"
        df = csv_reader(reader, format_options).option("header", header).csv(paths).na.fill("")
        return df if header else df.toDF(*(f"col{i}" for i in range(len(df.columns))))
    raise unsupported(f"the format {file_format}")


def csv_reader(reader: Any, options: Options) -> Any:
    """Glue's options of the CSV format. Every value is text."""
    quote = options.get("quoteChar", '"')
    quote = "" if quote in (-1, "-1") else quote
    return (
        reader.option("sep", options.get("separator", ","))
        .option("quote", quote)
        .option("escape", options.get("escaper") or quote or "\\")
        .option("multiLine", str(options.get("multiLine", options.get("multiline", "false"))).lower())
    )
