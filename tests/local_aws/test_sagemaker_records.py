"""Filters and joins of batch transform, and where objects land, as pure functions."""

from __future__ import annotations

import json

import pytest

from local_aws.sagemaker.objects import DataError, relative_name, split_uri
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


SEPARATORS = "\u0085\u2028\u2029\x0b\x0c\x1c"


def test_only_a_line_feed_ends_a_line_of_an_answer() -> None:
    records = [f"a{SEPARATORS},1", "b,2"]
    csv_lines = DataProcessing({"JoinSource": "Input"}, "text/csv").response(records, f"x{SEPARATORS}\r\ny\r\n")
    assert csv_lines == f"a{SEPARATORS},1,x{SEPARATORS}\nb,2,y"
    documents = [json.dumps({"name": name}, ensure_ascii=False) for name in (f"one{SEPARATORS[:3]}", "two")]
    joined = DataProcessing({"JoinSource": "Input"}, "application/jsonlines").response(documents, "\n".join(documents))
    names = [json.loads(line)["SageMakerOutput"]["name"] for line in joined.split("\n")]
    assert names == ["one\x85\u2028\u2029", "two"]


@pytest.mark.parametrize(
    ("uri", "bucket", "key"),
    [
        ("s3://b/run#1/a?b=c;d/100%25 é.csv", "b", "run#1/a?b=c;d/100%25 é.csv"),
        ("s3://b//twice", "b", "/twice"),
        ("s3://b", "b", ""),
        ("https://b.s3.eu-west-1.amazonaws.com/run%231/a%20b.csv?versionId=1", "b", "run#1/a b.csv"),
        ("https://b.x.s3.amazonaws.com/k", "b.x", "k"),
        ("https://s3.eu-west-1.amazonaws.com/b/k/l", "b", "k/l"),
    ],
)
def test_a_key_is_taken_as_it_is_written(uri: str, bucket: str, key: str) -> None:
    assert split_uri(uri) == (bucket, key)


@pytest.mark.parametrize("uri", ["s3://", "s3:///k", "http://b.s3.amazonaws.com/k", "https://example.org/k", "b/k", ""])
def test_what_is_no_s3_uri(uri: str) -> None:
    with pytest.raises(DataError, match="is not an S3 URI"):
        split_uri(uri)
