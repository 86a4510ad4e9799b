"""Fannie Mae's Single-Family loan performance files: the legacy pair and the current one-file layout.

Positions from Fannie Mae's "Single-Family Loan Performance Dataset: Glossary and File Layout". The tapes hold no
appraisal, so the property's value is the loan amount over LTV, and no net loss.
"""

from __future__ import annotations

from pyspark.sql import functions as F

from mortgage_etl.layouts.parsers import Parser, integer, month_in, number, text, zero_balance_code, zip3
from mortgage_etl.layouts.raw_table import Field, RawTable

LOAN_TABLES = ("borrowers", "properties", "loans")
VALUE_FROM_LTV = {
    "appraised_value": lambda: F.col("original_upb") / (F.col("ltv") / 100),
    "appraisal_date": lambda: F.col("origination_date"),
    "valuation_method": lambda: F.lit("other"),
}


def _field(position: int, name: str, parse: Parser, missing: tuple[str, ...] = ()) -> Field:
    """``position`` counts from 1, as the agency's layout does."""
    return Field(name, f"field {position} ({name})", parse, position - 1, missing)


LEGACY_MONTH = month_in("MM/yyyy")
LEGACY_ACQUISITION = RawTable(
    "fannie_mae_acquisition",
    "|",
    False,
    (
        _field(1, "loan_id", text),
        _field(2, "channel", text),
        _field(4, "interest_rate", number),
        _field(5, "original_upb", number),
        _field(6, "original_term", integer),
        _field(7, "origination_date", LEGACY_MONTH),
        _field(8, "first_payment_date", LEGACY_MONTH),
        _field(9, "ltv", number),
        _field(10, "cltv", number),
        _field(11, "number_of_borrowers", integer),
        _field(12, "dti", number),
        _field(13, "credit_score", integer),
        _field(14, "first_time_homebuyer", text),
        _field(15, "loan_purpose", text),
        _field(16, "property_type", text),
        _field(17, "number_of_units", integer),
        _field(18, "occupancy_status", text),
        _field(19, "property_state", text),
        _field(20, "zip3", zip3("###")),
        _field(21, "mi_percentage", number),
        _field(22, "product_type", text),
    ),
    LOAN_TABLES,
    ("loan_id",),
    widths=(22, 23, 24, 25),  # columns were added at the end over the years
    derived=VALUE_FROM_LTV,
)
LEGACY_PERFORMANCE = RawTable(
    "fannie_mae_performance",
    "|",
    False,
    (
        _field(1, "loan_id", text),
        _field(2, "reporting_month", month_in("MM/dd/yyyy")),
        _field(4, "current_interest_rate", number),
        _field(5, "current_upb", number),
        _field(6, "loan_age", integer),
        _field(7, "months_to_maturity", integer),
        _field(11, "delinquency_status", text),
        _field(12, "modification_flag", text),
        _field(13, "zero_balance_code", zero_balance_code),
        _field(14, "zero_balance_date", LEGACY_MONTH),
    ),
    ("performance",),
    ("loan_id", "reporting_month"),
    widths=(28, 29, 30, 31),
    derived={"net_loss": lambda: F.lit(None).cast("double")},
)

CURRENT_MONTH = month_in("MMyyyy")
CURRENT = RawTable(
    "fannie_mae_current",
    "|",
    False,
    (
        _field(2, "loan_id", text),
        _field(3, "reporting_month", CURRENT_MONTH),
        _field(4, "channel", text),
        _field(8, "interest_rate", number),
        _field(9, "current_interest_rate", number),
        _field(10, "original_upb", number),
        _field(12, "current_upb", number),
        _field(13, "original_term", integer),
        _field(14, "origination_date", CURRENT_MONTH),
        _field(15, "first_payment_date", CURRENT_MONTH),
        _field(16, "loan_age", integer),
        _field(17, "months_to_maturity", integer),
        _field(20, "ltv", number),
        _field(21, "cltv", number),
        _field(22, "number_of_borrowers", integer),
        _field(23, "dti", number),
        _field(24, "credit_score", integer),
        _field(26, "first_time_homebuyer", text),
        _field(27, "loan_purpose", text),
        _field(28, "property_type", text),
        _field(29, "number_of_units", integer),
        _field(30, "occupancy_status", text),
        _field(31, "property_state", text),
        _field(33, "zip3", zip3("###")),
        _field(34, "mi_percentage", number),
        _field(35, "product_type", text),
        _field(40, "delinquency_status", text),
        _field(42, "modification_flag", text),
        _field(44, "zero_balance_code", zero_balance_code),
        _field(45, "zero_balance_date", CURRENT_MONTH),
    ),
    (*LOAN_TABLES, "performance"),
    ("loan_id", "reporting_month"),
    # Non-standard loans carry four flags more (documentation, underwriting, guarantee, negative amortization).
    widths=(108, 110, 112, 113, 114, 117),
    derived={**VALUE_FROM_LTV, "net_loss": lambda: F.lit(None).cast("double")},
)
LEGACY_TABLES = (LEGACY_ACQUISITION, LEGACY_PERFORMANCE)
