"""Calendar months as whole numbers, so that windows and horizons are calendar months and never row counts."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F


def month_index(day: Column) -> Column:
    """Months since year 0: 12 · year + month − 1."""
    return F.year(day) * 12 + F.month(day) - 1


def past_due(status: Column) -> Column:
    """Months past due from the text of delinquency_status; null where unknown (XX, blank, negative).

    R and RA say that the property was taken over, which is past default whatever the count: they read as 3.
    """
    months = status.cast("double").cast("int")
    return F.when(status.isin("R", "RA"), F.lit(3)).when(months >= 0, months)
