"""Batch transform's data processing: filter a record, join it with its prediction, filter the result.

The JSONPath subset of the service: ``$``; positions in a CSV row or JSON array, ``$[0]``, ``$[1:]``,
``$[0,-2,-1]``, ``$[0,5:]``; names of a JSON object, ``$.features``, ``$['id','SageMakerOutput']``; other
paths go to jsonpath-ng.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from jsonpath_ng import parse

from local_aws.kernel.lines import split_lines

_POSITIONS = re.compile(r"\$\[\s*(-?\d*:?-?\d*(?:\s*,\s*-?\d*:?-?\d*)*)\s*\]")
_NAMES = re.compile(r"""\$\[\s*(['"][^'"]+['"](?:\s*,\s*['"][^'"]+['"])*)\s*\]""")
CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"

Positions = list[int | slice]


class RecordError(Exception):
    """A record, or a prediction, that the filters and the join cannot work with."""


def media_type(content_type: str | None) -> str:
    kind = (content_type or "").split(";")[0].strip().lower()
    return JSON_LINES if kind in (JSON_LINES, "application/x-jsonlines", "application/jsonl") else kind


def positions(expression: str) -> Positions | None:
    """The indexes and slices of an array expression, None for another kind of expression."""
    match = _POSITIONS.fullmatch(expression.replace("[*]", "[:]"))
    if not match:
        return None
    picked: Positions = []
    for part in match[1].split(","):
        start, colon, end = part.strip().partition(":")
        if not colon and not start:
            raise RecordError(f"{expression} is not a JSONPath")
        picked.append(slice(int(start) if start else None, int(end) if end else None) if colon else int(start))
    return picked


def pick(values: Sequence[Any], where: Positions) -> list[Any]:
    """The values at positions, in the order asked for; an index outside the row is an error, as on AWS."""
    picked: list[Any] = []
    for position in where:
        if isinstance(position, slice):
            picked.extend(values[position])
        else:
            try:
                picked.append(values[position])
            except IndexError:
                raise RecordError(f"index {position} is outside a record of {len(values)} values") from None
    return picked


def csv_filter(expression: str) -> Callable[[str], str]:
    """A function of a CSV line to a CSV line."""
    if expression == "$":
        return lambda line: line
    where = positions(expression)
    if where is None:
        raise RecordError(f"{expression} cannot select columns of CSV; use for example $[0,-1] or $[1:]")

    def select(line: str) -> str:
        if '"' not in line:
            return ",".join(pick(line.split(","), where))
        try:
            fields = next(csv.reader([line], strict=True))
        except csv.Error as error:
            raise RecordError(f"not a CSV record: {error}") from None
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(pick(fields, where))
        return out.getvalue()

    return select


def json_filter(expression: str) -> Callable[[Any], Any]:
    """A function of a JSON value to a JSON value."""
    if expression == "$":
        return lambda value: value
    if (where := positions(expression)) is not None:
        return partial(_of_array, expression, where)
    if names := _NAMES.fullmatch(expression):
        return partial(_of_object, expression, [name.strip()[1:-1] for name in names[1].split(",")])
    try:
        return partial(_at_path, expression, parse(expression))
    except Exception as error:  # noqa: BLE001 - the parser raises bare Exceptions
        raise RecordError(f"{expression} is not a JSONPath: {error}") from None


def _of_array(expression: str, where: Positions, value: Any) -> Any:
    if not isinstance(value, list):
        raise RecordError(f"{expression} needs a JSON array")
    picked = pick(value, where)
    return picked[0] if len(where) == 1 and isinstance(where[0], int) else picked


def _of_object(expression: str, names: list[str], value: Any) -> Any:
    if not isinstance(value, dict) or any(name not in value for name in names):
        raise RecordError(f"{expression} finds nothing in a record")
    return value[names[0]] if len(names) == 1 else {name: value[name] for name in names}


def _at_path(expression: str, path: Any, value: Any) -> Any:
    found = [match.value for match in path.find(value)]
    if not found:
        raise RecordError(f"{expression} finds nothing in a record")
    return found[0] if len(found) == 1 else found


class DataProcessing:
    """InputFilter, JoinSource and OutputFilter of one transform job, for one media type."""

    def __init__(self, settings: dict[str, str], content_type: str) -> None:
        input_filter, output_filter = settings.get("InputFilter") or "$", settings.get("OutputFilter") or "$"
        self.joins = settings.get("JoinSource", "None") == "Input"
        self.is_csv = media_type(content_type) == CSV
        self.active = self.joins or input_filter != "$" or output_filter != "$"
        self._reshapes_output = self.joins or output_filter != "$"
        make = csv_filter if self.is_csv else json_filter
        self._before: Callable[[Any], Any] = make(input_filter)
        self._after: Callable[[Any], Any] = make(output_filter)
        self._passes_input = input_filter == "$"

    def request(self, records: list[str]) -> str:
        """The body of a request for some records (lines, or one whole JSON document)."""
        if self._passes_input:
            return "\n".join(records)
        if self.is_csv:
            return "\n".join(map(self._before, records))
        return "\n".join(json.dumps(self._before(_load(record))) for record in records)

    def response(self, records: list[str], body: str) -> str:
        """What is stored for some records and the model's answer to them: one output record a line."""
        if not self._reshapes_output:
            return body
        if not self.is_csv:
            return "\n".join(self._json_response(records, body))
        lines = split_lines(body)
        if self.joins:
            _same_length(records, lines)
            lines = [f"{record},{line}" for record, line in zip(records, lines, strict=True)]
        return "\n".join(map(self._after, lines))

    def _json_response(self, records: list[str], body: str) -> list[str]:
        if len(records) == 1:
            predictions = [_load(body)]
        else:
            predictions = [_load(line) for line in split_lines(body) if line.strip()]
            if len(predictions) == 1 and isinstance(predictions[0], list):
                predictions = predictions[0]
        if self.joins:
            _same_length(records, predictions)
            predictions = [_join(_load(record), value) for record, value in zip(records, predictions, strict=True)]
        return [json.dumps(self._after(value)) for value in predictions]


def _join(record: Any, prediction: Any) -> dict[str, Any]:
    base = record if isinstance(record, dict) else {"SageMakerInput": record}
    return {**base, "SageMakerOutput": prediction}


def _same_length(records: Sequence[Any], predictions: Sequence[Any]) -> None:
    if len(records) != len(predictions):
        raise RecordError(f"{len(records)} records were sent and {len(predictions)} predictions came back: cannot join")


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise RecordError(f"not JSON: {error}") from None
