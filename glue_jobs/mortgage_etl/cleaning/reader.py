"""Judges all tables of a source in order: loan tables, loans against them, performance against loans."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from contracts import load_contract
from mortgage_etl.cleaning import quarantine as q
from mortgage_etl.cleaning.accounting import changed_values, count_rows
from mortgage_etl.cleaning.public_economics import public_indicators
from mortgage_etl.cleaning.source_tables import SOURCES, SourceTables
from mortgage_etl.files.errors import SourceError
from mortgage_etl.files.extracts import Extract
from mortgage_etl.files.lines import Lines, read_lines, read_shapes
from mortgage_etl.layouts import canonical, fannie_mae, freddie_mac
from mortgage_etl.layouts.raw_table import RawTable
from mortgage_etl.run.progress import say

RAW_TABLES: dict[str, tuple[RawTable, ...]] = {
    "canonical": canonical.TABLES,
    "fannie_mae": fannie_mae.LEGACY_TABLES,
    "fannie_mae_current": (fannie_mae.CURRENT,),
    "freddie_mac": freddie_mac.TABLES,
}
BYTES_PER_PARTITION = 32 << 20  # of raw text; keeps a task's share of a loan shuffle well inside memory
QUARANTINE_COLUMNS = ", ".join(
    f"CAST(NULL AS {kind}) AS `{name}`"
    for name, kind in (
        ("table", "string"),
        ("file", "string"),
        ("row_number", "bigint"),
        ("reason", "string"),
        ("column", "string"),
        ("raw", "string"),
    )
)


def raw_tables(source: str) -> tuple[RawTable, ...]:
    """The loan-level raw tables of a source. SourceError if there is no such source."""
    if source not in RAW_TABLES:
        raise SourceError(f"there is no source {source!r}; sources are {', '.join(SOURCES)}")
    return RAW_TABLES[source]


def read_extracts(spark: SparkSession, source: str, extracts: dict[str, Extract], as_of_date: date) -> SourceTables:
    """Like read_source, of files already found. Economic tables may be absent: their table is then empty."""
    return Reader(spark, source, extracts).read(as_of_date)


class Reader:
    """One reading: collects counts and quarantine table by table."""

    def __init__(self, spark: SparkSession, source: str, extracts: dict[str, Extract]) -> None:
        self.spark = spark
        self.source = source
        self.extracts = extracts
        self.partitions = max(
            2 * spark.sparkContext.defaultParallelism,
            -(-max(extract.bytes for extract in extracts.values()) // BYTES_PER_PARTITION),
        )
        self.counts: dict[str, dict] = {}
        self.refused: list[DataFrame] = []
        self.quarantined_by_year: dict[str, int] = {}
        self._lines: dict[str, Lines] = {}

    def check_beginnings(self) -> None:
        """SourceError for the first file whose beginning says that it is not what it was taken for."""
        for raw in raw_tables(self.source):
            read_shapes(self.spark, raw, self.extracts[raw.name])

    def last_month_end(self, today: date) -> date:
        """The last day of the newest reporting month that is not after ``today``: a mistyped year is bad data.

        SourceError where no row has such a month.
        """
        whole = next(raw for raw in raw_tables(self.source) if "reporting_month" in raw.columns)
        month = next(entry for entry in whole.fields if entry.name == "reporting_month")
        only = replace(whole, fields=(month,), derived={}, key=("reporting_month",))
        lines = self._read_lines(whole)
        judged = q.judge(lines, only, today)
        # A filter on the problem would move below the projections and compute each of their expressions many times.
        month_of_good = F.when(F.col("problem").isNull(), F.col("reporting_month"))
        newest = judged.agg(F.last_day(F.max(month_of_good))).first()[0]
        if newest is None:
            count_rows(judged, lines, only, today)  # says why no row is good
        return newest

    def read(self, as_of_date: date) -> SourceTables:
        self.as_of_date = as_of_date
        raws = {raw.name: raw for raw in raw_tables(self.source)}
        if self.source == "canonical":
            tables = self._canonical(raws)
        elif self.source == "fannie_mae_current":
            tables = self._loan_months(raws["fannie_mae_current"])
        else:
            loan_level, performance = raw_tables(self.source)
            tables = self._loan_file(loan_level)
            tables["performance"] = self._performance(performance, tables["loans"])
        tables["economic_indicators"] = self._economics()
        empty = self.spark.sql("SELECT " + QUARANTINE_COLUMNS + " WHERE false")
        quarantine = reduce(DataFrame.unionByName, self.refused, empty)
        return SourceTables(tables, self.counts, self.quarantined_by_year, self.extracts, quarantine)

    def _canonical(self, raws: dict[str, RawTable]) -> dict[str, DataFrame]:
        tables = {name: self._unique(raws[name]) for name in ("borrowers", "properties")}
        judged, lines = self._judged(raws["loans"])
        judged = q.reject_duplicates(judged, raws["loans"].key, self.partitions)
        judged = q.reject_without(judged, tables["borrowers"], "no_borrower")
        judged = q.reject_without(judged, tables["properties"], "no_property")
        tables["loans"] = self._settle(raws["loans"], judged, lines)
        tables["performance"] = self._performance(raws["performance"], tables["loans"])
        return {name: _columns_of(name, frame) for name, frame in tables.items()}

    def _loan_file(self, raw: RawTable) -> dict[str, DataFrame]:
        rows = self._unique(raw)
        return {table: _columns_of(table, rows) for table in raw.feeds}

    def _loan_months(self, raw: RawTable) -> dict[str, DataFrame]:
        """One file of loan-months with the loan's own columns repeated: they are taken from its earliest month."""
        rows = self._unique(raw)
        earliest = F.row_number().over(Window.partitionBy("loan_id").orderBy("reporting_month"))
        loans = rows.withColumn("nth", earliest).where("nth = 1").drop("nth")
        frames = dict.fromkeys(fannie_mae.LOAN_TABLES, loans) | {"performance": rows}
        return {table: _columns_of(table, frame) for table, frame in frames.items()}

    def _performance(self, raw: RawTable, loans: DataFrame) -> DataFrame:
        judged, lines = self._judged(raw)
        judged = q.reject_duplicates(judged, raw.key, self.partitions)
        judged = q.reject_without(judged, loans, "unknown_loan")
        return _columns_of("performance", self._settle(raw, judged, lines))

    def _economics(self) -> DataFrame:
        if "economic_indicators" in self.extracts:
            return _columns_of("economic_indicators", self._unique(canonical.ECONOMIC_INDICATORS))
        return public_indicators(self.spark, self._unique, set(self.extracts))

    def _unique(self, raw: RawTable) -> DataFrame:
        judged, lines = self._judged(raw)
        return self._settle(raw, q.reject_duplicates(judged, raw.key, self.partitions), lines)

    def _judged(self, raw: RawTable) -> tuple[DataFrame, Lines]:
        lines = self._read_lines(raw)
        return q.judge(lines, raw, self.as_of_date), lines

    def _read_lines(self, raw: RawTable) -> Lines:
        if raw.name not in self._lines:
            self._lines[raw.name] = read_lines(self.spark, raw, self.extracts[raw.name])
        return self._lines[raw.name]

    def _settle(self, raw: RawTable, judged: DataFrame, lines: Lines) -> DataFrame:
        """Compute the table once, count it, note what is refused; returns the good rows."""
        judged = judged.persist()
        counts, by_year = count_rows(judged, lines, raw, self.as_of_date)
        self.counts[raw.name] = counts
        if "performance" in raw.feeds:
            self.quarantined_by_year = by_year
        if counts["quarantined"]:
            self.refused.append(q.quarantined(judged, raw, lines))
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in counts["by_reason"].items())
        say(
            f"{raw.name}: {counts['rows_in']:,} rows in, {counts['rows_out']:,} out, "
            f"{counts['quarantined']:,} quarantined{f' ({reasons})' if reasons else ''}"
        )
        for changed in changed_values(counts):
            say(f"{raw.name}: {changed}")
        return q.good(judged)


def _columns_of(table: str, frame: DataFrame) -> DataFrame:
    return frame.select(*load_contract(table).column_names)
