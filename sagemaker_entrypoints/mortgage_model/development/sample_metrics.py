"""The training job's own metrics: five figures per sample, for SageMaker and metrics.json.

The evidence for the gate, with intervals, is the validation job's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mortgage_model.statistics import NotComputable, calibration, discrimination, finite

METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "auc": discrimination.auc,
    "ks": discrimination.signed_ks,
    "brier": calibration.brier,
    "logloss": calibration.log_loss,
    "calibration_slope": lambda labels, pd_values: calibration.recalibrate(labels, pd_values).slope.value,
}


def sample_metrics(sample: str, labels: np.ndarray, pd_values: np.ndarray) -> dict[str, dict[str, Any]]:
    """`<sample>-<metric>` -> {"value", "n", "events"}; one without a value is null and has a "reason"."""
    counts: dict[str, Any] = {"n": len(labels), "events": int(labels.sum())}
    metrics = {}
    for name, function in METRICS.items():
        try:
            metrics[f"{sample}-{name}"] = {"value": finite(function(labels, pd_values), "the statistic"), **counts}
        except NotComputable as reason:
            metrics[f"{sample}-{name}"] = {"value": None, "reason": str(reason), **counts}
    return metrics


def metric_lines(metrics: dict[str, dict[str, Any]]) -> list[str]:
    """`name=value;` per metric, as metric_definitions.json matches it; null metrics match nothing."""
    return [
        f"{name}={metric['value']:.6g};" if metric["value"] is not None else f"{name} is null: {metric['reason']}"
        for name, metric in metrics.items()
    ]
