"""Fannie Mae's legacy layout (to 2020): acquisition file of 25 columns, performance file of 31, pipes, no
header."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator.book import Block
from simulator.layouts.base import (
    Dirt,
    Layout,
    add_months,
    by_loan,
    constant,
    empty,
    month_strings,
    sellers,
    whole,
)

MASKED_BALANCE_MONTHS = 6  # the real files leave the balance blank for the first six months


def _acquisition(block: Block) -> pa.Table:
    loans, borrowers, properties = block.loans, block.borrowers, block.properties
    rows = len(loans)
    columns: list[pa.Array | pa.ChunkedArray] = [
        loans["loan_id"],
        loans["channel"],
        sellers(rows),
        loans["interest_rate"],
        loans["original_upb"].cast(pa.int64()),
        loans["original_term"],
        month_strings(loans["origination_date"], "%m/%Y"),
        month_strings(loans["first_payment_date"], "%m/%Y"),
        loans["ltv"],
        loans["cltv"],
        borrowers["number_of_borrowers"],
        borrowers["dti"],
        borrowers["credit_score"],
        borrowers["first_time_homebuyer"],
        loans["loan_purpose"],
        properties["property_type"],
        properties["number_of_units"],
        properties["occupancy_status"],
        properties["property_state"],
        properties["zip3"],
        loans["mi_percentage"],
        loans["product_type"],
        empty(rows),  # co-borrower credit score
        pc.if_else(pc.is_valid(loans["mi_percentage"]), "1", None),
        constant("N", rows),  # relocation
    ]
    return pa.table(columns, names=[f"f{i}" for i in range(25)])


def masked_balance(performance: pa.Table) -> pa.ChunkedArray:
    """current_upb, blank in the first months and where the loan is gone."""
    shown = pc.and_(
        pc.greater_equal(performance["loan_age"], MASKED_BALANCE_MONTHS),
        pc.equal(performance["zero_balance_code"], ""),
    )
    return pc.if_else(shown, performance["current_upb"], None)


def last_balance(performance: pa.Table) -> pa.ChunkedArray:
    """Balance of the row before, which on a zero-balance row is the balance removed; null elsewhere."""
    upb = performance["current_upb"].to_numpy()
    previous = np.roll(upb, 1)
    closed = performance["zero_balance_code"].to_numpy(zero_copy_only=False) != ""
    return pa.array(previous, mask=~closed)


def sale_proceeds(performance: pa.Table) -> pa.Array:
    """Net proceeds that make balance removed - proceeds equal net_loss; null where nothing was liquidated."""
    return pc.round(pc.subtract(last_balance(performance), performance["net_loss"]), 2)


def _performance(block: Block) -> pa.Table:
    p = block.performance
    rows = len(p)
    remaining = p["months_to_maturity"]
    msa = pc.binary_join_element_wise(block.properties["zip3"], "40.0", "").take(by_loan(block.loans, p))
    closed = pc.not_equal(p["zero_balance_code"], "")
    gone = pc.if_else(closed, month_strings(p["zero_balance_date"], "%m/%d/%Y"), None)
    liquidated = pc.if_else(pc.is_valid(p["net_loss"]), gone, None)
    columns: list[pa.Array | pa.ChunkedArray] = [
        p["loan_id"],
        month_strings(p["reporting_month"], "%m/%d/%Y"),
        pc.if_else(pc.equal(p["loan_age"], 0), "OTHER", None),
        p["current_interest_rate"],
        pc.if_else(closed, last_balance(p), masked_balance(p)),
        whole(p["loan_age"]),
        whole(remaining),
        whole(remaining),
        month_strings(add_months(p["reporting_month"], remaining.to_numpy()), "%m/%Y"),
        msa,
        pc.if_else(closed, "X", p["delinquency_status"]),
        p["modification_flag"],
        pc.if_else(closed, p["zero_balance_code"], None),
        month_strings(p["zero_balance_date"], "%m/%Y"),
        empty(rows),  # last paid instalment
        liquidated,  # foreclosure
        liquidated,  # disposition
        *[empty(rows)] * 5,  # costs: carried in the net proceeds
        sale_proceeds(p),
        *[empty(rows)] * 3,  # credit enhancement, repurchase make-whole, other proceeds
        pc.if_else(pc.equal(p["modification_flag"], "Y"), "0.0", None),
        empty(rows),  # principal forgiven
        pc.if_else(closed, pc.if_else(pc.equal(p["zero_balance_code"], "06"), "Y", "N"), None),
        empty(rows),
        constant("N", rows),  # servicing activity
    ]
    return pa.table(columns, names=[f"f{i}" for i in range(31)])


def tables(block: Block) -> dict[str, pa.Table]:
    return {"fannie_mae_acquisition": _acquisition(block), "fannie_mae_performance": _performance(block)}


LAYOUT = Layout(
    name="fannie_mae",
    tables=tables,
    dirt={
        "fannie_mae_acquisition": Dirt(
            key=(0,), number=3, balance=4, future=6, date_format="%m/%Y", credit_score=12, state=18
        ),
        "fannie_mae_performance": Dirt(
            key=(0, 1), moved=1, future=1, date_format="%m/%d/%Y", number=4, balance=4, orphans=True
        ),
    },
)
