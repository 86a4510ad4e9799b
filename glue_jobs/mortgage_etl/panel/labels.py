"""Observations and their outcome, exactly as design section 5 defines them.

Default month: the first month with delinquency of 3 or more months past due, or a credit-event zero-balance code.
A row of month t is an observation if its zero-balance code is blank, its delinquency is 0, 1 or 2 and the loan has not
defaulted at or before t. Its label is 1 if the default month lies in (t, t+H]; else 0 if the loan has any row at t+H or
later or was paid off (code 01) by t+H; else null: too young, or gone from sight (06, 16, …).
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from mortgage_etl.panel.months import month_index, past_due

DEFAULT_STATUS = 3
CREDIT_EVENTS = ("02", "03", "09", "15")
PAID_OFF = "01"
STATES = ("observation", "terminated", "defaulted_or_after", "unknown_delinquency")


def known_at(performance: DataFrame, as_of_date: date) -> DataFrame:
    """The rows whose month has ended by ``as_of_date``: the rest had not been reported yet."""
    return performance.where(F.last_day("reporting_month") <= F.lit(as_of_date))


def with_month(performance: DataFrame) -> DataFrame:
    """Adds ``t`` (month index) and ``past_due`` (months, null = unknown)."""
    return performance.withColumn("t", month_index(F.col("reporting_month"))).withColumn(
        "past_due", past_due(F.col("delinquency_status"))
    )


def with_labels(rows: DataFrame, horizon_months: int) -> DataFrame:
    """Adds ``state`` (one of STATES), ``default_label`` and ``prepaid_label`` (0, 1 or null; null off observations).

    ``rows``: performance known at the as-of date, one per loan and month, after :func:`with_month`.
    """
    loan = Window.partitionBy("loan_id").orderBy("t").rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    t, code = F.col("t"), F.col("zero_balance_code")
    is_default = (F.col("past_due") >= DEFAULT_STATUS) | code.isin(*CREDIT_EVENTS)
    rows = rows.select(
        "*",
        F.min(F.when(is_default, t)).over(loan).alias("default_month"),
        F.min(F.when(code == PAID_OFF, t)).over(loan).alias("payoff_month"),
        F.max("t").over(loan).alias("last_month"),
    )
    end = t + horizon_months
    defaults = F.col("default_month").isNotNull() & (F.col("default_month") <= end)
    seen = (F.col("last_month") >= end) | F.coalesce(F.col("payoff_month") <= end, F.lit(False))
    prepaid = F.coalesce(F.col("payoff_month").between(t + 1, end), F.lit(False))
    state = _state()
    observed = state == "observation"  # so a default by the horizon's end lies after t
    label = F.when(observed & defaults, 1).when(observed & seen, 0)
    return rows.select(
        *[name for name in rows.columns if name not in ("default_month", "payoff_month", "last_month")],
        state.alias("state"),
        label.alias("default_label"),
        F.when(label.isNotNull(), prepaid.cast("int")).alias("prepaid_label"),
    )


def _state() -> Column:
    return (
        F.when(F.col("zero_balance_code").isNotNull(), "terminated")
        .when(F.col("default_month") <= F.col("t"), "defaulted_or_after")
        .when(F.col("past_due").isNull(), "unknown_delinquency")
        .otherwise("observation")
    )
