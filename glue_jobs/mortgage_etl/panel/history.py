"""How a loan behaved up to each of its months, over windows of calendar months; only reported rows count."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

WINDOWS = (3, 6, 12)


def with_history(rows: DataFrame) -> DataFrame:
    """Adds times_30dpd_*, times_60dpd_*, worst_delinquency_*, months_since_delinquency and modified, as of each row.

    ``rows``: one per loan and month, with ``t`` and ``past_due``. A window of k months is (t−k, t]. The counts are
    differences of running totals, so the cost does not grow with the window. Worst delinquency follows from the counts,
    because an observation's history holds no status above 2 (default is absorbing).
    """
    loan = Window.partitionBy("loan_id").orderBy("t")
    late30 = F.when(F.col("past_due") >= 1, 1).otherwise(0)
    late60 = F.when(F.col("past_due") >= 2, 1).otherwise(0)
    totals = []
    for back in (0, *WINDOWS):
        until = loan.rangeBetween(Window.unboundedPreceding, -back)
        totals.append(F.coalesce(F.sum(late30).over(until), F.lit(0)).alias(f"_late30_{back}"))
        totals.append(F.coalesce(F.sum(late60).over(until), F.lit(0)).alias(f"_late60_{back}"))
    now = loan.rangeBetween(Window.unboundedPreceding, 0)
    last_late = F.max(F.when(F.col("past_due") >= 1, F.col("t"))).over(now)
    modified = F.max(F.when(F.col("modification_flag") == "Y", 1).otherwise(0)).over(now)
    totalled = rows.select(
        "*", *totals, (F.col("t") - last_late).alias("months_since_delinquency"), modified.alias("modified")
    )
    features = []
    for months in WINDOWS:
        times30 = F.col("_late30_0") - F.col(f"_late30_{months}")
        times60 = F.col("_late60_0") - F.col(f"_late60_{months}")
        worst = F.when(times60 > 0, 2).when(times30 > 0, 1).otherwise(0)
        features += [
            times30.alias(f"times_30dpd_{months}m"),
            times60.alias(f"times_60dpd_{months}m"),
            worst.alias(f"worst_delinquency_{months}m"),
        ]
    return totalled.select(*rows.columns, "months_since_delinquency", "modified", *features)
