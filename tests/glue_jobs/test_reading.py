"""Bad rows go to quarantine with file, line and reason; bad files stop the run with words that help."""

from __future__ import annotations

import gzip
from datetime import date

import pytest
from tapes import LOAN, write_table, write_tape

AS_OF = date(2012, 1, 31)


def read(spark, root):
    from mortgage_etl.cleaning.source_tables import read_source

    return read_source(spark, "canonical", str(root), AS_OF)


def replace_line(path, number: int, line: str) -> None:
    lines = path.read_text().splitlines()
    lines[number - 1] = line
    path.write_text("\n".join(lines) + "\n")


def test_bad_rows_are_quarantined_with_file_line_and_reason(spark, tmp_path):
    loans = ["A", "B", "C", "D", "E", "F", "G"]
    write_tape(tmp_path, loans, [])
    write_table(tmp_path, "borrowers", [{"loan_id": loan} for loan in loans if loan != "E"] + [{"loan_id": "A"}])
    write_table(
        tmp_path,
        "properties",
        [{"loan_id": loan, "property_state": "ZZ" if loan == "F" else "CA"} for loan in loans],
    )
    write_table(
        tmp_path,
        "loans",
        [{"loan_id": loan, "original_upb": "-5" if loan == "D" else "200000"} for loan in loans]
        + [{"loan_id": "A", "original_upb": "1"}, {"loan_id": "", "channel": "R"}],
    )
    first = [
        {"loan_id": "A"},
        {"loan_id": "A", "reporting_month": "2010-04-01", "current_upb": "-1"},
        {"loan_id": "A", "reporting_month": "2010-04-01"},
        {"loan_id": "A", "reporting_month": "2010-04-01", "current_upb": "7"},
        {"loan_id": "B", "reporting_month": "2010-13-01"},
        {"loan_id": "B", "reporting_month": "2012-02-01"},
        {"loan_id": "B", "loan_age": "360.0", "current_interest_rate": ""},
        {"loan_id": "B", "reporting_month": "2010-05-01", "loan_age": "1.5"},
        {"loan_id": "B", "reporting_month": "2010-06-01", "current_upb": "Infinity"},
    ]
    second = [
        {"loan_id": "NOBODY"},
        {"loan_id": "D"},
        {"loan_id": "E"},
        {"loan_id": "A"},
        {"loan_id": "C", "zero_balance_code": "1"},
        {"loan_id": "C", "reporting_month": "2010-04-01", "delinquency_status": "late"},
        {"loan_id": "C", "reporting_month": "2010-05-01", "zero_balance_code": "77"},
        {"loan_id": "C", "reporting_month": "2010-06-01"},
        {"loan_id": '"C"', "reporting_month": '2010-07-01"'},
    ]
    write_table(tmp_path, "performance", first)
    other = write_table(tmp_path, "performance", second, name="part-1.csv")
    replace_line(other, 9, "C,2010-06-01,too,few")
    replace_line(other, 10, '"C","2010-07-01",1,5,1,359,0,N,,,')

    tables = read(spark, tmp_path)
    found = {
        (row.table, row.file.rsplit("/", 1)[-1], row.row_number): (row.reason, row.column)
        for row in tables.quarantine.collect()
    }
    assert found == {
        ("borrowers", "part-0.csv", 8): ("duplicate_key", None),
        ("properties", "part-0.csv", 7): ("not_allowed", "property_state"),
        ("loans", "part-0.csv", 5): ("out_of_range", "original_upb"),
        ("loans", "part-0.csv", 6): ("no_borrower", "loan_id"),
        ("loans", "part-0.csv", 7): ("no_property", "loan_id"),
        ("loans", "part-0.csv", 9): ("out_of_range", "original_upb"),
        ("loans", "part-0.csv", 10): ("missing_required", "loan_id"),
        ("performance", "part-0.csv", 3): ("out_of_range", "current_upb"),
        ("performance", "part-0.csv", 5): ("duplicate_key", None),
        ("performance", "part-0.csv", 6): ("unparseable", "reporting_month"),
        ("performance", "part-0.csv", 7): ("future_date", "reporting_month"),
        ("performance", "part-0.csv", 9): ("unparseable", "loan_age"),
        ("performance", "part-0.csv", 10): ("unparseable", "current_upb"),
        ("performance", "part-1.csv", 2): ("unknown_loan", "loan_id"),
        ("performance", "part-1.csv", 3): ("unknown_loan", "loan_id"),
        ("performance", "part-1.csv", 4): ("unknown_loan", "loan_id"),
        ("performance", "part-1.csv", 5): ("duplicate_key", None),
        ("performance", "part-1.csv", 7): ("bad_format", "delinquency_status"),
        ("performance", "part-1.csv", 8): ("not_allowed", "zero_balance_code"),
        ("performance", "part-1.csv", 9): ("wrong_number_of_columns", None),
    }
    raw = {row.raw for row in tables.quarantine.collect()}
    assert "C,2010-06-01,too,few" in raw
    for name, counts in tables.counts.items():
        assert counts["rows_in"] == counts["rows_out"] + counts["quarantined"], name
        assert counts["rows_out"] == tables.tables[name].count(), name
    assert tables.counts["performance"]["rows_in"] == 18
    good = {(row.loan_id, str(row.reporting_month)): row for row in tables.tables["performance"].collect()}
    assert set(good) == {
        ("A", "2010-03-01"),
        ("A", "2010-04-01"),
        ("B", "2010-03-01"),
        ("C", "2010-03-01"),
        ("C", "2010-07-01"),
    }
    assert good["A", "2010-04-01"].current_upb == 199000.5  # the first good row of the key in file order
    assert good["B", "2010-03-01"].loan_age == 360
    assert good["B", "2010-03-01"].current_interest_rate is None
    assert good["C", "2010-03-01"].zero_balance_code == "01"
    assert {row.loan_id for row in tables.tables["loans"].collect()} == {"A", "B", "C", "G"}


def test_line_numbers_hold_across_file_blocks_column_orders_and_compression(spark, tmp_path):
    write_tape(tmp_path, ["A"], [{"loan_id": "A"}])
    folder = tmp_path / "performance" / "ingest_date=2012-01-31"
    (folder / "part-0.csv").unlink()
    header = "loan_id,reporting_month,current_upb,current_interest_rate,loan_age,months_to_maturity,"
    header += "delinquency_status,modification_flag,zero_balance_code,zero_balance_date,net_loss"
    rows = [f"X{number},2010-03-01,1,5,1,359,0,N,,," for number in range(2, 4002)]
    rows[2500] = ""  # a blank line is no row, but counts as a line
    good = "A,2010-04-01,1,5,1,359,0,N,,,"  # a file without any good row would be refused
    (folder / "a.csv").write_text("\n".join([header, *rows, good]) + "\n")
    turned = [",".join(reversed(line.split(","))) for line in [header, *rows, good.replace("-04-", "-05-")]]
    (folder / "b.csv.gz").write_bytes(gzip.compress("\r\n".join(turned).encode()))
    previous = spark.conf.get("spark.sql.files.maxPartitionBytes")
    spark.conf.set("spark.sql.files.maxPartitionBytes", 20_000)  # so that a.csv is read in several blocks
    try:
        tables = read(spark, tmp_path)
        found = (
            tables.quarantine.where("table = 'performance'").select("file", "row_number", "reason", "raw").toPandas()
        )
    finally:
        spark.conf.set("spark.sql.files.maxPartitionBytes", previous)
    assert len(found) == tables.counts["performance"]["quarantined"] == 2 * 3999
    assert set(found["reason"]) == {"unknown_loan", "duplicate_key"}  # both files hold the same loans
    in_plain = found[found["file"].str.endswith("a.csv")]
    assert (in_plain["raw"].str.extract(r"^X(\d+),")[0].astype(int) == in_plain["row_number"]).all()
    in_gzip = found[found["file"].str.endswith("b.csv.gz")]
    assert (in_gzip["raw"].str.extract(r",X(\d+)$")[0].astype(int) == in_gzip["row_number"]).all()
    assert len(in_plain) == len(in_gzip) == 3999


def test_the_newest_complete_extract_known_at_the_date_is_read(spark, tmp_path):
    from mortgage_etl.files.extracts import newest_extract

    for ingest in ("2011-01-31", "2011-12-31", "2012-02-29"):
        write_table(tmp_path, "loans", [{"loan_id": "A"}], ingest=ingest)
    assert newest_extract(spark, str(tmp_path), "loans", AS_OF).ingest_date == date(2011, 12, 31)


HEADER = ",".join(["loan_id", *LOAN])
GOOD_LINE = ",".join(["A", *LOAN.values()])


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("part-0.csv", HEADER.replace(",ltv", "") + "\n" + GOOD_LINE, ["lacks ltv", "Export loans again"]),
        ("part-0.csv", (HEADER + "\n" + GOOD_LINE).replace(",", ";"), ["separated by semicolon", "not by comma"]),
        ("part-0.csv", "", ["is empty (0 bytes)", "Land the extract again"]),
        ("part-0.csv", HEADER + "\n", ["has a header and no rows"]),
        (
            "part-0.csv.gz",
            gzip.compress((HEADER + "\n" + (GOOD_LINE + "\n") * 9999).encode())[:-20],
            ["gzip", "cut short"],
        ),
        ("part-0.csv.gz", b"plain text", ["gzip", "cut short"]),
        ("part-0.csv", (HEADER + "\nA,").encode() + "é".encode("latin-1") + b"\n", ["line 2", "not UTF-8"]),
    ],
    ids=["missing column", "wrong delimiter", "empty", "header only", "truncated gzip", "no gzip", "not UTF-8"],
)
def test_a_bad_file_stops_the_run_and_is_named(spark, tmp_path, name, body, words):
    from mortgage_etl.cleaning.source_tables import SourceError
    from mortgage_etl.files.extracts import extract_of_files
    from mortgage_etl.files.lines import read_lines
    from mortgage_etl.layouts import canonical

    path = tmp_path / name
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    loans = next(raw for raw in canonical.TABLES if raw.name == "loans")
    with pytest.raises(SourceError) as error:
        read_lines(spark, loans, extract_of_files(spark, "loans", str(tmp_path)))
    for word in [str(path), *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [("a,b,c", "separated by comma"), ("a|b|c", "its first line has 3")],
    ids=["wrong delimiter", "another layout"],
)
def test_a_file_without_header_of_another_layout_is_refused(spark, tmp_path, line, words):
    from mortgage_etl.cleaning.source_tables import SourceError
    from mortgage_etl.files.extracts import extract_of_files
    from mortgage_etl.files.lines import read_lines
    from mortgage_etl.layouts import fannie_mae

    (tmp_path / "Acquisition.txt").write_text(f"{line}\n" * 3)
    with pytest.raises(SourceError, match=words):
        read_lines(spark, fannie_mae.LEGACY_ACQUISITION, extract_of_files(spark, "acquisition", str(tmp_path)))


def test_absent_places_are_named(spark, tmp_path):
    from mortgage_etl.cleaning.source_tables import SourceError, read_source

    with pytest.raises(SourceError, match=r"cannot be listed.*bucket"):
        read_source(spark, "canonical", str(tmp_path / "absent"), AS_OF)
    with pytest.raises(SourceError, match="there is no folder borrowers"):
        read_source(spark, "canonical", str(tmp_path), AS_OF)
    with pytest.raises(SourceError, match="no source 'other'"):
        read_source(spark, "other", str(tmp_path), AS_OF)
    write_tape(tmp_path, ["A"], [{"loan_id": "A"}])
    with pytest.raises(SourceError, match="no extract at or before 2011-01-01; the earliest is 2012-01-31"):
        read_source(spark, "canonical", str(tmp_path), date(2011, 1, 1))
