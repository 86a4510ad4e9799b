"""The training job's own metrics: five figures per sample, for SageMaker and metrics.json.

The evidence for the gate, with intervals, is the validation job's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mortgage_model.documents.training import SampleMetrics
from mortgage_model.statistics import NotComputable, calibration, discrimination, finite

METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "auc": discrimination.auc,
    "ks": discrimination.signed_ks,
    "brier": calibration.brier,
    "logloss": calibration.log_loss,
    "calibration_slope": lambda labels, probabilities: calibration.recalibrate(labels, probabilities).slope.value,
}


def sample_metrics(sample: str, labels: np.ndarray, probabilities: np.ndarray) -> SampleMetrics:
    """`<sample>-<metric>` -> {"value", "n", "events"}; one without a value is null and has a "reason"."""
    n, events = len(labels), int(labels.sum())
    metrics: SampleMetrics = {}
    for name, function in METRICS.items():
        try:
            value = finite(function(labels, probabilities), "the statistic")
            metrics[f"{sample}-{name}"] = {"value": value, "n": n, "events": events}
        except NotComputable as reason:
            metrics[f"{sample}-{name}"] = {"value": None, "reason": str(reason), "n": n, "events": events}
    return metrics


def metric_lines(metrics: SampleMetrics) -> list[str]:
    """`name=value;` per metric, as metric_definitions.json matches it; null metrics match nothing."""
    return [
        f"{name}={metric['value']:.6g};" if metric["value"] is not None else f"{name} is null: {metric['reason']}"
        for name, metric in metrics.items()
    ]
