"""Does the model rank defaulters above non-defaulters? AUC, Gini, KS, ROC / CAP / precision-recall curves.

Labels are 0/1 vectors of shape (n,), 1 = default; scores are vectors of shape (n,), higher = riskier, any
monotone scale. Ties count one half (Mann-Whitney). Everything is O(n log n). Raises NotComputable where a
statistic has no value (no rows, one class).
"""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
from scipy.stats import rankdata

from mortgage_model.statistics.common import (
    Estimate,
    NotComputable,
    labels_and_scores,
    normal_estimate,
    require_both_classes,
)


class RankedScores:
    """A sample sorted once by score, so that AUC and KS under new row weights cost one pass each.

    `order` (n,) sorts the rows ascending; weights are given in that order. The bootstrap uses this:
    a replicate is a vector of weights (how often each loan was drawn), not a copy of the rows.
    """

    def __init__(self, labels: np.ndarray, scores: np.ndarray) -> None:
        y, s = labels_and_scores(labels, scores)
        require_both_classes(y)
        self.order = np.argsort(s, kind="stable")
        self._y = y[self.order]
        ranked = s[self.order]
        self._last_of_tie = np.append(np.flatnonzero(np.diff(ranked)), ranked.size - 1)

    def cumulative(self, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Weight of defaults and of non-defaults with a score up to each distinct score, ascending."""
        w = np.ones_like(self._y) if weights is None else weights
        everyone = np.cumsum(w)[self._last_of_tie]
        defaults = np.cumsum(w * self._y)[self._last_of_tie]
        return defaults, everyone - defaults

    def auc_and_ks(self, weights: np.ndarray | None = None) -> tuple[float, float]:
        """AUC (ties half) and signed KS; (nan, nan) where the weights leave one class empty."""
        bad, good = self.cumulative(weights)
        if bad[-1] <= 0 or good[-1] <= 0:
            return float("nan"), float("nan")
        good_below = np.concatenate(([0.0], good[:-1]))
        bad_here = np.diff(bad, prepend=0.0)
        auc_ = float(np.dot(bad_here, (good_below + good) / 2) / (bad[-1] * good[-1]))
        gaps = good / good[-1] - bad / bad[-1]
        return auc_, float(gaps[np.argmax(np.abs(gaps))])


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve = P(score of a default > score of a non-default) + half the ties."""
    return RankedScores(labels, scores).auc_and_ks()[0]


def gini(labels: np.ndarray, scores: np.ndarray) -> float:
    """Gini coefficient = accuracy ratio of the CAP curve = 2 AUC - 1."""
    return 2 * auc(labels, scores) - 1


def ks(labels: np.ndarray, scores: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance, in [0, 1], between the scores of defaults and of non-defaults."""
    return abs(signed_ks(labels, scores))


def signed_ks(labels: np.ndarray, scores: np.ndarray) -> float:
    """The largest gap between the scores' two distributions, in [-1, 1]; positive where defaults score higher.

    The distance alone would praise scores that rank upside down.
    """
    return RankedScores(labels, scores).auc_and_ks()[1]


def placements(labels: np.ndarray, scores: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Place of every score among the non-defaults of its own stratum, in [0, 1]: the share below it, ties half.

    Scores of several models, one per fold, are not on one scale, and pooled as they are they also tell the folds'
    default rates apart: on random labels the AUC then falls far below one half (Parker, Guenter & Bedo 2007,
    Stratification bias in low signal microarray studies; Forman & Scholz 2010, Apples-to-apples in cross-validation
    studies). The ROC curve of placements is the covariate-adjusted one of Janes & Pepe (2009), Biometrika 96:371, with
    the fold as covariate; its AUC is the folds' own, weighted by defaults. Raises NotComputable for a stratum without
    non-defaults.
    """
    y, s = labels_and_scores(labels, scores)
    found = np.empty_like(s)
    for stratum in np.unique(strata):
        rows = strata == stratum
        others = np.sort(s[rows & (y == 0)])
        if not others.size:
            raise NotComputable(f"all {int(rows.sum()):,} observations of a fold defaulted")
        below, up_to = (np.searchsorted(others, s[rows], side=side) for side in ("left", "right"))
        found[rows] = (below + up_to) / (2 * others.size)
    return found


def delong(labels: np.ndarray, scores: np.ndarray, confidence: float = 0.95) -> Estimate:
    """AUC of DeLong, DeLong & Clarke-Pearson (1988) by midranks (Sun & Xu 2014), its interval cut to [0, 1].

    It needs two of each class. Rows are taken as independent: with several months per loan the interval is too
    narrow, and the loan bootstrap's is the one to judge by.
    """
    bad_component, good_component = _placements(labels, scores)
    area = float(bad_component.mean())
    error = np.sqrt(sum(part.var(ddof=1) / part.size for part in (bad_component, good_component)))
    found = normal_estimate(area, error, confidence)
    return replace(found, interval=(max(0.0, found.interval[0]), min(1.0, found.interval[1])))


def auc_decay_p_value(development: float, current: float, standard_error: float) -> float:
    """One-sided p of "the AUC has not fallen": 1 - Phi((development - current) / standard error).

    ECB, Instructions for reporting the validation results of internal models (2019), section 2.5.4, with the
    standard error of the current AUC, the development AUC being taken as given.
    """
    if not standard_error > 0:
        raise NotComputable("the AUC has no standard error")
    return NormalDist().cdf(-(development - current) / standard_error)


def _placements(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per default the share of others it outranks, per other the share of defaults that outrank it."""
    y, s = labels_and_scores(labels, scores)
    require_both_classes(y)
    bad, good = s[y == 1], s[y == 0]
    m, n = bad.size, good.size
    if min(m, n) < 2:
        raise NotComputable(f"DeLong's variance needs two of each class; there are {m:,} defaults and {n:,} others")
    ranks = rankdata(np.concatenate((bad, good)))
    return (ranks[:m] - rankdata(bad)) / n, 1.0 - (ranks[m:] - rankdata(good)) / m


def average_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """PR-AUC as average precision, sum over thresholds of (recall step) x precision, no interpolation."""
    bad, good = RankedScores(labels, scores).cumulative()
    true_positives = bad[-1] - np.concatenate(([0.0], bad[:-1]))
    flagged = true_positives + good[-1] - np.concatenate(([0.0], good[:-1]))
    return float(np.dot(np.diff(bad, prepend=0.0), true_positives / flagged) / bad[-1])


def roc_curve(labels: np.ndarray, scores: np.ndarray, points: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """False- and true-positive rates from (0, 0) to (1, 1), thinned to at most `points` of the corners."""
    fpr, tpr = _exact_roc(labels, scores)
    keep = _thinned(fpr + tpr, points)
    return fpr[keep], tpr[keep]


def cap_curve(labels: np.ndarray, scores: np.ndarray, points: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative accuracy profile: share of loans taken riskiest first, share of defaults found so far."""
    y, _ = labels_and_scores(labels, scores)
    fpr, tpr = _exact_roc(labels, scores)
    rate = y.mean()
    population = fpr * (1 - rate) + tpr * rate
    keep = _thinned(population + tpr, points)
    return population[keep], tpr[keep]


def precision_recall_curve(labels: np.ndarray, scores: np.ndarray, points: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Precisions and recalls, recall ascending from the highest threshold on, thinned to `points`."""
    y, _ = labels_and_scores(labels, scores)
    fpr, recall = _exact_roc(labels, scores)
    fpr, recall = fpr[1:], recall[1:]
    hits = recall * y.sum()
    precision = hits / (hits + fpr * (y.size - y.sum()))
    keep = _thinned(recall, points)
    return precision[keep], recall[keep]


def best_cutoff(labels: np.ndarray, scores: np.ndarray) -> float:
    """Flagging scores from this one on makes true- minus false-positive rate (Youden's J) greatest."""
    y, s = labels_and_scores(labels, scores)
    fpr, tpr = _exact_roc(y, s)
    distinct = np.unique(s)[::-1]
    return float(distinct[max(int(np.argmax(tpr - fpr)) - 1, 0)])


def confusion_counts(labels: np.ndarray, scores: np.ndarray, cutoff: float) -> dict[str, int]:
    """Counts tp, fp, tn, fn when scores >= cutoff are called defaults."""
    y, s = labels_and_scores(labels, scores)
    flagged = s >= cutoff
    tp, fp = int((flagged & (y == 1)).sum()), int((flagged & (y == 0)).sum())
    return {"tp": tp, "fp": fp, "tn": int((y == 0).sum()) - fp, "fn": int((y == 1).sum()) - tp}


def _exact_roc(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    bad, good = RankedScores(labels, scores).cumulative()
    fpr = 1.0 - np.concatenate(([0.0], good / good[-1]))[::-1]
    tpr = 1.0 - np.concatenate(([0.0], bad / bad[-1]))[::-1]
    return fpr, tpr


def _thinned(position: np.ndarray, points: int) -> np.ndarray:
    """Indices of at most `points` entries of an ascending array, evenly spaced in its value, ends kept."""
    if position.size <= points:
        return np.arange(position.size)
    targets = np.linspace(position[0], position[-1], points)
    keep = np.unique(np.clip(np.searchsorted(position, targets), 0, position.size - 1))
    keep[0], keep[-1] = 0, position.size - 1
    return keep
