"""The report's first sections: metrics, discrimination, calibration. Each takes evaluation.json's parts,
gives HTML.
"""

from __future__ import annotations

from html import escape
from typing import Any

from mortgage_model.report.charts import Axis, Plot, index_axis, percent, rate_axis
from mortgage_model.report.parts import (
    SAMPLE_WORDS,
    chart,
    figure,
    interval,
    metric_cell,
    nothing,
    pair,
    share,
    table,
)
from mortgage_model.validation.gate import METRIC_NAMES

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


def metrics_by_sample(detail: dict[str, Any]) -> str:
    """Every metric for the three samples, with intervals."""
    metrics, samples = detail["metrics"], detail["samples"]
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
    boot = detail["bootstrap"]
    note = (
        f"Below each figure its 95 % interval: {boot['replicates']} bootstrap replicates that draw whole "
        "loans, because the months of one loan default together and are not independent. Calibration in the "
        "large has a Fisher-information interval, which takes rows as independent and is too narrow; PR-AUC and "
        "the expected calibration error have none. The calibration was fitted on the validation sample, so that its "
        "level is right there by construction."
    )
    listed = table(head, rows, numeric=range(1, 1 + len(names)))
    return f"<h2>Metrics by sample</h2>{listed}<p class='soft small'>{note}</p>"


def discrimination(evaluation: dict[str, Any]) -> str:
    """ROC, CAP and the distribution of PDs by outcome, out of time."""
    detail, quality = evaluation["mortgage"], evaluation["binary_classification_metrics"]
    auc, ks = detail["metrics"]["oot"]["auc"], detail["metrics"]["oot"]["ks"]
    title = "<h2>Discrimination: are defaulters ranked above the rest?</h2>"
    if auc["value"] is None:
        return title + nothing("The curves", auc["reason"])
    unit = [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    curve = quality["receiver_operating_characteristic_curve"]
    roc = Plot(
        "ROC curve, out of time",
        f"AUC {figure(auc['value'])}, {interval(auc)}",
        Axis("Share of non-defaulters flagged", 0, 1, ticks=unit, text=percent),
        Axis("Share of defaulters flagged", 0, 1, ticks=unit, text=percent),
    )
    roc.line([(0, 0), (1, 1)], "muted").line(
        list(zip(curve["false_positive_rates"], curve["true_positive_rates"], strict=True)), "model"
    )
    cap = Plot(
        "CAP curve, out of time",
        f"Accuracy ratio {figure(2 * auc['value'] - 1)}",
        Axis("Share of loans, riskiest first", 0, 1, ticks=unit, text=percent),
        Axis("Share of defaults found", 0, 1, ticks=unit, text=percent),
    )
    rate = detail["samples"]["oot"]["events"] / detail["samples"]["oot"]["n"]
    cap.line([(0, 0), (1, 1)], "muted").line([(0, 0), (rate, 1), (1, 1)], "muted")
    cap.line(list(zip(detail["cap"]["population"], detail["cap"]["defaults"], strict=True)), "model")
    delong = detail["metrics"]["oot"]["auc_delong"]
    roc_note = (
        f"AUC {figure(auc['value'])} ({interval(auc)} by loan bootstrap; DeLong, rows as "
        f"independent: {interval(delong)}). Dashed: chance."
    )
    cap_note = f"Accuracy ratio (Gini) {figure(2 * auc['value'] - 1)}. Dashed: chance, and a perfect ranking."
    return (
        title
        + pair(chart("ROC curve", roc.svg(), roc_note), chart("Cumulative accuracy profile", cap.svg(), cap_note))
        + _histogram(detail["score_histogram"], ks)
    )


def _histogram(histogram: dict[str, Any], ks: dict[str, Any]) -> str:
    edges = histogram["edges"]
    top = max(*histogram["defaults"], *histogram["others"])
    plot = Plot(
        "Distribution of PD by outcome, out of time",
        "Shares of each group per PD band",
        Axis("PD, logarithmic", edges[0], edges[-1], log=True, text=percent),
        Axis("Share of group", 0, top * 1.1, text=percent),
        width=1140,
        height=300,
    )
    for key, style, name in (("others", "model", "did not default"), ("defaults", "observed", "defaulted")):
        steps = [(x, s) for low, high, s in zip(edges, edges[1:], histogram[key], strict=False) for x in (low, high)]
        plot.area(steps, style, name)
    note = (
        "The farther apart the two shapes, the better the ranking; KS, the greatest distance of "
        f"their cumulated shares, is {figure(ks['value'])}."
    )
    return chart("PD by outcome", plot.svg(), note)


def calibration(detail: dict[str, Any]) -> str:
    """Expected against observed default rates by decile, by grade and month by month."""
    title = "<h2>Calibration: is a PD of 2 % a default rate of 2 %?</h2>"
    bands, grades = detail["deciles"]["oot"], detail["grades"]["oot"]
    if not bands:
        return title + nothing("Calibration", "the out-of-time sample has no rows")
    values = [v for band in bands for v in (band["mean_pd"], band["observed_rate"])]
    ends = [v for band in bands for v in band["interval"]]
    axis = rate_axis("Mean PD of the band", values, log=True)
    low, high = axis.low, max(axis.high, min(1.0, max(ends) * 1.1))
    plot = Plot(
        "Calibration by decile, out of time",
        ("Mean PD against observed default rate with 95 percent Jeffreys intervals"),
        Axis("Mean PD of the band", low, high, log=True, text=percent),
        Axis("Observed default rate", low, high, log=True, text=percent),
        height=400,
    )
    plot.line([(low, low), (high, high)], "muted")
    plot.intervals([(b["mean_pd"], *b["interval"]) for b in bands], "observed")
    plot.dots(
        [(b["mean_pd"], b["observed_rate"]) for b in bands],
        "observed",
        "decile of PD",
        tips=[f"{b['events']} of {b['n']:,} defaulted" for b in bands],
    )
    slope = detail["metrics"]["oot"]["calibration_slope"]
    words = (
        f"Slope {figure(slope['value'])} ({interval(slope)})"
        if slope["value"] is not None
        else f"No slope: {slope['reason']}"
    )
    note = (
        f"On the dashed line PD and default rate agree. {escape(words)}. A band without defaults "
        "lies on the lower edge."
    )
    by_decile = chart("By decile of PD", plot.svg(), note, _band_table("Decile", bands))

    names = [band["label"] for band in grades]
    axis = rate_axis("Default rate", [v for b in grades for v in (b["mean_pd"], b["observed_rate"])], log=True)
    plot = Plot(
        "PD by grade against observed default rate, out of time",
        "Per grade of the master scale, with Jeffreys intervals",
        index_axis(names, "Grade of the master scale, best first"),
        Axis("Default rate, logarithmic", axis.low, max(axis.high, low), log=True, text=percent),
        height=400,
    )
    plot.intervals([(i + 0.12, *b["interval"]) for i, b in enumerate(grades)], "observed")
    plot.dots([(i - 0.12, b["mean_pd"]) for i, b in enumerate(grades)], "model", "mean PD")
    plot.dots([(i + 0.12, b["observed_rate"]) for i, b in enumerate(grades)], "observed", "observed")
    note = (
        "Intervals are 95 % Jeffreys and take rows as independent; several months of one loan make "
        "the true uncertainty wider."
    )
    return (
        title
        + pair(by_decile, chart("By grade", plot.svg(), note, _grade_table(grades)))
        + _by_month(detail["by_month"])
    )


def _band_table(name: str, bands: list[dict[str, Any]]) -> str:
    head = [name, "Observations", "Defaults", "Mean PD", "Observed", "95 % interval"]
    return table(head, [_band_row(band) for band in bands], numeric=range(1, 6))


def _band_row(band: dict[str, Any]) -> list[str]:
    low, high = band["interval"]
    return [
        escape(band["label"]),
        f"{band['n']:,}",
        f"{band['events']:,}",
        share(band["mean_pd"]),
        share(band["observed_rate"]),
        f"{share(low)} – {share(high)}",
    ]


def _grade_table(grades: list[dict[str, Any]]) -> str:
    head = [
        "Grade",
        "Observations",
        "Defaults",
        "Mean PD",
        "Observed",
        "95 % interval",
        "PD band",
        "p (PD too low)",
    ]
    rows = [[*_band_row(g), f"{share(g['pd_from'])} – {share(g['pd_to'])}", f"{g['jeffreys_p']:.3f}"] for g in grades]
    note = (
        "<p class='soft small'>p is the one-sided Jeffreys probability that the true default rate "
        "is below the grade's mean PD; a small p says that the PD is too low.</p>"
    )
    return table(head, rows, numeric=range(1, 8)) + note


def _by_month(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    times = [int(row["month"][:4]) + (int(row["month"][5:]) - 1) / 12 for row in rows]
    top = max(v for row in rows for v in (row["observed_rate"], row["mean_pd"])) * 1.15
    years = list(range(int(min(times)), int(max(times)) + 2))
    plot = Plot(
        "Default rate and mean PD by observation month",
        "One line each, broken between the samples",
        Axis(
            "Observation month",
            min(times) - 0.1,
            max(times) + 0.1,
            ticks=[y for y in years if min(times) - 0.1 <= y <= max(times) + 0.1],
            text="{:.0f}".format,
        ),
        Axis("Rate over the horizon", 0, top, text=percent),
        width=1140,
        height=320,
    )
    for position, sample in enumerate(SAMPLE_WORDS):
        chosen = [(t, row) for t, row in zip(times, rows, strict=True) if row["sample"] == sample]
        first = position == 0
        plot.line([(t, row["mean_pd"]) for t, row in chosen], "model", "mean PD" if first else "")
        plot.line(
            [(t, row["observed_rate"]) for t, row in chosen],
            "observed",
            "observed default rate" if first else "",
        )
    note = (
        "The three stretches are training, validation and out of time; the gaps between them are "
        "the embargo, in which no month is used."
    )
    return chart("Month by month", plot.svg(), note)
