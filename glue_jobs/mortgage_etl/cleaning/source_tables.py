"""Raw files of any supported source → the canonical tables, clean, with everything that was refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from mortgage_etl.files.errors import SourceError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from mortgage_etl.files.extracts import Extract

__all__ = ["SOURCES", "SourceError", "SourceTables", "loan_extracts", "read_source"]

SOURCES = ("canonical", "fannie_mae", "fannie_mae_current", "freddie_mac")


@dataclass(frozen=True)
class SourceTables:
    """What a source gave.

    ``tables``: canonical name → DataFrame of the contract's columns, good rows only. ``counts``: raw table → rows_in,
    rows_out, quarantined, by_reason; they add up exactly. ``quarantined_by_year``: performance rows only, by reporting
    month. ``extracts``: raw table → the files read. ``quarantine``: table, file, row_number (from 1, the header is line
    1), reason, column, raw; None where clean tables were read, whose quarantine is stored already.
    """

    tables: dict[str, DataFrame]
    counts: dict[str, dict]
    quarantined_by_year: dict[str, int] = field(default_factory=dict)
    extracts: dict[str, Extract] = field(default_factory=dict)
    quarantine: DataFrame | None = None


def read_source(spark: SparkSession, source: str, raw_root: str, as_of_date: date) -> SourceTables:
    """Read the newest complete extract of every table of ``source`` at or before ``as_of_date``.

    ``raw_root`` holds <table>/ingest_date=YYYY-MM-DD/<files>. SourceError if a table or file is wrong as a whole;
    ReconciliationError if the counts do not add up.
    """
    from mortgage_etl.cleaning.public_economics import economic_extracts
    from mortgage_etl.cleaning.reader import read_extracts

    extracts = loan_extracts(spark, source, raw_root, as_of_date) | economic_extracts(spark, raw_root, as_of_date)
    return read_extracts(spark, source, extracts, as_of_date)


def loan_extracts(spark: SparkSession, source: str, raw_root: str, as_of_date: date) -> dict[str, Extract]:
    """The newest extract of each of the source's own tables. SourceError if one is missing."""
    from mortgage_etl.cleaning.reader import raw_tables
    from mortgage_etl.files.extracts import newest_extract

    extracts = {}
    for raw in raw_tables(source):
        extract = newest_extract(spark, raw_root, raw.name, as_of_date)
        if extract is None:
            raise SourceError(
                f"{raw_root}: there is no folder {raw.name}, which source {source} needs. Land its files under "
                f"{raw.name}/ingest_date=YYYY-MM-DD/."
            )
        extracts[raw.name] = extract
    return extracts
