"""The report's sections on the battery of tests: segments, years, benchmark, explanation, stress, fairness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mortgage_model.report.charts import Axis, Plot, index_axis, percent, ranked_bars, ranked_intervals, rate_axis
from mortgage_model.report.parts import SAMPLE_WORDS, chart, figure, nothing, pair, sentence, share, signed, table

Tests = Mapping[str, Mapping[str, Any]]
MOST_SEGMENTS = 16
LIGHTS = {"green": "pass", "yellow": "warn", "red": "fail"}


def _detail(tests: Tests, id: str, key: str) -> Any:
    return tests[id]["detail"].get(key)


def segments(tests: Tests) -> str:
    """Where the ranking is weak: AUC with interval of the weakest segments that have enough defaults."""
    title = "<h2>Segments: is there a part of the portfolio that the model cannot rank?</h2>"
    test = tests["discrimination.segments"]
    rows = test["detail"].get("segments")
    if not rows:
        return title + nothing("The segments", test["reason"])
    judged = sorted((row for row in rows if row["judged"]), key=lambda row: row["auc"])[:MOST_SEGMENTS]
    bars = ranked_intervals(
        "AUC of the weakest segments, out of time",
        "With 95 percent DeLong intervals",
        [
            (_segment_name(row), row["auc"], *row["interval"], f"{row['auc']:.3f}, {row['events']:,} defaults")
            for row in judged
        ],
        Axis("AUC", min(0.5, *(row["interval"][0] for row in judged)), 1.0),
        guide=0.5,
    )
    listed = table(
        ["Segment", "Observations", "Defaults", "Mean PD", "AUC", "95 % interval"],
        [_segment_row(row) for row in rows if "n" in row],
        numeric=range(1, 6),
    )
    enough = sum(row["judged"] for row in rows)
    note = f"The {len(judged)} weakest of {enough} segments with enough defaults to judge. Dashed: chance."
    return title + chart("Weakest segments", bars, note, listed)


def _segment_name(row: Mapping[str, Any]) -> str:
    return f"{row['segmentation'].replace('_', ' ')} {row['segment']}"


def _segment_row(row: Mapping[str, Any]) -> list[str]:
    known = row["auc"] is not None
    between = f"{figure(row['interval'][0])} – {figure(row['interval'][1])}" if known else escape(row.get("reason", ""))
    counts = [f"{row['n']:,}", f"{row['events']:,}", share(row["mean_pd"])]
    return [escape(_segment_name(row)), *counts, figure(row["auc"]), between]


def years_and_grades(tests: Tests) -> str:
    """Traffic light per year, and the tests per grade, one month of each loan."""
    title = "<h2>Calibration tests: one month of each loan</h2>"
    parts = []
    if rows := _detail(tests, "calibration.traffic_light", "years"):
        cells = [
            [
                escape(row["year"]),
                SAMPLE_WORDS[row["sample"]],
                f"{row['n']:,}",
                f"{row['events']:,}",
                share(row["mean_pd"]),
                share(row["events"] / row["n"]),
                f"{row['p_value']:.3f}",
                f"<span class='badge {LIGHTS[row['colour']]}'>{row['colour']}</span>",
            ]
            for row in rows
        ]
        head = ["Year", "Sample", "Loans", "Defaults", "Mean PD", "Observed", "Binomial p", "Light"]
        parts.append("<h3>Traffic light by year</h3>" + table(head, cells, numeric=range(2, 7)))
    if rows := _detail(tests, "calibration.grades", "grades"):
        cells = [
            [
                escape(row["label"]),
                f"{row['n']:,}",
                f"{row['events']:,}",
                share(row["mean_pd"]),
                share(row["observed_rate"]),
                *(f"{row[name]:.3f}" for name in ("jeffreys_p", "binomial_p", "holm_p")),
            ]
            for row in rows
        ]
        head = ["Grade", "Loans", "Defaults", "Mean PD", "Observed", "Jeffreys p", "Binomial p", "p after Holm"]
        parts.append("<h3>Is the PD of a grade too low?</h3>" + table(head, cells, numeric=range(1, 8)))
    reason = tests["calibration.traffic_light"]["reason"]
    return title + ("".join(parts) or nothing("The tests", reason))


def migration(tests: Tests) -> str:
    """Grade migration within the out-of-time sample, and how the loans spread over the grades."""
    title = "<h2>Grades: migration and concentration</h2>"
    parts = []
    if spread := tests["stability.concentration"]["detail"]:
        shares = {name: [v / max(1, sum(spread[name])) for v in spread[name]] for name in ("train", "oot")}
        top = max(*shares["train"], *shares["oot"]) * 1.25
        plot = Plot(
            "Loans by grade, training against out of time",
            "Share of loans, one month of each",
            index_axis(spread["grades"], "Grade, best first"),
            Axis("Share of loans", 0, top, text=percent),
        )
        plot.bars(shares["train"], "model", "training", offset=-0.2, width=0.38)
        plot.bars(shares["oot"], "observed", "out of time", offset=0.2, width=0.38)
        parts.append(chart("Concentration", plot.svg(), sentence(tests["stability.concentration"]["reason"])))
    moved = tests["stability.migration"]
    if matrix := moved["detail"].get("matrix"):
        grades = moved["detail"]["grades"]
        cells = []
        for grade, row in zip(grades, matrix, strict=True):
            total = sum(row)
            shown = [f"{100 * v / total:.0f}" if total >= 5 and v else "" for v in row]
            cells.append([escape(grade), f"{total:,}", *shown])
        listed = table(["From \\ to, %", "Loans", *map(escape, grades)], cells, numeric=range(1, 2 + len(grades)))
        parts.append(f"<div><h3>Migration</h3>{listed}<p class='soft small'>{sentence(moved['reason'])}</p></div>")
    return title + (pair(*parts) if parts else nothing("Migration", moved["reason"]))


def benchmark(tests: Tests) -> str:
    """The model against its challenger and the model in force; empty where there is neither."""
    parts = []
    for rival in ("challenger", "champion"):
        detail = tests[f"benchmark.{rival}"]["detail"]
        if not detail:
            continue
        rows = [
            [
                escape(row["criterion"]),
                signed(f"{row['difference']:+.4f}"),
                signed("{:+.4f} – {:+.4f}".format(*row["interval"])),
                f"−{row['margin']:.4f}",
            ]
            for row in detail["criteria"]
        ]
        head = ["Criterion", "Advantage of the model", "95 % interval", "Margin"]
        swap = [
            [escape(row["flagged_by"]), f"{row['n']:,}", f"{row['events']:,}", share(row["observed_rate"])]
            for row in detail["swap_set"]
        ]
        only = [row for row in detail["swap_set"] if row["flagged_by"] != "neither"]
        plot = Plot(
            f"Swap set against the {rival}",
            "Observed default rate by who flags the loan",
            index_axis([row["flagged_by"] for row in only], "Flagged among the riskiest tenth by"),
            rate_axis("Observed default rate", [row["observed_rate"] or 0 for row in only]),
        )
        plot.bars([row["observed_rate"] or 0 for row in only], "observed", width=0.5)
        note = sentence(tests[f"benchmark.{rival}"]["reason"])
        swapped = table(["Flagged by", "Observations", "Defaults", "Observed"], swap, numeric=(1, 2, 3))
        listed = f"<div><h3>Paired on the same loans</h3>{table(head, rows, numeric=(1, 2, 3))}</div>"
        parts.append(f"<h3>The {rival}</h3>" + pair(chart("Swap set", plot.svg(), note, swapped), listed))
    return "<h2>Benchmark: is it better than the alternative?</h2>" + "".join(parts) if parts else ""


def explanation(tests: Tests) -> str:
    """What drives the PD: SHAP and permutation importance, then the shape of the main dependences."""
    title = "<h2>Explanation: what drives the PD, and how?</h2>"
    shap = tests["explanation.shap_ranks"]
    if not (rows := shap["detail"].get("features")):
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
    return title + pair(*charts) + _profiles(_detail(tests, "explanation.profiles", "profiles") or [])


def _profiles(profiles: Sequence[Mapping[str, Any]]) -> str:
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


def stress(tests: Tests) -> str:
    """PD of the portfolio under each scenario, and by today's grade."""
    title = "<h2>Stress: what would a crisis do to these PDs?</h2>"
    test = tests["stress.direction"]
    if not (rows := test["detail"].get("scenarios")):
        return title + nothing("The scenarios", test["reason"])
    rows = [
        *rows,
        *(row | {"scenario": f"As in {row['scenario']}"} for row in _detail(tests, "stress.replay", "years") or []),
    ]
    top = max(row["mean_pd"] for row in rows)
    bars = ranked_bars(
        "Mean PD of the portfolio by scenario",
        "Out-of-time loans",
        [(row["scenario"], row["mean_pd"], percent(row["mean_pd"])) for row in rows],
        (),
        limit=top,
    )
    grades = list(rows[0]["by_grade"])
    values = [v for row in rows for v in row["by_grade"].values()]
    plot = Plot(
        "Mean PD by grade under stress",
        "By the grade that each loan has today",
        index_axis(grades, "Grade today, best first"),
        rate_axis("Mean PD", values, log=True),
    )
    styles = (("As observed", "muted"), ("All three", "observed"), ("House prices −20 %", "model"))
    by_name = {row["scenario"]: row["by_grade"] for row in rows}
    for name, style in styles:
        plot.line([(i, by_name[name][grade]) for i, grade in enumerate(grades)], style, name)
    cells = [
        [escape(row["scenario"]), share(row["mean_pd"]), *(share(v) for v in row["by_grade"].values())] for row in rows
    ]
    behind = table(["Scenario", "Portfolio", *map(escape, grades)], cells, numeric=range(1, 2 + len(grades)))
    told = f"{sentence(test['reason'])} {sentence(tests['stress.replay']['reason'])}"
    return title + pair(
        chart("Portfolio", bars, f"{told} What-if calculations, not forecasts."),
        chart("By grade", plot.svg(), "Scenarios against today.", behind),
    )


def fairness(tests: Tests) -> str:
    """Differences between groups; empty where no demographics were delivered."""
    rows = _detail(tests, "fairness.impact", "groups")
    if not rows:
        return ""
    cells = [
        [
            escape(row["attribute"].replace("_", " ")),
            f"{escape(row['group'])} <span class='range'>against {escape(row['reference'])}</span>",
            f"{row['n']:,}",
            share(row["mean_pd"]),
            share(row["observed_rate"]),
            figure(row["impact_ratio"]),
            signed(f"{row['score_difference']:+.2f}"),
            signed(f"{row['outcome_difference']:+.2f}"),
            share(row["false_positive_rate"]),
        ]
        for row in rows
    ]
    head = [
        "Attribute",
        "Group",
        "Loans",
        "Mean PD",
        "Observed",
        "Impact ratio",
        "Scores, SD",
        "Outcomes, SD",
        "False positives",
    ]
    note = "A monitor that says where to look, never a legal finding. Groups of fewer than 100 loans are not shown."
    listed = table(head, cells, numeric=range(2, 9))
    return f"<h2>Fairness: are groups treated alike?</h2><p class='soft small'>{note}</p>{listed}"
