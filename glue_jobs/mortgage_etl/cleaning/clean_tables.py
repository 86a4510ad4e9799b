"""Clean tables: a delivery of raw files, read and judged once, kept as Parquet for every job and night that follows."""

from __future__ import annotations

from datetime import date
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from contracts import load_contract
from contracts.spark_schema import struct_type
from mortgage_etl.cleaning.accounting import ReconciliationError
from mortgage_etl.cleaning.source_tables import SourceTables, read_source
from mortgage_etl.files.extracts import Extract
from mortgage_etl.publishing import objects
from mortgage_etl.publishing.attempts import publish_attempt, read_manifest
from mortgage_etl.run.progress import say


def prepare_clean_tables(
    spark: SparkSession,
    source: str,
    raw_root: str,
    delivered_by: date,
    dataset: str,
    quarantine_root: str,
    job_run_id: str,
    code_sha256: str,
) -> dict[str, Any]:
    """Read what was delivered by a date, publish its good rows table by table, quarantine the rest; the manifest.

    A row dated after ``delivered_by`` is quarantined: no file can know it.
    """
    tables = read_source(spark, source, raw_root, delivered_by)
    write_quarantine(tables, quarantine_root, source, delivered_by)
    rows = {name: frame.count() for name, frame in tables.tables.items()}

    def write(attempt: str) -> None:
        for name, frame in tables.tables.items():
            frame.write.parquet(f"{attempt}{name}")

    def describe(attempt: str) -> dict[str, Any]:
        written = {name: spark.read.parquet(f"{attempt}{name}").count() for name in rows}
        if written != rows:
            raise ReconciliationError(f"clean tables: {rows} good rows, but {written} were written")
        return {
            "dataset": "clean_tables",
            "rows": rows["performance"],
            "rows_by_table": rows,
            "source": source,
            "delivered_by": delivered_by.isoformat(),
            "code_sha256": code_sha256,
            "extracts": {name: extract.to_json() for name, extract in tables.extracts.items()},
            "counts": {"tables": tables.counts},
            "quarantined_by_year": tables.quarantined_by_year,
        }

    return publish_attempt(dataset, job_run_id, write, describe)


def read_clean_tables(spark: SparkSession, dataset: str) -> SourceTables:
    """What :func:`prepare_clean_tables` published under ``dataset``. FileNotFoundError if it never did."""
    manifest = read_manifest(dataset)
    frames = {
        name: spark.read.schema(struct_type(load_contract(name))).parquet(f"{manifest['data_prefix']}{name}")
        for name in manifest["rows_by_table"]
    }
    extracts = {name: Extract.from_json(name, entry) for name, entry in manifest["extracts"].items()}
    return SourceTables(frames, manifest["counts"]["tables"], manifest["quarantined_by_year"], extracts)


def write_quarantine(tables: SourceTables, root: str, source: str, delivered_by: date) -> None:
    """Replace the quarantine of this source's delivery, table by table (a table without rejects has none)."""
    for table, counts in tables.counts.items():
        path = f"{root.rstrip('/')}/{table}/source={source}/delivered_by={delivered_by}/"
        objects.delete_prefix(path)
        if counts["quarantined"]:
            assert tables.quarantine is not None
            tables.quarantine.where(F.col("table") == table).coalesce(1).write.mode("overwrite").parquet(path)
            say(f"{counts['quarantined']:,} rows of {table} in quarantine: {path}")
