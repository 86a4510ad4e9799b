"""Checks one record (a JSON object) against a contract, with messages a caller can act on."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from contracts.model import Column, Contract

TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "date": "a date YYYY-MM-DD",
    "boolean": "true or false",
}


def validate_record(contract: Contract, record: Mapping[str, Any]) -> list[str]:
    """Problems of ``record``, one sentence each, in the table's column order; empty when it is fine.

    A column that is not required may be absent or null. Values of personal columns are not repeated.
    """
    problems = []
    for column in contract.columns:
        value = record.get(column.name)
        if value is None:
            if column.required:
                state = "is null" if column.name in record else "is missing"
                problems.append(f"{column.name} {state}; it is required ({column.description})")
            continue
        problem = _problem(column, value)
        if problem:
            shown = "" if column.pii != "none" else f", not {value!r:.60}"
            problems.append(f"{column.name} must be {problem}{shown}")
    known = set(contract.column_names)
    problems += [f"{name!r:.60} is not a field of {contract.name}" for name in record if name not in known]
    return problems


def _problem(column: Column, value: Any) -> str | None:
    """What the value must be and is not; None when it is fine."""
    if not _has_type(column.type, value):
        return TYPE_WORDS[column.type]
    if column.allowed is not None and value not in column.allowed:
        return "one of " + ", ".join(map(str, column.allowed))
    if column.minimum is not None and value < column.minimum:
        return in_range_words(column)
    if column.maximum is not None and value > column.maximum:
        return in_range_words(column)
    if column.regex and not column.regex.search(value):
        return f"text of the form {column.pattern}"
    return None


def in_range_words(column: Column) -> str:
    """``between 300 and 850 points``, ``at least 0 USD`` …"""
    unit = f" {column.unit}" if column.unit else ""
    if column.minimum is None:
        return f"at most {column.maximum:,}{unit}"
    if column.maximum is None:
        return f"at least {column.minimum:,}{unit}"
    return f"between {column.minimum:,} and {column.maximum:,}{unit}"


def _has_type(type_name: str, value: Any) -> bool:
    if type_name == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if type_name == "string":
        return isinstance(value, str)
    if type_name == "date":
        return _is_date(value)
    if not isinstance(value, int | float):
        return False
    return math.isfinite(value) and (type_name == "number" or value == int(value))


def _is_date(value: Any) -> bool:
    if isinstance(value, dt.date):
        return True
    if not isinstance(value, str) or len(value) != len("YYYY-MM-DD"):
        return False
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        return False
    return True
