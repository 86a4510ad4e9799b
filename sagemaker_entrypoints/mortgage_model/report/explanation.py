"""What drives the PD, and how?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from mortgage_model.documents.battery import CheckRecord, Profile, TwoSamples
from mortgage_model.report.charts.axes import Axis, rate_axis
from mortgage_model.report.charts.plot import Plot
from mortgage_model.report.charts.ranked import ranked_bars
from mortgage_model.report.parts import chart, figure, nothing, pair, sentence, table


def drivers(tests: Mapping[str, CheckRecord]) -> str:
    """What drives the PD: SHAP and permutation importance, then the shape of the main dependences."""
    title = "<h2>Explanation: what drives the PD, and how?</h2>"
    shap = tests["explanation.shap_ranks"]
    rows: list[TwoSamples] | None = shap["detail"].get("features")
    if not rows:
        return title + nothing("The importance of features", shap["reason"])
    top = max(row["oot"] for row in rows) or 1.0
    bars = ranked_bars(
        "SHAP summary, out of time",
        "Mean absolute contribution in log-odds",
        [(row["feature"], row["oot"], f"{row['oot']:.3f}") for row in rows[:15]],
        (),
        limit=top,
    )
    listed = table(
        ["Feature", "Training", "Out of time"],
        [[f"<code>{escape(r['feature'])}</code>", figure(r["train"], 4), figure(r["oot"], 4)] for r in rows],
        numeric=(1, 2),
    )
    charts = [chart("SHAP summary: mean absolute log-odds", bars, sentence(shap["reason"]), listed)]
    lost = tests["explanation.importance"]
    if rows := lost["detail"].get("features"):
        shown = rows[:15]
        bars = ranked_bars(
            "Loss of AUC when a feature is shuffled",
            "Training against out of time",
            [(row["feature"], max(0.0, row["train"]), f"{row['train']:.4f}") for row in shown],
            (),
            limit=max(1e-6, *(max(row["train"], row["oot"]) for row in shown)),
            compared=[row["oot"] for row in shown],
        )
        note = f"{sentence(lost['reason'])} Thick: training, thin: out of time."
        charts.append(chart("Permutation importance: loss of AUC", bars, note))
    return title + pair(*charts) + _profiles(tests["explanation.profiles"]["detail"].get("profiles", []))


def _profiles(profiles: Sequence[Profile]) -> str:
    charts = []
    for profile in profiles:
        grid, (low, middle, high) = profile["grid"], profile["quantiles"]
        if len(grid) < 2:
            continue
        plot = Plot(
            f"PD by {profile['feature']}",
            "Mean of the loans looked at, and the middle four fifths of them",
            Axis(profile["feature"].replace("_", " "), grid[0], grid[-1]),
            rate_axis("PD", [*low, *high, *profile["mean"]], log=True),
            height=300,
        )
        plot.line(list(zip(grid, low, strict=True)), "muted").line(list(zip(grid, high, strict=True)), "muted")
        plot.line(list(zip(grid, middle, strict=True)), "observed")
        plot.line(list(zip(grid, profile["mean"], strict=True)), "model")
        charts.append(chart(profile["feature"].replace("_", " "), plot.svg(), ""))
    if not charts:
        return ""
    note = (
        "One input moved, the others as they are. Blue: the mean; orange: the median loan; dashed: the 10th and the "
        "90th percentile of the loans' own curves."
    )
    return f"<h3>Partial dependence</h3><p class='soft small'>{note}</p><div class='pair'>{''.join(charts)}</div>"
