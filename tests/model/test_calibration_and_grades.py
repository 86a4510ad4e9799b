from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from mortgage_model import calibration
from mortgage_model.calibration import Calibration, CalibrationError
from mortgage_model.grades import MasterScale


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


@pytest.mark.parametrize(
    ("labels", "message"),
    [([1, 1, 0, 1, 0, 0, 0, 0], "slope on the validation sample is -"), ([0] * 8, "cannot be calibrated")],
)
def test_scores_that_cannot_be_calibrated_are_refused(labels, message):
    with pytest.raises(CalibrationError, match=message):
        calibration.fit(np.linspace(-3, 0, 8), np.array(labels, dtype=float))


def test_calibration_round_trip():
    fitted = Calibration(-0.123456789012345, 1.1)
    assert Calibration.from_json(json.loads(json.dumps(fitted.to_json()))) == fitted
    with pytest.raises(CalibrationError, match="isotonic"):
        Calibration.from_json({"method": "isotonic"})


def test_grades_follow_geometric_bands():
    scale = MasterScale.geometric()
    assert scale.bounds == (0.0, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 1.0)
    values = np.array([0.0, 0.000499, 0.0005, 0.0079999, 0.008, 0.128, 0.9, 1.0])
    assert scale.assign(values).tolist() == ["M01", "M01", "M02", "M05", "M06", "M10", "M10", "M10"]
    assert MasterScale.from_json(json.loads(json.dumps(scale.to_json()))) == scale


def test_a_scale_with_unordered_bounds_is_refused():
    with pytest.raises(ValueError, match="rising bounds"):
        MasterScale(("A", "B"), (0.0, 0.0, 1.0))
