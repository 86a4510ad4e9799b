"""The platform's own tables: CSV with header, one file family per table, columns as in the contract."""

from __future__ import annotations

from contracts import load_contract
from contracts.model import Column as ContractColumn
from mortgage_etl.layouts.parsers import Parser, date_in, integer, month_in, number, text, zero_balance_code, zip3
from mortgage_etl.layouts.raw_table import Field, RawTable

MONTH_COLUMNS = {
    "reporting_month",
    "zero_balance_date",
    "origination_date",
    "first_payment_date",
    "month",
}
BY_NAME: dict[str, Parser] = {"zero_balance_code": zero_balance_code, "zip3": zip3("###")}
PARSERS: dict[str, Parser] = {"string": text, "integer": integer, "number": number, "date": date_in("yyyy-MM-dd")}


def canonical_table(name: str) -> RawTable:
    """The raw table of a contract."""
    contract = load_contract(name)
    fields = tuple(Field(column.name, column.name, _parser(column)) for column in contract.columns)
    return RawTable(name, ",", True, fields, (name,), contract.key)


def _parser(column: ContractColumn) -> Parser:
    if column.name in BY_NAME:
        return BY_NAME[column.name]
    if column.name in MONTH_COLUMNS:
        return month_in("yyyy-MM-dd")
    return PARSERS[column.type]


TABLES = tuple(canonical_table(name) for name in ("borrowers", "properties", "loans", "performance"))
ECONOMIC_INDICATORS = canonical_table("economic_indicators")
