"""The battery's statistics against reference implementations and published examples; nothing only against itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mortgage_model.statistics import NotComputable, fairness, many_tests, portfolio
from mortgage_model.statistics import calibration_tests as tests
from mortgage_model.statistics.calibration import brier, jeffreys_p_value
from mortgage_model.statistics.discrimination import auc_decay_p_value
from mortgage_model.statistics.stability import psi, psi_critical_value


@pytest.fixture(scope="module")
def sample():
    """Labels and PDs of 400 loans, with ties."""
    rng = np.random.default_rng(3)
    probabilities = np.round(rng.beta(1.2, 9, 400), 2).clip(0.01, 0.99)
    return (rng.random(400) < probabilities).astype(int), probabilities


def test_decay_is_the_normal_tail():
    assert auc_decay_p_value(0.80, 0.75, 0.025) == pytest.approx(stats.norm.sf(2.0))
    assert auc_decay_p_value(0.75, 0.80, 0.025) > 0.95
    with pytest.raises(NotComputable, match="no standard error"):
        auc_decay_p_value(0.8, 0.7, 0.0)


def test_spiegelhalter_equals_its_formula_and_the_brier_score_it_stands_for(sample):
    labels, probabilities = sample
    expected = np.mean(probabilities * (1 - probabilities))
    variance = np.sum((1 - 2 * probabilities) ** 2 * probabilities * (1 - probabilities)) / labels.size**2
    z = (brier(labels, probabilities) - expected) / np.sqrt(variance)
    found = tests.spiegelhalter(labels, probabilities)
    assert found.statistic == pytest.approx(z)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(z)))


def test_spiegelhalter_is_standard_normal_when_the_pds_are_right():
    rng = np.random.default_rng(11)
    probabilities = rng.beta(1, 20, 2000)
    drawn = ((rng.random(2000) < probabilities).astype(int) for _ in range(300))
    found = [tests.spiegelhalter(labels, probabilities).statistic for labels in drawn]
    assert stats.kstest(found, "norm").pvalue > 0.01


def test_hosmer_lemeshow_equals_pearsons_chi_square_over_the_deciles():
    rng = np.random.default_rng(5)
    probabilities = rng.permutation(np.linspace(0.02, 0.6, 500))
    labels = (rng.random(500) < probabilities).astype(int)
    order = np.argsort(probabilities)
    observed, expected = [], []
    for part in np.array_split(order, 10):
        observed += [labels[part].sum(), (1 - labels[part]).sum()]
        expected += [probabilities[part].sum(), (1 - probabilities[part]).sum()]
    statistic = stats.power_divergence(observed, np.array(expected) * np.sum(observed) / np.sum(expected)).statistic
    assert np.sum(observed) == pytest.approx(np.sum(expected))
    found = tests.hosmer_lemeshow(labels, probabilities)
    assert found.statistic == pytest.approx(statistic, rel=1e-9)
    assert found.p_value == pytest.approx(stats.chi2.sf(statistic, 10))


@given(events=st.integers(0, 60), more=st.integers(1, 300), probabilities=st.floats(0.001, 0.5))
def test_binomial_equals_scipys_exact_test(events, more, probabilities):
    n = events + more
    assert tests.binomial_p_value(events, n, probabilities) == pytest.approx(
        stats.binomtest(events, n, probabilities, alternative="greater").pvalue, abs=1e-12
    )


def test_jeffreys_published_example():
    """ECB validation reporting, as the issue gives it: 6 loans, 2 defaults, PD 3.67 % -> p = 0.0044."""
    assert jeffreys_p_value(2, 6, 0.0367) == pytest.approx(0.0044, abs=5e-5)


def test_holm_published_example():
    """Holm (1979) as worked in the documentation of R's p.adjust: 0.01, 0.02, 0.03, 0.04, 0.05."""
    assert many_tests.holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert many_tests.holm([0.04, 0.01]) == pytest.approx([0.04, 0.02])
    assert many_tests.holm([]).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_raw_p_and_bonferroni(p_values):
    adjusted = many_tests.holm(p_values)
    assert (adjusted >= np.array(p_values) - 1e-12).all()
    assert (adjusted <= np.minimum(1, np.array(p_values) * len(p_values)) + 1e-12).all()


def test_traffic_light_changes_colour_at_its_quantiles():
    n, probabilities = 1000, 0.02
    yellow, red = (int(stats.binom.isf(level, n, probabilities)) + 1 for level in (0.05, 0.001))
    assert [tests.traffic_light(k, n, probabilities) for k in (0, yellow, yellow + 1, red, red + 1)] == [
        "green",
        "yellow" if stats.binom.sf(yellow - 1, n, probabilities) < 0.05 else "green",
        "yellow",
        "red" if stats.binom.sf(red - 1, n, probabilities) < 0.001 else "yellow",
        "red",
    ]


def test_murphy_adds_up_and_finds_what_was_put_in(sample):
    labels, probabilities = sample
    parts = tests.murphy(labels, probabilities)
    assert parts.brier == pytest.approx(brier(labels, probabilities))
    assert parts.reliability - parts.resolution + parts.uncertainty + parts.within_bands == pytest.approx(parts.brier)
    # Two forecasts, hand computed: 10 loans at 0.2 (1 default), 10 at 0.6 (8 defaults).
    probabilities = np.repeat([0.2, 0.6], 10)
    labels = np.concatenate(([1] + [0] * 9, [1] * 8 + [0] * 2))
    parts = tests.murphy(labels, probabilities, bands=2)
    assert (parts.reliability, parts.resolution, parts.uncertainty) == pytest.approx((0.025, 0.1225, 0.2475))
    assert parts.within_bands == pytest.approx(0)


def test_psi_critical_value_holds_what_it_promises():
    rng = np.random.default_rng(2)
    shares = rng.dirichlet(np.full(10, 8))
    critical = psi_critical_value(3000, 1500, 10)
    found = [psi(rng.multinomial(3000, shares), rng.multinomial(1500, shares)) for _ in range(2000)]
    assert np.mean(np.array(found) > critical) == pytest.approx(0.05, abs=0.02)


def test_herfindahl_and_concentration():
    assert portfolio.herfindahl(np.full(4, 5)) == pytest.approx(0.25)
    assert portfolio.herfindahl(np.array([0, 9, 0])) == 1
    # Hand computed after ECB 2.5.5.3: shares (1/2, 1/2, 0) against even ones: CV = sqrt(3 (2/36 + 1/9)) = sqrt(1/2).
    cv = np.sqrt(0.5)
    reference = stats.norm.sf(np.sqrt(2) * cv / np.sqrt(cv**2 * (0.5 + cv**2)))
    assert portfolio.concentration_p_value(np.full(3, 10), np.array([10, 10, 0])) == pytest.approx(reference)


def test_bandwidths_of_a_hand_worked_matrix():
    """Three grades; 10 of 100 move from 1 to 2 and 5 from 1 to 3, 8 of 40 from 3 to 2: ECB 2.5.5.1 by hand."""
    matrix = np.array([[85, 10, 5], [0, 60, 0], [0, 8, 32]])
    worse, better = portfolio.bandwidths(matrix)
    assert worse == pytest.approx((10 * 1 + 5 * 2) / (2 * 15))
    assert better == pytest.approx(8 * 1 / (2 * 8))
    assert portfolio.bandwidths(np.diag([3, 4])) == (0, 0)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_migration_matrix_counts_every_loan_once(moves):
    before, after = np.array(moves).T
    matrix = portfolio.migration_matrix(before, after, 5)
    assert matrix.sum() == len(moves)
    np.testing.assert_array_equal(matrix.sum(axis=1), np.bincount(before, minlength=5))
    np.testing.assert_array_equal(matrix.sum(axis=0), np.bincount(after, minlength=5))


def test_fairness_published_example_and_by_hand():
    """Adverse impact as in the EEOC's Uniform Guidelines Q&A 12: 48 of 80 and 12 of 40 selected, ratio 30/60."""
    flagged = np.concatenate((np.zeros(48), np.ones(32), np.zeros(12), np.ones(28)))
    others, group = np.repeat([True, False], [80, 40]), np.repeat([False, True], [80, 40])
    assert fairness.adverse_impact_ratio(flagged, group, others) == pytest.approx(0.5)
    values = np.arange(120.0)
    pooled = np.sqrt((39 * values[group].var(ddof=1) + 79 * values[others].var(ddof=1)) / 118)
    expected = (values[group].mean() - values[others].mean()) / pooled
    assert fairness.standardised_mean_difference(values, group, others) == pytest.approx(expected)
    t = stats.ttest_ind(values[group], values[others]).statistic
    assert expected == pytest.approx(t * np.sqrt(1 / 40 + 1 / 80))
    rates = fairness.error_rates(np.array([0, 0, 1, 1]), np.array([1, 0, 0, 1]), np.full(4, True))
    assert rates == {"false_positive_rate": 0.5, "false_negative_rate": 0.5}


@pytest.mark.parametrize(
    "call",
    [
        lambda: portfolio.herfindahl(np.zeros(3)),
        lambda: portfolio.bandwidths(np.zeros((3, 3))),
        lambda: tests.binomial_p_value(0, 0, 0.1),
        lambda: tests.spiegelhalter(np.array([0, 1]), np.array([0.0, 1.0])),
        lambda: psi_critical_value(0, 5, 10),
        lambda: fairness.adverse_impact_ratio(np.ones(4), np.full(4, True), np.full(4, True)),
        lambda: fairness.standardised_mean_difference(np.ones(4), np.full(4, True), np.full(4, True)),
    ],
)
def test_what_cannot_be_computed_says_so(call):
    with pytest.raises(NotComputable):
        call()
