"""Reads a table's custom property `split`, checked against its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contracts.model import Column
from contracts.split import GROUPED_K_FOLD, OUT_OF_TIME, NearDuplicates, Split
from contracts.values import NUMERIC, read_value

TIME_TYPES = ("string", "integer", "date")
DISTANCES = {"relative", "absolute"}
NEAR_DUPLICATE_FIELDS = {"equal", "missingMatches"} | DISTANCES
SPLIT_FIELDS = {
    OUT_OF_TIME: {"method", "horizonMonths", "ootMonths"},
    GROUPED_K_FOLD: {"method", "folds", "nearDuplicates"},
}


class SplitDeclarationError(ValueError):
    """The property `split` is wrong. The message names the entry."""


def read_split(entry: Any, columns: Sequence[Column]) -> Split:
    """The split that a table declares; SplitDeclarationError for what it may not say."""
    method = entry.get("method") if isinstance(entry, dict) else None
    if method not in SPLIT_FIELDS:
        raise SplitDeclarationError(f"split needs a method, {' or '.join(SPLIT_FIELDS)}, not {method!r}")
    unknown = set(entry) - SPLIT_FIELDS[method]
    if unknown:
        raise SplitDeclarationError(f"split {method} takes no {', '.join(sorted(unknown))}")
    if method == OUT_OF_TIME:
        times = [column for column in columns if column.role == "time"]
        if len(times) != 1:
            raise SplitDeclarationError(f"split {method} needs one column of role time, there are {len(times)}")
        if times[0].type not in TIME_TYPES:
            raise SplitDeclarationError(
                f"split {method} needs a time of type {', '.join(TIME_TYPES)}; {times[0].name} is {times[0].type}"
            )
        horizon, oot = (_whole(entry, name, 12, 1) for name in ("horizonMonths", "ootMonths"))
        return Split(method, horizon_months=horizon, oot_months=oot)
    rule = _near_duplicates(entry["nearDuplicates"], columns) if "nearDuplicates" in entry else None
    return Split(method, folds=_whole(entry, "folds", 5, 2), near_duplicates=rule)


def _near_duplicates(entry: Any, columns: Sequence[Column]) -> NearDuplicates:
    if not isinstance(entry, dict) or set(entry) - NEAR_DUPLICATE_FIELDS:
        raise SplitDeclarationError(f"nearDuplicates takes {', '.join(sorted(NEAR_DUPLICATE_FIELDS))}")
    for name in sorted(entry):
        kind, words = (dict, "distances by column") if name in DISTANCES else (list, "a list of columns")
        if not isinstance(entry[name], kind):
            raise SplitDeclarationError(f"nearDuplicates {name} must be {words}")
    rule = NearDuplicates(
        tuple(entry.get("equal", ())),
        _distances(entry, "relative"),
        _distances(entry, "absolute"),
        tuple(entry.get("missingMatches", ())),
    )
    compared = {column.name: column for column in columns if column.role not in ("label", "outcome")}
    unknown = {*rule.equal, *rule.relative, *rule.absolute, *rule.missing_matches} - set(compared)
    if unknown:
        raise SplitDeclarationError(
            f"nearDuplicates names columns that are not there: {', '.join(sorted(map(str, unknown)))}"
        )
    texts = [name for name in (*rule.relative, *rule.absolute) if compared[name].type not in NUMERIC]
    if texts:
        raise SplitDeclarationError(f"nearDuplicates measures the distance of numbers; {', '.join(texts)} holds none")
    if not (rule.equal or rule.relative or rule.absolute):
        raise SplitDeclarationError("nearDuplicates compares no column")
    return rule


def _distances(entry: dict[str, Any], name: str) -> dict[str, float]:
    found = entry.get(name, {})
    return {column: _number(f"nearDuplicates {name} of {column}", value) for column, value in found.items()}


def _number(what: str, written: Any) -> float:
    try:
        value = read_value("number", str(written))
        assert isinstance(value, int | float)
    except ValueError as error:
        raise SplitDeclarationError(f"{what}: {error}") from None
    if value < 0:
        raise SplitDeclarationError(f"{what} must not be negative")
    return float(value)


def _whole(entry: dict[str, Any], name: str, default: int, least: int) -> int:
    written = entry.get(name, default)
    try:
        value = read_value("integer", str(written))
    except ValueError:
        value = None
    if not isinstance(value, int) or value < least:
        raise SplitDeclarationError(f"split {name} must be a whole number of at least {least}, not {written!r}")
    return value
