"""The evidence on a model of any table: rows scored by models that never saw them, measured and put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from mortgage_model.development.search import Search
from mortgage_model.documents.evaluation import METRIC_NAMES, Metric
from mortgage_model.scoring.artifact import MortgageModel
from mortgage_model.scoring.booster import gains
from mortgage_model.statistics import NotComputable, discrimination
from mortgage_model.statistics.bootstrap import SampleBootstrap, loan_weights
from mortgage_model.validation.evaluation import POINT_METRICS, measure

REPLICATES = 200
RANKING = ("auc", "gini", "ks", "average_precision")
# Independent events from which validation is taken to be sound (Collins, Ogundimu & Altman 2016).
ENOUGH_EVENTS = 100


@dataclass(frozen=True)
class Evidence:
    """Rows scored by models that never saw them: positions, labels, PDs, independent units, folds; searches per fold;
    `notes`, what was found on the way that the reader of the figures must know.
    """

    rows: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    units: np.ndarray
    folds: np.ndarray
    searches: tuple[Search, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def ranking(self) -> np.ndarray:
        """The scores to rank by: PDs of several folds come from several models, so each is placed within its fold."""
        return discrimination.placements(self.labels, self.probabilities, self.folds)


def measure_evidence(evidence: Evidence, seed: int) -> dict[str, Metric]:
    """Every metric with its interval, by bootstrap of whole groups (rows of a key, near-duplicates).

    Metrics of ranking take `evidence.ranking`, those of the level and the spread of PDs the PDs.
    """
    _, units = np.unique(evidence.units, return_inverse=True)
    count = int(units.max()) + 1
    try:
        boot = SampleBootstrap(evidence.labels, evidence.probabilities, units, count, evidence.ranking)
        drawn = [boot.replicate(weights) for weights in loan_weights(count, REPLICATES, seed)]
    except NotComputable:
        drawn = []
    replicates = {name: np.array([one[name] for one in drawn]) for name in (drawn[0] if drawn else ())}
    n, events = len(evidence.labels), int(evidence.labels.sum())
    return {
        name: measure(
            partial(function, evidence.labels, evidence.ranking if name in RANKING else evidence.probabilities),
            n,
            events,
            replicates.get(name),
        )
        for name, function in POINT_METRICS.items()
    }


def told(evidence: Evidence, metrics: Mapping[str, Metric], model: MortgageModel) -> list[str]:
    """What whoever reads the figures must know, in sentences."""
    found = list(evidence.notes)
    events, independent = int(evidence.labels.sum()), len(np.unique(evidence.units[evidence.labels == 1]))
    if independent < ENOUGH_EVENTS:
        found.append(
            f"Few events: {independent:,} independent ones, of the {ENOUGH_EVENTS} that validation wants (Collins, "
            "Ogundimu & Altman 2016); go by the intervals."
        )
    area = metrics["auc"]
    if area["interval"] is None:
        found.append(f"The AUC has no interval: {area.get('reason') or area.get('interval_reason')}.")
    elif area["interval"][0] <= 0.5:
        low, high = area["interval"]
        found.append(
            f"The model ranks no better than chance: AUC {area['value']:.3f}, 95 % interval {low:.3f} to {high:.3f}, "
            f"on {events:,} events. No feature is shown to tell anything of this label."
        )
    if not gains(model.booster, model.spec.names):
        found.append("No feature carries anything: the model gives every row the same PD.")
    found += [f"{METRIC_NAMES[name]} has no value: {m['reason']}." for name, m in metrics.items() if m["value"] is None]
    return found
