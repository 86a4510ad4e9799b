"""What each suite looks at: tables, their checks, and what is known before Great Expectations runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException

from contracts import load_contract
from contracts.documents import LoanPanelManifest, ScoringInputManifest
from contracts.expectations import Check, build_suite
from contracts.sources import ECONOMIC_INDICATORS, SOURCES, tolerated_invalid_percent
from contracts.spark_schema import struct_type
from data_quality.freshness import AgeLimit, ingest_ages, report_age
from data_quality.outcomes import Outcome, failure
from mortgage_etl.cleaning.accounting import changed_values
from mortgage_etl.cleaning.clean_tables import read_clean_tables
from mortgage_etl.cleaning.source_tables import SourceTables
from mortgage_etl.files.extracts import Extract
from mortgage_etl.publishing.attempts import MANIFEST, read_manifest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

RAW, PANEL, SCORING = SUITES = ("raw", "loan_panel", "scoring_input")
CORRUPT = "_corrupt_record"
COLUMN_SET = "expect_table_columns_to_match_set"  # of a file that is read by our own schema it says nothing


@dataclass(frozen=True)
class Table:
    name: str
    frame: DataFrame
    checks: Sequence[Check]


@dataclass
class Subject:
    """Tables to validate and outcomes already known."""

    tables: list[Table] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


def raw_subject(
    spark: SparkSession, source: str, prefix: str, as_of_date: date, previous: Mapping[str, int], ingest: AgeLimit
) -> Subject:
    """The clean tables published under ``prefix``, and what their reading set aside."""
    try:
        read = read_clean_tables(spark, prefix)
    except FileNotFoundError:
        said = f"{RAW}: there is no {_uri(prefix)}; run clean_raw_tables for this delivery first."
        return Subject(outcomes=[failure(RAW, "dataset_is_published", said)])
    ages = ingest_ages(RAW, read.extracts, SOURCES[source], as_of_date, ingest)
    subject = Subject(outcomes=[*_rejections(read), *ages])
    for name, frame in read.tables.items():
        contract = load_contract(name)
        if name == ECONOMIC_INDICATORS:  # a release of a later day is history to come, not of this run
            frame = frame.where(frame.release_date <= as_of_date)
        subject.tables.append(Table(name, frame, build_suite(contract, as_of_date, previous.get(name))))
    return subject


def _rejections(read: SourceTables) -> list[Outcome]:
    """Per raw table: was anything set aside or set to missing (warning), and was too much set aside (error)?"""
    outcomes = []
    for table, counts in read.counts.items():
        rows, bad = counts["rows_in"], counts["quarantined"]
        percent = 100 * bad / rows if rows else 0.0
        reasons = ", ".join(f"{reason.replace('_', ' ')} {n:,}" for reason, n in counts["by_reason"].items())
        said = f"{table}: {bad:,} of {rows:,} rows ({percent:.2g} %) are set aside in quarantine"
        said += f" ({reasons}); its files name file, row and column of each." if bad else "."
        limit = tolerated_invalid_percent(table)
        too_much = f"{said} The limit is {limit:g} %: land a corrected extract." if percent > limit else said
        kind = "expect_rejected_rows_to_be_few"
        outcomes.append(Outcome(table, None, "expect_no_rejected_rows", "warning", not bad, said, bad))
        outcomes.append(Outcome(table, None, kind, "error", percent <= limit, too_much, round(percent, 4)))
        for changed in changed_values(counts):
            outcomes.append(Outcome(table, None, "expect_no_changed_values", "warning", False, f"{table}: {changed}."))
    return outcomes


def panel_subject(
    spark: SparkSession, prefix: str, as_of_date: date, horizon_months: int, previous: Mapping[str, int]
) -> Subject:
    """The loan panel that the manifest under ``prefix`` publishes."""
    manifest: LoanPanelManifest | None = _manifest(prefix)
    if manifest is None:
        return _unpublished(PANEL, prefix)
    checks = [
        *build_suite(load_contract(PANEL), as_of_date, previous.get(PANEL)),
        _promised(manifest["rows"]),
        Check(
            "expect_column_values_to_be_in_set",
            "error",
            f"horizon_months is {horizon_months}, as the run asks",
            "horizon_months",
            {"column": "horizon_months", "value_set": [horizon_months]},
        ),
    ]
    spark.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")  # a month stays text
    try:
        frame = spark.read.parquet(manifest["data_prefix"])
    except AnalysisException as error:
        said = f"{PANEL}: {manifest['data_prefix']}, which {_uri(prefix)} names, cannot be read: {error.desc}"
        return Subject(outcomes=[failure(PANEL, "dataset_is_readable", said)])
    return Subject([Table(PANEL, frame, checks)])


def scoring_subject(
    spark: SparkSession,
    prefix: str,
    as_of_date: date,
    previous: Mapping[str, int],
    reported: AgeLimit,
    ingest: AgeLimit,
) -> Subject:
    """The scoring input that the manifest under ``prefix`` publishes.

    What is scored must not be old: a panel's own tables were checked for that before it was built.
    """
    manifest: ScoringInputManifest | None = _manifest(prefix)
    if manifest is None:
        return _unpublished(SCORING, prefix)
    contract = load_contract(SCORING)
    if list(manifest["columns"]) != list(contract.column_names):
        said = (
            f"{SCORING}: the manifest's columns are not those of the contract, in its order; a header-less "
            "file cannot be read then. Run prepare_loan_panel again with the code of this contract."
        )
        return Subject(outcomes=[failure(SCORING, "expect_table_columns_to_match_ordered_list", said)])
    extracts = {name: Extract.from_json(name, entry) for name, entry in manifest["extracts"].items()}
    ages = [
        *report_age(SCORING, manifest["newest_month"], as_of_date, reported),
        *ingest_ages(SCORING, extracts, SOURCES[manifest["source"]], as_of_date, ingest),
    ]
    schema = struct_type(contract).add(CORRUPT, "string")
    reader = spark.read.schema(schema).option("columnNameOfCorruptRecord", CORRUPT)
    frame = reader.csv(manifest["data_prefix"]).persist()  # Spark answers for a corrupt record only of cached rows
    claim = "every line has the columns of the contract, of its types"
    checks = [
        Check("expect_column_values_to_be_null", "error", claim, None, {"column": CORRUPT}),
        *(check for check in build_suite(contract, as_of_date, previous.get(SCORING)) if check.type != COLUMN_SET),
        _promised(manifest["rows"]),
    ]
    return Subject([Table(SCORING, frame, checks)], ages)


def _uri(prefix: str) -> str:
    return f"{prefix.rstrip('/')}/{MANIFEST}"


def _manifest(prefix: str) -> Any:
    """The manifest under ``prefix``; None if there is none."""
    try:
        return read_manifest(prefix)
    except FileNotFoundError:
        return None


def _unpublished(suite: str, prefix: str) -> Subject:
    said = f"{suite}: there is no {_uri(prefix)}; run prepare_loan_panel for this date first."
    return Subject(outcomes=[failure(suite, "dataset_is_published", said)])


def _promised(rows: int) -> Check:
    claim = f"its manifest promises {rows:,} rows"
    return Check("expect_table_row_count_to_equal", "error", claim, None, {"value": rows})
