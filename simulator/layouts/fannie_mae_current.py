"""Fannie Mae's current single-family layout: one file, 113 fields a loan-month, pipes, no header, MMYYYY
dates.

Field 1 (reference pool) is always blank, so every line begins with the delimiter. Fields of later releases
and fields that the simulator has nothing for are blank.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from simulator.book import UNKNOWN_DELINQUENCY, Block
from simulator.layouts.base import Dirt, Layout, add_months, by_loan, constant, empty, month_strings, sellers
from simulator.layouts.fannie_mae import last_balance, masked_balance, sale_proceeds

FIELDS = 113
_DATE = "%m%Y"


def _file(block: Block) -> pa.Table:
    p, rows = block.performance, len(block.performance)
    row_of = by_loan(block.loans, p)
    loans, borrowers, properties = (t.take(row_of) for t in (block.loans, block.borrowers, block.properties))
    closed = pc.not_equal(p["zero_balance_code"], "")
    unknown = pc.or_(closed, pc.equal(p["delinquency_status"], UNKNOWN_DELINQUENCY))
    status = pc.if_else(unknown, UNKNOWN_DELINQUENCY, pc.utf8_lpad(p["delinquency_status"], 2, "0"))
    gone = month_strings(p["zero_balance_date"], _DATE)
    repurchased = pc.equal(p["zero_balance_code"], "06")
    liquidated = pc.if_else(pc.is_valid(p["net_loss"]), gone, None)
    maturity = add_months(p["reporting_month"], p["months_to_maturity"].to_numpy())
    by_position: dict[int, pa.Array | pa.ChunkedArray] = {
        2: p["loan_id"],
        3: month_strings(p["reporting_month"], _DATE),
        4: loans["channel"],
        5: sellers(len(block.loans)).take(row_of),
        6: constant("OTHER", rows),
        8: loans["interest_rate"],
        9: p["current_interest_rate"],
        10: loans["original_upb"],
        12: pc.if_else(closed, 0.0, masked_balance(p)),
        13: loans["original_term"],
        14: month_strings(loans["origination_date"], _DATE),
        15: month_strings(loans["first_payment_date"], _DATE),
        16: p["loan_age"],
        17: p["months_to_maturity"],
        18: p["months_to_maturity"],
        19: month_strings(maturity, _DATE),
        20: loans["ltv"],
        21: loans["cltv"],
        22: borrowers["number_of_borrowers"],
        23: borrowers["dti"],
        24: borrowers["credit_score"],
        26: borrowers["first_time_homebuyer"],
        27: loans["loan_purpose"],
        28: properties["property_type"],
        29: properties["number_of_units"],
        30: properties["occupancy_status"],
        31: properties["property_state"],
        32: pc.binary_join_element_wise(properties["zip3"], "40", ""),
        33: properties["zip3"],
        34: loans["mi_percentage"],
        35: loans["product_type"],
        36: constant("N", rows),
        37: constant("N", rows),
        40: status,
        42: p["modification_flag"],
        44: pc.if_else(closed, p["zero_balance_code"], None),
        45: gone,
        46: last_balance(p),
        47: pc.if_else(repurchased, gone, None),
        52: liquidated,
        53: liquidated,
        59: sale_proceeds(p),
        73: pc.if_else(pc.is_valid(loans["mi_percentage"]), "1", None),
        74: constant("N", rows),
        81: constant("N", rows),
    }
    columns = [by_position.get(i, empty(rows)) for i in range(1, FIELDS + 1)]
    return pa.table(columns, names=[f"f{i}" for i in range(1, FIELDS + 1)])


def tables(block: Block) -> dict[str, pa.Table]:
    return {"fannie_mae_current": _file(block)}


LAYOUT = Layout(
    name="fannie_mae_current",
    tables=tables,
    dirt={"fannie_mae_current": Dirt(key=(1, 2), moved=2, future=2, date_format=_DATE, number=11, balance=11)},
)
