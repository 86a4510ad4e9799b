"""Checks one record (a JSON object) against a contract, with messages a caller can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.model import Column, Contract
from contracts.values import NUMERIC, TYPE_WORDS, Value, as_text, typed_value


def validate_record(contract: Contract, record: Mapping[str, Any]) -> list[str]:
    """Problems of ``record``, one sentence each, in the table's column order; empty when it is fine.

    A column that is not required may be absent, null or hold one of its missing codes. Values of personal columns are
    not repeated.
    """
    problems = []
    for column in contract.columns:
        value = without_code(column, record.get(column.name))
        if value is None:
            if column.required:
                state = "is missing" if column.name not in record else "is null"
                state = "is a code for unknown" if record.get(column.name) is not None else state
                problems.append(f"{column.name} {state}; it is required ({column.description})")
            continue
        problem = _problem(column, value)
        if problem:
            shown = "" if column.pii != "none" else f", not {value!r:.60}"
            problems.append(f"{column.name} must be {problem}{shown}")
    known = set(contract.column_names)
    problems += [f"{name!r:.60} is not a field of {contract.name}" for name in record if name not in known]
    return problems


def without_code(column: Column, value: Any) -> Any:
    """The value, None where it is one of the column's missing codes."""
    return None if value is not None and column.codes and column.codes.holds(column.type, value) else value


def _problem(column: Column, value: Any) -> str | None:
    """What the value must be and is not; None when it is fine."""
    typed = _typed(column.type, value)
    if typed is None:
        return TYPE_WORDS[column.type]
    if column.allowed is not None and typed not in column.allowed:
        return "one of " + ", ".join(map(as_text, column.allowed))
    if column.outside(typed):
        return in_range_words(column)
    if column.regex and isinstance(typed, str) and not column.regex.search(typed):
        return f"text of the form {column.pattern}"
    return None


def _typed(kind: str, value: Any) -> Value | None:
    """The value as one of type `kind`; None where JSON has it as another type: a number in quotes is text."""
    is_text, is_truth = isinstance(value, str), isinstance(value, bool)
    as_said = {"string": is_text, "boolean": is_truth, "date": not is_truth} | dict.fromkeys(
        NUMERIC, isinstance(value, int | float) and not is_truth
    )
    return typed_value(kind, value) if as_said[kind] else None


def in_range_words(column: Column) -> str:
    """``between 300 and 850 points``, ``at least 0 USD`` …"""
    return span_words(column.minimum, column.maximum, column.unit, "between {low} and {high}")


def span_words(minimum: Any, maximum: Any, unit: str | None, both: str = "{low} to {high}") -> str:
    """A range in words, of which one bound may be None; ``both`` is the form of one that has the two."""
    low, high = bound_text(minimum), bound_text(maximum)
    if low is not None and high is not None:
        words = both.format(low=low, high=high)
    else:
        words = f"at most {high}" if low is None else f"at least {low}"
    return f"{words} {unit}" if unit else words


def bound_text(value: Value | None) -> str | None:
    """A bound with separators; None for none."""
    return f"{value:,}" if isinstance(value, int | float) else None if value is None else as_text(value)
