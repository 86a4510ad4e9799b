"""Any table: what its rows may hold, and that every row at fault is told of."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
from any_table import BAD, IN_TIME, X, contract

from contracts.model import Contract
from mortgage_model.table.periods import read_periods
from mortgage_model.table.read import TableError, read_table


def read(tmp_path, text: str | bytes, table: Contract, name: str = "t.csv") -> tuple[pd.DataFrame, np.ndarray]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path, table)


def refused(tmp_path, text: str | bytes, table: Contract, name: str = "t.csv") -> str:
    with pytest.raises(TableError) as error:
        read(tmp_path, text, table, name)
    return str(error.value)


def test_every_row_that_breaks_a_rule_is_counted_in_one_go(tmp_path):
    table = contract(
        ("grade", "integer", "feature", "enum: [{value: 1}, {value: 2}]"),
        ("zip", "string", "feature", 'logicalTypeOptions: {pattern: "^[0-9]{3}$"}'),
        ("ltv", "number", "feature", "logicalTypeOptions: {minimum: 0, maximum: 200}\n        required: true"),
        ("seen", "date", "attribute"),
        BAD,
    )
    rows = ["grade,zip,ltv,seen,bad", "1,941,80,2020-01-01,0", "3,94,80,,1", "1,941,,,0", "2,9x1,300,,2", "7,941,-1,,0"]
    message = refused(tmp_path, "\n".join(rows), table)
    assert message.splitlines()[0] == "t.csv breaks contract t in 5 ways, in 4 of 5 rows:"
    assert "row 2: grade must be one of 1, 2 (2 of 5 rows: 2, 5)" in message
    assert "row 2: zip must have the form ^[0-9]{3}$ (2 of 5 rows: 2, 4)" in message
    assert "row 3: ltv is empty; the contract requires it\n" in message + "\n"
    assert "row 4: ltv must be from 0 to 200 (2 of 5 rows: 4, 5)" in message
    assert "row 4: bad must be 0, 1 or empty; found 2. Say which values are which with labelMapping" in message
    assert "9x1" not in message


def test_only_the_first_rows_of_many_are_listed(tmp_path):
    message = refused(tmp_path, "x,bad\n" + "a,1\n" * 300, contract(X, BAD))
    assert message == "t.csv, row 1: x must be a number (300 of 300 rows: 1, 2, 3, 4, 5 …)"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["1,0", "2,1,9", "3,0", "4"], "row 2: 2 of 4 rows do not have the header's 2 fields but 1 or 3 (rows 2, 4)"),
        (["1,0", "2,1,9"], "row 2: 1 of 2 rows do not have"),
        (["1,0,7", "2,1,9"], "row 1: 2 of 2 rows do not have"),
        (["1,0", '"2,1', "3,0"], "row 2: 1 of 2 rows do not have"),
    ],
)
def test_rows_of_another_width_are_counted(tmp_path, lines, said):
    assert said in refused(tmp_path, "\n".join(["x,bad", *lines]), contract(X, BAD))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "t.csv is empty (0 bytes)"),
        (b"x,bad\n", "t.csv has a header and no row"),
        ("x,bad\n1,0\n".encode("utf-16"), "t.csv is UTF-16; save it as CSV in UTF-8"),
        (b"x;bad\n1;0\n", "lacks x, bad of contract t; it has x;bad; its fields must be separated by commas"),
        (b"x,Bad\n1,0\n", "lacks bad of contract t; it has x, Bad"),
        (b"x,x,bad\n1,1,0\n", "t.csv has the column x more than once"),
        ("x,bad\nß,0\n".encode("latin-1"), "cannot be read as CSV or Parquet"),
    ],
)
def test_a_file_that_is_no_table_is_named_with_what_it_is(tmp_path, content, said):
    assert said in refused(tmp_path, content, contract(("x", "string", "feature"), BAD))


def test_what_spreadsheets_and_pipelines_write_is_read(tmp_path):
    table = contract(("größe x", "number", "feature"), ("name", "string", "feature"), BAD)
    text = '﻿ größe x ,name,bad,more\r\n 1.5 ," a, b ",1,?\r\n,NULL,0,\r\n'
    for name, content in (("t.csv", text.encode()), ("t.csv.gz", gzip.compress(text.encode()))):
        frame, labels = read(tmp_path, content, table, name)
        assert frame["größe x"].tolist()[0] == 1.5
        assert frame["name"].tolist() == ["a, b", None]
        assert labels.tolist() == [1, 0]


def test_parquet_of_any_types_gives_the_rows_of_csv(tmp_path):
    table = contract(
        X, ("kind", "string", "feature", "enum: [{value: 1}, {value: 2}]", "{property: missingCodes, value: [9]}"),
        ("flag", "boolean", "feature"), ("id", "integer", "key"), BAD,
    )  # fmt: skip
    ids = [10**17 + 1, 10**17 + 2, 3]
    frame = pd.DataFrame({"x": [1.5, np.nan, 2.0], "kind": pd.array([1, 9, None], "Int64"), "flag": [True, False, True],
                          "id": ids, "bad": pd.array([1, 0, None], "Int64")})  # fmt: skip
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.astype({"kind": "category"}).to_parquet(tmp_path / "t.parquet")
    (one, labels), (other, again) = (read_table(tmp_path / f"t.{kind}", table) for kind in ("csv", "parquet"))
    pd.testing.assert_frame_equal(one, other)
    assert labels.tolist() == again.tolist() == [1, 0]
    assert one["kind"].tolist() == ["1", None]
    assert one["flag"].tolist() == [1.0, 0.0]
    assert one["id"].tolist() == list(map(str, ids[:2])), "long keys stay apart"


def test_a_parquet_column_of_lists_is_refused(tmp_path):
    pd.DataFrame({"x": [[1.0], [2.0]], "bad": [0, 1]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(TableError, match=r"t\.parquet: x holds lists or records"):
        read_table(tmp_path / "t.parquet", contract(X, BAD))


@pytest.mark.parametrize("kind", ["string", "integer"])
def test_labels_are_mapped_and_not_cleaned_by_hand(tmp_path, kind):
    values = {"string": ("Charged Off", "Fully Paid", "Current"), "integer": ("2", "1", "3")}[kind]
    bad, good, unknown = values
    mapping = f"{{property: labelMapping, value: {{bad: [{bad}], good: [{good}], indeterminate: [{unknown}]}}}}"
    table = contract(X, ("bad", kind, "label", "", mapping))
    rows = [f"1,{values[0]}", f"2,{values[1]}", f"3,{values[2]}", "4,", f"5,{values[0]}"]
    frame, labels = read(tmp_path, "\n".join(["x,bad", *rows]), table)
    assert (frame["x"].tolist(), labels.tolist()) == ([1, 2, 5], [1, 0, 1])
    message = refused(tmp_path, "\n".join(["x,bad", *rows, "6,Late", "7,Late"]), table)
    assert "row 6: bad must be a value of its labelMapping, or empty; found Late (2 of 7 rows: 6, 7)" in message


def test_a_true_or_false_label_needs_no_mapping(tmp_path):
    _, labels = read(tmp_path, "x,bad\n1,true\n2,False\n3,\n", contract(X, ("bad", "boolean", "label")))
    assert labels.tolist() == [1, 0]


def test_a_percentage_is_a_number_where_the_unit_says_so(tmp_path):
    text = "x,bad\n83.7%,1\n5 %,0\n"
    percent = contract((*X, "", "{property: unit, value: percent}"), BAD)
    assert read(tmp_path, text, percent)[0]["x"].tolist() == [83.7, 5.0]
    assert "some end in %: give the column the unit percent" in refused(tmp_path, text, contract(X, BAD))


def test_a_primary_key_that_repeats_is_told(tmp_path):
    table = contract(X, ("id", "string", "key", "primaryKey: true"), BAD)
    message = refused(tmp_path, "x,id,bad\n1,a,1\n2,b,0\n3,a,0\n4,a,0\n", table)
    assert "row 3: id is on an earlier row already; it is the table's primary key (2 of 4 rows: 3, 4)" in message
    frame, _ = read(tmp_path, "x,id,bad\n1,a,1\n2,b,0\n3,a,0\n", contract(X, ("id", "string", "key"), BAD))
    assert len(frame) == 3, "a key that is not primary may be on many rows"


def test_a_table_without_a_feature_says_so(tmp_path):
    assert "gives no column the role feature" in refused(tmp_path, "bad\n1\n0\n", contract(BAD))


MARCH = 2015 * 12 + 2
WHEN = ("when", "string", "time")


@pytest.mark.parametrize(
    ("texts", "unit", "months", "step"),
    [
        (["2015-03", "2015-04"], None, [MARCH, MARCH + 1], 1),
        (["201503", "201504"], "month", [MARCH, MARCH + 1], 1),
        (["2015-03-31", "2015-04-01"], None, [MARCH, MARCH + 1], 1),
        (["20150331", "20150401"], None, [MARCH, MARCH + 1], 1),
        (["2015-03-31 00:00:00", "2015-04-01T12:00:00"], None, [MARCH, MARCH + 1], 1),
        (["Mar-2015", "Apr-2015"], None, [MARCH, MARCH + 1], 1),
        (["2015Q1", "2015-Q2"], None, [MARCH, MARCH + 3], 3),
        (["Q1 2015", "Q2 2015"], None, [MARCH, MARCH + 3], 3),
        (["2015", "2016"], None, [MARCH + 9, MARCH + 21], 12),
        (["1", "60"], None, [1, 60], 1),
        (["201503.0", "201504.0"], None, [MARCH, MARCH + 1], 1),
        (["1", "60"], "quarter", [3, 180], 3),
        (["2015", "2016"], "month", [2015, 2016], 1),
    ],
)
def test_times_are_read_in_the_form_that_the_table_counts_in(texts, unit, months, step):
    found = read_periods(pd.Series(texts), unit)
    assert (found.months.tolist(), found.step, found.unread.any()) == (months, step, False)


def test_periods_are_told_as_the_table_writes_them():
    assert read_periods(pd.Series(["1", "60"]), "quarter").text(180) == "60"
    assert read_periods(pd.Series(["2015Q1"])).text(MARCH) == "2015-03"


def test_times_that_no_form_reads_are_told_with_the_forms_there_are(tmp_path):
    table = contract(X, ("when", "string", "time"), BAD, split=IN_TIME)
    message = refused(tmp_path, "x,when,bad\n1,2015-03,1\n2,2015-13,0\n3,,0\n4,03/31/2015,0\n5,2015-04,0\n", table)
    assert "row 3: when is empty; the rows are split by it" in message
    assert "row 2: when must be a period like the others, which are months YYYY-MM" in message
    assert "2015Q1" in message
    assert "(2 of 5 rows: 2, 4)" in message


@pytest.mark.parametrize(
    ("column", "split", "said"),
    [
        (("when", "number", "time"), IN_TIME, "needs a time of type string, integer, date; when is number"),
        (WHEN, "{method: grouped_k_fold, nearDuplicates: {relative: {when: 0.1}}}", "holds none"),
        (WHEN, "{method: grouped_k_fold, nearDuplicates: {equal: [bad]}}", "are not there: bad"),
        (WHEN, "{method: grouped_k_fold, nearDuplicates: {relative: {x: -1}}}", "not be negative"),
        (WHEN, "{method: grouped_k_fold, nearDuplicates: {equal: x}}", "equal must be a list"),
        (WHEN, "{method: out_of_time, ootMonths: half}", "ootMonths must be a whole number"),
    ],
)
def test_a_split_that_could_not_be_made_is_refused(column, split, said):
    with pytest.raises(ValueError, match="table t: ") as error:
        contract(X, column, BAD, split=split)
    assert said in str(error.value)


def test_columns_that_only_the_split_compares_are_read(tmp_path):
    table = contract(X, ("branch", "string", "attribute"), BAD,
                     split="{method: grouped_k_fold, folds: 3, nearDuplicates: {equal: [branch]}}")  # fmt: skip
    frame, _ = read(tmp_path, "x,branch,bad\n1,a,1\n2,b,0\n", table)
    assert frame["branch"].tolist() == ["a", "b"]
