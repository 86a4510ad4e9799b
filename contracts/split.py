"""How a table's rows are split for training and validation: the table's custom property `split`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contracts.values import NUMERIC, read_value

if TYPE_CHECKING:
    from contracts.model import Column

OUT_OF_TIME, GROUPED_K_FOLD = "out_of_time", "grouped_k_fold"
TIME_TYPES = ("string", "integer", "date")
DISTANCES = {"relative", "absolute"}
NEAR_DUPLICATE_FIELDS = {"equal", "missingMatches"} | DISTANCES


class SplitDeclarationError(ValueError):
    """The property `split` is wrong. The message names the entry."""


@dataclass(frozen=True)
class NearDuplicates:
    """Rows alike in every column: `equal` (missing equals missing), within a share of the larger value
    (`relative`), within a distance (`absolute`). A missing value is near none, but to any in `missing_matches`.
    """

    equal: tuple[str, ...] = ()
    relative: dict[str, float] = field(default_factory=dict)
    absolute: dict[str, float] = field(default_factory=dict)
    missing_matches: tuple[str, ...] = ()


@dataclass(frozen=True)
class Split:
    """`out_of_time`: by the time column (mortgage_model/table/periods.py), with an embargo of `horizon_months`; or
    `grouped_k_fold`: `folds` folds that keep the rows of a key, and near-duplicates, together.
    """

    method: str
    folds: int = 5
    near_duplicates: NearDuplicates | None = None
    horizon_months: int = 12
    oot_months: int = 12


SPLIT_FIELDS = {
    OUT_OF_TIME: {"method", "horizonMonths", "ootMonths"},
    GROUPED_K_FOLD: {"method", "folds", "nearDuplicates"},
}


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
