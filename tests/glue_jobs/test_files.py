"""Files as spreadsheets, SQL exports and other years of an agency make them: read right, or refused in words."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from tapes import PROPERTY, write_table, write_tape
from test_agency_tapes import CURRENT, FREDDIE_LOAN, land, line, tables_of

AS_OF = date(2012, 1, 31)


def read(spark, root):
    from mortgage_etl.cleaning.source_tables import read_source

    return read_source(spark, "canonical", str(root), AS_OF)


def refusal(spark, root, source: str = "canonical") -> str:
    from mortgage_etl.cleaning.source_tables import SourceError, read_source

    with pytest.raises(SourceError) as error:
        read_source(spark, source, str(root), AS_OF)
    return str(error.value)


def spoil(path: Path, *, of: str, to: str) -> None:
    path.write_text(path.read_text().replace(of, to))


def test_a_spreadsheets_ways_cost_no_loan(spark, tmp_path):
    """A byte-order mark, capitals, CR LF, separators at the end, lost zeros, words for nothing, a bad attribute."""
    loans = ["A", "B", "C", "D"]
    write_tape(tmp_path, loans, [{"loan_id": loan} for loan in loans])
    zips = {"A": "21", "B": "6.0", "C": "2139", "D": "***"}
    properties = write_table(
        tmp_path,
        "properties",
        [
            {"loan_id": loan, "zip3": zips[loan], "appraisal_date": "2010-02-30" if loan == "B" else "2010-01-15"}
            for loan in loans
        ],
    )
    nothing = dict(zip(loans, ["NULL", r"\N", "N/A", "nan"], strict=True))
    borrowers = write_table(tmp_path, "borrowers", [{"loan_id": loan, "dti": nothing[loan]} for loan in loans])
    months = write_table(
        tmp_path,
        "performance",
        [
            {"loan_id": "A", "net_loss": "1,234.50", "zero_balance_code": "9.0"},
            {"loan_id": "B", "modification_flag": "maybe", "zero_balance_date": "2010"},
            {"loan_id": "C", "zero_balance_code": "NULL"},
        ],
    )
    for path in (properties, borrowers, months):
        header, *rows = path.read_text().splitlines()
        body = "\r\n".join([header.upper(), *(f"{row},," for row in rows)])
        path.write_bytes(b"\xef\xbb\xbf" + body.encode())
    tables = read(spark, tmp_path)
    found = {row.loan_id: row for row in tables.tables["properties"].collect()}
    assert {loan: row.zip3 for loan, row in found.items()} == {"A": "021", "B": "006", "C": None, "D": None}
    assert found["B"].appraisal_date is None
    assert {row.dti for row in tables.tables["borrowers"].collect()} == {None}
    performance = {row.loan_id: row for row in tables.tables["performance"].collect()}
    assert {loan: row.zero_balance_code for loan, row in performance.items()} == {"A": "09", "B": None, "C": None}
    assert performance["A"].net_loss is None
    assert performance["B"].zero_balance_date is None
    assert {name: counts["quarantined"] for name, counts in tables.counts.items()} == dict.fromkeys(tables.counts, 0)
    assert tables.counts["properties"]["changed"] == {
        "appraisal_date": {"set_to_missing": 1},
        "zip3": {"restored": 2, "set_to_missing": 1},
    }
    assert tables.counts["performance"]["changed"] == {
        "modification_flag": {"set_to_missing": 1},
        "net_loss": {"set_to_missing": 1},
        "zero_balance_date": {"set_to_missing": 1},
    }
    assert "changed" not in tables.counts["loans"]


def test_what_a_person_is_warned_of(spark, tmp_path):
    from mortgage_etl.cleaning.accounting import warnings

    bad = {"rows_in": 100, "rows_out": 94, "quarantined": 6, "by_reason": {"unparseable": 6}}
    few = {"rows_in": 100, "rows_out": 95, "quarantined": 5, "by_reason": {"unparseable": 5}}
    changed = few | {"changed": {"zip3": {"restored": 3, "set_to_missing": 2}}}
    assert warnings({"loans": bad, "performance": few, "freddie_mac_origination": changed}) == [
        "loans: 6 of 100 rows are in quarantine (unparseable 6); the data checks allow 5 %",
        "performance: 5 of 100 rows are in quarantine (unparseable 5)",
        "freddie_mac_origination: 5 of 100 rows are in quarantine (unparseable 5)",
        "freddie_mac_origination: 3 of 95 values of zip3 had lost their leading zero, which was restored",
        "freddie_mac_origination: 2 of 95 values of zip3 are invalid and were set to missing: no model needs them",
    ]


def freddie_month(loan: str, month: str, width: int = 32, **fields: str) -> str:
    return line(width, **{"p1": loan, "p2": month, "p3": "1", "p4": "00", "p5": "1", "p6": "359"} | fields)


def test_freddie_macs_layouts_of_all_years_in_one_folder(spark, tmp_path):
    write_table(tmp_path, "economic_indicators", [{}])
    old = FREDDIE_LOAN | {"p1": "712", "p8": "O", "p18": "LH", "p20": "F116Q1000001", "p19": "2100"}
    usual = FREDDIE_LOAN | {"p1": "712", "p20": "F16Q10000002", "p30": "2"}
    newest = FREDDIE_LOAN | {"p1": "712", "p20": "F16Q10000003", "p29": "1", "p30": "N", "p31": "9999"}
    for name, width, loan in (
        ("historical_data1_Q12016.txt", 26, old),
        ("historical_data_excl_2016Q1.txt", 32, usual),
        ("sample_orig_2016.txt", 31, newest),
    ):
        land(tmp_path, "freddie_mac_origination", [line(width, **loan)], name)
    for name, width, loan in (
        ("historical_data1_time_Q12016.txt", 23, "F116Q1000001"),
        ("historical_data_excl_time_2016Q1.txt", 32, "F16Q10000002"),
        ("sample_perf_2016.txt", 35, "F16Q10000003"),
    ):
        land(tmp_path, "freddie_mac_performance", [freddie_month(loan, "201004", width)], name)
    read_, tables = tables_of(spark, tmp_path, "freddie_mac")
    assert all(counts["quarantined"] == 0 for counts in read_.counts.values())
    homes = {row["loan_id"]: row for row in tables["properties"]}
    assert {loan: home["valuation_method"] for loan, home in homes.items()} == {
        "F116Q1000001": None,
        "F16Q10000002": "appraisal",
        "F16Q10000003": "avm",
    }
    first = homes["F116Q1000001"]
    assert (first["zip3"], first["occupancy_status"], first["property_type"]) == ("021", "P", None)
    assert len(tables["performance"]) == 3


def test_fannie_maes_non_standard_file_and_a_heading_are_read(spark, tmp_path):
    write_table(tmp_path, "economic_indicators", [{}])
    heading = "|".join(f"COLUMN_{chr(65 + index % 26)}" for index in range(117))
    rows = [heading, *(line(117, **CURRENT | {"p3": month, "p5": '"OLD TOWN'}) for month in ("042010", "052010"))]
    land(tmp_path, "fannie_mae_current", rows, "2010Q1.csv")
    read_, tables = tables_of(spark, tmp_path, "fannie_mae_current")
    assert read_.counts["fannie_mae_current"] == {"rows_in": 2, "rows_out": 2, "quarantined": 0, "by_reason": {}}
    assert len(tables["performance"]) == 2


def test_a_file_of_another_layout_is_refused_though_its_width_is_right(spark, tmp_path):
    write_table(tmp_path, "economic_indicators", [{}])
    land(tmp_path, "freddie_mac_origination", [line(32, **FREDDIE_LOAN | {"p1": "712"})], "historical_data_2010Q1.txt")
    months = [freddie_month("F10Q10000001", f"2010{month:02d}") for month in range(3, 9)]
    land(tmp_path, "freddie_mac_origination", months, "historical_data_excl_time_2010Q1.txt")
    land(tmp_path, "freddie_mac_performance", months)
    said = refusal(spark, tmp_path, "freddie_mac")
    assert "/historical_data_excl_time_2010Q1.txt: 6 of 6 rows cannot be used as freddie_mac_origination" in said
    assert "field 1 (credit_score) must be a whole number" in said
    assert "F10Q1" not in said  # a credit score is personal: it is not repeated


def of_table(spark, path: Path):
    """The raw table that a file is of, its lines, and what is judged of each."""
    from mortgage_etl.cleaning.quarantine import judge
    from mortgage_etl.files.extracts import extract_of_files
    from mortgage_etl.files.lines import read_lines
    from mortgage_etl.layouts import canonical

    raw = next(raw for raw in canonical.TABLES if raw.name == path.parent.parent.name)
    lines = read_lines(spark, raw, extract_of_files(spark, raw.name, str(path.parent)))
    return raw, lines, judge(lines, raw, AS_OF)


@pytest.mark.parametrize(
    ("table", "of", "to", "words"),
    [
        ("performance", "2010-03-01", "3/1/2010", "reporting_month must be a date YYYY-MM-DD, not '3/1/2010' (line 2)"),
        ("performance", "2010-03-01", "2013-03-01", "they are dated after the business date, 2012-01-31"),
        (
            "loans",
            "FRM",
            "Fixed",
            "product_type must be one of FRM, ARM, not 'Fixed' (line 2). Check that it is a loans",
        ),
        ("loans", "200000", "5", "original_upb must be between 1,000 and 50,000,000 USD (line 2)"),
        ("loans", "5.125", "", "interest_rate is blank (line 2)"),
        ("borrowers", "A,700,36", 'A,"70,0",3"6,1', "a quote is opened and not closed (line 2)"),
        ("borrowers", "A,700", "A,7,00", "line 2 has 6 columns, not 5"),
    ],
    ids=["dates", "future", "codes", "range", "blank", "lone quote", "columns"],
)
def test_a_table_without_a_good_row_says_why(spark, tmp_path, table, of, to, words):
    from mortgage_etl.cleaning.accounting import count_rows
    from mortgage_etl.cleaning.source_tables import SourceError

    path = write_table(tmp_path, table, [{"loan_id": "A"}])
    spoil(path, of=of, to=to)
    raw, lines, judged = of_table(spark, path)
    with pytest.raises(SourceError) as error:
        count_rows(judged, lines, raw, AS_OF)
    assert f"{path}: 1 of 1 rows cannot be used as {table}. Most of them (1): {words}" in str(error.value)


def test_months_of_loans_that_are_nowhere_else_are_refused_as_a_whole(spark, tmp_path):
    write_tape(tmp_path, ["A"], [{"loan_id": "Z"}])
    assert "their loans have no good row in the loan file. Land both files together." in refusal(spark, tmp_path)


def test_a_line_break_in_a_quoted_field_is_told_from_a_short_line(spark, tmp_path):
    from mortgage_etl.cleaning.quarantine import quarantined

    path = write_table(tmp_path, "borrowers", [{"loan_id": loan} for loan in ("A", "B", "C", "D")])
    spoil(path, of="D,700", to='D,"7\n00"')
    spoil(path, of="C,700", to="C")
    raw, lines, judged = of_table(spark, path)
    found = {row.row_number: row.reason for row in quarantined(judged, raw, lines).collect()}
    assert found == {4: "wrong_number_of_columns", 5: "open_quote", 6: "open_quote"}


def test_characters_of_no_text_are_found_behind_the_beginning(spark, tmp_path):
    from mortgage_etl.cleaning.source_tables import SourceError

    path = write_table(tmp_path, "loans", [{"loan_id": "A"}])
    path.write_bytes(path.read_bytes() + b"B,\0\n")
    with pytest.raises(SourceError) as error:
        of_table(spark, path)
    assert f"{path}, line 3: NUL characters" in str(error.value)


@pytest.fixture
def folder(tmp_path):
    """A lender's files side by side, in a folder whose name is a trap for file patterns and for URIs."""
    tape, folder = write_tape(tmp_path / "tape", ["A"], [{"loan_id": "A"}]), tmp_path / "ä b 'c' [x] %20 #1"
    folder.mkdir()
    files = {}
    for table in ("borrowers", "properties", "loans", "performance"):
        files[table] = [str((tape / table / "ingest_date=2012-01-31/part-0.csv").rename(folder / f"{table}.csv"))]
    return files


def test_reconcile_finds_the_business_date_and_warns(spark, folder, capsys):
    from mortgage_etl.reconcile import main

    spoil(Path(folder["properties"][0]), of=PROPERTY["zip3"], to="21")
    spoil(Path(folder["performance"][0]), of="A,2010-03-01", to="A,2999-03-01,,,,,0,N,,,\nA,2010-03-01")
    assert main(["--source", "canonical", "--files", json.dumps(folder)]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == "source canonical, as of 2010-03-31"
    counts = json.loads(printed.out.splitlines()[-1])
    assert (counts["rows_in"], counts["quarantined"]) == (2, 1)
    assert counts["warnings"] == [
        "properties: 1 of 1 values of zip3 had lost their leading zero, which was restored",
        "performance: 1 of 2 rows are in quarantine (future_date 1); the data checks allow 5 %",
    ]
    assert [line for line in printed.err.splitlines() if line.startswith("warning: ")] == [
        f"warning: {warning}" for warning in counts["warnings"]
    ]


@pytest.mark.parametrize(
    ("table", "body", "words"),
    [
        ("performance", "", "is empty (0 bytes)"),
        ("performance", "loan_id;reporting_month\n", "separated by semicolon"),
        ("borrowers", None, "cannot be read: No such file"),
    ],
    ids=["empty", "semicolon", "gone"],
)
def test_reconcile_says_in_one_line_what_is_wrong_with_the_lenders_file(spark, folder, capsys, table, body, words):
    from mortgage_etl.reconcile import main

    path = Path(folder[table][0])
    path.unlink() if body is None else path.write_text(body)
    assert main(["--source", "canonical", "--files", json.dumps(folder), "--date_only"]) == 1
    (said,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert str(path) in said
    assert words in said
