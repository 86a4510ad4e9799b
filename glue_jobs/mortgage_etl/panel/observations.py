"""The loan panel: one row per observation (loan and month-end), in the columns and order of its contract."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from contracts import load_contract
from contracts.spark_schema import struct_type
from mortgage_etl.cleaning.accounting import ReconciliationError
from mortgage_etl.cleaning.source_tables import SourceTables
from mortgage_etl.panel.economics import with_economics
from mortgage_etl.panel.history import with_history
from mortgage_etl.panel.labels import STATES, known_at, with_labels, with_month
from mortgage_etl.panel.months import month_index

OUTCOMES = ("observations", "defaults", "non_defaults", "immature", "prepaid")


def loan_months(source: SourceTables, as_of_date: date, horizon_months: int) -> DataFrame:
    """Known performance rows with ``t``, ``past_due``, ``state`` and labels."""
    return with_labels(with_month(known_at(source.tables["performance"], as_of_date)), horizon_months)


def build_panel(source: SourceTables, as_of_date: date, horizon_months: int) -> DataFrame:
    """The train panel: columns of contract loan_panel, in order; immature observations with a null label."""
    rows = with_history(loan_months(source, as_of_date, horizon_months)).where("state = 'observation'")
    frame = _with_loan_columns(rows, source)
    frame = frame.withColumns(
        {
            "snapshot_month": F.date_format("reporting_month", "yyyy-MM"),
            "horizon_months": F.lit(horizon_months),
            "default_12m": F.col("default_label"),
            "prepaid_12m": F.col("prepaid_label"),
        }
    )
    return _in_contract(frame, "loan_panel")


def build_scoring_input(source: SourceTables, as_of_date: date) -> tuple[DataFrame, DataFrame]:
    """(scoring input, latest rows): loan_id and the panel's features, of each loan's latest known month if performing.

    The second frame has each loan's latest row with its ``state``, to count what was left out and why.
    """
    newest = F.lead("t").over(Window.partitionBy("loan_id").orderBy("t")).isNull()
    rows = with_history(loan_months(source, as_of_date, horizon_months=1))
    latest = rows.withColumn("newest", newest).where("newest").drop("newest")
    return _in_contract(_with_loan_columns(latest.where("state = 'observation'"), source), "scoring_input"), latest


def _with_loan_columns(rows: DataFrame, source: SourceTables) -> DataFrame:
    """Adds the loan's own columns and the economy of its state, and turns delinquency into a number."""
    tables = source.tables
    loan = tables["loans"].join(tables["borrowers"], "loan_id").join(tables["properties"], "loan_id")
    frame = rows.join(loan.hint("shuffle_hash"), "loan_id")
    frame = frame.withColumn("origination_t", month_index(F.col("origination_date")))
    frame = frame.withColumn("delinquency_status", F.col("past_due"))
    months = _month_range(tables["performance"], "reporting_month")
    originations = _month_range(tables["loans"], "origination_date")
    return with_economics(frame, tables["economic_indicators"], months, originations)


def _month_range(table: DataFrame, column: str) -> range:
    first, last = table.agg(F.min(month_index(F.col(column))), F.max(month_index(F.col(column)))).first()
    return range(0) if first is None else range(first, last + 1)


def _in_contract(frame: DataFrame, table: str) -> DataFrame:
    schema = struct_type(load_contract(table))
    return frame.select(*[F.col(field.name).cast(field.dataType).alias(field.name) for field in schema])


def panel_counts(rows: DataFrame, source: SourceTables) -> dict:
    """The accounting of every performance row (keys of ``make reconcile``), in all and by calendar year.

    rows_in = observations + not_observed (terminated, defaulted_or_after, unknown_delinquency, not_known_yet) +
    quarantined; observations = defaults + non_defaults + immature. ReconciliationError if not.
    """
    year = F.year("reporting_month")
    over = Window.partitionBy("loan_id").orderBy("t")
    first = F.lag("t").over(over).isNull()
    first_of_year = first | (F.lag(year).over(over) != year)
    observed = F.col("state") == "observation"

    def count(condition) -> F.Column:
        return F.sum(F.when(condition, 1).otherwise(0))

    label = F.col("default_label")
    groups = (
        rows.select("*", first.alias("first"), first_of_year.alias("first_of_year"), year.alias("year"))
        .groupBy("year")
        .agg(
            F.count("*").alias("known"),
            count(F.col("first")).alias("loans_in_all"),
            count(F.col("first_of_year")).alias("loans"),
            count(observed).alias("observations"),
            count(label == 1).alias("defaults"),
            count(label == 0).alias("non_defaults"),
            count(observed & label.isNull()).alias("immature"),
            count(F.col("prepaid_label") == 1).alias("prepaid"),
            *[count(F.col("state") == state).alias(state) for state in STATES[1:]],
        )
        .orderBy("year")
        .collect()
    )
    raw = next(name for name in source.counts if name.endswith("performance") or name == "fannie_mae_current")
    totals = source.counts[raw]
    not_known_yet = totals["rows_out"] - sum(group.known for group in groups)
    not_observed = {state: sum(group[state] for group in groups) for state in STATES[1:]}
    not_observed["not_known_yet"] = not_known_yet
    outcomes = {name: sum(group[name] for group in groups) for name in OUTCOMES}
    by_year: dict[str, dict[str, int]] = {}
    for group in groups:
        by_year[str(group.year)] = {
            "rows_in": group.known,
            "loans": group.loans,
            **{name: group[name] for name in OUTCOMES},
            "quarantined": 0,
        }
    for name, rejected in sorted(source.quarantined_by_year.items()):
        entry = by_year.setdefault(name, dict.fromkeys(("rows_in", "loans", *OUTCOMES, "quarantined"), 0))
        entry["rows_in"] += rejected
        entry["quarantined"] += rejected
    accounted = outcomes["observations"] + sum(not_observed.values()) + totals["quarantined"]
    labelled = outcomes["defaults"] + outcomes["non_defaults"] + outcomes["immature"]
    if totals["rows_in"] != accounted or outcomes["observations"] != labelled:
        raise ReconciliationError(f"{totals['rows_in']} rows in, {accounted} accounted for; {outcomes}")
    return {
        "rows_in": totals["rows_in"],
        "loans": sum(group.loans_in_all for group in groups),
        **outcomes,
        "quarantined": totals["quarantined"],
        "loans_on_tape": loans_on_tape(source),
        "not_observed": not_observed,
        "by_year": dict(sorted(by_year.items())),
    }


def loans_on_tape(source: SourceTables) -> int:
    """Good rows of the loans table."""
    for name in ("loans", "fannie_mae_acquisition", "freddie_mac_origination"):
        if name in source.counts:
            return source.counts[name]["rows_out"]
    return source.tables["loans"].count()
