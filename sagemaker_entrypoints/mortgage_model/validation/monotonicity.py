"""Proof that no constrained feature ever moves the PD the wrong way: exact, from the trees, not from samples.

A booster's margin is a sum of trees, so it is monotone if every tree is. A tree is monotone in a feature exactly
where, at each of its split points, every leaf that a row can reach above the point is on the right side of every
leaf that the same row reaches below it. Two leaves are reached by the same row (but for the feature) where their
intervals of every other feature overlap. XGBoost builds constrained trees so; this proves it of the file.

Missing values are a state of their own, not a number: a row with the feature missing takes the default side at every
split of it, is compared with no number, and for every other feature counts as one more value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import xgboost as xgb

from mortgage_model.documents.battery import Violation

# Leaves are float32: a difference of one rounding is no violation.
TOLERANCE = 1e-7


@dataclass(frozen=True)
class Leaf:
    """A leaf's value, its rows' interval [low, high) per feature, and the features that may be missing there."""

    value: float
    low: np.ndarray
    high: np.ndarray
    missing: np.ndarray


class Tree(TypedDict):
    """A tree as XGBoost's JSON model holds it, one entry per node; -1 is no child."""

    left_children: list[int]
    right_children: list[int]
    split_conditions: list[float]
    split_indices: list[int]
    default_left: list[int]


def violations(booster: xgb.Booster, directions: Mapping[str, int]) -> list[Violation]:
    """Pairs of leaves through which a feature of `directions` (-1 or 1, 0 is free) moves the margin the wrong way.

    One entry per tree and feature, its worst pair. Empty: the booster is monotone. KeyError for a feature that the
    booster does not have.
    """
    names = list(booster.feature_names or ())
    absent = set(directions) - set(names)
    if absent:
        raise KeyError(f"the booster has no feature {', '.join(sorted(absent))}")
    constrained = [(names.index(name), direction) for name, direction in directions.items() if direction]
    found: list[Violation] = []
    for number, tree in enumerate(_trees(booster)):
        leaves = list(_leaves(tree, len(names)))
        value = np.array([leaf.value for leaf in leaves])
        low, high = np.array([leaf.low for leaf in leaves]), np.array([leaf.high for leaf in leaves])
        missing = np.array([leaf.missing for leaf in leaves])
        # Leaves i and j share, per feature, a number or the missing state.
        shared = (np.maximum(low[:, None], low) < np.minimum(high[:, None], high)) | (missing[:, None] & missing)
        apart = (~shared).sum(axis=2)
        for feature, direction in constrained:
            others_shared = apart - ~shared[:, :, feature] == 0
            numeric = low[:, feature] < high[:, feature]
            below = (high[:, None, feature] <= low[None, :, feature]) & numeric[:, None] & numeric
            fall = direction * (value[:, None] - value[None, :])
            wrong = np.where(others_shared & below, fall, 0.0)
            first, second = np.unravel_index(wrong.argmax(), wrong.shape)
            if wrong[first, second] > TOLERANCE:
                found.append(
                    {
                        "tree": number,
                        "feature": names[feature],
                        "direction": direction,
                        "from": float(value[first]),
                        "to": float(value[second]),
                        "threshold": float(low[second, feature]),
                    }
                )
    return found


def _trees(booster: xgb.Booster) -> list[Tree]:
    document = json.loads(booster.save_raw("json"))
    trees: list[Tree] = document["learner"]["gradient_booster"]["model"]["trees"]
    return trees


def _leaves(tree: Tree, features: int) -> Iterator[Leaf]:
    """Leaves with the box of rows that reach them, empty boxes left out."""
    left, right = tree["left_children"], tree["right_children"]
    start = (0, np.full(features, -np.inf), np.full(features, np.inf), np.ones(features, dtype=bool))
    waiting = [start]
    while waiting:
        node, low, high, missing = waiting.pop()
        split = tree["split_conditions"][node]
        if left[node] == -1:
            yield Leaf(split, low, high, missing)
            continue
        feature, goes_left = tree["split_indices"][node], bool(tree["default_left"][node])
        for child, is_left in ((left[node], True), (right[node], False)):
            box_low, box_high, box_missing = low.copy(), high.copy(), missing.copy()
            if is_left:
                box_high[feature] = min(box_high[feature], split)
            else:
                box_low[feature] = max(box_low[feature], split)
            box_missing[feature] &= is_left == goes_left
            if box_low[feature] < box_high[feature] or box_missing[feature]:
                waiting.append((child, box_low, box_high, box_missing))
