"""Every metric, sample by sample."""

from __future__ import annotations

from mortgage_model.documents.evaluation import METRIC_NAMES, ModelEvidence
from mortgage_model.report.parts import SAMPLE_WORDS, metric_cell, table

LISTED_METRICS = (
    "auc",
    "gini",
    "ks",
    "average_precision",
    "brier",
    "brier_skill",
    "log_loss",
    "calibration_slope",
    "calibration_intercept",
    "calibration_in_the_large",
    "expected_calibration_error",
    "mean_pd",
    "default_rate",
)


def by_sample(evidence: ModelEvidence) -> str:
    """Every metric for the three samples, with intervals."""
    metrics, samples = evidence["metrics"], evidence["samples"]
    names = [name for name in SAMPLE_WORDS if name in samples]
    head = [
        "Metric",
        *(
            (f"{SAMPLE_WORDS[n]}<span class='range'>{samples[n]['first_month']} to {samples[n]['last_month']}</span>")
            for n in names
        ),
    ]
    rows = [
        ["Observations", *(f"{samples[n]['n']:,}" for n in names)],
        ["Loans", *(f"{samples[n]['loans']:,}" for n in names)],
        ["Loans that default", *(f"{metrics[n]['defaulted_loans']['value']:,}" for n in names)],
        ["Observations in default", *(f"{samples[n]['events']:,}" for n in names)],
    ]
    for metric in LISTED_METRICS:
        label = METRIC_NAMES[metric]
        rows.append([label[0].upper() + label[1:], *(metric_cell(metrics[n][metric]) for n in names)])
    boot = evidence["bootstrap"]
    note = (
        f"Below each figure its 95 % interval: {boot['replicates']} bootstrap replicates that draw whole "
        "loans, because the months of one loan default together and are not independent. Calibration in the "
        "large has a Fisher-information interval, which takes rows as independent and is too narrow; PR-AUC and "
        "the expected calibration error have none. The calibration was fitted on the validation sample, so that its "
        "level is right there by construction."
    )
    listed = table(head, rows, numeric=range(1, 1 + len(names)))
    return f"<h2>Metrics by sample</h2>{listed}<p class='soft small'>{note}</p>"
