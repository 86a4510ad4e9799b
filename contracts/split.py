"""How a table's rows are split for training and validation: the table's custom property `split`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

OUT_OF_TIME, GROUPED_K_FOLD = "out_of_time", "grouped_k_fold"
NEAR_DUPLICATE_FIELDS = {"equal", "relative", "absolute", "missingMatches"}


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
    """`out_of_time`: by the time column, months as YYYY-MM or dates, with an embargo of `horizon_months`; or
    `grouped_k_fold`: `folds` folds that keep near-duplicates together.
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


def read_split(entry: Any, columns: Collection[str], time_columns: Collection[str]) -> Split:
    """The split that a table declares; SplitDeclarationError for what it may not say."""
    method = entry.get("method") if isinstance(entry, dict) else None
    if method not in SPLIT_FIELDS:
        raise SplitDeclarationError(f"split needs a method, {' or '.join(SPLIT_FIELDS)}, not {method!r}")
    unknown = set(entry) - SPLIT_FIELDS[method]
    if unknown:
        raise SplitDeclarationError(f"split {method} takes no {', '.join(sorted(unknown))}")
    if method == OUT_OF_TIME:
        if len(time_columns) != 1:
            raise SplitDeclarationError(f"split {method} needs one column of role time, there are {len(time_columns)}")
        horizon, oot = (_whole(entry, name, 12, 1) for name in ("horizonMonths", "ootMonths"))
        return Split(method, horizon_months=horizon, oot_months=oot)
    rule = _near_duplicates(entry["nearDuplicates"], columns) if "nearDuplicates" in entry else None
    return Split(method, folds=_whole(entry, "folds", 5, 2), near_duplicates=rule)


def _near_duplicates(entry: Any, columns: Collection[str]) -> NearDuplicates:
    if not isinstance(entry, dict) or set(entry) - NEAR_DUPLICATE_FIELDS:
        raise SplitDeclarationError(f"nearDuplicates takes {', '.join(sorted(NEAR_DUPLICATE_FIELDS))}")
    rule = NearDuplicates(
        tuple(entry.get("equal", ())),
        dict(entry.get("relative", {})),
        dict(entry.get("absolute", {})),
        tuple(entry.get("missingMatches", ())),
    )
    unknown = {*rule.equal, *rule.relative, *rule.absolute, *rule.missing_matches} - set(columns)
    if unknown:
        raise SplitDeclarationError(f"nearDuplicates names columns that are not there: {', '.join(sorted(unknown))}")
    if not (rule.equal or rule.relative or rule.absolute):
        raise SplitDeclarationError("nearDuplicates compares no column")
    return rule


def _whole(entry: dict[str, Any], name: str, default: int, least: int) -> int:
    value = entry.get(name, default)
    if type(value) is not int or value < least:
        raise SplitDeclarationError(f"split {name} must be a whole number of at least {least}, not {value!r}")
    return value
