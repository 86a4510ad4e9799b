from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from mortgage_model.scoring.artifact import load_model
from mortgage_model.validation import monotonicity

NAMES = ["a", "b", "c"]


def grow(seed: int, constraints: tuple[int, ...], rows: int = 400, trees: int = 3, depth: int = 3) -> xgb.Booster:
    """A booster on few distinct values, so that a grid of all of them covers every region of every tree."""
    random = np.random.default_rng(seed)
    features = pd.DataFrame(random.integers(0, 5, (rows, 3)).astype(np.float32), columns=NAMES)
    features = features.mask(random.random(features.shape) < 0.15)
    signal = features.fillna(2).to_numpy() @ random.normal(size=3) + np.sin(2 * features["a"].fillna(9))
    parameters = {"max_depth": depth, "eta": 0.5, "min_child_weight": 1, "monotone_constraints": constraints}
    return xgb.train(parameters, xgb.QuantileDMatrix(features, signal + random.normal(size=rows)), trees)


# Each distinct value, one below and one above every split point (missing values are split off beyond the largest).
VALUES = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 99.0, np.nan], dtype=np.float32)


def moves_wrong(tree: xgb.Booster, feature: int, direction: int) -> bool:
    """By brute force: a row of the grid whose output goes against `direction` when the feature rises."""
    others = np.array(np.meshgrid(VALUES, VALUES)).reshape(2, -1).T
    grid = np.concatenate([np.insert(others, feature, value, axis=1) for value in VALUES[:-1]])
    outputs = tree.inplace_predict(grid, predict_type="margin", validate_features=False).reshape(len(VALUES) - 1, -1)
    return bool((direction * np.diff(outputs, axis=0) < -1e-6).any())


@given(st.integers(0, 10_000), st.sampled_from([(0, 0, 0), (1, 0, 0), (0, -1, 1)]))
@settings(max_examples=30, deadline=None)
def test_it_says_what_brute_force_over_every_region_says(seed, constraints):
    tree = grow(seed, constraints, trees=1, depth=4)
    for feature, name in enumerate(NAMES):
        for direction in (1, -1):
            found = monotonicity.violations(tree, {name: direction})
            assert bool(found) == moves_wrong(tree, feature, direction), (name, direction)


def test_the_trained_model_is_monotone_as_its_contract_says(trained):
    model = load_model(trained.model_dir)
    directions = dict(zip(model.spec.names, model.spec.constraints, strict=True))
    assert sum(map(bool, directions.values())) > 15
    assert monotonicity.violations(model.booster, directions) == []


def test_an_inverted_feature_is_found(trained):
    """The planted defect: a booster held to the wrong direction of a feature that matters."""
    model = load_model(trained.model_dir)
    used = model.booster.get_score(importance_type="total_gain")
    inverted = {
        name: -direction for name, direction in zip(model.spec.names, model.spec.constraints, strict=True) if direction
    }
    found = {entry["feature"] for entry in monotonicity.violations(model.booster, inverted)}
    assert found == set(inverted) & set(used), "every constrained feature that a tree uses, and no other"


def test_a_violation_names_the_move():
    features = pd.DataFrame({"a": np.arange(100, dtype=np.float32)})
    labels = (features["a"] < 50).astype(float)
    booster = xgb.train({"max_depth": 1, "eta": 1.0}, xgb.QuantileDMatrix(features, labels), 1)
    (entry,) = monotonicity.violations(booster, {"a": 1})
    assert (entry["tree"], entry["feature"], entry["direction"]) == (0, "a", 1)
    assert entry["threshold"] == pytest.approx(50)
    assert entry["from"] > entry["to"]
    assert monotonicity.violations(booster, {"a": -1}) == []
    assert monotonicity.violations(booster, {"a": 0}) == []


def test_an_unknown_feature_is_named():
    with pytest.raises(KeyError, match="no feature z"):
        monotonicity.violations(grow(0, (0, 0, 0)), {"z": 1})
