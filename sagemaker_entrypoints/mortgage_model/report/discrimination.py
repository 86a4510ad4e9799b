"""Are defaulters ranked above the rest, over all and in every part of the portfolio?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise

from mortgage_model.documents.battery import CheckRecord, Segment
from mortgage_model.documents.evaluation import Evaluation, Metric, ScoreHistogram
from mortgage_model.report.charts.axes import Axis, percent
from mortgage_model.report.charts.plot import Plot
from mortgage_model.report.charts.ranked import ranked_intervals
from mortgage_model.report.parts import chart, figure, interval, nothing, pair, share, table

MOST_SEGMENTS = 16


def curves(evaluation: Evaluation) -> str:
    """ROC, CAP and the distribution of PDs by outcome, out of time."""
    evidence, quality = evaluation["mortgage"], evaluation["binary_classification_metrics"]
    auc, ks = evidence["metrics"]["oot"]["auc"], evidence["metrics"]["oot"]["ks"]
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
    rate = evidence["samples"]["oot"]["events"] / evidence["samples"]["oot"]["n"]
    cap.line([(0, 0), (1, 1)], "muted").line([(0, 0), (rate, 1), (1, 1)], "muted")
    cap.line(list(zip(evidence["cap"]["population"], evidence["cap"]["defaults"], strict=True)), "model")
    delong = evidence["metrics"]["oot"]["auc_delong"]
    roc_note = (
        f"AUC {figure(auc['value'])} ({interval(auc)} by loan bootstrap; DeLong, rows as "
        f"independent: {interval(delong)}). Dashed: chance."
    )
    cap_note = f"Accuracy ratio (Gini) {figure(2 * auc['value'] - 1)}. Dashed: chance, and a perfect ranking."
    return (
        title
        + pair(chart("ROC curve", roc.svg(), roc_note), chart("Cumulative accuracy profile", cap.svg(), cap_note))
        + _histogram(evidence["score_histogram"], ks)
    )


def _histogram(histogram: ScoreHistogram, ks: Metric) -> str:
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
    for shares, style, name in (
        (histogram["others"], "model", "did not default"),
        (histogram["defaults"], "observed", "defaulted"),
    ):
        steps = [(x, s) for (low, high), s in zip(pairwise(edges), shares, strict=True) for x in (low, high)]
        plot.area(steps, style, name)
    note = (
        "The farther apart the two shapes, the better the ranking; KS, the greatest distance of "
        f"their cumulated shares, is {figure(ks['value'])}."
    )
    return chart("PD by outcome", plot.svg(), note)


def segments(tests: Mapping[str, CheckRecord]) -> str:
    """Where the ranking is weak: AUC with interval of the weakest segments that have enough defaults."""
    title = "<h2>Segments: is there a part of the portfolio that the model cannot rank?</h2>"
    test = tests["discrimination.segments"]
    rows: list[Segment] | None = test["detail"].get("segments")
    if not rows:
        return title + nothing("The segments", test["reason"])
    judged = sorted(_judged(rows), key=lambda segment: segment[1])
    weakest = judged[:MOST_SEGMENTS]
    bars = ranked_intervals(
        "AUC of the weakest segments, out of time",
        "With 95 percent DeLong intervals",
        weakest,
        Axis("AUC", min(0.5, *(low for _, _, low, _, _ in weakest)), 1.0),
        guide=0.5,
    )
    listed = table(
        ["Segment", "Observations", "Defaults", "Mean PD", "AUC", "95 % interval"],
        [_segment_row(row) for row in rows if "n" in row],
        numeric=range(1, 6),
    )
    note = f"The {len(weakest)} weakest of {len(judged)} segments with enough defaults to judge. Dashed: chance."
    return title + chart("Weakest segments", bars, note, listed)


def _judged(rows: Sequence[Segment]) -> Iterator[tuple[str, float, float, float, str]]:
    """Name, AUC, its interval's ends, figure in words, of every segment that is judged."""
    for row in rows:
        area, ends = row.get("auc"), row.get("interval")
        if row["judged"] and area is not None and ends is not None:
            yield _segment_name(row), area, ends[0], ends[1], f"{area:.3f}, {row['events']:,} defaults"


def _segment_name(row: Segment) -> str:
    return f"{row['segmentation'].replace('_', ' ')} {row['segment']}"


def _segment_row(row: Segment) -> list[str]:
    ends = row["interval"]
    between = f"{figure(ends[0])} – {figure(ends[1])}" if ends else escape(row.get("reason", ""))
    counts = [f"{row['n']:,}", f"{row['events']:,}", share(row["mean_pd"])]
    return [escape(_segment_name(row)), *counts, figure(row["auc"]), between]
