"""The loan bootstrap: equal to resampling rows by hand, honest about clusters, fast."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn import metrics

from mortgage_model.statistics import NotComputable, calibration, discrimination
from mortgage_model.statistics.bootstrap import SampleBootstrap, loan_weights, percentile_interval, standard_deviation
from mortgage_model.validation.evaluation import measure


def panel(loans: int = 300, months: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, PDs and loan codes; a loan's months share its risk and mostly its outcome."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(-1.5, 1, loans)
    defaulted = rng.random(loans) < 1 / (1 + np.exp(-risk))
    loan = np.repeat(np.arange(loans), months)
    labels = (defaulted[loan] & (rng.random(loan.size) < 0.9)).astype(int)
    return labels, 1 / (1 + np.exp(-(risk[loan] + rng.normal(0, 0.2, loan.size)))), loan


def test_a_replicate_equals_the_statistics_of_the_repeated_rows():
    labels, probabilities, loan = panel()
    weights = next(loan_weights(300, 1, seed=5))
    times = weights[loan].astype(int)
    y, p = np.repeat(labels, times), np.repeat(probabilities, times)
    replicate = SampleBootstrap(labels, probabilities, loan, 300).replicate(weights)
    assert replicate["auc"] == pytest.approx(metrics.roc_auc_score(y, p))
    assert replicate["ks"] == pytest.approx(discrimination.ks(y, p))
    assert replicate["brier"] == pytest.approx(metrics.brier_score_loss(y, p))
    assert replicate["brier_skill"] == pytest.approx(metrics.d2_brier_score(y, p))
    assert replicate["log_loss"] == pytest.approx(metrics.log_loss(y, p))
    assert (replicate["default_rate"], replicate["mean_pd"]) == pytest.approx((y.mean(), p.mean()))


def test_the_one_step_slope_stays_close_to_refitting():
    labels, probabilities, loan = panel(loans=2000)
    boot = SampleBootstrap(labels, probabilities, loan, 2000)
    one_step, refitted = [], []
    for weights in loan_weights(2000, 30, seed=1):
        one_step.append(boot.replicate(weights)["calibration_slope"])
        times = weights[loan].astype(int)
        refitted.append(calibration.recalibrate(np.repeat(labels, times), np.repeat(probabilities, times)).slope.value)
    spread = np.std(refitted)
    assert np.max(np.abs(np.subtract(one_step, refitted))) < 0.25 * spread
    assert np.std(one_step) == pytest.approx(spread, rel=0.1)


def test_drawing_loans_is_wider_than_drawing_rows():
    """Six months of a loan carry little more than one: an interval by rows is far too narrow."""
    labels, probabilities, loan = panel(months=6)
    by_loan = [SampleBootstrap(labels, probabilities, loan, 300).replicate(w)["auc"] for w in loan_weights(300, 200, 2)]
    rows = np.arange(loan.size)
    by_row = [
        SampleBootstrap(labels, probabilities, rows, rows.size).replicate(w)["auc"]
        for w in loan_weights(rows.size, 200, 2)
    ]
    assert np.ptp(percentile_interval(by_loan)) > 1.5 * np.ptp(percentile_interval(by_row))


def test_interval_covers_the_truth_about_as_often_as_it_says():
    truth, covered = None, 0
    rng = np.random.default_rng(0)
    for _ in range(60):
        scores = np.concatenate((rng.normal(1, 1, 40), rng.normal(0, 1, 160)))
        labels = np.repeat([1, 0], [40, 160])
        probabilities = 1 / (1 + np.exp(-scores))
        boot = SampleBootstrap(labels, probabilities, np.arange(200), 200)
        low, high = percentile_interval([boot.replicate(w)["auc"] for w in loan_weights(200, 100, 3)])
        truth = 0.7602  # Phi(1 / sqrt 2), the binormal AUC
        covered += low <= truth <= high
    assert covered >= 51


def test_same_seed_same_weights():
    first, again = (list(loan_weights(50, 3, seed=9)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert all(w.sum() == 50 for w in first)


def test_a_statistic_that_mostly_does_not_exist_has_no_interval():
    assert percentile_interval(np.array([1.0] * 96 + [np.nan] * 4)) == (1.0, 1.0)
    with pytest.raises(NotComputable, match="only 90 of 100"):
        percentile_interval(np.array([1.0] * 90 + [np.nan] * 10))


def test_two_hundred_replicates_of_two_hundred_thousand_rows_take_seconds():
    labels, probabilities, loan = panel(loans=20_000, months=10)
    boot = SampleBootstrap(labels, probabilities, loan, 20_000)
    start = time.process_time()
    for weights in loan_weights(20_000, 200, seed=0):
        boot.replicate(weights)
    assert time.process_time() - start < 8


def test_a_draw_without_default_has_no_value_not_an_infinite_one():
    labels, probabilities, loan = np.array([1, 0, 0, 0]), np.array([0.4, 0.1, 0.2, 0.1]), np.arange(4)
    replicate = SampleBootstrap(labels, probabilities, loan, 4).replicate(np.array([0.0, 2, 1, 1]))
    assert np.isnan(replicate["brier_skill"])
    assert not np.isinf(list(replicate.values())).any()


@pytest.mark.parametrize("gap", [np.nan, np.inf, -np.inf])
def test_replicates_without_a_value_count_neither_for_the_interval_nor_for_the_deviation(gap):
    values = np.append(np.arange(99.0), gap)
    assert percentile_interval(values) == percentile_interval(values[:-1])
    assert standard_deviation(values) == pytest.approx(np.std(values[:-1], ddof=1))
    metric = measure(lambda: 1.0, 10, 1, values)
    assert metric["interval"] == list(percentile_interval(values))
    assert metric["standard_deviation"] == standard_deviation(values)
    few = measure(lambda: 1.0, 10, 1, np.append(np.ones(9), gap))
    assert (few["interval"], few["standard_deviation"]) == (None, None)
    assert "only 9 of 10" in few["interval_reason"]
    assert measure(lambda: float(gap), 10, 1, None)["reason"] == f"the statistic is {gap}"


def test_ranking_scores_decide_the_ranking_and_nothing_else():
    labels, probabilities, loan = panel()
    weights = next(loan_weights(300, 1, seed=5))
    plain, turned = (
        SampleBootstrap(labels, probabilities, loan, 300, ranking=ranking).replicate(weights)
        for ranking in (None, -probabilities)
    )
    assert turned["auc"] == pytest.approx(1 - plain["auc"])
    assert turned["ks"] == pytest.approx(-plain["ks"])
    assert {name: turned[name] for name in ("brier", "mean_pd")} == {name: plain[name] for name in ("brier", "mean_pd")}
