"""Calibration statistics against statsmodels, scikit-learn and the issue's worked example."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve
from statsmodels.stats.proportion import proportion_confint

from mortgage_model.statistics import NotComputable
from mortgage_model.statistics import calibration as c


def sample(seed: int = 0, n: int = 3000, distortion: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(-2, 1, n)
    labels = rng.random(n) < 1 / (1 + np.exp(-(0.3 + distortion * x)))
    return labels.astype(int), 1 / (1 + np.exp(-x))


def test_brier_skill_and_log_loss_equal_scikit_learn():
    labels, probabilities = sample()
    assert c.brier(labels, probabilities) == pytest.approx(metrics.brier_score_loss(labels, probabilities), rel=1e-12)
    assert c.log_loss(labels, probabilities) == pytest.approx(metrics.log_loss(labels, probabilities), rel=1e-9)
    skill = metrics.d2_brier_score(labels, probabilities)
    assert c.brier_skill(labels, probabilities) == pytest.approx(skill, rel=1e-9)


@pytest.mark.parametrize("distortion", [0.4, 1.0, 1.8])
def test_recalibration_equals_statsmodels(distortion):
    labels, probabilities = sample(1, distortion=distortion)
    reference = sm.Logit(labels, sm.add_constant(c.log_odds(probabilities))).fit(disp=0, tol=1e-12)
    mine = c.recalibrate(labels, probabilities)
    for estimate, row in ((mine.intercept, 0), (mine.slope, 1)):
        assert estimate.value == pytest.approx(reference.params[row], rel=1e-7)
        assert estimate.standard_error == pytest.approx(reference.bse[row], rel=1e-6)
        assert estimate.interval == pytest.approx(tuple(reference.conf_int()[row]), rel=1e-6)


def test_calibration_in_the_large_equals_statsmodels():
    labels, probabilities = sample(2)
    reference = sm.GLM(
        labels, np.ones(labels.size), family=sm.families.Binomial(), offset=c.log_odds(probabilities)
    ).fit(tol=1e-12)
    mine = c.calibration_in_the_large(labels, probabilities)
    assert mine.value == pytest.approx(reference.params[0], rel=1e-7)
    assert mine.standard_error == pytest.approx(reference.bse[0], rel=1e-6)


def test_recalibrated_scores_have_slope_one_and_intercept_zero():
    labels, probabilities = sample(3)
    fit = c.recalibrate(labels, probabilities)
    better = 1 / (1 + np.exp(-(fit.intercept.value + fit.slope.value * c.log_odds(probabilities))))
    again = c.recalibrate(labels, better)
    assert (again.intercept.value, again.slope.value) == pytest.approx((0, 1), abs=1e-8)


@pytest.mark.parametrize(("events", "n"), [(3, 40), (17, 1000), (39, 40), (1, 7)])
def test_jeffreys_interval_equals_statsmodels(events, n):
    assert c.jeffreys_interval(events, n) == pytest.approx(proportion_confint(events, n, method="jeffreys"), rel=1e-9)


def test_jeffreys_p_value_worked_example():
    """Six loans, two defaults, PD 3.67 %: p = 0.0044 (the project's issue 3, after the ECB's 2019
    instructions).
    """
    assert round(c.jeffreys_p_value(2, 6, 0.0367), 4) == 0.0044


def test_deciles_equal_scikit_learns_calibration_curve():
    labels, probabilities = sample(4, n=5000)
    observed, predicted = calibration_curve(labels, probabilities, n_bins=10, strategy="quantile")
    table = c.by_score_band(labels, probabilities)
    assert [band.label for band in table] == [str(i) for i in range(1, 11)]
    np.testing.assert_allclose([band.observed_rate for band in table], observed, atol=0.003)
    np.testing.assert_allclose([band.mean_pd for band in table], predicted, rtol=0.01)
    assert sum(band.n for band in table) == 5000
    assert sum(band.events for band in table) == labels.sum()


def test_expected_calibration_error_by_hand():
    """Two bands of four loans, PD 0.1 and 0.5, default rates 1/4 and 1/4: (0.15 + 0.25) / 2."""
    labels = np.array([0, 0, 0, 1, 0, 0, 1, 0])
    assert c.expected_calibration_error(labels, np.repeat([0.1, 0.5], 4), bands=2) == pytest.approx(0.2)


def test_by_group_keeps_the_order_of_the_scale():
    labels, probabilities = np.array([0, 1, 0, 0]), np.array([0.3, 0.4, 0.1, 0.1])
    table = c.by_group(labels, probabilities, np.array(["B", "B", "A", "A"]), ["A", "B", "C"])
    assert [(b.label, b.n, b.events) for b in table] == [("A", 2, 0), ("B", 2, 1)]
    assert table[0].interval[0] == 0.0


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.01, 0.02, 0.2, 0.7])), min_size=1, max_size=50))
@settings(max_examples=60, deadline=None)
def test_bands_partition_the_sample_and_never_split_ties(rows):
    labels, probabilities = (np.array(column) for column in zip(*rows, strict=True))
    table = c.by_score_band(labels, probabilities)
    assert sum(band.n for band in table) == len(rows)
    assert len(table) <= np.unique(probabilities).size
    assert all(a.mean_pd < b.mean_pd for a, b in pairwise(table))
    assert all(band.interval[0] <= band.observed_rate <= band.interval[1] for band in table)
    assert 0 <= c.expected_calibration_error(labels, probabilities) <= 1


@pytest.mark.parametrize("statistic", [c.brier_skill, c.recalibrate, c.calibration_in_the_large])
def test_one_class_has_no_value(statistic):
    with pytest.raises(NotComputable, match="none of the 2"):
        statistic(np.array([0, 0]), np.array([0.1, 0.2]))


def test_recalibration_has_no_value_for_constant_or_separating_scores():
    with pytest.raises(NotComputable, match="same PD"):
        c.recalibrate(np.array([0, 1, 0]), np.full(3, 0.2))
    with pytest.raises(NotComputable, match="separate"):
        c.recalibrate(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.7]))


def test_probabilities_outside_the_unit_interval_are_refused():
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        c.brier(np.array([0, 1]), np.array([0.1, 1.2]))
