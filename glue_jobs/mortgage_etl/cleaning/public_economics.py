"""Public economic files as canonical releases: FHFA house prices, BLS LAUS unemployment, Freddie Mac PMMS rates.

None of them states when a figure was published, so each takes a stated lag: the FHFA index 60 days after its quarter,
LAUS 50 days after its month, PMMS none (known at its month's end). A quarter's index stands on its last month.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pandas as pd
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts import load_contract
from contracts.sources import ECONOMIC_INDICATORS, PUBLIC_ECONOMIC
from contracts.spark_schema import struct_type
from mortgage_etl.errors import NoExtractYet, SourceError
from mortgage_etl.files.extracts import Extract, newest_extract
from mortgage_etl.layouts.public_economics import FHFA_HPI, LAUS_UNEMPLOYMENT, PMMS, TABLES
from mortgage_etl.layouts.raw_table import RawTable

HPI_LAG_DAYS = 60
LAUS_LAG_DAYS = 50
STATE_NAMES = {
    "Alabama": "AL",
    "Alaska": "AK",
    "Arizona": "AZ",
    "Arkansas": "AR",
    "California": "CA",
    "Colorado": "CO",
    "Connecticut": "CT",
    "Delaware": "DE",
    "District of Columbia": "DC",
    "Florida": "FL",
    "Georgia": "GA",
    "Hawaii": "HI",
    "Idaho": "ID",
    "Illinois": "IL",
    "Indiana": "IN",
    "Iowa": "IA",
    "Kansas": "KS",
    "Kentucky": "KY",
    "Louisiana": "LA",
    "Maine": "ME",
    "Maryland": "MD",
    "Massachusetts": "MA",
    "Michigan": "MI",
    "Minnesota": "MN",
    "Mississippi": "MS",
    "Missouri": "MO",
    "Montana": "MT",
    "Nebraska": "NE",
    "Nevada": "NV",
    "New Hampshire": "NH",
    "New Jersey": "NJ",
    "New Mexico": "NM",
    "New York": "NY",
    "North Carolina": "NC",
    "North Dakota": "ND",
    "Ohio": "OH",
    "Oklahoma": "OK",
    "Oregon": "OR",
    "Pennsylvania": "PA",
    "Puerto Rico": "PR",
    "Rhode Island": "RI",
    "South Carolina": "SC",
    "South Dakota": "SD",
    "Tennessee": "TN",
    "Texas": "TX",
    "Utah": "UT",
    "Vermont": "VT",
    "Virginia": "VA",
    "Washington": "WA",
    "West Virginia": "WV",
    "Wisconsin": "WI",
    "Wyoming": "WY",
}


def economic_extracts(spark: SparkSession, raw_root: str, as_of_date: date) -> dict[str, Extract]:
    """The canonical economic table or the public files, whichever came last; SourceError if there is neither.

    A bucket may hold both, of different lenders or times: an old delivery of one must not hide a newer other.
    """
    not_yet: list[NoExtractYet] = []

    def known(table: str) -> Extract | None:
        try:
            return newest_extract(spark, raw_root, table, as_of_date)
        except NoExtractYet as error:
            not_yet.append(error)
            return None

    canonical = known(ECONOMIC_INDICATORS)
    public = {name: extract for name in PUBLIC_ECONOMIC if (extract := known(name)) is not None}
    if canonical and (not public or _delivered(canonical) >= max(map(_delivered, public.values()))):
        return {ECONOMIC_INDICATORS: canonical}
    if public:
        return public
    if not_yet:
        raise not_yet[0]
    raise SourceError(
        f"{raw_root}: there is no folder {ECONOMIC_INDICATORS} nor any of {', '.join(PUBLIC_ECONOMIC)}. "
        "Land economic indicators under one of them."
    )


def _delivered(extract: Extract) -> date:
    return extract.ingest_date or date.min


def public_indicators(spark: SparkSession, reader: Callable[[RawTable], DataFrame], present: set[str]) -> DataFrame:
    """Canonical economic_indicators from those of the public files that are ``present``; empty if none is.

    A release carries one indicator, or several that came out on one day for one month. Areas that are no state (LAUS
    lists New York city and Los Angeles County) are dropped.
    """
    contract = load_contract(ECONOMIC_INDICATORS)
    releases = spark.createDataFrame(pd.DataFrame(columns=contract.column_names), struct_type(contract))
    frames = {
        FHFA_HPI.name: _house_prices,
        LAUS_UNEMPLOYMENT.name: _unemployment,
        PMMS.name: _mortgage_rates,
    }
    for raw in TABLES:
        if raw.name in present:
            releases = releases.unionByName(frames[raw.name](reader(raw)), allowMissingColumns=True)
    values = [name for name in contract.column_names if name not in contract.key]
    merged = releases.groupBy(*contract.key).agg(*[F.max(name).alias(name) for name in values])
    return merged.select(*contract.column_names)


def _house_prices(rows: DataFrame) -> DataFrame:
    return _by_state(rows, F.col("quarter") * 3, HPI_LAG_DAYS, "house_price_index")


def _unemployment(rows: DataFrame) -> DataFrame:
    states = F.create_map(*[F.lit(part) for pair in STATE_NAMES.items() for part in pair])
    named = rows.withColumn("state", states[F.col("area")]).where(F.col("state").isNotNull())
    return _by_state(named, F.col("month_number"), LAUS_LAG_DAYS, "unemployment_rate")


def _by_state(rows: DataFrame, month_of_year: Column, lag_days: int, value: str) -> DataFrame:
    """`value` of each month, known `lag_days` after the month's end."""
    month = F.make_date(F.col("year"), month_of_year, F.lit(1))
    return rows.select(
        month.alias("month"),
        "state",
        F.date_add(F.last_day(month), lag_days).alias("release_date"),
        value,
    )


def _mortgage_rates(rows: DataFrame) -> DataFrame:
    """A national rate, given to every state and territory."""
    states = load_contract(ECONOMIC_INDICATORS).column("state").allowed or ()
    return rows.select(
        F.trunc("day", "month").alias("month"),
        F.explode(F.array(*[F.lit(state) for state in states])).alias("state"),
        F.last_day("day").alias("release_date"),
        "mortgage_rate_30y",
    )
