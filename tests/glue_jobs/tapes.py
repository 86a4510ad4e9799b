"""Small hand-made tapes in the canonical layout."""

from __future__ import annotations

import csv
from pathlib import Path

BORROWER = {"credit_score": "700", "dti": "36", "number_of_borrowers": "2", "first_time_homebuyer": "N"}
PROPERTY = {
    "property_state": "CA",
    "zip3": "941",
    "property_type": "SF",
    "number_of_units": "1",
    "occupancy_status": "P",
    "appraised_value": "250000",
    "appraisal_date": "2010-01-15",
    "valuation_method": "appraisal",
}
LOAN = {
    "channel": "R",
    "loan_purpose": "P",
    "product_type": "FRM",
    "interest_rate": "5.125",
    "original_upb": "200000",
    "original_term": "360",
    "origination_date": "2010-01-01",
    "first_payment_date": "2010-03-01",
    "ltv": "80",
    "cltv": "80",
    "mi_percentage": "",
}
MONTH = {
    "reporting_month": "2010-03-01",
    "current_upb": "199000.5",
    "current_interest_rate": "5.125",
    "loan_age": "1",
    "months_to_maturity": "359",
    "delinquency_status": "0",
    "modification_flag": "N",
    "zero_balance_code": "",
    "zero_balance_date": "",
    "net_loss": "",
}
RELEASE = {
    "month": "2010-01-01",
    "state": "CA",
    "release_date": "2010-02-15",
    "unemployment_rate": "9.5",
    "house_price_index": "150",
    "mortgage_rate_30y": "5.0",
}
DEFAULTS = {
    "borrowers": BORROWER,
    "properties": PROPERTY,
    "loans": LOAN,
    "performance": MONTH,
    "economic_indicators": RELEASE,
}


def iso(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}-01"


def month_index(text: str) -> int:
    year, month = text.split("-")[:2]
    return int(year) * 12 + int(month) - 1


def write_table(root: Path, table: str, rows: list[dict], ingest: str = "2012-01-31", name: str = "part-0.csv") -> Path:
    """One file of a canonical table: each row overrides the table's defaults."""
    path = root / table / f"ingest_date={ingest}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    default = DEFAULTS[table]
    columns = list(default) if table == "economic_indicators" else ["loan_id", *default]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**default, **row} for row in rows)
    return path


def write_tape(root: Path, loans: list[str], performance: list[dict], economics: list[dict] | None = None) -> Path:
    """A whole tape for some loan ids."""
    for table in ("borrowers", "properties", "loans"):
        write_table(root, table, [{"loan_id": loan} for loan in loans])
    write_table(root, "performance", performance)
    write_table(root, "economic_indicators", economics or [{}])
    return root


def performance_rows(loan: str, timeline: dict[int, tuple[str, str]]) -> list[dict]:
    return [
        {
            "loan_id": loan,
            "reporting_month": iso(month),
            "delinquency_status": status,
            "zero_balance_code": code,
            "loan_age": str(position),
        }
        for position, (month, (status, code)) in enumerate(sorted(timeline.items()))
    ]
