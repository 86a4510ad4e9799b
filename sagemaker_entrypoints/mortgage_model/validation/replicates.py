"""The bootstrap of all samples of a validation together, so that differences between samples are paired."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mortgage_model.statistics import NotComputable, stability
from mortgage_model.statistics.bootstrap import SampleBootstrap, loan_weights
from mortgage_model.validation.samples import ScoredSample

# Inner edges of the training PDs' deciles, and by sample the bin number of each row.
PsiBins = tuple[np.ndarray, dict[str, np.ndarray]]


class Replicates:
    """The bootstrap of all samples together: replicate i draws the same loans in each of them.

    `values[sample][metric]` and `psi` are vectors of shape (replicates,); nan where a replicate has no value.
    """

    def __init__(self, samples: Mapping[str, ScoredSample], replicates: int, seed: int) -> None:
        loans = 1 + max((int(sample.loan.max()) for sample in samples.values() if sample.n), default=-1)
        boots = {}
        for name, sample in samples.items():
            try:
                boots[name] = SampleBootstrap(sample.labels, sample.probabilities, sample.loan, loans)
            except NotComputable:
                continue
        psi_bins = _psi_bins(samples)
        draws: dict[str, list[dict[str, float]]] = {name: [] for name in boots}
        psi = []
        for weights in loan_weights(loans, replicates, seed):
            for name, boot in boots.items():
                draws[name].append(boot.replicate(weights))
            psi.append(_weighted_psi(samples, psi_bins, weights))
        self.values = {
            name: {key: np.array([d[key] for d in drawn]) for key in drawn[0]} for name, drawn in draws.items()
        }
        self.psi = np.array(psi)

    def of(self, sample: str, metric: str) -> np.ndarray | None:
        """Replicates of one metric, or None where the bootstrap does not cover it."""
        return self.values.get(sample, {}).get(metric)


def _psi_bins(samples: Mapping[str, ScoredSample]) -> PsiBins | None:
    train, oot = samples["train"], samples["oot"]
    if not train.n or not oot.n:
        return None
    edges = stability.quantile_edges(train.probabilities)
    return edges, {sample.name: stability.numeric_bins(sample.probabilities, edges) for sample in (train, oot)}


def _weighted_psi(samples: Mapping[str, ScoredSample], bins: PsiBins | None, weights: np.ndarray) -> float:
    if bins is None:
        return float("nan")
    edges, position = bins
    counts = [
        np.bincount(position[name], weights=weights[samples[name].loan], minlength=edges.size + 1)
        for name in ("train", "oot")
    ]
    return stability.psi(*counts) if all(c.sum() > 0 for c in counts) else float("nan")
