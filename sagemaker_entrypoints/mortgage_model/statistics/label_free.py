"""What the metrics will be if the PDs are right: estimates for a window whose labels have not matured.

Confidence-based performance estimation: a calibrated PD says how likely each label is, so the expected confusion of
every cut-off, and with it the AUC, follows from the PDs alone (NannyML's CBPE; Guillory et al. 2021). It sees a changed
population; it cannot see a changed relation of features and default, because it takes the PDs at their word.

The expected AUC hangs on the PDs of the best loans: each of their expected defaults is one that the model ranks last.
PDs that are too high there, as trees and a calibration fitted to few such defaults leave them, make it too low.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mortgage_model.statistics.common import NotComputable
from mortgage_model.statistics.discrimination import RankedScores

REPLICATES = 100


@dataclass(frozen=True)
class Expectation:
    """Expected metrics of n rows; intervals (95 %) are over the labels that may be drawn from the PDs."""

    n: int
    defaults: float
    defaults_interval: tuple[float, float]
    auc: float
    auc_interval: tuple[float, float]
    brier: float


def expected_performance(probabilities: np.ndarray, seed: int = 0) -> Expectation:
    """Expected defaults, AUC and Brier score of calibrated PDs, shape (n,)."""
    p = np.asarray(probabilities, dtype=float)
    if p.size < 2:
        raise NotComputable(f"an expected AUC needs two loans; there are {p.size}")
    if not (0 < p.sum() < p.size):
        raise NotComputable("every PD is 0 or every PD is 1")
    # Every row twice, once as a default with weight p, once as none with weight 1 - p.
    ranked = RankedScores(np.repeat((1, 0), p.size), np.concatenate((p, p)))
    area, _ = ranked.auc_and_ks(np.concatenate((p, 1 - p))[ranked.order])
    random = np.random.default_rng(seed)
    areas, totals = [], []
    for _ in range(REPLICATES):
        drawn = random.random(p.size) < p
        totals.append(int(drawn.sum()))
        weights = np.concatenate((drawn, ~drawn)).astype(float)
        areas.append(ranked.auc_and_ks(weights[ranked.order])[0])
    spread = [value for value in areas if np.isfinite(value)]
    if not spread:
        raise NotComputable("the PDs expect no default")
    low, high = np.percentile(spread, (2.5, 97.5))
    few, many = np.percentile(totals, (2.5, 97.5))
    return Expectation(
        n=p.size,
        defaults=float(p.sum()),
        defaults_interval=(float(few), float(many)),
        auc=area,
        auc_interval=(float(low), float(high)),
        brier=float(np.mean(p * (1 - p))),
    )
