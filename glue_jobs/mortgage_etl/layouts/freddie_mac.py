"""Freddie Mac's Single-Family loan-level dataset: origination and performance, standard, non-standard and HARP loans.

Positions and codes from Freddie Mac's "Single Family Loan-Level Dataset General User Guide". Columns were added at the
end over the years, so what is wanted stands in the same place in old files; but Release 47 (July 2026) moved the
servicer's name out of the origination file, which now has 31 columns. The tape has no origination month; loans close
about two months before their first payment.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import functions as F

from mortgage_etl.layouts.fannie_mae import LOAN_TABLES, VALUE_FROM_LTV
from mortgage_etl.layouts.parsers import Parser, integer, month_in, number, text, zero_balance_code, zip3
from mortgage_etl.layouts.raw_table import Field, RawTable

MONTH = month_in("yyyyMM")
# Canonical R is a rate refinance, which Freddie Mac calls N; its R is a refinance of unknown kind.
LOAN_PURPOSES = {"N": "R", "R": "U"}
OCCUPANCIES = {"O": "P"}  # owner occupied, in old files
VALUATIONS = {"1": "avm", "2": "appraisal", "3": "other", "4": "avm"}
MODIFICATIONS = {"P": "Y"}  # modified in a prior period


def _field(
    position: int, name: str, parse: Parser, missing: tuple[str, ...] = (), mapping: Mapping[str, str] | None = None
) -> Field:
    """``position`` counts from 1, as the agency's layout does."""
    return Field(name, f"field {position} ({name})", parse, position - 1, missing, mapping or {})


ORIGINATION = RawTable(
    "freddie_mac_origination",
    "|",
    False,
    (
        _field(1, "credit_score", integer, ("9999",)),
        _field(2, "first_payment_date", MONTH),
        _field(3, "first_time_homebuyer", text, ("9",)),
        _field(6, "mi_percentage", number, ("999", "000", "0")),
        _field(7, "number_of_units", integer, ("99",)),
        _field(8, "occupancy_status", text, ("9",), OCCUPANCIES),
        _field(9, "cltv", number, ("999",)),
        _field(10, "dti", number, ("999",)),
        _field(11, "original_upb", number),
        _field(12, "ltv", number, ("999",)),
        _field(13, "interest_rate", number),
        _field(14, "channel", text, ("9",)),
        _field(16, "product_type", text),
        _field(17, "property_state", text),
        _field(18, "property_type", text, ("99", "LH")),  # a leasehold, in old files
        _field(19, "zip3", zip3("###00")),
        _field(20, "loan_id", text),
        _field(21, "loan_purpose", text, ("9",), LOAN_PURPOSES),
        _field(22, "original_term", integer),
        _field(23, "number_of_borrowers", integer, ("99",)),
        _field(30, "valuation_method", text, ("7", "9"), VALUATIONS),
    ),
    LOAN_TABLES,
    ("loan_id",),
    widths=(26, 27, 28, 29, 30, 31, 32),
    moved={31: {"valuation_method": 28}},
    needed=("first_payment_date",),
    derived={
        "origination_date": lambda: F.add_months("first_payment_date", -2),
        "appraised_value": VALUE_FROM_LTV["appraised_value"],
        "appraisal_date": lambda: F.add_months("first_payment_date", -2),
    },
)
PERFORMANCE = RawTable(
    "freddie_mac_performance",
    "|",
    False,
    (
        _field(1, "loan_id", text),
        _field(2, "reporting_month", MONTH),
        _field(3, "current_upb", number),
        _field(4, "delinquency_status", text),
        _field(5, "loan_age", integer),
        _field(6, "months_to_maturity", integer),
        _field(8, "modification_flag", text, mapping=MODIFICATIONS),
        _field(9, "zero_balance_code", zero_balance_code),
        _field(10, "zero_balance_date", MONTH),
        _field(11, "current_interest_rate", number),
        _field(22, "net_loss", number),
    ),
    ("performance",),
    ("loan_id", "reporting_month"),
    widths=(*range(22, 33), 35),
)
TABLES = (ORIGINATION, PERFORMANCE)
