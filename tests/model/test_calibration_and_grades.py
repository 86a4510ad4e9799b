from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from mortgage_model.scoring import calibration
from mortgage_model.scoring.calibration import Calibration, CalibrationError
from mortgage_model.scoring.grades import MasterScale, long_run_rates
from mortgage_model.statistics.calibration import log_loss


def test_it_finds_the_shift_and_stretch_that_were_planted():
    rng = np.random.default_rng(1)
    margins = rng.normal(-3, 1.2, 200_000)
    labels = (rng.random(margins.size) < expit(-0.4 + 0.8 * margins)).astype(float)
    fitted = calibration.fit(margins, labels)
    assert fitted.slope == pytest.approx(0.8, abs=0.02)
    assert fitted.intercept == pytest.approx(-0.4, abs=0.06)
    pd_values = calibration.apply(fitted, margins)
    assert pd_values.mean() == pytest.approx(labels.mean(), rel=1e-6), "maximum likelihood matches the default rate"


def test_it_equals_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(2)
    margins = rng.normal(-2, 1, 3000)
    labels = (rng.random(margins.size) < expit(margins)).astype(float)
    reference = sm.Logit(labels, sm.add_constant(margins)).fit(disp=False).params
    fitted = calibration.fit(margins, labels)
    np.testing.assert_allclose([fitted.intercept, fitted.slope], reference, rtol=1e-6)


@given(st.lists(st.floats(-15, 15), min_size=2, max_size=20), st.floats(0.1, 3), st.floats(-3, 3))
def test_pd_never_falls_when_the_margin_rises(margins, slope, intercept):
    pd_values = calibration.apply(Calibration(intercept, slope), np.sort(margins))
    assert (np.diff(pd_values) >= 0).all()
    assert ((pd_values >= 0) & (pd_values <= 1)).all()


@given(st.integers(0, 2**32 - 1), st.floats(0.3, 2.0))
@settings(max_examples=25, deadline=None)
def test_an_isotonic_calibration_keeps_distinct_scores_apart_and_the_level_right(seed, bend):
    rng = np.random.default_rng(seed)
    margins = rng.normal(-2, 1.5, 2000)
    labels = (rng.random(2000) < expit(np.sign(margins + 2) * np.abs(margins + 2) ** bend - 1.5)).astype(float)
    fitted = calibration._fit_isotonic(margins, labels)
    grid = np.linspace(-12, 12, 400)
    assert (np.diff(calibration.apply(fitted, grid)) > 0).all()
    assert calibration.apply(fitted, margins).mean() == pytest.approx(labels.mean(), abs=1e-6)


def bent_sample(rows=40_000):
    """Scores whose log-odds of default flatten above −2, as a logistic calibration cannot follow."""
    rng = np.random.default_rng(5)
    margins = rng.normal(-2, 1.5, rows)
    truth = expit(np.where(margins < -2, 1.5 * margins + 1.0, -2 + 0.1 * (margins + 2)))
    return margins, (rng.random(rows) < truth).astype(float), truth


def test_the_better_of_two_calibrations_is_kept():
    margins, labels, truth = bent_sample()
    bent = calibration.fit(margins, labels)
    assert bent.method == "isotonic"
    assert bent.log_loss["isotonic"] < bent.log_loss["logistic"]
    assert np.abs(calibration.apply(bent, margins) - truth).mean() < 0.01
    straight = (np.random.default_rng(6).random(margins.size) < expit(0.3 + 0.9 * margins)).astype(float)
    assert calibration.fit(margins, straight).method == "logistic"


def test_a_loans_many_months_are_one_piece_of_evidence():
    """Thirty copies of a few loans look like a sure thing only to somebody who counts rows."""
    margins, labels, _ = bent_sample(1_500)
    copies = np.tile(np.arange(1_500), 30)
    assert calibration.fit(margins[copies], labels[copies], groups=None).method == "isotonic"
    by_row = calibration._clustered_error(margins[copies], np.arange(copies.size))
    assert by_row == pytest.approx(margins.std() / np.sqrt(copies.size))
    assert calibration._clustered_error(margins[copies], copies) == pytest.approx(by_row * np.sqrt(30))
    held_out = np.concatenate([rows for _, rows in calibration._blocks(copies)])
    assert np.array_equal(np.sort(held_out), np.arange(copies.size))
    assert all(not set(copies[rest]) & set(copies[rows]) for rest, rows in calibration._blocks(copies))


def test_the_comparison_uses_rows_that_were_not_fitted():
    margins, labels, _ = bent_sample(5_000)
    halves = np.array_split(np.arange(5_000), 2)
    fitted = calibration.fit(margins, labels, folds=[(halves[0], halves[1]), (halves[1], halves[0])])
    by_hand = [
        log_loss(labels[held], calibration.apply(calibration._fit_logistic(margins[rest], labels[rest]), margins[held]))
        for rest, held in (halves, halves[::-1])
    ]
    assert fitted.log_loss["logistic"] == pytest.approx(np.mean(by_hand), rel=1e-12)


def test_scores_that_rank_backwards_keep_their_order_and_get_the_level():
    labels = np.array([1, 1, 0, 1, 0, 0, 0, 0], dtype=float)
    margins = np.linspace(-3, 0, 8)
    fitted = calibration.fit(margins, labels)
    assert (fitted.method, fitted.slope) == ("intercept", 1.0)
    assert "slope on the sample is -" in fitted.reason
    assert calibration.apply(fitted, margins).mean() == pytest.approx(labels.mean())


@pytest.mark.parametrize("labels", [np.zeros(8), np.ones(8), np.array([])])
def test_a_sample_of_one_class_leaves_the_margins_alone(labels):
    margins = np.linspace(-3, 0, len(labels))
    fitted = calibration.fit(margins, labels)
    assert fitted.method == "identity"
    assert fitted.reason.startswith("nothing can be calibrated on the sample: ")
    np.testing.assert_array_equal(calibration.apply(fitted, margins), expit(margins))


def test_few_defaults_get_a_logistic_calibration():
    rng = np.random.default_rng(3)
    margins = rng.normal(-1, 1, 120)
    labels = (rng.random(120) < expit(margins)).astype(float)
    fitted = calibration.fit(margins, labels)
    assert fitted.method == "logistic"
    assert "needs 40 defaults" in fitted.reason


@pytest.mark.parametrize(
    "fitted", [Calibration(-0.123456789012345, 1.1), calibration._fit_isotonic(*bent_sample(2_000)[:2])]
)
def test_calibration_round_trip(fitted):
    assert Calibration.from_json(json.loads(json.dumps(fitted.to_json()))) == fitted


def test_an_unknown_calibration_is_refused():
    with pytest.raises(CalibrationError, match="spline"):
        Calibration.from_json({"method": "spline"})


def test_grades_follow_geometric_bands():
    scale = MasterScale.geometric()
    assert scale.bounds == (0.0, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 1.0)
    values = np.array([0.0, 0.000499, 0.0005, 0.0079999, 0.008, 0.128, 0.9, 1.0])
    assert scale.assign(values).tolist() == ["M01", "M01", "M02", "M05", "M06", "M10", "M10", "M10"]
    assert MasterScale.from_json(json.loads(json.dumps(scale.to_json()))) == scale


def test_a_scale_with_unordered_bounds_is_refused():
    with pytest.raises(ValueError, match="rising bounds"):
        MasterScale(("A", "B"), (0.0, 0.0, 1.0))


def test_every_year_counts_the_same_in_the_long_run():
    """A bad year of 10 loans weighs as much as a good one of 90: (50 % + 0 %) / 2, not 5 of 100."""
    scale = MasterScale(("A", "B", "C"), (0.0, 0.1, 0.5, 1.0))
    months = np.array(["2008-03"] * 10 + ["2009-07"] * 90)
    labels = np.array([1] * 5 + [0] * 95)
    found = long_run_rates(scale, np.full(100, 0.05), months, labels)
    assert found["years"] == ["2008", "2009"]
    assert found["portfolio"] == {"n": 100, "events": 5, "years": 2, "rate": 0.25}
    assert found["grades"][0] == {"grade": "A", "n": 100, "events": 5, "years": 2, "rate": 0.25}
    assert found["grades"][1] == {"grade": "B", "n": 0, "events": 0, "years": 0, "rate": None}
