from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from contracts import load_contract
from mortgage_model.development import scorecard
from mortgage_model.scoring.artifact import load_model
from mortgage_model.scoring.challenger import Bins, Challenger
from mortgage_model.scoring.features import FeatureSpec
from mortgage_model.statistics.calibration import recalibrate
from mortgage_model.statistics.discrimination import auc


@pytest.fixture(scope="module")
def samples(panel):
    rows = panel[panel["default_in_horizon"].notna()].reset_index(drop=True)
    labels = rows["default_in_horizon"].to_numpy()
    early = (rows["snapshot_month"] < "2012-01").to_numpy()
    spec = FeatureSpec.fit(rows[early], labels[early], load_contract("loan_panel"))
    features = spec.transform(rows)
    return spec, features[early], labels[early], features[~early], labels[~early]


@pytest.fixture(scope="module")
def fitted(samples):
    spec, features, labels, *_ = samples
    return scorecard.fit(spec, features, labels)


def test_it_is_a_scorecard_to_beat(fitted, samples):
    *_, features, labels = samples
    probabilities = fitted.score(features)
    assert auc(labels, probabilities) > 0.68
    assert 0.5 < recalibrate(labels, probabilities).slope.value < 1.5
    assert {"credit_score", "current_ltv"} <= set(fitted.bins)


def test_weights_of_evidence_by_hand():
    values = np.array([1, 1, 1, 1, 2, 2, 2, 2, np.nan, np.nan], dtype=float)
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 0, 1, 0], dtype=float)
    bins = scorecard._bins(values, labels, 0)
    assert bins.edges == (1.5,)
    # 6 defaults and 4 others in all; half a row of each is added to a bin: (1.5 / 6) / (3.5 / 4) in the first.
    expected = [np.log(1.5 / 5) - np.log(3.5 / 5), np.log(3.5 / 5) - np.log(1.5 / 5)]
    np.testing.assert_allclose(bins.weights, expected)
    assert bins.missing == pytest.approx(0)
    np.testing.assert_allclose(bins.encode(np.array([1.4999, 1.5, np.nan])), [*expected, 0], atol=1e-12)


def test_bins_of_a_directed_feature_are_monotone():
    random = np.random.default_rng(0)
    values = random.uniform(0, 10, 5_000)
    labels = (random.random(5_000) < 0.1 + 0.1 * np.sin(values) ** 2).astype(float)
    for direction in (1, -1):
        weights = scorecard._bins(values, labels, direction).weights
        assert (direction * np.diff(weights) >= 0).all()
    free = scorecard._bins(values, labels, 0).weights
    assert (np.diff(free) > 0).any()
    assert (np.diff(free) < 0).any()


def test_the_regression_is_scikit_learns_on_the_encoded_rows(fitted, samples):
    _, features, labels, *_ = samples
    encoded = np.column_stack([bins.encode(features[name].to_numpy(float)) for name, bins in fitted.bins.items()])
    reference = LogisticRegression(C=scorecard.INVERSE_PENALTY, max_iter=2000, tol=1e-8).fit(
        encoded / encoded.std(axis=0), labels
    )
    np.testing.assert_allclose(
        fitted.score(features), reference.predict_proba(encoded / encoded.std(axis=0))[:, 1], atol=2e-3
    )


def test_it_is_stored_with_the_model(trained, panel):
    model = load_model(trained.model_dir)
    assert model.challenger is not None
    rows = panel.head(50)
    document = json.loads((trained.model_dir / "challenger.json").read_text())
    again = Challenger.from_json(document, model.spec)
    np.testing.assert_array_equal(again.predict(rows), model.challenger.predict(rows))
    assert again.predict(rows).shape == (50,)
    assert ((again.predict(rows) > 0) & (again.predict(rows) < 1)).all()


def test_without_an_informative_feature_it_gives_the_default_rate(samples):
    spec, features, *_ = samples
    labels = (np.arange(len(features)) % 10 == 0).astype(float)
    noise = scorecard.fit(spec, features * np.nan, labels)
    assert noise.bins == {}
    np.testing.assert_allclose(noise.score(features), 0.1, rtol=1e-2)


def test_a_missing_value_has_its_own_weight():
    bins = Bins((1.0,), (-1.0, 1.0), 0.25)
    np.testing.assert_array_equal(bins.encode(np.array([np.nan, 0.0, 1.0])), [0.25, -1.0, 1.0])
