"""Filters and joins of batch transform, and where objects land, as pure functions."""

from __future__ import annotations

import json

import pytest

from local_aws.sagemaker.objects import relative_name
from local_aws.sagemaker.records import DataProcessing, RecordError, csv_filter, json_filter


@pytest.mark.parametrize(
    ("expression", "line", "expected"),
    [
        ("$", 'a,"b,c"', 'a,"b,c"'),
        ("$[0]", "a,b,c", "a"),
        ("$[1:]", "a,b,c", "b,c"),
        ("$[:2]", "a,b,c", "a,b"),
        ("$[0,-2,-1]", "a,b,c,d", "a,c,d"),
        ("$[0, 2:]", "a,b,c,d", "a,c,d"),
        ("$[*]", "a,,c", "a,,c"),
        ("$[1:]", 'a,"b,""x""",c', '"b,""x""",c'),
    ],
)
def test_columns_of_csv(expression: str, line: str, expected: str) -> None:
    assert csv_filter(expression)(line) == expected


@pytest.mark.parametrize("expression", ["$.x", "$['a']", "$[", "[0]", "$[]"])
def test_what_cannot_select_columns(expression: str) -> None:
    with pytest.raises(RecordError):
        csv_filter(expression)


def test_an_index_outside_the_row_is_an_error() -> None:
    with pytest.raises(RecordError, match="outside a record of 2 values"):
        csv_filter("$[0,5]")("a,b")


@pytest.mark.parametrize(
    ("expression", "value", "expected"),
    [
        ("$", {"a": 1}, {"a": 1}),
        ("$.a", {"a": [1, 2]}, [1, 2]),
        ("$.a.b", {"a": {"b": 3}}, 3),
        ("$['a','c']", {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 3}),
        ("$['a']", {"a": 1, "b": 2}, 1),
        ("$[1:]", [1, 2, 3], [2, 3]),
        ("$[0]", [1, 2, 3], 1),
    ],
)
def test_parts_of_json(expression: str, value: object, expected: object) -> None:
    assert json_filter(expression)(value) == expected


def test_predictions_join_records_one_to_one_or_not_at_all() -> None:
    processing = DataProcessing({"InputFilter": "$[1:]", "JoinSource": "Input"}, "text/csv; charset=utf-8")
    assert processing.request(["a,1", "b,2"]) == "1\n2"
    assert processing.response(["a,1", "b,2"], "x,9\ny,8\n") == "a,1,x,9\nb,2,y,8"
    with pytest.raises(RecordError, match="2 records were sent and 1 predictions came back"):
        processing.response(["a,1", "b,2"], "x")


def test_json_that_is_no_object_is_joined_under_a_name() -> None:
    processing = DataProcessing({"JoinSource": "Input"}, "application/jsonlines")
    joined = processing.response(["[1]", '{"a": 2}'], "0.1\n0.2")
    assert [json.loads(line) for line in joined.splitlines()] == [
        {"SageMakerInput": [1], "SageMakerOutput": 0.1},
        {"a": 2, "SageMakerOutput": 0.2},
    ]


@pytest.mark.parametrize(
    ("prefix", "key", "name"),
    [
        ("in/", "in/x/a.csv", "x/a.csv"),
        ("in", "in/x/a.csv", "x/a.csv"),
        ("in/a.csv", "in/a.csv", "a.csv"),
        ("in/part-", "in/part-1.csv", "part-1.csv"),
        ("", "a.csv", "a.csv"),
    ],
)
def test_where_an_object_goes(prefix: str, key: str, name: str) -> None:
    assert relative_name(prefix, key) == name
