"""Raw files as numbered lines, after the checks that concern a file as a whole.

Every line gets one number, ``source_row`` = file index · 2^36 + line number in the file (from 1): compact, exact and in
file order. Spark's text reader may cut a file into blocks that run in parallel; one cheap pass counts the lines of each
block, and a line's number is its place in its block plus the lines of the blocks before. A quoted field with a line
break in it is not supported: both halves land in quarantine as open quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote

import pandas as pd
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from mortgage_etl.files.errors import SourceError
from mortgage_etl.files.extracts import Extract, read_head
from mortgage_etl.files.shapes import HEAD_BYTES, Shape, first_lines, shape_of
from mortgage_etl.layouts.raw_table import RawTable

LINE_BITS = 36
TASK_LOGGERS = ("executor.Executor", "scheduler.TaskSetManager")


@dataclass(frozen=True)
class Lines:
    """``frame`` (source_row long, raw string) holds every data line; ``rows`` is their exact number.

    ``shapes`` are those of ``files``. ``quoted``: some field may stand in quotes.
    """

    frame: DataFrame
    rows: int
    files: tuple[str, ...]
    shapes: tuple[Shape, ...]
    quoted: bool

    def file_of(self, source_row: Column) -> Column:
        names = F.array(*[F.lit(name) for name in self.files])
        return F.element_at(names, file_number(source_row) + 1)


def file_number(source_row: Column) -> Column:
    """From 0."""
    return F.shiftright(source_row, LINE_BITS).cast("int")


def line_number(source_row: Column) -> Column:
    """From 1."""
    return source_row.bitwiseAND(F.lit((1 << LINE_BITS) - 1))


def read_shapes(spark: SparkSession, raw: RawTable, extract: Extract) -> tuple[Shape, ...]:
    """How each file of an extract is laid out. SourceError for a file whose beginning is wrong."""
    heads = ((path, first_lines(path, read_head(spark, path, HEAD_BYTES))) for path in extract.files)
    return tuple(shape_of(raw, path, lines) for path, lines in heads)


def read_lines(spark: SparkSession, raw: RawTable, extract: Extract) -> Lines:
    """The data lines of an extract: no heading, no blank lines. SourceError for a file that is wrong as a whole."""
    shapes = read_shapes(spark, raw, extract)
    lines = spark.read.text([_literally(path) for path in extract.files]).select(
        F.col("value").alias("raw"),
        F.col("_metadata.file_path").alias("path"),
        F.col("_metadata.file_block_start").alias("block"),
        F.monotonically_increasing_id().alias("id"),
    )
    blocks = _count_blocks(spark, lines, extract)
    starts, rows, quoted = [], 0, False
    for index, (path, shape) in enumerate(zip(extract.files, shapes, strict=True)):
        own = sorted((block for block in blocks if _same_file(block.path, path)), key=lambda block: block.block)
        data_rows = sum(block.filled for block in own) - (1 if shape.heading and own else 0)
        before = 0
        for block in own:
            for bad, what in ((block.bad_utf8, "not UTF-8 text"), (block.nul, "NUL characters")):
                if bad is not None:
                    raise _no_text(path, before + bad - block.first_id + 1, what)
            # place of a line = its id − first id of its block + lines before the block + 1
            starts.append((block.path, block.block, (index << LINE_BITS) + before + 1 - block.first_id))
            before += block.lines
        if data_rows <= 0:
            what = "has a header and no rows" if shape.heading else "has no rows"
            raise SourceError(f"{path} {what}. Land the {raw.name} extract again; an unneeded file must be removed.")
        rows += data_rows
        quoted |= any(block.quoted for block in own)
    offsets = spark.createDataFrame(pd.DataFrame(starts, columns=["path", "block", "offset"]))
    numbered = lines.join(F.broadcast(offsets), ["path", "block"]).select(
        (F.col("id") + F.col("offset")).alias("source_row"), "raw"
    )
    numbered = numbered.where(F.trim("raw") != "")
    if headed := [(index << LINE_BITS) + 1 for index, shape in enumerate(shapes) if shape.heading]:
        numbered = numbered.where(~F.col("source_row").isin(headed))
    return Lines(numbered, rows, extract.files, shapes, quoted)


def _count_blocks(spark: SparkSession, lines: DataFrame, extract: Extract) -> list:
    """One row per file block: lines, filled lines, first id, first id that is not UTF-8, …"""
    is_utf8 = F.col("raw") == F.decode(F.col("raw").cast("binary"), "UTF-8")
    try:
        with _silent_tasks(spark):
            return (
                lines.groupBy("path", "block")
                .agg(
                    F.count("*").alias("lines"),
                    F.sum(F.when(F.trim("raw") != "", 1).otherwise(0)).alias("filled"),
                    F.min("id").alias("first_id"),
                    F.min(F.when(~is_utf8, F.col("id"))).alias("bad_utf8"),
                    F.min(F.when(F.instr("raw", "\0") > 0, F.col("id"))).alias("nul"),
                    F.max(F.instr("raw", '"') > 0).alias("quoted"),
                )
                .collect()
            )
    except (Py4JJavaError, PySparkException) as error:
        raise _blamed(extract, error) from None


@contextmanager
def _silent_tasks(spark: SparkSession) -> Iterator[None]:
    """A file that cannot be read is told in one line by its SourceError, not by the stack of each task that tried."""
    log4j = spark._jvm.org.apache.logging.log4j
    loggers = [f"org.apache.spark.{name}" for name in TASK_LOGGERS]
    before = [log4j.LogManager.getLogger(name).getLevel() for name in loggers]
    for name in loggers:
        log4j.core.config.Configurator.setLevel(name, log4j.Level.OFF)
    try:
        yield
    finally:
        for name, level in zip(loggers, before, strict=True):
            log4j.core.config.Configurator.setLevel(name, level)


def _no_text(path: str, line: int, what: str) -> SourceError:
    return SourceError(f"{path}, line {line}: {what}. Export it again as UTF-8 (it may be Latin-1, binary or damaged).")


def _literally(path: str) -> str:
    """A path that Spark does not take for a pattern."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", path)


def _same_file(reported: str, listed: str) -> bool:
    """Spark reports a path as an encoded URI."""

    def plain(path: str) -> str:
        return re.sub(r"^file:/*", "/", path)

    return plain(unquote(reported)) == plain(listed)


def _blamed(extract: Extract, error: Exception) -> SourceError:
    """Name the file behind a failed scan: Spark's message holds its path."""
    message = unquote(str(error))
    for path in extract.files:
        if path in message or path.rsplit("/", 1)[-1] in message:
            break
    else:
        path = next((path for path in extract.files if path.endswith(".gz")), extract.files[0])
    if path.endswith(".gz"):
        return SourceError(f"{path} is not a complete gzip file. It was cut short or damaged: land it again.")
    return SourceError(f"{path} cannot be read. Land it again. ({message.splitlines()[0][:300]})")
