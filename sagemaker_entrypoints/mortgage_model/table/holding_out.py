"""Which rows of a table are held out of which fit: by groups of rows that are not independent, or by time.

Rows of one key are never on both sides of a fold, nor are near-duplicates by the contract's rule. Out of time a key
may be observed on both sides, as a loan is month after month, as long as its rows end with its event: then the rows
that are learnt from do not tell the outcome of the later ones.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from contracts.model import Contract
from mortgage_model.development.splits import Fold, SplitError, ordered_folds
from mortgage_model.table.groups import group_rows, grouped_folds
from mortgage_model.table.periods import read_periods

INNER_FOLDS = 3
# Below this many independent events, or others, in the rows held out no figure means anything: with 10 the 95 %
# interval of an AUC of 0.7 is 0.36 wide (by the formula of Hanley & McNeil 1982), and folds of one or two say nothing.
LEAST_EVENTS = 10
UNIT = "borrower, loan or the like"
HELD_TOGETHER = "a few groups hold most events, or most other rows, together"


class GroupedKFold:
    """Every row is held out once; groups stay together and events are spread evenly, in outer and inner folds alike."""

    def __init__(self, frame: pd.DataFrame, labels: np.ndarray, contract: Contract, seed: int) -> None:
        assert contract.split is not None
        self.units = group_rows(frame, contract.split.near_duplicates, _keys(contract))
        self.labels, self.seed = labels, seed
        self.notes: tuple[str, ...] = ()
        folds = contract.split.folds
        least, remedy = LEAST_EVENTS, "more rows"
        if 2 * folds > least:
            least, remedy = 2 * folds, "more rows, or fewer folds"
        _require_events(labels, self.units, least, f"{folds} folds", remedy)
        self.outer = self._folds(np.arange(len(frame)), folds)
        if len(self.outer) < folds:
            raise SplitError(f"only {len(self.outer)} of {folds} folds hold both events and others: {HELD_TOGETHER}")

    def inner(self, rows: np.ndarray) -> list[Fold]:
        return self._folds(rows, INNER_FOLDS)

    def _folds(self, rows: np.ndarray, count: int) -> list[Fold]:
        folds = grouped_folds(self.units[rows], count, self.seed, self.labels[rows])
        return _with_both_classes(folds, self.labels[rows], HELD_TOGETHER)


class OutOfTime:
    """The last months are held out, with an embargo before them; inner folds are ordered in time too."""

    def __init__(self, frame: pd.DataFrame, labels: np.ndarray, contract: Contract, seed: int) -> None:
        assert contract.split is not None
        self.split, self.labels = contract.split, labels
        (time,) = contract.with_role("time")
        self.periods = read_periods(frame[time.name], time.unit)
        # Months of one key are not independent; rows of a table without keys are taken to be.
        self.units = group_rows(frame, None, _keys(contract))
        ((rows, held_out),) = self._folds(np.arange(len(frame)), 1, self.split.oot_months)
        first, last = (self.periods.text(int(end)) for end in _ends(self.periods.months[held_out]))
        where = f"the rows held out, {first} to {last}"
        _require_events(labels[held_out], self.units[held_out], LEAST_EVENTS, where, "a longer ootMonths, or more rows")
        kept = self._apart((rows, held_out))
        left_out = len(rows) - len(kept[0])
        remedy = "more history"
        if left_out:
            remedy = (
                f"{left_out:,} more rows are of keys that are held out too and go on after an event, which would tell "
                "their outcome; end the rows of a key with its event, or split by grouped_k_fold"
            )
        _require_events(labels[kept[0]], self.units[kept[0]], LEAST_EVENTS, "the rows before them", remedy)
        self.notes: tuple[str, ...] = (
            f"Times are {self.periods.form}; held out are {first} to {last}.",
            *(
                [
                    f"{left_out:,} of {len(rows):,} earlier rows were not learnt from: their keys are held out too, "
                    "and go on after an event, so that the one would tell the other."
                ]
                if left_out
                else []
            ),
        )
        self.outer = [kept]

    def inner(self, rows: np.ndarray) -> list[Fold]:
        first, last = _ends(self.periods.months[rows])
        span, step = last - first + 1 - self.split.horizon_months, self.periods.step
        fold_months = max(1, span // (INNER_FOLDS + 1) // step) * step
        folds = [self._apart(fold, rows) for fold in self._folds(rows, INNER_FOLDS, fold_months)]
        return _with_both_classes(folds, self.labels[rows], "the search needs them in earlier and in later months")

    def _folds(self, rows: np.ndarray, count: int, months: int) -> list[Fold]:
        try:
            return ordered_folds(self.periods.months[rows], self.split.horizon_months, count, months, self.periods.text)
        except SplitError as error:
            raise SplitError(f"{error}; shorten horizonMonths or ootMonths of split, or bring more history") from None

    def _apart(self, fold: Fold, rows: np.ndarray | None = None) -> Fold:
        """The fold without the training rows of keys that come again after an event; positions are within `rows`."""
        train, held_out = fold
        units, labels = (self.units, self.labels) if rows is None else (self.units[rows], self.labels[rows])
        again = np.isin(units[train], units[held_out])
        return (train[~again], held_out) if labels[train[again]].any() else fold


def _keys(contract: Contract) -> list[str]:
    return [column.name for column in contract.with_role("key")]


def _ends(months: np.ndarray) -> tuple[int, int]:
    return int(months.min()), int(months.max())


def _require_events(labels: np.ndarray, units: np.ndarray, least: int, where: str, remedy: str) -> None:
    """SplitError unless so many independent units have an event, and so many have a row without."""
    for label, name in ((1, "events"), (0, "rows without event")):
        found = len(np.unique(units[labels == label]))
        if found < least:
            rows = int((labels == label).sum())
            independent, hint = "", ""
            if found < rows:
                independent = f" in {found:,} independent groups"
                hint = f"; what hangs together by key or nearDuplicates counts once, and a key that is no {UNIT} "
                hint += "should be an attribute"
            raise SplitError(
                f"{where}: {rows:,} {name}{independent} of {len(labels):,} rows are too few for figures that mean "
                f"anything; at least {least} are needed: {remedy}{hint}"
            )


def _with_both_classes(folds: list[Fold], labels: np.ndarray, why: str) -> list[Fold]:
    """The folds whose two sides hold events and others; SplitError where none does."""
    usable = [fold for fold in folds if all(0 < labels[rows].sum() < len(rows) for rows in fold)]
    if not usable:
        raise SplitError(f"no fold holds both events and others on both its sides: {why}")
    return usable
