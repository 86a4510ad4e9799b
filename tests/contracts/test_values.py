"""One comparison: what a contract writes and what a table stores are the same value by the column's type."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.loader import parse_contract
from contracts.model import Column, ContractError
from contracts.requests import validate_record
from contracts.values import Codes, as_text, read_value, typed_value

TEXT = """
apiVersion: v3.2.0
kind: DataContract
id: one
version: 1.0
status: active
schema:
  - name: one
    properties:
      - name: %s
        logicalType: %s
        description: A column.
        %s
        customProperties: [{property: role, value: feature}%s]
"""


def column(kind: str, more: str = "", custom: str = "", name: str = "x") -> Column:
    return parse_contract(TEXT % (name, kind, more, custom), "one.yaml").columns[0]


def enum(*written: str) -> str:
    return f"enum: [{', '.join(f'{{value: {text}}}' for text in written)}]"


@pytest.mark.parametrize(
    ("kind", "written", "means"),
    [
        ("integer", ("999", '"999"', "999.0", "1e3"), (999, 999, 999, 1000)),
        ("integer", ("017", "-1", "+2"), (17, -1, 2)),
        ("number", ("-999", '"0.50"', "1e-3", ".5"), (-999, 0.5, 0.001, 0.5)),
        ("string", ("NO", "ON", "yes", "017", "1e3", "2020-01-01", "true", "1.10", "12:30", "NULL"), None),
        ("boolean", ("yes", "false"), (True, False)),
    ],
)
def test_a_value_is_read_from_its_text_by_the_columns_type(kind, written, means):
    for place, text in enumerate(written):
        assert column(kind, enum(text)).allowed == ((means[place],) if means else (text,))


@pytest.mark.parametrize(
    ("kind", "written", "said"),
    [
        ("integer", "0o17", "one.x: enum '0o17' is not a whole number; write whole numbers in decimal, such as 15"),
        ("integer", "0x1F", "is not a whole number"),
        ("integer", "1_000", "is not a whole number"),
        ("integer", "12:30", "is not a whole number"),
        ("integer", "2.5", "is not a whole number"),
        ("number", ".inf", "is not a number"),
        ("number", "NO", "is not a number"),
        ("boolean", "maybe", "is not true or false"),
        ("string", "null", "one.x: enum holds nothing (null)"),
        ("string", "", "one.x: enum holds nothing (null)"),
    ],
)
def test_a_value_that_the_type_does_not_have_is_refused_with_what_to_write(kind, written, said):
    with pytest.raises(ContractError) as refused:
        column(kind, enum(written))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "codes", "unknown", "known"),
    [
        ("number", "[-999]", [-999, -999.0, "-999", " -999.00 ", "-9.99e2", Decimal("-999.0")], [999, "-99", "x"]),
        ("number", '["-999"]', [-999, -999.0, "-999.0"], [0]),
        ("number", "[NA, 99.5]", ["NA", 99.5, "99.50"], ["na", 99]),
        ("integer", "[999]", [999, 999.0, "999", "999.0"], [998, "0999x"]),
        ("integer", "[-9.5]", [-9.5, "-9.50"], [-9]),
        ("string", '["99"]', ["99", "99.0", 99, 99.0, Decimal("99")], ["099", "99.5", "9"]),
        ("string", "[NO, 099]", ["NO", "099"], ["no", "99", False]),
        ("date", "[1900-01-01, 00000000]",
         ["1900-01-01", dt.date(1900, 1, 1), dt.datetime(1900, 1, 1), "00000000"], ["1900-01-02", 0]),
    ],
)  # fmt: skip
def test_a_code_is_found_however_the_table_stores_it(kind, codes, unknown, known):
    role = f", {{property: missingCodes, value: {codes}}}"
    if kind == "date":
        text = (TEXT % ("x", kind, "", role)).replace("value: feature", "value: attribute")
        found = parse_contract(text, "one.yaml").columns[0]
    else:
        found = column(kind, custom=role)
    assert [found.codes.holds(kind, value) for value in unknown] == [True] * len(unknown)
    assert [found.codes.holds(kind, value) for value in known] == [False] * len(known)


@given(st.integers(-(10**15), 10**15), st.sampled_from(["{}", "{}.0", "{}.000", "+{}", " {} "]))
def test_every_spelling_of_a_whole_number_is_that_number(number, spelling):
    text = spelling.format(number) if number >= 0 or "+" not in spelling else str(number)
    assert typed_value("integer", text) == typed_value("number", text) == number
    assert Codes.of("number", [text]).holds("integer", float(number))
    assert as_text(float(number)) == as_text(Decimal(number)) == str(number)


@pytest.mark.parametrize("value", [[], {}, None, object(), float("nan"), float("inf"), "NaN", "١"])
def test_what_is_no_value_is_none_and_no_crash(value):
    assert typed_value("number", value) is None
    assert typed_value("date", value) is None
    assert not Codes.of("number", ["-999"]).holds("number", value)


def test_reading_needs_the_day():
    assert read_value("date", "2020-02-29 00:00:00") == dt.date(2020, 2, 29)
    for text in ("2020-02-30", "2020-02", "29/02/2020", "2020-02-29 12:00:00"):
        assert typed_value("date", text) is None


@pytest.mark.parametrize(
    ("kind", "more", "custom", "said"),
    [
        ("number", "", "missingCodes, value: -999}", "missingCodes must be a list, such as [-999]"),
        ("number", "", "missingCodes, value: [null]}", "missingCodes holds nothing (null)"),
        ("integer", enum("1", '"1"'), "unit, value: u}", "enum lists 1 twice"),
        ("integer", enum("1", "9"), "missingCodes, value: [9.0]}", "9 is in enum and in missingCodes"),
        ("string", "logicalTypeOptions: {minimum: 1}", "unit, value: u}", "minimum is for integer and number and date"),
        ("number", "logicalTypeOptions: {pattern: a}", "unit, value: u}", "pattern is for string columns"),
        ("number", "logicalTypeOptions: {maxLength: 4}", "unit, value: u}", "maxLength would not be checked"),
        ("number", "logicalTypeOptions: {minimum: 5, maximum: 1}", "unit, value: u}", "minimum 5 is above maximum 1"),
        ("string", "logicalTypeOptions: {pattern: '('}", "unit, value: u}", "is no regular expression"),
        ("string", "", "monotone, value: 1}", "monotone is 1, but text has no order"),
        ("number", "", "monotone, value: yes}", "monotone is yes; it must be one of -1, 0, 1"),
        ("number", "unique: true", "unit, value: u}", "unique would not be checked; say it as primaryKey"),
        ("date", "", "unit, value: u}", "a date cannot be a feature"),
        ("number", "", "invalidValues, value: missing}", "invalidValues is missing, but the column is needed"),
        ("number", "", "invalidValues, value: null}", "it can only be missing"),
        ("number", "", "labelMapping, value: {bad: [1], good: [2]}}", "labelMapping is for the column of role label"),
    ],
)
def test_what_nothing_could_follow_is_refused_by_the_columns_name(kind, more, custom, said):
    with pytest.raises(ContractError) as refused:
        column(kind, more, ", {property: " + custom)
    assert str(refused.value).startswith("one.x: ")
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ['""', '" ltv"', '"l\\ttv"'])
def test_a_name_that_no_header_has_is_refused(name):
    with pytest.raises(ContractError, match="the name of column 1 is"):
        column("number", name=name)


@pytest.mark.parametrize("name", ["ltv [%]", "dti<=60", "NO", "2019", "größe", "a:b,c", "class"])
def test_any_other_name_will_do(name):
    assert column("number", name=f'"{name}"' if set(name) & set(":,<[") else name).name == name


def test_a_request_is_held_to_the_same_comparison():
    more, codes = enum('"1"', "2.0") + "\n        required: true", ", {property: missingCodes, value: [99]}"
    contract = parse_contract(TEXT % ("x", "integer", more, codes), "one.yaml")
    assert validate_record(contract, {"x": 1}) == validate_record(contract, {"x": 2.0}) == []
    assert validate_record(contract, {"x": 3}) == ["x must be one of 1, 2, not 3"]
    assert validate_record(contract, {"x": 99.0}) == ["x is a code for unknown; it is required (A column.)"]
