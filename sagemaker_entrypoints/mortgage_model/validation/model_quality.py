"""The out-of-time figures in SageMaker's model-quality layout, which the model registry and Studio read.

Layout: AWS, SageMaker developer guide, "Model quality metrics and Amazon CloudWatch monitoring", binary
classification. A standard deviation that does not exist is the string "NaN" there; ours come from the loan
bootstrap, not from five subsamples. Metrics of a yes/no decision use the cut-off that separates best on the
validation sample (Youden's J); it is evidence of ranking, not a lending rule.
"""

from __future__ import annotations

from typing import Any

from mortgage_model.statistics import NotComputable, discrimination
from mortgage_model.validation.samples import ScoredSample


def binary_classification_metrics(
    validation: ScoredSample, oot: ScoredSample, metrics: dict[str, Any]
) -> dict[str, Any]:
    """The content of `binary_classification_metrics`; a figure without a value is null with a "reason"."""
    try:
        cutoff = discrimination.best_cutoff(validation.labels, validation.pd)
        counts = discrimination.confusion_counts(oot.labels, oot.pd, cutoff)
    except NotComputable as reason:
        decision: dict[str, Any] = {"decision_threshold": None, "reason": str(reason)}
    else:
        decision = {"decision_threshold": cutoff, **_decision_metrics(**counts)}
    return {**decision, **_curves(oot), **_copied(metrics)}


def _decision_metrics(tp: int, fp: int, tn: int, fn: int) -> dict[str, Any]:
    events, n = tp + fn, tp + fp + tn + fn
    majority_is_default = events * 2 > n
    return {
        "confusion_matrix": {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}},
        "recall": _share(tp, events, "there is no default"),
        "precision": _share(tp, tp + fp, "no loan is flagged"),
        "accuracy": _share(tp + tn, n, "there are no rows"),
        "recall_best_constant_classifier": _value(1.0 if majority_is_default else 0.0),
        "precision_best_constant_classifier": _share(events if majority_is_default else 0, n, "there are no rows"),
        "accuracy_best_constant_classifier": _share(max(events, n - events), n, "there are no rows"),
        "true_positive_rate": _share(tp, events, "there is no default"),
        "true_negative_rate": _share(tn, n - events, "all loans defaulted"),
        "false_positive_rate": _share(fp, n - events, "all loans defaulted"),
        "false_negative_rate": _share(fn, events, "there is no default"),
        **{name: _f_score(tp, fp, fn, beta) for name, beta in (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0))},
    }


def _curves(oot: ScoredSample) -> dict[str, Any]:
    try:
        fpr, tpr = discrimination.roc_curve(oot.labels, oot.pd)
        precision, recall = discrimination.precision_recall_curve(oot.labels, oot.pd)
    except NotComputable:
        return {}
    return {
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": fpr.tolist(),
            "true_positive_rates": tpr.tolist(),
        },
        "precision_recall_curve": {"precisions": precision.tolist(), "recalls": recall.tolist()},
    }


def _copied(metrics: dict[str, Any]) -> dict[str, Any]:
    """AUC and its kin as computed for the out-of-time sample, in SageMaker's spelling."""
    names = {
        "auc": "auc",
        "au_prc": "average_precision",
        "brier": "brier",
        "log_loss": "log_loss",
        "ks": "ks",
        "gini": "gini",
    }
    return {
        ours: _value(metrics[theirs]["value"], metrics[theirs].get("standard_deviation"), metrics[theirs].get("reason"))
        for ours, theirs in names.items()
    }


def _value(value: float | None, deviation: float | None = None, reason: str | None = None) -> dict[str, Any]:
    metric: dict[str, Any] = {"value": value, "standard_deviation": "NaN" if deviation is None else deviation}
    return metric | ({"reason": reason} if reason else {})


def _share(part: int, whole: int, otherwise: str) -> dict[str, Any]:
    return _value(part / whole) if whole else _value(None, reason=otherwise)


def _f_score(tp: int, fp: int, fn: int, beta: float) -> dict[str, Any]:
    weight = beta * beta
    whole = (1 + weight) * tp + weight * fn + fp
    return (
        _value((1 + weight) * tp / whole)
        if whole
        else _value(None, reason="there is no default and no loan is flagged")
    )
