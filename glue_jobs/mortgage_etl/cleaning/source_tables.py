"""The canonical tables of a source, clean, with everything that was refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyspark.sql import DataFrame

from contracts.documents import TableCounts
from mortgage_etl.files.extracts import Extract


@dataclass(frozen=True)
class SourceTables:
    """What a source gave.

    ``tables``: canonical name → DataFrame of the contract's columns, good rows only. ``counts``: raw table → what
    became of its rows. ``quarantined_by_year``: performance rows only, by reporting month. ``extracts``: raw table →
    the files read. ``quarantine``: the rows refused, as contract quarantine has them; None where clean tables were
    read, whose quarantine is stored already.
    """

    tables: dict[str, DataFrame]
    counts: dict[str, TableCounts]
    quarantined_by_year: dict[str, int] = field(default_factory=dict)
    extracts: dict[str, Extract] = field(default_factory=dict)
    quarantine: DataFrame | None = None
