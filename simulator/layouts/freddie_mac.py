"""Freddie Mac's Single-Family Loan-Level Dataset: origination file of 32 columns, monthly performance file
of 32, pipes."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from simulator.book import Block
from simulator.layouts.base import (
    Dirt,
    Layout,
    add_months,
    constant,
    empty,
    fill,
    month_strings,
    sellers,
)
from simulator.layouts.fannie_mae import last_balance, sale_proceeds

_DATE = "%Y%m"
_PURPOSE = pa.array(["P", "C", "N"])  # N: no cash-out refinance, R in the canonical tables
_VALUATION = pa.array(["2", "1", "3", "3"])  # 2 full appraisal, 1 automated, 3 other


def _recode(column: pa.ChunkedArray, codes: list[str], to: pa.Array) -> pa.Array:
    return to.take(pc.index_in(column.combine_chunks(), pa.array(codes)))


def _origination(block: Block) -> pa.Table:
    loans, borrowers, properties = block.loans, block.borrowers, block.properties
    rows = len(loans)
    maturity = add_months(loans["first_payment_date"], loans["original_term"].to_numpy() - 1)
    columns: list[pa.Array | pa.ChunkedArray] = [
        fill(borrowers["credit_score"], "9999"),
        month_strings(loans["first_payment_date"], _DATE),
        borrowers["first_time_homebuyer"],
        month_strings(maturity, _DATE),
        pc.binary_join_element_wise(properties["zip3"], "40", ""),
        fill(loans["mi_percentage"], "0"),
        properties["number_of_units"],
        properties["occupancy_status"],
        loans["cltv"],
        fill(borrowers["dti"], "999"),
        loans["original_upb"].cast(pa.int64()),
        loans["ltv"],
        loans["interest_rate"],
        loans["channel"],
        constant("N", rows),  # prepayment penalty
        loans["product_type"],
        properties["property_state"],
        properties["property_type"],
        pc.binary_join_element_wise(properties["zip3"], "00", ""),
        loans["loan_id"],
        _recode(loans["loan_purpose"], ["P", "C", "R"], _PURPOSE),
        loans["original_term"],
        borrowers["number_of_borrowers"],
        sellers(rows),
        constant("OTHER", rows),
        empty(rows),  # super conforming
        empty(rows),  # pre-relief loan
        constant("9", rows),  # programme
        empty(rows),  # relief refinance
        _recode(properties["valuation_method"], ["appraisal", "avm", "bpo", "other"], _VALUATION),
        constant("N", rows),  # interest only
        constant("7", rows),  # mortgage insurance cancellation: not applicable
    ]
    return pa.table(columns, names=[f"f{i}" for i in range(32)])


def _performance(block: Block) -> pa.Table:
    p, rows = block.performance, len(block.performance)
    closed = pc.not_equal(p["zero_balance_code"], "")
    status = pc.if_else(pc.equal(p["zero_balance_code"], "09"), "RA", p["delinquency_status"])
    repurchased = pc.equal(p["zero_balance_code"], "06")
    gone = month_strings(p["zero_balance_date"], _DATE)
    columns: list[pa.Array | pa.ChunkedArray] = [
        p["loan_id"],
        month_strings(p["reporting_month"], _DATE),
        p["current_upb"],
        status,
        p["loan_age"],
        p["months_to_maturity"],
        pc.if_else(repurchased, gone, None),  # defect settlement
        pc.if_else(pc.equal(p["modification_flag"], "Y"), "Y", None),
        pc.if_else(closed, p["zero_balance_code"], None),
        gone,
        p["current_interest_rate"],
        constant("0", rows),  # non-interest bearing balance
        empty(rows),  # due date of last paid instalment
        empty(rows),  # mortgage insurance recoveries
        sale_proceeds(p),
        *[empty(rows)] * 6,  # recoveries and expenses: carried in the net proceeds
        p["net_loss"],
        *[empty(rows)] * 4,  # modification cost, step modification, deferred payment, current LTV
        last_balance(p),
        *[empty(rows)] * 4,  # accrued interest, disaster, assistance, modification cost of the month
        p["current_upb"],  # interest bearing balance
    ]
    return pa.table(columns, names=[f"f{i}" for i in range(32)])


def tables(block: Block) -> dict[str, pa.Table]:
    return {"freddie_mac_origination": _origination(block), "freddie_mac_performance": _performance(block)}


LAYOUT = Layout(
    name="freddie_mac",
    tables=tables,
    dirt={
        "freddie_mac_origination": Dirt(
            key=(19,), credit_score=0, future=1, date_format=_DATE, balance=10, number=12, state=16
        ),
        "freddie_mac_performance": Dirt(
            key=(0, 1), moved=1, future=1, date_format=_DATE, balance=2, number=2, orphans=True
        ),
    },
)
