from __future__ import annotations

import numpy as np
import pytest

from contracts import load_contract
from mortgage_model.development import boosting
from mortgage_model.development.hyperparameters import parse_arguments
from mortgage_model.scoring import booster
from mortgage_model.scoring.features import FeatureSpec

HYPERPARAMETERS = parse_arguments(
    [
        "--n_estimators",
        "150",
        "--learning_rate",
        "0.3",
        "--early_stopping_rounds",
        "10",
        "--min_child_weight",
        "2",
    ]
)


@pytest.fixture(scope="module")
def samples(panel):
    rows = panel[panel["snapshot_month"] < "2015-01"].reset_index(drop=True)
    labels = rows["default_in_horizon"].to_numpy()
    early = (rows["snapshot_month"] < "2012-01").to_numpy()
    spec = FeatureSpec.fit(rows[early], labels[early], load_contract("loan_panel"))
    features = spec.transform(rows)
    return spec, features[early], labels[early], features[~early], labels[~early]


@pytest.fixture(scope="module")
def fitted(samples):
    spec, *data = samples
    return boosting.fit(boosting.bin_rows(*data), spec.constraints, HYPERPARAMETERS)


def test_it_stops_at_the_best_validation_log_loss(fitted, samples):
    *_, features, labels = samples
    trees = fitted.num_boosted_rounds()
    assert 1 < trees < HYPERPARAMETERS["n_estimators"] - HYPERPARAMETERS["early_stopping_rounds"]

    def log_loss(count: int) -> float:
        margins = booster.margin(fitted[:count], features)
        return float(np.logaddexp(0.0, np.where(labels == 1, -margins, margins)).mean())

    losses = [log_loss(count) for count in range(1, trees + 1)]
    assert np.argmin(losses) == trees - 1


def test_the_same_data_and_seed_give_the_same_bytes(fitted, samples, monkeypatch):
    spec, *data = samples
    again = boosting.fit(boosting.bin_rows(*data), spec.constraints, HYPERPARAMETERS)
    assert booster.fingerprint(again) == booster.fingerprint(fitted)
    monkeypatch.setattr(boosting, "THREADS", 1)
    alone = boosting.fit(boosting.bin_rows(*data), spec.constraints, HYPERPARAMETERS)
    assert booster.fingerprint(alone) == booster.fingerprint(fitted), "nor does the number of threads matter here"
    other = boosting.fit(boosting.bin_rows(*data), spec.constraints, {**HYPERPARAMETERS, "seed": 1})
    assert booster.fingerprint(other) != booster.fingerprint(fitted)


def test_a_tree_of_one_leaf_predicts_the_training_default_rate(samples):
    spec, features, labels, *validation = samples
    rows = boosting.bin_rows(features, labels, *validation)
    stump = boosting.fit(rows, spec.constraints, {**HYPERPARAMETERS, "gamma": 1e6, "n_estimators": 1})
    rate = labels.mean()
    np.testing.assert_allclose(booster.margin(stump, features), np.log(rate / (1 - rate)), atol=0.02)


def test_it_ranks_as_the_truth_does(fitted, samples, panel):
    from mortgage_model.statistics.discrimination import auc

    *_, features, labels = samples
    truth = panel[(panel["snapshot_month"] >= "2012-01") & (panel["snapshot_month"] < "2015-01")]["true_pd"]
    assert auc(labels, booster.margin(fitted, features)) > auc(labels, truth.to_numpy()) - 0.08
