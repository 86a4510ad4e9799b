"""The out-of-time figures in SageMaker's model-quality layout, which the model registry and Studio read.

Layout: AWS, SageMaker developer guide, "Model quality metrics and Amazon CloudWatch monitoring", binary
classification. A standard deviation that does not exist is the string "NaN" there; ours come from the loan
bootstrap, not from five subsamples. Metrics of a yes/no decision use the cut-off that separates best on the
validation sample (Youden's J); it is evidence of ranking, not a lending rule.
"""

from __future__ import annotations

from collections.abc import Mapping

from mortgage_model.documents.evaluation import Metric, ModelQuality, QualityFigure
from mortgage_model.statistics import NotComputable, discrimination
from mortgage_model.validation.samples import ScoredSample


def binary_classification_metrics(
    validation: ScoredSample, oot: ScoredSample, metrics: Mapping[str, Metric]
) -> ModelQuality:
    """The content of `binary_classification_metrics`; a figure without a value is null with a "reason"."""
    quality: ModelQuality = {
        "decision_threshold": None,
        "auc": _copied(metrics["auc"]),
        "au_prc": _copied(metrics["average_precision"]),
        "brier": _copied(metrics["brier"]),
        "log_loss": _copied(metrics["log_loss"]),
        "ks": _copied(metrics["ks"]),
        "gini": _copied(metrics["gini"]),
    }
    try:
        cutoff = discrimination.best_cutoff(validation.labels, validation.probabilities)
        counts = discrimination.confusion_counts(oot.labels, oot.probabilities, cutoff)
    except NotComputable as reason:
        quality["reason"] = str(reason)
    else:
        quality["decision_threshold"] = cutoff
        _add_decision_metrics(quality, **counts)
    _add_curves(quality, oot)
    return quality


def _add_decision_metrics(quality: ModelQuality, tp: int, fp: int, tn: int, fn: int) -> None:
    events, n = tp + fn, tp + fp + tn + fn
    majority_is_default = events * 2 > n
    quality["confusion_matrix"] = {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}}
    quality["recall"] = quality["true_positive_rate"] = _share(tp, events, "there is no default")
    quality["precision"] = _share(tp, tp + fp, "no loan is flagged")
    quality["accuracy"] = _share(tp + tn, n, "there are no rows")
    quality["recall_best_constant_classifier"] = _value(1.0 if majority_is_default else 0.0)
    quality["precision_best_constant_classifier"] = _share(events if majority_is_default else 0, n, "there are no rows")
    quality["accuracy_best_constant_classifier"] = _share(max(events, n - events), n, "there are no rows")
    quality["true_negative_rate"] = _share(tn, n - events, "all loans defaulted")
    quality["false_positive_rate"] = _share(fp, n - events, "all loans defaulted")
    quality["false_negative_rate"] = _share(fn, events, "there is no default")
    quality["f0_5"] = _f_score(tp, fp, fn, 0.5)
    quality["f1"] = _f_score(tp, fp, fn, 1.0)
    quality["f2"] = _f_score(tp, fp, fn, 2.0)


def _add_curves(quality: ModelQuality, oot: ScoredSample) -> None:
    """The two curves, where both classes are there."""
    try:
        fpr, tpr = discrimination.roc_curve(oot.labels, oot.probabilities)
        precision, recall = discrimination.precision_recall_curve(oot.labels, oot.probabilities)
    except NotComputable:
        return
    quality["receiver_operating_characteristic_curve"] = {
        "false_positive_rates": fpr.tolist(),
        "true_positive_rates": tpr.tolist(),
    }
    quality["precision_recall_curve"] = {"precisions": precision.tolist(), "recalls": recall.tolist()}


def _copied(metric: Metric) -> QualityFigure:
    """A metric as computed for the out-of-time sample, in SageMaker's layout."""
    return _value(metric["value"], metric["standard_deviation"], metric.get("reason"))


def _value(value: float | None, deviation: float | None = None, reason: str | None = None) -> QualityFigure:
    figure: QualityFigure = {"value": value, "standard_deviation": "NaN" if deviation is None else deviation}
    if reason:
        figure["reason"] = reason
    return figure


def _share(part: int, whole: int, otherwise: str) -> QualityFigure:
    return _value(part / whole) if whole else _value(None, reason=otherwise)


def _f_score(tp: int, fp: int, fn: int, beta: float) -> QualityFigure:
    weight = beta * beta
    whole = (1 + weight) * tp + weight * fn + fp
    if not whole:
        return _value(None, reason="there is no default and no loan is flagged")
    return _value((1 + weight) * tp / whole)
