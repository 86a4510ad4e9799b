"""Raw files as numbered lines, after the checks that concern a file as a whole.

Every line gets one number, ``source_row`` = file index · 2^36 + line number in the file (from 1): compact, exact and in
file order. Spark's text reader may cut a file into blocks that run in parallel; one cheap pass counts the lines of each
block, and a line's number is its place in its block plus the lines of the blocks before. A quoted field with a line
break in it is not supported: both halves land in quarantine with a wrong number of columns.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from urllib.parse import unquote

import pandas as pd
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from mortgage_etl.sources.errors import SourceError
from mortgage_etl.sources.extracts import Extract, first_line
from mortgage_etl.sources.layouts import RawTable

LINE_BITS = 36
DELIMITERS = {",": "comma", "|": "pipe", ";": "semicolon", "\t": "tab"}


@dataclass(frozen=True)
class Lines:
    """``frame`` (source_row long, raw string) holds every data line; ``rows`` is their exact number.

    Per file: its path, the ``positions`` of the columns that are wanted, and the column counts (``widths``) its lines
    may have. ``quoted``: some field may stand in quotes.
    """

    frame: DataFrame
    rows: int
    files: tuple[str, ...]
    positions: tuple[dict[str, int], ...]
    widths: tuple[tuple[int, ...], ...]
    quoted: bool

    def file_of(self, source_row: Column) -> Column:
        names = F.array(*[F.lit(name) for name in self.files])
        return F.element_at(names, (F.shiftright(source_row, LINE_BITS) + 1).cast("int"))


def line_number(source_row: Column) -> Column:
    return source_row.bitwiseAND(F.lit((1 << LINE_BITS) - 1))


def read_lines(spark: SparkSession, raw: RawTable, extract: Extract) -> Lines:
    """The data lines of an extract: no header, no blank lines. SourceError for a file that is wrong as a whole."""
    heads = [first_line(spark, path) for path in extract.files]
    shapes = [_shape(raw, path, head) for path, head in zip(extract.files, heads, strict=True)]
    lines = spark.read.text(list(extract.files)).select(
        F.col("value").alias("raw"),
        F.col("_metadata.file_path").alias("path"),
        F.col("_metadata.file_block_start").alias("block"),
        F.monotonically_increasing_id().alias("id"),
    )
    blocks = _count_blocks(lines, raw, extract)
    starts, rows, quoted = [], 0, False
    for index, path in enumerate(extract.files):
        own = sorted((block for block in blocks if _same_file(block.path, path)), key=lambda block: block.block)
        data_rows = sum(block.filled for block in own) - (1 if raw.header and own else 0)
        before = 0
        for block in own:
            if block.bad_utf8 is not None:
                raise _not_utf8(path, before + block.bad_utf8 - block.first_id + 1)
            # place of a line = its id − first id of its block + lines before the block + 1
            starts.append((block.path, block.block, (index << LINE_BITS) + before + 1 - block.first_id))
            before += block.lines
        if data_rows <= 0:
            what = "has a header and no rows" if raw.header else "has no rows"
            raise SourceError(f"{path} {what}. Land the {raw.name} extract again; an unneeded file must be removed.")
        if not raw.header and not sum(block.well_formed for block in own):
            raise _wrong_width(raw, path, heads[index])
        rows += data_rows
        quoted |= any(block.quoted for block in own)
    offsets = spark.createDataFrame(pd.DataFrame(starts, columns=["path", "block", "offset"]))
    numbered = lines.join(F.broadcast(offsets), ["path", "block"]).select(
        (F.col("id") + F.col("offset")).alias("source_row"), "raw"
    )
    numbered = numbered.where(F.trim("raw") != "")
    if raw.header:
        numbered = numbered.where(line_number(F.col("source_row")) > 1)
    positions = tuple(shape[0] for shape in shapes)
    return Lines(numbered, rows, extract.files, positions, tuple(shape[1] for shape in shapes), quoted)


def _count_blocks(lines: DataFrame, raw: RawTable, extract: Extract) -> list:
    """One row per file block: lines, filled lines, first id, first id that is not UTF-8, …"""
    is_utf8 = F.col("raw") == F.decode(F.col("raw").cast("binary"), "UTF-8")
    width = F.length("raw") - F.length(F.translate("raw", raw.delimiter, "")) + 1
    well_formed = F.lit(1) if raw.header else F.when(width.isin(*raw.widths), 1).otherwise(0)
    try:
        return (
            lines.groupBy("path", "block")
            .agg(
                F.count("*").alias("lines"),
                F.sum(F.when(F.trim("raw") != "", 1).otherwise(0)).alias("filled"),
                F.min("id").alias("first_id"),
                F.min(F.when(~is_utf8, F.col("id"))).alias("bad_utf8"),
                F.sum(well_formed).alias("well_formed"),
                F.max(F.instr("raw", '"') > 0).alias("quoted"),
            )
            .collect()
        )
    except (Py4JJavaError, PySparkException) as error:
        raise _blamed(extract, error) from error


def _shape(raw: RawTable, path: str, head: str) -> tuple[dict[str, int], tuple[int, ...]]:
    """Where each wanted column stands in a file, and how many columns its lines have."""
    if not raw.header:
        return {field.source: field.position for field in raw.fields}, raw.widths
    names = [name.strip() for name in next(csv.reader([head], delimiter=raw.delimiter), [])]
    missing = [field.source for field in raw.fields if field.source not in names]
    if missing:
        other = _delimiter_of(head)
        if len(names) == 1 and other not in (None, raw.delimiter):
            raise SourceError(
                f"{path}: the header is separated by {DELIMITERS[other]}, not by {DELIMITERS[raw.delimiter]}. "
                f"Export {raw.name} again with the {DELIMITERS[raw.delimiter]} as separator."
            )
        raise SourceError(
            f"{path}: the header lacks {', '.join(missing)}; it has {', '.join(names) or 'nothing'}. "
            f"Export {raw.name} again with every column of its contract."
        )
    return {field.source: names.index(field.source) for field in raw.fields}, (len(names),)


def _delimiter_of(line: str) -> str | None:
    best = max(DELIMITERS, key=line.count)
    return best if best in line else None


def _wrong_width(raw: RawTable, path: str, head: str) -> SourceError:
    expected = f"{' or '.join(map(str, raw.widths))} columns separated by {DELIMITERS[raw.delimiter]}"
    other = _delimiter_of(head)
    if raw.delimiter not in head and other:
        found = f"its lines are separated by {DELIMITERS[other]}"
    else:
        found = f"its first line has {head.count(raw.delimiter) + 1}"
    return SourceError(f"{path}: {raw.name} has {expected}, but {found}. Check that the right file was landed.")


def _not_utf8(path: str, line: int) -> SourceError:
    return SourceError(f"{path}, line {line}: not UTF-8 text. Export it again as UTF-8 (it may be Latin-1 or binary).")


def _same_file(reported: str, listed: str) -> bool:
    def plain(path: str) -> str:
        return re.sub(r"^file:/*", "/", unquote(path))

    return plain(reported) == plain(listed)


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
