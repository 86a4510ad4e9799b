"""Judges all tables of a source in order: loan tables, loans against them, performance against loans."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from contracts import load_contract
from contracts.documents import TableCounts
from contracts.sources import ECONOMIC_INDICATORS, LOAN_TABLES, PERFORMANCE, raw_table_of
from mortgage_etl.cleaning import quarantine
from mortgage_etl.cleaning.accounting import changed_values, count_rows
from mortgage_etl.cleaning.public_economics import economic_extracts, public_indicators
from mortgage_etl.cleaning.source_tables import SourceTables
from mortgage_etl.errors import SourceError
from mortgage_etl.files.extracts import Extract, newest_extract
from mortgage_etl.files.lines import Lines, read_lines, read_shapes
from mortgage_etl.layouts import canonical
from mortgage_etl.layouts.by_source import raw_tables
from mortgage_etl.layouts.raw_table import RawTable
from mortgage_etl.run.progress import say

BYTES_PER_PARTITION = 32 << 20  # of raw text; keeps a task's share of a loan shuffle well inside memory


def read_source(spark: SparkSession, source: str, raw_root: str, as_of_date: date) -> SourceTables:
    """Read the newest complete extract of every table of ``source`` at or before ``as_of_date``.

    ``raw_root`` holds <table>/ingest_date=YYYY-MM-DD/<files>. SourceError if a table or file is wrong as a whole;
    ReconciliationError if the counts do not add up.
    """
    extracts = loan_extracts(spark, source, raw_root, as_of_date) | economic_extracts(spark, raw_root, as_of_date)
    return read_extracts(spark, source, extracts, as_of_date)


def loan_extracts(spark: SparkSession, source: str, raw_root: str, as_of_date: date) -> dict[str, Extract]:
    """The newest extract of each of the source's own tables. SourceError if one is missing."""
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
        self.counts: dict[str, TableCounts] = {}
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
        judged = quarantine.judge(lines, only, today)
        # A filter on the problem would move below the projections and compute each of their expressions many times.
        month_of_good = F.when(F.col("problem").isNull(), F.col("reporting_month"))
        (newest,) = judged.agg(F.last_day(F.max(month_of_good))).collect()[0]
        if newest is None:
            count_rows(judged, lines, only, today)  # says why no row is good
        assert isinstance(newest, date)
        return newest

    def read(self, as_of_date: date) -> SourceTables:
        self.as_of_date = as_of_date
        raws = {raw.name: raw for raw in raw_tables(self.source)}
        loans, performance = (raws[raw_table_of(self.source, table)] for table in ("loans", PERFORMANCE))
        if loans is performance:
            tables = self._loan_months(performance)
        else:
            tables = self._loan_file(loans) if loans.feeds == LOAN_TABLES else self._loan_tables(raws)
            tables[PERFORMANCE] = self._performance(performance, tables["loans"])
        tables[ECONOMIC_INDICATORS] = self._economics()
        refused = reduce(DataFrame.unionByName, self.refused, quarantine.none_quarantined(self.spark))
        return SourceTables(tables, self.counts, self.quarantined_by_year, self.extracts, refused)

    def _loan_tables(self, raws: dict[str, RawTable]) -> dict[str, DataFrame]:
        """Of a file each for borrowers, properties and loans."""
        tables = {name: self._unique(raws[name]) for name in ("borrowers", "properties")}
        judged, lines = self._judged(raws["loans"])
        judged = quarantine.reject_duplicates(judged, raws["loans"].key, self.partitions)
        judged = quarantine.reject_without(judged, tables["borrowers"], "no_borrower")
        judged = quarantine.reject_without(judged, tables["properties"], "no_property")
        tables["loans"] = self._settle(raws["loans"], judged, lines)
        return {name: _columns_of(name, frame) for name, frame in tables.items()}

    def _loan_file(self, raw: RawTable) -> dict[str, DataFrame]:
        rows = self._unique(raw)
        return {table: _columns_of(table, rows) for table in raw.feeds}

    def _loan_months(self, raw: RawTable) -> dict[str, DataFrame]:
        """One file of loan-months with the loan's own columns repeated: they are taken from its earliest month."""
        rows = self._unique(raw)
        earliest = F.row_number().over(Window.partitionBy("loan_id").orderBy("reporting_month"))
        loans = rows.withColumn("nth", earliest).where("nth = 1").drop("nth")
        frames = dict.fromkeys(LOAN_TABLES, loans) | {PERFORMANCE: rows}
        return {table: _columns_of(table, frame) for table, frame in frames.items()}

    def _performance(self, raw: RawTable, loans: DataFrame) -> DataFrame:
        judged, lines = self._judged(raw)
        judged = quarantine.reject_duplicates(judged, raw.key, self.partitions)
        judged = quarantine.reject_without(judged, loans, "unknown_loan")
        return _columns_of(PERFORMANCE, self._settle(raw, judged, lines))

    def _economics(self) -> DataFrame:
        if ECONOMIC_INDICATORS in self.extracts:
            return _columns_of(ECONOMIC_INDICATORS, self._unique(canonical.ECONOMY))
        return public_indicators(self.spark, self._unique, set(self.extracts))

    def _unique(self, raw: RawTable) -> DataFrame:
        judged, lines = self._judged(raw)
        return self._settle(raw, quarantine.reject_duplicates(judged, raw.key, self.partitions), lines)

    def _judged(self, raw: RawTable) -> tuple[DataFrame, Lines]:
        lines = self._read_lines(raw)
        return quarantine.judge(lines, raw, self.as_of_date), lines

    def _read_lines(self, raw: RawTable) -> Lines:
        if raw.name not in self._lines:
            self._lines[raw.name] = read_lines(self.spark, raw, self.extracts[raw.name])
        return self._lines[raw.name]

    def _settle(self, raw: RawTable, judged: DataFrame, lines: Lines) -> DataFrame:
        """Compute the table once, count it, note what is refused; returns the good rows."""
        judged = judged.persist()
        counts, by_year = count_rows(judged, lines, raw, self.as_of_date)
        self.counts[raw.name] = counts
        if PERFORMANCE in raw.feeds:
            self.quarantined_by_year = by_year
        if counts["quarantined"]:
            self.refused.append(quarantine.quarantined(judged, raw, lines))
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in counts["by_reason"].items())
        say(
            f"{raw.name}: {counts['rows_in']:,} rows in, {counts['rows_out']:,} out, "
            f"{counts['quarantined']:,} quarantined{f' ({reasons})' if reasons else ''}"
        )
        for changed in changed_values(counts):
            say(f"{raw.name}: {changed}")
        return quarantine.good(judged)


def _columns_of(table: str, frame: DataFrame) -> DataFrame:
    return frame.select(*load_contract(table).column_names)
