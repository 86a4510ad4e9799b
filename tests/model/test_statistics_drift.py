"""Shift statistics against scipy, brute force and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, false_discovery_control, ks_2samp

from mortgage_model.statistics import NotComputable, drift, many_tests
from mortgage_model.statistics.label_free import expected_performance
from mortgage_model.statistics.stability import psi

SHARES = np.array([0.1, 0.2, 0.3, 0.25, 0.15])
MOVED = np.array([0.2, 0.25, 0.25, 0.2, 0.1])


def true_psi() -> float:
    return float(np.sum((MOVED - SHARES) * np.log(MOVED / SHARES)))


def test_the_interval_of_the_psi_covers_the_true_one_95_times_in_100():
    random = np.random.default_rng(3)
    reference, tonight = random.multinomial(20_000, SHARES, 400), random.multinomial(3_000, MOVED, 400)
    ends = np.array([drift.psi_interval(e, a) for e, a in zip(reference, tonight, strict=True)])
    covered = np.mean((ends[:, 0] <= true_psi()) & (true_psi() <= ends[:, 1]))
    assert 0.92 <= covered <= 0.98


def test_two_samples_of_one_population_have_a_lower_end_of_nought():
    random = np.random.default_rng(4)
    low = [drift.psi_interval(*random.multinomial(2_000, SHARES, 2))[0] for _ in range(300)]
    assert np.mean(np.array(low) > 0) < 0.06
    assert max(low) < 0.01


def test_chi_square_is_scipys_and_ignores_bins_empty_in_both():
    e, a = np.array([30, 50, 0, 20]), np.array([45, 40, 0, 15])
    expected = chi2_contingency([[30, 50, 20], [45, 40, 15]], correction=False).pvalue
    assert drift.chi_square_p(e, a) == pytest.approx(expected)


def test_binned_ks_is_the_two_sample_distance_where_every_value_has_a_bin():
    random = np.random.default_rng(5)
    x, y = random.integers(0, 8, 500), random.integers(1, 9, 400)
    distance, p = drift.binned_ks(np.bincount(x, minlength=9), np.bincount(y, minlength=9))
    reference = ks_2samp(x, y, method="asymp")
    assert distance == pytest.approx(reference.statistic)
    assert p == pytest.approx(reference.pvalue, rel=0.2)


def test_holm_by_hand_and_benjamini_hochberg_by_scipy():
    p = np.array([0.01, 0.04, 0.03, 0.005])
    assert many_tests.holm(p).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert many_tests.benjamini_hochberg(p) == pytest.approx(false_discovery_control(p))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_values_only_rise_and_keep_their_order(values):
    p = np.array(values)
    for adjusted in (many_tests.holm(p), many_tests.benjamini_hochberg(p)):
        assert (adjusted >= p - 1e-12).all()
        assert (adjusted <= 1).all()
        assert (np.diff(adjusted[np.argsort(p)]) >= -1e-12).all()


@given(st.lists(st.integers(0, 500), min_size=2, max_size=12), st.integers(1, 5))
def test_equal_shares_have_no_shift(counts, factor):
    e = np.array(counts) + 1
    assert drift.psi_interval(e, factor * e)[0] == 0
    assert drift.chi_square_p(e, factor * e) == pytest.approx(1)
    assert psi(e, e) == pytest.approx(0)


def test_an_empty_sample_is_not_computable():
    with pytest.raises(NotComputable):
        drift.psi_interval(np.array([1, 2]), np.array([0, 0]))
    with pytest.raises(NotComputable):
        drift.share_difference_z(0, 0, 1, 2)


def test_the_expected_auc_is_the_mean_auc_of_labels_drawn_from_the_pds():
    from mortgage_model.statistics.discrimination import auc

    random = np.random.default_rng(6)
    p = random.beta(0.6, 12, 3_000)
    found = expected_performance(p)
    drawn = np.array([auc((random.random(p.size) < p).astype(int), p) for _ in range(200)])
    assert found.auc == pytest.approx(np.mean(drawn), abs=0.003)
    assert np.mean((found.auc_interval[0] < drawn) & (drawn < found.auc_interval[1])) > 0.88
    assert found.defaults == pytest.approx(p.sum())
    assert found.brier == pytest.approx(np.mean(p * (1 - p)))
