"""What the beginning of a file says of it: no text, another encoding, another layout; or where its columns stand."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tapes import LOAN

from mortgage_etl.cleaning.public_economics import FHFA_HPI
from mortgage_etl.cleaning.source_tables import SourceError
from mortgage_etl.files.shapes import HEAD_BYTES, first_lines, in_words, shape_of
from mortgage_etl.layouts import canonical, fannie_mae, freddie_mac

LOANS = next(raw for raw in canonical.TABLES if raw.name == "loans")
NAMES = ["loan_id", *LOAN]


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("loan_id,channel\n".encode("utf-16"), ["UTF-16", "CSV UTF-8"]),
        ("loan_id,channel\n".encode("utf-16-le"), ["UTF-16"]),
        (gzip.compress(b"loan_id"), ["compressed by gzip", "end in .gz", "Rename"]),
        (b"PK\x03\x04rest", ["ZIP archive or an Excel workbook", "Unpack"]),
        (b"PAR1rest", ["Parquet"]),
        (b"\xd0\xcf\x11\xe0rest", ["Excel workbook"]),
    ],
    ids=["utf-16", "utf-16 without mark", "gzip", "zip", "parquet", "xls"],
)
def test_what_is_no_plain_text_is_named(head, words):
    with pytest.raises(SourceError) as error:
        first_lines("s3://b/x.csv", head)
    for word in ["s3://b/x.csv", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_machine_and_a_byte_order_mark_is_no_letter(end):
    assert first_lines("x", f"\ufeffa,b{end}1,2\u2028{end}".encode()) == ["a,b", "1,2\u2028", ""]


def test_a_line_that_the_head_cuts_off_is_left_out():
    assert first_lines("x", (b"a,b\n" * HEAD_BYTES)[:HEAD_BYTES] + b"1,")[-1] == "a,b"


@given(st.permutations(NAMES), st.sampled_from([str.lower, str.upper, str.title]), st.integers(0, 3))
def test_columns_are_found_by_name_in_any_order_and_in_capitals(names, write, blank):
    shape = shape_of(LOANS, "x", [",".join([*map(write, names), *[""] * blank])])
    assert {name: names[at] for name, at in shape.positions} == {name: name for name in NAMES}
    assert (shape.least, shape.width, shape.heading) == (len(NAMES), len(NAMES) + blank, True)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (",".join(NAMES).replace(",ltv", ""), ["lacks ltv", "Export loans again"]),
        (",".join([*NAMES, "LTV"]), ["has ltv twice"]),
        (";".join(NAMES), ["separated by semicolon, not by comma"]),
        ("\t".join(NAMES), ["separated by tab"]),
        ("100000000001,R,P,FRM", ["no header", "loan_id, channel"]),
        ("", ["no header"]),
    ],
    ids=["missing", "twice", "semicolon", "tab", "a row", "blank"],
)
def test_a_header_that_is_not_the_contracts_is_refused(header, words):
    with pytest.raises(SourceError) as error:
        shape_of(LOANS, "x.csv", [header, "1,2"])
    for word in ["x.csv", *words]:
        assert word in str(error.value)
    assert "100000000001" not in str(error.value)  # what stands in a file may be a person's


def line(width: int, fill: str = "1") -> str:
    return "|".join([fill] * width)


@pytest.mark.parametrize(
    ("raw", "lines", "width"),
    [
        (fannie_mae.CURRENT, [line(108)], 108),
        (fannie_mae.CURRENT, [line(117)], 117),
        (fannie_mae.LEGACY_ACQUISITION, [line(25) + "|", line(25) + "|"], 25),
        (freddie_mac.ORIGINATION, ["", line(9), line(26), line(26)], 26),
        (freddie_mac.PERFORMANCE, [line(35)], 35),
        (freddie_mac.PERFORMANCE, [line(32) + "||"], 32),
    ],
)
def test_a_file_without_header_is_known_by_its_width(raw, lines, width):
    shape = shape_of(raw, "x", lines)
    assert (shape.width, shape.heading) == (width, False)


def test_a_layout_that_moved_a_column_is_read_where_it_stands_now():
    places = {width: dict(shape_of(freddie_mac.ORIGINATION, "x", [line(width)]).positions) for width in (31, 32)}
    moved = {name for name, at in places[32].items() if places[31][name] != at}
    assert moved == {"field 30 (valuation_method)"}
    assert places[31]["field 30 (valuation_method)"] == 28


def test_names_in_the_first_line_of_a_layout_without_header_are_no_row():
    assert shape_of(FHFA_HPI, "x", ["state,year,quarter,index", "CA,1990,1,100.5"]).heading
    assert not shape_of(FHFA_HPI, "x", ["CA,1990,1,100.5"]).heading


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (line(40), "26 to 32 columns separated by pipe, but its first line has 40"),
        (",".join("ab"), "its lines are separated by comma"),
    ],
)
def test_another_layout_is_refused_with_the_widths(first, words):
    with pytest.raises(SourceError, match=words):
        shape_of(freddie_mac.ORIGINATION, "x", [first])


def test_widths_in_words():
    assert in_words([35, *range(22, 33)]) == "22 to 32 or 35"
    assert in_words([108, 110, 113]) == "108 or 110 or 113"
    assert in_words([25]) == "25"
