"""Economic indicators as they were known at the end of each month.

The table is small (states × months × releases), so the as-of logic runs on the driver with numpy, state by state; what
Spark joins to the loans are two small broadcast tables.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

SPARK_TYPES = {"object": "string", "int32": "int", "float64": "double"}
INDICATORS = ("unemployment_rate", "house_price_index", "mortgage_rate_30y")
STATE_MONTH = {
    "state": "object",
    "t": "int32",
    "house_price_index": "float64",
    "house_price_index_growth_12m": "float64",
    "unemployment_rate": "float64",
    "unemployment_change_12m": "float64",
    "mortgage_rate_30y": "float64",
}
ORIGINATION_INDEX = {
    "state": "object",
    "origination_t": "int32",
    "from_t": "int32",
    "to_t": "int32",
    "origination_index": "float64",
}


def known_values(releases: pd.DataFrame, indicator: str, months: np.ndarray, first: int, last: int) -> np.ndarray:
    """Matrix (observation months, economic months ``first`` to ``last``): values as known at observation months' ends.

    ``releases`` of one state: ``month`` and ``released_t`` (month indices; the month in which it was released),
    ``release_date`` and the indicator. NaN where nothing was known. A later release of the same month replaces an
    earlier one.
    """
    known = np.full((len(months), last - first + 1), np.nan)
    rows = releases[releases[indicator].notna()].sort_values(["release_date"], kind="stable")
    starts = np.clip(rows["released_t"].to_numpy() - months[0], 0, None)
    for start, month, value in zip(starts, rows["month"].to_numpy() - first, rows[indicator].to_numpy(), strict=True):
        known[start:, month] = value
    return known


def forward_filled(known: np.ndarray) -> np.ndarray:
    """Each column the newest value known of its economic month or an earlier one."""
    filled = np.where(np.isnan(known), -1, np.arange(known.shape[1]))
    newest = np.maximum.accumulate(filled, axis=1)
    values = np.take_along_axis(known, np.maximum(newest, 0), axis=1)
    return np.where(newest >= 0, values, np.nan)


def _newest_and_year_before(known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Newest known value per observation month, and the value 12 months before that one's month (NaN if unknown)."""
    present = ~np.isnan(known)
    newest = np.where(present.any(axis=1), known.shape[1] - 1 - present[:, ::-1].argmax(axis=1), -1)
    rows = np.arange(len(known))
    value = np.where(newest >= 0, known[rows, newest], np.nan)
    before = np.where(newest >= 12, known[rows, newest - 12], np.nan)
    return value, before


def economics_as_of(indicators: pd.DataFrame, months: range, originations: range) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables for the months of observation ``months`` and origination months ``originations`` (month indices).

    State × month: newest known indicators, index growth (percent) and unemployment change (points) over 12 months.
    State × origination month × interval [from_t, to_t]: the house price index of the origination month (or the newest
    month before it, as a quarterly index needs) as known in that interval.
    """
    if indicators.empty or not months or not originations:
        return pd.DataFrame(), pd.DataFrame()
    frame = indicators.copy()
    for column in ("month", "release_date"):
        frame[column] = pd.to_datetime(frame[column])
    frame["released_t"] = frame["release_date"].dt.year * 12 + frame["release_date"].dt.month - 1
    frame["month"] = frame["month"].dt.year * 12 + frame["month"].dt.month - 1
    observed = np.arange(months.start, months.stop)
    states, steps = [], []
    for state, releases in frame.groupby("state"):
        first = int(releases["month"].min())
        last = int(releases["month"].max())
        known = {name: known_values(releases, name, observed, first, last) for name in INDICATORS}
        index, index_before = _newest_and_year_before(known["house_price_index"])
        rate, rate_before = _newest_and_year_before(known["unemployment_rate"])
        states.append(
            pd.DataFrame(
                {
                    "state": state,
                    "t": observed,
                    "house_price_index": index,
                    "house_price_index_growth_12m": (index / index_before - 1) * 100,
                    "unemployment_rate": rate,
                    "unemployment_change_12m": rate - rate_before,
                    "mortgage_rate_30y": _newest_and_year_before(known["mortgage_rate_30y"])[0],
                }
            )
        )
        steps.append(_origination_steps(state, known["house_price_index"], observed, first, originations))
    return pd.concat(states), pd.concat(steps)


def _origination_steps(
    state: str, known: np.ndarray, observed: np.ndarray, first: int, originations: range
) -> pd.DataFrame:
    """The index of each origination month as known over time: a step function, kept as its steps."""
    columns = np.arange(originations.start, originations.stop)
    inside = columns >= first
    at = np.minimum(columns - first, known.shape[1] - 1)[inside]
    values = forward_filled(known)[:, at]  # observation month × origination month
    changes = np.ones(values.shape, dtype=bool)
    changes[1:] = ~((values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1])))
    origination, row = np.nonzero(changes.T)
    begins = observed[row]
    same = np.append(origination[1:] == origination[:-1], False)
    ends = np.where(same, np.append(begins[1:], 0) - 1, observed[-1])
    steps = pd.DataFrame(
        {
            "state": state,
            "origination_t": columns[inside][origination],
            "from_t": begins,
            "to_t": ends,
            "origination_index": values.T[origination, row],
        }
    )
    return steps[steps["origination_index"].notna()]


def with_economics(rows: DataFrame, indicators: DataFrame, months: range, originations: range) -> DataFrame:
    """Adds the economic features to rows with ``property_state``, ``t`` and ``origination_t`` (month index).

    ``months`` and ``originations`` are the month indices that occur. house_price_index_ratio is the index known at t
    over the index of the origination month as known at t. Null where the state has no such indicator.
    """
    spark = rows.sparkSession
    by_month, by_origination = economics_as_of(indicators.toPandas(), months, originations)
    month_table = _to_spark(spark, by_month, STATE_MONTH).withColumnRenamed("state", "property_state")
    steps = _to_spark(spark, by_origination, ORIGINATION_INDEX).withColumnRenamed("state", "property_state")
    joined = rows.join(F.broadcast(month_table), ["property_state", "t"], "left")
    in_step = (
        (joined["property_state"] == steps["property_state"])
        & (joined["origination_t"] == steps["origination_t"])
        & joined["t"].between(steps["from_t"], steps["to_t"])
    )
    joined = joined.join(F.broadcast(steps), in_step, "left").drop(
        steps["property_state"], steps["origination_t"], "from_t", "to_t"
    )
    ratio = F.col("house_price_index") / F.col("origination_index")
    return joined.withColumn("house_price_index_ratio", ratio)


def _to_spark(spark: SparkSession, frame: pd.DataFrame, types: dict[str, str]) -> DataFrame:
    """A small pandas table as a Spark one through Arrow: NaN becomes null, and no Python worker is started."""
    frame = pd.DataFrame({name: frame.get(name, pd.Series(dtype=kind)).astype(kind) for name, kind in types.items()})
    schema = ", ".join(f"{name} {SPARK_TYPES[kind]}" for name, kind in types.items())
    return spark.createDataFrame(frame, schema)
