"""Finds the files of a source: per table the newest complete extract known at a date."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JJavaError

from mortgage_etl.files.errors import NoExtractYet, SourceError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INGEST = re.compile(r"^ingest_date=(\d{4}-\d{2}-\d{2})$")


@dataclass(frozen=True)
class Extract:
    """The files that together hold one table, sorted by path. ``ingest_date`` is None for a plain folder."""

    table: str
    files: tuple[str, ...]
    bytes: int
    ingest_date: date | None = None

    def to_json(self) -> dict[str, Any]:
        day = self.ingest_date.isoformat() if self.ingest_date else None
        return {"ingest_date": day, "files": list(self.files), "bytes": self.bytes}

    @classmethod
    def from_json(cls, table: str, entry: dict[str, Any]) -> Extract:
        day = date.fromisoformat(entry["ingest_date"]) if entry["ingest_date"] else None
        return cls(table, tuple(entry["files"]), entry["bytes"], day)


def newest_extract(spark: SparkSession, raw_root: str, table: str, as_of_date: date) -> Extract | None:
    """The newest ``<raw_root>/<table>/ingest_date=…`` at or before ``as_of_date``; None if the table has no folder.

    SourceError if the root cannot be read, or the table has no extract at or before the date.
    """
    folder = f"{raw_root.rstrip('/')}/{table}"
    if table not in {name for name, is_folder, _ in list_folder(spark, raw_root) if is_folder}:
        return None
    dated = [
        (_ingest_date(folder, match.group(1)), name)
        for name, is_folder, _ in list_folder(spark, folder)
        if is_folder and (match := INGEST.match(name))
    ]
    known = [entry for entry in dated if entry[0] <= as_of_date]
    if not known:
        found = f"the earliest is {min(dated)[0]}" if dated else "there is no ingest_date=YYYY-MM-DD folder at all"
        raise NoExtractYet(
            f"{folder}: no extract at or before {as_of_date}; {found}. Land an extract under "
            f"{table}/ingest_date=YYYY-MM-DD/ or choose a later business date."
        )
    ingest_date, name = max(known)
    return extract_of_files(spark, table, f"{folder}/{name}", ingest_date)


def _ingest_date(folder: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SourceError(f"{folder}/ingest_date={text}: there is no such day. Rename the folder.") from None


def extract_of_files(spark: SparkSession, table: str, folder: str, ingest_date: date | None = None) -> Extract:
    """All data files directly in ``folder``. SourceError if there is none or one is empty."""
    files = sorted((name, size) for name, is_folder, size in list_folder(spark, folder) if not is_folder)
    return checked_extract(table, [(f"{folder}/{name}", size) for name, size in files], folder, ingest_date)


def checked_extract(
    table: str, files: Iterable[tuple[str, int]], where: str, ingest_date: date | None = None
) -> Extract:
    """An extract of (path, bytes) pairs; SourceError if there is none or one is empty."""
    files = sorted(files)
    if not files:
        raise SourceError(f"{where}: there is no data file in it. Land the {table} extract there.")
    for path, size in files:
        if size == 0:
            raise SourceError(f"{path} is empty (0 bytes). Land the extract again; an unneeded file must be removed.")
    return Extract(table, tuple(path for path, _ in files), sum(size for _, size in files), ingest_date)


def list_folder(spark: SparkSession, folder: str) -> list[tuple[str, bool, int]]:
    """(name, is folder, bytes) of the visible entries of ``folder``, on any file system Spark can read."""
    path = spark._jvm.org.apache.hadoop.fs.Path(folder)
    try:
        statuses = path.getFileSystem(spark._jsc.hadoopConfiguration()).listStatus(path)
    except Py4JJavaError as error:
        reason = str(error.java_exception.getMessage()).splitlines()[0]
        raise SourceError(
            f"{folder} cannot be listed ({error.java_exception.getClass().getSimpleName()}: {reason}). "
            "Check that the bucket and the prefix exist and that the job's role may read them."
        ) from error
    entries = [(status.getPath().getName(), status.isDirectory(), int(status.getLen())) for status in statuses]
    return sorted(entry for entry in entries if not entry[0].startswith((".", "_")))


def read_head(spark: SparkSession, path: str, size: int) -> bytes:
    """The first ``size`` bytes of a file, unpacked where it is gzip by its name, the one packing that is read.

    Read through Hadoop's own codecs, because a Spark job per file to see its first lines would be slow.
    """
    jvm = spark._jvm
    conf = spark._jsc.hadoopConfiguration()
    hadoop_path = jvm.org.apache.hadoop.fs.Path(path)
    codecs = jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(conf)
    try:
        stream = hadoop_path.getFileSystem(conf).open(hadoop_path)
        try:
            plain = codecs.getCodec(hadoop_path).createInputStream(stream) if path.endswith(".gz") else stream
            return bytes(plain.readNBytes(size))
        finally:
            stream.close()
    except Py4JJavaError as error:
        raise unreadable(path, error) from None


def unreadable(path: str, error: Py4JJavaError) -> SourceError:
    """What to say of a file that the file system or the decompressor refuses."""
    reason = (str(error.java_exception.getMessage()).splitlines() or [""])[0]
    if path.endswith(".gz"):
        return SourceError(f"{path} is not a complete gzip file ({reason}). It was cut short: land it again.")
    return SourceError(f"{path} cannot be read ({reason}). Land it again.")
