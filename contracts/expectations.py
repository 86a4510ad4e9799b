"""Expectation suites derived from contracts: plain values that Great Expectations runs and people read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from contracts.model import Column, Contract, ContractError, Rule
from contracts.requests import in_range_words, span_words
from contracts.values import as_text

SPARK_TYPES = {
    "string": ["StringType"],
    "integer": ["IntegerType", "LongType", "ShortType", "ByteType"],
    "number": ["DoubleType", "FloatType"],
    "date": ["DateType"],
    "boolean": ["BooleanType"],
}
AT_LEAST_ONE = 1e-9  # a `mostly` that any single filled row meets
MAX_LISTED = 12  # values named in a claim


@dataclass(frozen=True)
class Check:
    """One expectation: Great Expectations' ``type`` and ``kwargs``, and the ``claim`` that a success proves.

    The claim is a clause ("ltv is between 1 and 300 percent"); ``severity`` says what a failure means. ``percent``: it
    speaks of percent where Great Expectations counts shares, so what was found is to be told in percent too.
    """

    type: str
    severity: str
    claim: str
    column: str | None = None
    kwargs: dict[str, Any] = field(default_factory=dict)
    percent: bool = False


def build_suite(contract: Contract, as_of_date: dt.date, previous_rows: int | None = None) -> tuple[Check, ...]:
    """Every check of the table: columns, key, types, nulls, values, then the contract's rules.

    ``as_of_date`` is what ages and the future are counted from; ``previous_rows`` the row count of the previous run:
    without it the rules that compare are left out.
    """
    checks = [*_table_checks(contract)]
    for column in contract.columns:
        checks += _column_checks(column)
    for rule in contract.rules:
        checks += _rule_checks(contract, rule, as_of_date, previous_rows)
    return tuple(checks)


def _table_checks(contract: Contract) -> Iterator[Check]:
    names = list(contract.column_names)
    match = "expect_table_columns_to_match_set"
    every = {"column_set": names, "exact_match": False}
    yield Check(match, "error", "it has every column of its contract", kwargs=every)
    only = {"column_set": names, "exact_match": True}
    yield Check(match, "warning", "it has the columns of its contract and no others", kwargs=only)
    if len(contract.key) == 1:
        (key,) = contract.key
        yield _error("expect_column_values_to_be_unique", f"{key} identifies one row", key)
    elif contract.key:
        claim = f"{' and '.join(contract.key)} together identify one row"
        kwargs = {"column_list": list(contract.key)}
        yield Check("expect_compound_columns_to_be_unique", "error", claim, kwargs=kwargs)


def _column_checks(column: Column) -> Iterator[Check]:
    name = column.name
    of_type = SPARK_TYPES[column.type]
    claim = f"{name} is of type {column.type}"
    yield _error("expect_column_values_to_be_in_type_list", claim, name, type_list=of_type)
    if column.required:
        yield _error("expect_column_values_to_not_be_null", f"{name} is filled", name)
    else:
        severity = "error" if column.critical else "warning"
        kwargs = {"column": name, "mostly": AT_LEAST_ONE}
        claim = f"{name} is not null everywhere"
        yield Check("expect_column_values_to_not_be_null", severity, claim, name, kwargs)
    if column.allowed is not None:
        listed = ", ".join(map(as_text, column.allowed[:MAX_LISTED]))
        claim = f"{name} is one of {listed}{' …' if len(column.allowed) > MAX_LISTED else ''}"
        allowed = [_plain(value) for value in column.allowed]
        yield _error("expect_column_values_to_be_in_set", claim, name, value_set=allowed)
    if column.bounded:
        bounds = {"min_value": _plain(column.minimum), "max_value": _plain(column.maximum)}
        claim = f"{name} is {in_range_words(column)}"
        yield _error("expect_column_values_to_be_between", claim, name, **bounds)
    if column.pattern:
        claim = f"{name} has the form {column.pattern}"
        yield _error("expect_column_values_to_match_regex", claim, name, regex=column.pattern)


def _plain(value: Any) -> Any:
    """As Great Expectations can store it; Spark compares such text with dates as dates."""
    return value.isoformat() if isinstance(value, dt.date) else value


def _error(kind: str, claim: str, column: str, **kwargs: Any) -> Check:
    return Check(kind, "error", claim, column, {"column": column, **kwargs})


def _rule_checks(contract: Contract, rule: Rule, as_of_date: dt.date, previous_rows: int | None) -> Iterator[Check]:
    claim = (rule.description[0].lower() + rule.description[1:]).rstrip(".")
    bounds: dict[str, Any] = {"min_value": rule.minimum, "max_value": rule.maximum}
    match rule.metric:
        case "row_count":
            kind = "expect_table_row_count_to_be_between"
        case "row_count_change_percent":
            if not previous_rows:
                return
            kind = "expect_table_row_count_to_be_between"
            bounds = {end: _changed(previous_rows, percent) for end, percent in bounds.items()}
            claim += f" ({previous_rows:,} rows then)"
        case "days_since_newest":
            kind = "expect_column_max_to_be_between"
            if rule.maximum is None:
                raise ContractError(f"{contract.name}: rule {rule.name!r} needs a maximum, the days that are too many")
            oldest = as_of_date - dt.timedelta(days=int(rule.maximum))
            if rule.column and contract.column(rule.column).is_month:
                oldest = oldest.replace(day=1)  # a month is as old as its last day
            bounds = {"min_value": oldest.isoformat()}
            claim += f" (not before {oldest})"
        case "future_rows":
            kind = "expect_column_values_to_be_between"
            bounds = {"max_value": as_of_date.isoformat()}
        case "mean_percent":
            kind = "expect_column_mean_to_be_between"
            bounds = {end: None if value is None else value / 100 for end, value in bounds.items()}
            claim += f" ({span_words(rule.minimum, rule.maximum, '%')})"
        case "sum":
            kind = "expect_column_sum_to_be_between"
        case _:
            raise ContractError(f"{contract.name}: rule {rule.name!r} has unknown metric {rule.metric!r}")
    kwargs = {"column": rule.column, **bounds} if rule.column else bounds
    yield Check(kind, rule.severity, claim, rule.column, kwargs, percent=rule.metric == "mean_percent")


def _changed(rows: int, percent: float | None) -> int | None:
    return None if percent is None else round(rows * (1 + percent / 100))
