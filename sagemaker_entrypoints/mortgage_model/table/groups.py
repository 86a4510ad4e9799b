"""Rows that are not independent, near-duplicates of each other or of one key, and folds that keep them together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from contracts.split import NearDuplicates

# Rows compared at a time with all others of their block.
CHUNK = 512


def near_duplicates(frame: pd.DataFrame, rule: NearDuplicates) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (first, second) of positions of rows that are near-duplicates by `rule`, first < second."""
    blocks = frame.groupby(list(rule.equal), dropna=False, observed=True).indices if rule.equal else {}
    firsts, seconds = [np.array([], dtype=np.intp)], [np.array([], dtype=np.intp)]
    values = {name: frame[name].to_numpy(np.float64, na_value=np.nan) for name in (*rule.relative, *rule.absolute)}
    for block in blocks.values() if rule.equal else [np.arange(len(frame))]:
        block = np.sort(block)
        for begin in range(0, len(block), CHUNK):
            rows = block[begin : begin + CHUNK]
            alike = rows[:, None] < block[None, :]
            for name in values:
                alike &= _close(values[name][rows, None], values[name][None, block], name, rule)
            first, second = np.nonzero(alike)
            firsts.append(rows[first])
            seconds.append(block[second])
    return np.concatenate(firsts), np.concatenate(seconds)


def group_rows(frame: pd.DataFrame, rule: NearDuplicates | None, keys: Sequence[str] = ()) -> np.ndarray:
    """Group code per row, int (n,): rows hang together where they are near-duplicates by `rule`, or share a value of
    one of the columns `keys`, directly or through others. A missing key is shared with none.
    """
    n = len(frame)
    edges = [near_duplicates(frame, rule)] if rule else []
    for key in keys:
        codes = pd.factorize(frame[key])[0]
        first = pd.Series(np.arange(n)).groupby(codes).transform("first").to_numpy()
        edges.append((first[codes >= 0], np.flatnonzero(codes >= 0)))
    if not edges:
        return np.arange(n)
    first, second = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    groups: np.ndarray
    _, groups = connected_components(coo_matrix((np.ones(len(first)), (first, second)), shape=(n, n)), directed=False)
    return groups


def grouped_folds(
    groups: np.ndarray, folds: int, seed: int, labels: np.ndarray | None = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """`folds` pairs (training positions, validation positions) of about equal size, no group in both; with `labels`
    (n, 0 or 1), of about equally many events too.

    Groups are dealt by falling number of events, then size, equal ones in a seeded order, each to the fold that holds
    the fewest events, if it brings any, and then rows.
    """
    codes, groups = np.unique(groups, return_inverse=True)
    if len(codes) < folds:
        raise ValueError(f"{len(codes)} groups of near-duplicates or of one key cannot make {folds} folds")
    sizes = np.bincount(groups)
    events = np.zeros(len(codes)) if labels is None else np.bincount(groups, labels)
    shuffled = np.random.default_rng(seed).permutation(len(codes))
    rows_in, events_in = np.zeros(folds, dtype=int), np.zeros(folds)
    fold_of = np.empty(len(codes), dtype=int)
    for group in shuffled[np.lexsort((-sizes[shuffled], -events[shuffled]))]:
        fold = np.lexsort((rows_in, events_in if events[group] else np.zeros(folds)))[0]
        fold_of[group] = fold
        rows_in[fold] += sizes[group]
        events_in[fold] += events[group]
    of_row = fold_of[groups]
    return [(np.flatnonzero(of_row != fold), np.flatnonzero(of_row == fold)) for fold in range(folds)]


def _close(one: np.ndarray, other: np.ndarray, name: str, rule: NearDuplicates) -> np.ndarray:
    close: np.ndarray
    if name in rule.relative:
        close = np.abs(one - other) <= rule.relative[name] * np.maximum(np.abs(one), np.abs(other))
    else:
        close = np.abs(one - other) <= rule.absolute[name]
    return close | np.isnan(one) | np.isnan(other) if name in rule.missing_matches else close
