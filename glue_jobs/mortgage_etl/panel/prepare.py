"""Clean tables → loan panel or scoring input, from arguments to manifest; the entry script only adds awsglue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from contracts import load_contract
from contracts.faults import SettingError
from mortgage_etl.cleaning.accounting import ReconciliationError
from mortgage_etl.cleaning.clean_tables import read_clean_tables
from mortgage_etl.cleaning.source_tables import SourceTables
from mortgage_etl.panel.labels import STATES
from mortgage_etl.panel.observations import build_panel, build_scoring_input, loan_months, loans_on_tape, panel_counts
from mortgage_etl.publishing.attempts import publish_attempt
from mortgage_etl.run.progress import say

ROWS_PER_MONTH_FILE = 1_000_000
ROWS_PER_SCORING_FILE = 500_000
ROWS_PER_TASK = 250_000


def prepare_panel(
    spark: SparkSession,
    source: str,
    tables_root: str,
    as_of_date: date,
    horizon_months: int,
    dataset: str,
    job_run_id: str,
    code_sha256: str,
    write: Callable[[DataFrame, str], None],
) -> dict[str, Any]:
    """Build and publish the loan panel; returns its manifest. ``write`` stores a frame by snapshot_month at a path."""
    if horizon_months < 1:
        raise SettingError(f"horizon_months is {horizon_months}; it must be at least 1")
    tables = read_clean_tables(spark, tables_root)
    counts = panel_counts(loan_months(tables, as_of_date, horizon_months), tables)
    rows = counts["observations"]
    say(
        f"{counts['rows_in']:,} loan-months of {counts['loans']:,} loans: {rows:,} observations "
        f"({counts['defaults']:,} default, {counts['non_defaults']:,} do not, {counts['immature']:,} immature)"
    )
    months = 12 * max(1, len(counts["by_year"]))
    tasks = max(spark.sparkContext.defaultParallelism, min(months, rows // ROWS_PER_TASK))
    panel = build_panel(tables, as_of_date, horizon_months)
    # A month goes to one task, so it is one file unless it is large; sorted, so a re-run writes the same.
    panel = panel.repartition(tasks, "snapshot_month").sortWithinPartitions("snapshot_month", "loan_id")
    spark.conf.set("spark.sql.files.maxRecordsPerFile", ROWS_PER_MONTH_FILE)

    def describe(attempt: str) -> dict[str, Any]:
        written = spark.read.parquet(attempt).count() if rows else 0
        if written != rows:
            raise ReconciliationError(f"loan_panel: {rows} observations, but {written} rows were written")
        columns = list(load_contract("loan_panel").column_names)
        return {
            "dataset": "loan_panel",
            "rows": rows,
            "columns": columns,
            "source": source,
            "as_of_date": as_of_date.isoformat(),
            "horizon_months": horizon_months,
            "code_sha256": code_sha256,
            "extracts": {name: extract.to_json() for name, extract in tables.extracts.items()},
            "counts": {"panel": counts},
        }

    return publish_attempt(dataset, job_run_id, lambda path: write(panel, path), describe)


def prepare_scoring_input(
    spark: SparkSession,
    source: str,
    tables_root: str,
    as_of_date: date,
    dataset: str,
    job_run_id: str,
    code_sha256: str,
) -> dict[str, Any]:
    """Build and publish the scoring input as of a date; returns its manifest.

    Header-less CSV, columns of contract scoring_input in order, empty = null, sorted by loan_id.
    """
    tables = read_clean_tables(spark, tables_root)
    scoring, latest = build_scoring_input(tables, as_of_date)
    counts, newest_month = _scoring_counts(latest.persist(), tables)
    rows = counts["scored"]
    left_out = ", ".join(f"{reason} {n:,}" for reason, n in counts["excluded"].items())
    say(f"{rows:,} performing loans to score; left out: {left_out}")
    files = max(1, -(-rows // ROWS_PER_SCORING_FILE))
    ordered = scoring.repartitionByRange(files, "loan_id").sortWithinPartitions("loan_id")

    def describe(attempt: str) -> dict[str, Any]:
        written = spark.read.text(attempt).count() if rows else 0
        if written != rows:
            raise ReconciliationError(f"scoring_input: {rows} loans, but {written} rows were written")
        return {
            "dataset": "scoring_input",
            "rows": rows,
            "columns": scoring.columns,
            "source": source,
            "score_date": as_of_date.isoformat(),
            "newest_month": newest_month,
            "code_sha256": code_sha256,
            "extracts": {name: extract.to_json() for name, extract in tables.extracts.items()},
            "counts": {"scoring": counts},
        }

    def write(path: str) -> None:
        ordered.write.options(header="false", nullValue="", emptyValue="").csv(path)

    return publish_attempt(dataset, job_run_id, write, describe)


def _scoring_counts(latest: DataFrame, tables: SourceTables) -> tuple[dict[str, Any], str | None]:
    """What became of every loan on the tape, and the newest month (YYYY-MM) that any of them reports on.

    ``stale``: scored on a last report older than that.
    """
    groups = latest.groupBy("state", "t").count().collect()
    newest = max((group.t for group in groups), default=0)
    states = dict.fromkeys(STATES, 0)
    for group in groups:
        states[group.state] += group["count"]
    stale = sum(group["count"] for group in groups if group.state == "observation" and group.t < newest)
    on_tape = loans_on_tape(tables)
    counts = {
        "loans_on_tape": on_tape,
        "scored": states["observation"],
        "stale": stale,
        "excluded": {
            **{state: states[state] for state in STATES[1:]},
            "no_performance": on_tape - sum(states.values()),
        },
    }
    return counts, f"{newest // 12:04d}-{newest % 12 + 1:02d}" if newest else None
