"""What would a crisis do to these PDs?"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from mortgage_model.documents.battery import CheckRecord, Scenario
from mortgage_model.report.charts.axes import index_axis, percent, rate_axis
from mortgage_model.report.charts.plot import Plot
from mortgage_model.report.charts.ranked import ranked_bars
from mortgage_model.report.parts import chart, nothing, pair, sentence, share, table


def scenarios(tests: Mapping[str, CheckRecord]) -> str:
    """PD of the portfolio under each scenario, and by today's grade."""
    title = "<h2>Stress: what would a crisis do to these PDs?</h2>"
    test = tests["stress.direction"]
    replay = tests["stress.replay"]
    if not test["detail"].get("scenarios"):
        return title + nothing("The scenarios", test["reason"])
    rows: list[Scenario] = [*test["detail"]["scenarios"], *map(_as_in, replay["detail"].get("years", []))]
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
    told = f"{sentence(test['reason'])} {sentence(replay['reason'])}"
    return title + pair(
        chart("Portfolio", bars, f"{told} What-if calculations, not forecasts."),
        chart("By grade", plot.svg(), "Scenarios against today.", behind),
    )


def _as_in(year: Scenario) -> Scenario:
    return {**year, "scenario": f"As in {year['scenario']}"}
