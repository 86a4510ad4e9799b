"""Public economic files: FHFA house prices, BLS LAUS unemployment, Freddie Mac PMMS mortgage rates."""

from __future__ import annotations

from mortgage_etl.layouts.parsers import date_in, integer, number, text
from mortgage_etl.layouts.raw_table import Field, RawTable

FHFA_HPI = RawTable(
    "fhfa_hpi",
    ",",
    False,
    (
        Field("state", "field 1 (state)", text, 0),
        Field("year", "field 2 (year)", integer, 1),
        Field("quarter", "field 3 (quarter)", integer, 2),
        Field("house_price_index", "field 4 (index)", number, 3),
    ),
    ("state", "year", "quarter"),
    widths=(4,),
)
LAUS_UNEMPLOYMENT = RawTable(
    "laus_unemployment",
    ",",
    True,
    (
        Field("area", "state", text),
        Field("year", "year", integer),
        Field("month_number", "month", integer),
        Field("unemployment_rate", "unem_rate", number),
    ),
    ("area", "year", "month_number"),
)
PMMS = RawTable(
    "pmms",
    ",",
    True,
    (Field("day", "month", date_in("yyyy-MM-dd")), Field("mortgage_rate_30y", "rate_30_year", number)),
    ("day",),
)
TABLES = (FHFA_HPI, LAUS_UNEMPLOYMENT, PMMS)
