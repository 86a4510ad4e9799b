"""The loan panel: one row per observation (loan and month-end), in the columns and order of its contract."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from contracts import load_contract
from contracts.sources import ECONOMIC_INDICATORS, PERFORMANCE
from contracts.spark_schema import struct_type
from mortgage_etl.cleaning.source_tables import SourceTables
from mortgage_etl.panel.economics import with_economics
from mortgage_etl.panel.history import with_history
from mortgage_etl.panel.labels import known_at, with_labels, with_month
from mortgage_etl.panel.months import month_index


def loan_months(source: SourceTables, as_of_date: date, horizon_months: int) -> DataFrame:
    """Known performance rows with ``t``, ``past_due``, ``state`` and labels."""
    return with_labels(with_month(known_at(source.tables[PERFORMANCE], as_of_date)), horizon_months)


def build_panel(source: SourceTables, as_of_date: date, horizon_months: int) -> DataFrame:
    """The train panel: columns of contract loan_panel, in order; immature observations with a null label."""
    rows = with_history(loan_months(source, as_of_date, horizon_months)).where("state = 'observation'")
    frame = _with_loan_columns(rows, source)
    frame = frame.withColumns(
        {
            "snapshot_month": F.date_format("reporting_month", "yyyy-MM"),
            "horizon_months": F.lit(horizon_months),
            "default_in_horizon": F.col("default_label"),
            "prepaid_in_horizon": F.col("prepaid_label"),
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
    months = _month_range(tables[PERFORMANCE], "reporting_month")
    originations = _month_range(tables["loans"], "origination_date")
    return with_economics(frame, tables[ECONOMIC_INDICATORS], months, originations)


def _month_range(table: DataFrame, column: str) -> range:
    first, last = table.agg(F.min(month_index(F.col(column))), F.max(month_index(F.col(column)))).collect()[0]
    return range(0) if first is None else range(first, last + 1)


def _in_contract(frame: DataFrame, table: str) -> DataFrame:
    schema = struct_type(load_contract(table))
    return frame.select(*[F.col(field.name).cast(field.dataType).alias(field.name) for field in schema])
