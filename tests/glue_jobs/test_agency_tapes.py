"""Agency layouts and public economic files become the canonical tables: positions, codes, missing values, lags."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from tapes import write_table

AS_OF = date(2012, 1, 31)


def line(width: int, **fields: str) -> str:
    """A pipe-separated line of ``width`` columns; ``p7="x"`` stands in column 7, counted from 1."""
    values = [""] * width
    for place, value in fields.items():
        values[int(place[1:]) - 1] = value
    return "|".join(values)


def land(root: Path, table: str, lines: list[str], name: str = "part.txt") -> None:
    path = root / table / "ingest_date=2012-01-31" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def tables_of(spark, root: Path, source: str):
    from mortgage_etl.cleaning.source_tables import read_source

    read = read_source(spark, source, str(root), AS_OF)
    return read, {name: [row.asDict() for row in frame.collect()] for name, frame in read.tables.items()}


FREDDIE_LOAN = {
    "p2": "201003",
    "p3": "Y",
    "p7": "1",
    "p8": "P",
    "p9": "85",
    "p10": "36",
    "p11": "200000",
    "p12": "80",
    "p13": "5.125",
    "p14": "R",
    "p16": "FRM",
    "p17": "CA",
    "p18": "SF",
    "p19": "94100",
    "p20": "F10Q10000001",
    "p21": "P",
    "p22": "360",
    "p23": "2",
}


def test_freddie_mac_loans_and_their_codes(spark, tmp_path):
    write_table(tmp_path, "economic_indicators", [{}])
    unknown = {"p1": "9999", "p3": "9", "p6": "999", "p10": "999", "p14": "9", "p18": "99", "p23": "99", "p30": "9"}
    land(
        tmp_path,
        "freddie_mac_origination",
        [
            line(32, **FREDDIE_LOAN | {"p1": "712", "p6": "25", "p21": "N", "p30": "1"}),
            line(32, **FREDDIE_LOAN | unknown | {"p20": "F10Q10000002", "p21": "C"}),
        ],
    )
    late = {"p1": "F10Q10000001", "p2": "201004", "p3": "199000.5", "p4": "1", "p5": "1", "p6": "359", "p8": "P"}
    land(
        tmp_path,
        "freddie_mac_performance",
        [
            line(32, **late | {"p11": "5.125"}),
            line(32, **late | {"p2": "201005", "p4": "RA", "p8": "", "p9": "9", "p10": "201005", "p22": "-12345.67"}),
            line(32, **late | {"p1": "F10Q19999999"}),
        ],
    )
    read, tables = tables_of(spark, tmp_path, "freddie_mac")
    known, unknown_row = sorted(tables["borrowers"], key=lambda row: row["loan_id"])
    assert (known["credit_score"], known["dti"], known["first_time_homebuyer"]) == (712, 36.0, "Y")
    assert {unknown_row[name] for name in ("credit_score", "dti", "number_of_borrowers", "first_time_homebuyer")} == {
        None
    }
    loans = {row["loan_id"]: row for row in tables["loans"]}
    assert loans["F10Q10000001"]["loan_purpose"] == "R"  # a refinance without cash-out is N there
    assert loans["F10Q10000002"]["loan_purpose"] == "C"
    assert loans["F10Q10000002"]["channel"] is None
    assert loans["F10Q10000001"]["mi_percentage"] == 25.0
    assert loans["F10Q10000001"]["origination_date"] == date(2010, 1, 1)  # two months before the first payment
    home = next(row for row in tables["properties"] if row["loan_id"] == "F10Q10000001")
    assert (home["zip3"], home["valuation_method"], home["appraised_value"]) == ("941", "avm", 250_000.0)
    first, last = sorted(tables["performance"], key=lambda row: row["reporting_month"])
    assert (first["modification_flag"], first["delinquency_status"], first["current_upb"]) == ("Y", "1", 199000.5)
    assert (last["zero_balance_code"], last["zero_balance_date"]) == ("09", date(2010, 5, 1))
    assert last["net_loss"] == pytest.approx(-12345.67)
    assert read.counts["freddie_mac_performance"]["by_reason"] == {"unknown_loan": 1}


CURRENT = {
    "p2": "100000000001",
    "p4": "R",
    "p8": "5.125",
    "p9": "5.0",
    "p10": "200000",
    "p12": "199000",
    "p13": "360",
    "p14": "012010",
    "p15": "032010",
    "p16": "1",
    "p17": "359",
    "p20": "80",
    "p21": "85",
    "p22": "2",
    "p23": "36",
    "p24": "712",
    "p26": "N",
    "p27": "P",
    "p28": "SF",
    "p29": "1",
    "p30": "P",
    "p31": "CA",
    "p33": "941",
    "p35": "FRM",
    "p40": "00",
    "p42": "N",
}


@pytest.mark.parametrize("width", [108, 110, 113])
def test_fannie_maes_one_file_gives_loans_and_months(spark, tmp_path, width):
    write_table(tmp_path, "economic_indicators", [{}])
    gone = {"p3": "052010", "p40": "XX", "p44": "1", "p45": "052010", "p12": "0"}
    land(
        tmp_path,
        "fannie_mae_current",
        [
            line(width, **CURRENT | {"p3": "042010"}),
            line(width, **CURRENT | gone | {"p24": "705"}),
            line(width, **CURRENT | {"p3": "042010"}),
            line(width - 1, **CURRENT | {"p3": "062010"}),
        ],
        "2010Q1.csv",
    )
    read, tables = tables_of(spark, tmp_path, "fannie_mae_current")
    (borrower,) = tables["borrowers"]
    assert borrower["credit_score"] == 712  # as its earliest month has it
    (loan,) = tables["loans"]
    assert (loan["origination_date"], loan["first_payment_date"]) == (date(2010, 1, 1), date(2010, 3, 1))
    first, last = sorted(tables["performance"], key=lambda row: row["reporting_month"])
    assert (first["reporting_month"], first["zero_balance_code"]) == (date(2010, 4, 1), None)
    assert (last["zero_balance_code"], last["zero_balance_date"]) == ("01", date(2010, 5, 1))
    assert read.counts["fannie_mae_current"] == {
        "rows_in": 4,
        "rows_out": 2,
        "quarantined": 2,
        "by_reason": {"duplicate_key": 1, "wrong_number_of_columns": 1},
    }


def test_public_economic_files_are_known_after_their_lag(spark, tmp_path):
    land(tmp_path, "freddie_mac_origination", [line(32, **FREDDIE_LOAN | {"p1": "712"})])
    month = {"p1": "F10Q10000001", "p2": "201004", "p3": "1", "p4": "0", "p5": "1", "p6": "359"}
    land(tmp_path, "freddie_mac_performance", [line(32, **month)])
    land(tmp_path, "fhfa_hpi", ["CA,2010,1,400.5", "CA,2010,2,not"], "HPI_AT_state.csv")
    land(
        tmp_path,
        "laus_unemployment",
        ["state,year,month,unem_rate", "California,2010,3,12.4", "Los Angeles County,2010,3,12.9"],
        "laus.csv",
    )
    land(tmp_path, "pmms", ["month,rate_30_year,rate_15_year", "2010-03-01,4.97,4.33"], "pmms.csv")
    read, tables = tables_of(spark, tmp_path, "freddie_mac")
    california = {row["release_date"]: row for row in tables["economic_indicators"] if row["state"] == "CA"}
    # The index 60 days after its quarter, unemployment 50 days after its month, the rate at its month's end.
    assert set(california) == {date(2010, 5, 30), date(2010, 5, 20), date(2010, 3, 31)}
    assert california[date(2010, 5, 30)]["house_price_index"] == 400.5
    assert california[date(2010, 5, 30)]["month"] == date(2010, 3, 1)
    assert california[date(2010, 5, 20)]["unemployment_rate"] == 12.4
    rates = [row["mortgage_rate_30y"] for row in tables["economic_indicators"] if row["mortgage_rate_30y"]]
    assert set(rates) == {4.97}
    assert len(rates) >= 51  # a national rate, for every state
    assert read.counts["fhfa_hpi"]["by_reason"] == {"unparseable": 1}
