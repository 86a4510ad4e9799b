"""What each suite looks at: tables, their checks, and what is known before Great Expectations runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException

from contracts import load_contract, table_names
from contracts.expectations import Check, build_suite
from contracts.spark_schema import struct_type
from data_quality.freshness import AgeLimit, ingest_ages, report_age
from data_quality.outcomes import Outcome, failure
from data_quality.storage import read_json
from mortgage_etl.cleaning.accounting import changed_values
from mortgage_etl.cleaning.clean_tables import read_clean_tables
from mortgage_etl.cleaning.reader import raw_tables
from mortgage_etl.cleaning.source_tables import SourceTables
from mortgage_etl.files.extracts import Extract

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CORRUPT = "_corrupt_record"


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
    spark: SparkSession, source: str, prefix: str, run_date: date, previous: Mapping[str, int], ingest: AgeLimit
) -> Subject:
    """The clean tables published under ``prefix``, and what their reading set aside."""
    try:
        read = read_clean_tables(spark, prefix)
    except FileNotFoundError:
        said = f"raw: there is no {prefix.rstrip('/')}/_manifest.json; run clean_raw_tables for this delivery first."
        return Subject(outcomes=[failure("raw", "dataset_is_published", said)])
    ages = ingest_ages("raw", read.extracts, _loan_tables(source), run_date, ingest)
    subject = Subject(outcomes=[*_rejections(read), *ages])
    for name, frame in read.tables.items():
        contract = load_contract(name)
        if name == "economic_indicators":  # a release of a later day is history to come, not of this run
            frame = frame.where(frame.release_date <= run_date)
        subject.tables.append(Table(name, frame, build_suite(contract, run_date, previous.get(name))))
    return subject


def _rejections(read: SourceTables) -> list[Outcome]:
    """Per raw table: was anything set aside or set to missing (warning), and was too much set aside (error)?"""
    outcomes = []
    for table, counts in read.counts.items():
        contract = load_contract(table if table in table_names() else "loans")
        rows, bad = counts["rows_in"], counts["quarantined"]
        percent = 100 * bad / rows if rows else 0.0
        reasons = ", ".join(f"{reason.replace('_', ' ')} {n:,}" for reason, n in counts["by_reason"].items())
        said = f"{table}: {bad:,} of {rows:,} rows ({percent:.2g} %) are set aside in quarantine"
        said += f" ({reasons}); its files name file, row and column of each." if bad else "."
        limit = contract.tolerated_invalid_percent
        too_much = f"{said} The limit is {limit:g} %: land a corrected extract." if percent > limit else said
        kind = "expect_rejected_rows_to_be_few"
        outcomes.append(Outcome(table, None, "expect_no_rejected_rows", "warning", not bad, said, bad))
        outcomes.append(Outcome(table, None, kind, "error", percent <= limit, too_much, round(percent, 4)))
        for changed in changed_values(counts):
            outcomes.append(Outcome(table, None, "expect_no_changed_values", "warning", False, f"{table}: {changed}."))
    return outcomes


def _loan_tables(source: str) -> set[str]:
    return {raw.name for raw in raw_tables(source)}


def dataset_subject(
    spark: SparkSession,
    suite: str,
    prefix: str,
    run_date: date,
    horizon_months: int,
    previous: Mapping[str, int],
    reported: AgeLimit,
    ingest: AgeLimit,
) -> Subject:
    """The loan panel or scoring input that the manifest under ``prefix`` publishes.

    What is scored must not be old: a panel's own tables were checked for that before it was built.
    """
    uri = f"{prefix.rstrip('/')}/_manifest.json"
    manifest = read_json(uri)
    if manifest is None:
        said = f"{suite}: there is no {uri}; run prepare_loan_panel for this date first."
        return Subject(outcomes=[failure(suite, "dataset_is_published", said)])
    contract = load_contract(suite)
    checks = list(build_suite(contract, run_date, previous.get(suite)))
    rows = manifest["rows"]
    checks.append(
        Check(
            "expect_table_row_count_to_equal",
            "error",
            f"its manifest promises {rows:,} rows",
            None,
            {"value": rows},
        )
    )
    if suite == "loan_panel":
        checks.append(
            Check(
                "expect_column_values_to_be_in_set",
                "error",
                f"horizon_months is {horizon_months}, as the run asks",
                "horizon_months",
                {"column": "horizon_months", "value_set": [horizon_months]},
            )
        )
        try:
            frame = _read_parquet(spark, manifest)
        except AnalysisException as error:
            said = f"{suite}: {manifest['data_prefix']}, which {uri} names, cannot be read: {error.desc}"
            return Subject(outcomes=[failure(suite, "dataset_is_readable", said)])
        return Subject([Table(suite, frame, checks)])
    columns = manifest.get("columns") or []
    if [_column_name(column) for column in columns] != list(contract.column_names):
        said = (
            f"{suite}: the manifest's columns are not those of the contract, in its order; a header-less "
            "file cannot be read then. Run prepare_loan_panel again with the code of this contract."
        )
        return Subject(outcomes=[failure(suite, "expect_table_columns_to_match_ordered_list", said)])
    extracts = {name: Extract.from_json(name, entry) for name, entry in manifest["extracts"].items()}
    ages = [
        *report_age(suite, manifest["newest_month"], run_date, reported),
        *ingest_ages(suite, extracts, _loan_tables(manifest["source"]), run_date, ingest),
    ]
    return Subject([_scoring_table(spark, suite, manifest, checks)], ages)


def _read_parquet(spark: SparkSession, manifest: Mapping[str, Any]) -> DataFrame:
    spark.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")  # a month stays text
    return spark.read.parquet(manifest["data_prefix"])


def _scoring_table(spark: SparkSession, suite: str, manifest: Mapping[str, Any], checks: list[Check]) -> Table:
    contract = load_contract(suite)
    schema = struct_type(contract).add(CORRUPT, "string")
    reader = spark.read.schema(schema).option("columnNameOfCorruptRecord", CORRUPT)
    frame = reader.csv(manifest["data_prefix"]).persist()  # Spark answers for a corrupt record only of cached rows
    claim = "every line has the columns of the contract, of its types"
    of_corrupt = {"column": CORRUPT}
    corrupt = Check("expect_column_values_to_be_null", "error", claim, None, of_corrupt)
    kept = [check for check in checks if check.type != "expect_table_columns_to_match_set"]  # the schema is ours
    return Table(suite, frame, [corrupt, *kept])


def _column_name(column: Any) -> str:
    return column["name"] if isinstance(column, Mapping) else column
