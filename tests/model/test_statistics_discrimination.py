"""Discrimination statistics against scikit-learn, scipy and a published worked example."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from mortgage_model.statistics import NotComputable
from mortgage_model.statistics import discrimination as d


def sample(seed: int, n: int = 500, decimals: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.2
    return labels.astype(int), np.round(rng.normal(size=n) + 0.8 * labels, decimals)


@st.composite
def samples(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    scores = draw(st.lists(st.integers(-20, 20), min_size=2, max_size=60))
    labels = draw(st.lists(st.integers(0, 1), min_size=len(scores), max_size=len(scores)))
    labels[0], labels[1] = 0, 1
    return np.array(labels), np.array(scores, dtype=float)


@pytest.mark.parametrize("seed", range(5))
def test_auc_ks_and_average_precision_equal_scikit_learn_and_scipy_with_ties(seed):
    labels, scores = sample(seed)
    assert d.auc(labels, scores) == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)
    assert d.gini(labels, scores) == pytest.approx(2 * metrics.roc_auc_score(labels, scores) - 1, abs=1e-12)
    assert d.ks(labels, scores) == pytest.approx(stats.ks_2samp(scores[labels == 1], scores[labels == 0]).statistic)
    assert d.average_precision(labels, scores) == pytest.approx(metrics.average_precision_score(labels, scores))


def test_delong_equals_the_published_example():
    """Hanley & McNeil (1982), 109 CT images on a five-point scale, as in the Stata manual's `roctab disease
    rating` (whose default is DeLong): area 0.8932, standard error 0.0307, 95 % interval 0.83295 to
    0.95339."""
    normal, abnormal = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
    labels = np.repeat([0, 1], [sum(normal), sum(abnormal)])
    ratings = np.concatenate((np.repeat(range(1, 6), normal), np.repeat(range(1, 6), abnormal)))
    result = d.delong(labels, ratings)
    assert round(result.value, 4) == 0.8932
    assert round(result.standard_error, 4) == 0.0307
    assert np.round(result.interval, 5).tolist() == [0.83295, 0.95339]


def test_delong_equals_the_definition_by_pairs():
    labels, scores = sample(3, n=120, decimals=0)
    bad, good = scores[labels == 1], scores[labels == 0]
    wins = (bad[:, None] > good[None, :]) + 0.5 * (bad[:, None] == good[None, :])
    variance = wins.mean(axis=1).var(ddof=1) / bad.size + wins.mean(axis=0).var(ddof=1) / good.size
    assert d.delong(labels, scores).standard_error == pytest.approx(np.sqrt(variance), rel=1e-12)


def test_curves_equal_scikit_learn_and_keep_their_area_when_thinned():
    labels, scores = sample(1, n=20_000, decimals=6)
    expected_fpr, expected_tpr, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    fpr, tpr = d.roc_curve(labels, scores, points=10**6)
    np.testing.assert_allclose(fpr, expected_fpr, atol=1e-12)
    np.testing.assert_allclose(tpr, expected_tpr, atol=1e-12)
    thin_fpr, thin_tpr = d.roc_curve(labels, scores, points=200)
    assert thin_fpr.size <= 200
    assert (thin_fpr[0], thin_tpr[-1]) == (0.0, 1.0)
    assert np.trapezoid(thin_tpr, thin_fpr) == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-3)

    precision, recall = d.precision_recall_curve(labels, scores, points=10**6)
    expected_precision, expected_recall, _ = metrics.precision_recall_curve(labels, scores)
    order = np.argsort(-expected_recall, kind="stable")[::-1]
    np.testing.assert_allclose(np.sort(recall), np.sort(expected_recall[order][1:]), atol=1e-12)
    np.testing.assert_allclose(np.sort(precision), np.sort(expected_precision[:-1]), atol=1e-12)


def test_area_of_the_cap_gives_the_accuracy_ratio():
    """Accuracy ratio = area between CAP and diagonal over that of the perfect model (BCBS WP14)."""
    labels, scores = sample(2, n=3000, decimals=3)
    population, found = d.cap_curve(labels, scores, points=10**6)
    perfect = (1 - labels.mean()) / 2
    assert (np.trapezoid(found, population) - 0.5) / perfect == pytest.approx(d.gini(labels, scores), abs=1e-9)


def test_confusion_at_the_best_cutoff_reaches_ks_and_equals_scikit_learn():
    labels, scores = sample(4)
    cutoff = d.best_cutoff(labels, scores)
    counts = d.confusion_counts(labels, scores, cutoff)
    tn, fp, fn, tp = metrics.confusion_matrix(labels, scores >= cutoff).ravel()
    assert counts == {"tp": tp, "fp": fp, "tn": tn, "fn": fn}
    assert tp / (tp + fn) - fp / (fp + tn) == pytest.approx(d.ks(labels, scores))


@given(samples())
@settings(max_examples=60, deadline=None)
def test_invariants(drawn):
    labels, scores = drawn
    area = d.auc(labels, scores)
    assert 0 <= area <= 1
    assert 0 <= d.ks(labels, scores) <= 1
    assert d.auc(labels, np.exp(scores / 7) * 3 - 1) == pytest.approx(area, abs=1e-12)
    assert d.auc(labels, -scores) == pytest.approx(1 - area, abs=1e-12)
    assert d.auc(np.tile(labels, 3), np.tile(scores, 3)) == pytest.approx(area, abs=1e-12)
    assert d.ks(labels, scores) >= abs(2 * area - 1) / 2 - 1e-12
    fpr, tpr = d.roc_curve(labels, scores)
    assert (np.diff(fpr) >= -1e-12).all()
    assert (np.diff(tpr) >= -1e-12).all()


def test_weights_count_as_repeated_rows():
    labels, scores = sample(7, n=200)
    weights = np.random.default_rng(0).integers(0, 4, 200)
    ranked = d.RankedScores(labels, scores)
    area, distance = ranked.auc_and_ks(weights[ranked.order].astype(float))
    assert area == pytest.approx(metrics.roc_auc_score(np.repeat(labels, weights), np.repeat(scores, weights)))
    assert distance == pytest.approx(d.ks(np.repeat(labels, weights), np.repeat(scores, weights)))


@pytest.mark.parametrize("statistic", [d.auc, d.gini, d.ks, d.average_precision, d.delong, d.roc_curve, d.best_cutoff])
@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([], "no rows"),
        ([0, 0, 0], "none of the 3 observations defaulted"),
        ([1, 1, 1], "all 3 observations defaulted"),
    ],
)
def test_no_value_where_there_is_none(statistic, labels, reason):
    with pytest.raises(NotComputable, match=reason):
        statistic(np.array(labels), np.linspace(0, 1, len(labels)))


def test_constant_scores_discriminate_nothing():
    labels = np.array([0, 1, 0, 1])
    assert d.auc(labels, np.ones(4)) == 0.5
    assert d.ks(labels, np.ones(4)) == 0.0


def test_bad_inputs_are_the_callers_mistake():
    with pytest.raises(ValueError, match="finite"):
        d.auc(np.array([0, 1]), np.array([0.1, np.nan]))
    with pytest.raises(ValueError, match="labels must be 0 or 1"):
        d.auc(np.array([0, 2]), np.array([0.1, 0.2]))
    with pytest.raises(ValueError, match="one length"):
        d.auc(np.array([0, 1]), np.array([0.1]))
