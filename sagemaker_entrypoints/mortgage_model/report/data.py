"""Which data: the split on a line of time, years and vintages, and where every input came from."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from mortgage_model.documents.evaluation import BreakdownRow, ModelEvidence
from mortgage_model.report.charts.axes import Axis, index_axis, percent
from mortgage_model.report.charts.plot import Plot
from mortgage_model.report.charts.timeline import timeline
from mortgage_model.report.parts import SAMPLE_WORDS, chart, figure, share, table


def over_time(evidence: ModelEvidence) -> str:
    """The split on a line of time, and results by year and vintage."""
    bounds = evidence["samples"]

    def years(month: str, after: int = 0) -> float:
        return int(month[:4]) + (int(month[5:]) - 1 + after) / 12

    spans: list[tuple[str, str, float, float]] = []
    for name, word in SAMPLE_WORDS.items():
        start, end = years(bounds[name]["first_month"]), years(bounds[name]["last_month"], 1)
        if spans:
            spans.append(("embargo", "embargo", spans[-1][3], start))
        spans.append((word, name, start, end))
    spans.append(("outcome window", "immature", end, end + evidence["horizon_months"] / 12))
    ticks = range(int(spans[0][2]) + (spans[0][2] % 1 > 0), int(spans[-1][3]) + 1)
    words = "; ".join(
        f"{word} {bounds[name]['first_month']} to {bounds[name]['last_month']}" for name, word in SAMPLE_WORDS.items()
    )
    split = timeline("Split of the observation months", words, spans, ticks)
    note = (
        f"{words}. An embargo of the horizon ({evidence['horizon_months']} months) keeps every "
        "outcome window inside its own sample; the last stretch is the outcome window of the newest months."
    )
    return (
        "<h2>Over time: split, years and vintages</h2>"
        + chart("Which months were used for what", split, escape(note))
        + "<h3>By calendar year of the observation</h3>"
        + _breakdown("Year", evidence["by_year"])
        + "<h3>By vintage (year of origination), out of time</h3>"
        + _vintages([row for row in evidence["by_vintage"] if not row["suppressed"]])
        + _breakdown("Vintage", evidence["by_vintage"])
    )


def _vintages(rows: list[BreakdownRow]) -> str:
    if not rows:
        return ""
    plot = Plot(
        "Mean PD and observed default rate by vintage, out of time",
        "With 95 percent Jeffreys intervals",
        index_axis([row["key"] for row in rows], "Year of origination"),
        Axis("Rate over the horizon", 0, max(row["interval"][1] for row in rows) * 1.1, text=percent),
        width=1140,
        height=300,
    )
    plot.intervals([(i + 0.1, row["interval"][0], row["interval"][1]) for i, row in enumerate(rows)], "observed")
    plot.line([(i, row["mean_pd"]) for i, row in enumerate(rows)], "model", "mean PD")
    plot.dots([(i + 0.1, row["observed_rate"]) for i, row in enumerate(rows)], "observed", "observed")
    return chart("Vintage curve", plot.svg(), "A vintage whose interval lies off the line is one that the PDs miss.")


def _breakdown(name: str, rows: list[BreakdownRow]) -> str:
    cells = []
    for row in rows:
        start = [escape(row["key"]), SAMPLE_WORDS[row["sample"]]]
        if row["suppressed"]:
            cells.append([*start, "fewer than 5", "", "", "", "", ""])
            continue
        low, high = row["interval"]
        auc = row["auc"]["value"]
        cells.append(
            [
                *start,
                f"{row['n']:,}",
                f"{row['events']:,}",
                share(row["mean_pd"]),
                share(row["observed_rate"]),
                f"{share(low)} – {share(high)}",
                figure(auc) if auc is not None else "–",
            ]
        )
    head = [name, "Sample", "Observations", "Defaults", "Mean PD", "Observed", "95 % interval", "AUC"]
    return table(head, cells, numeric=range(2, 8))


def provenance(evidence: ModelEvidence) -> str:
    """Where every input came from, by name and hash."""
    run = evidence["provenance"]
    contract = run["contract"]
    facts = {
        "Training job": run["training_job"],
        "Model": run["model_uri"],
        "Model SHA-256": run["model_sha256"],
        "Booster SHA-256": evidence["model"]["booster_sha256"],
        "Panel manifest": run["panel_manifest_uri"],
        "Contract": f"{contract['name']} {contract['version']}" if contract else "",
        "Git commit": run["git_commit"],
        "Thresholds SHA-256": run["thresholds_sha256"],
        "Bootstrap seed": run["seed"],
        "Libraries, validation": _libraries(run["libraries"], first="python"),
        "Libraries, training": _libraries(run["training_libraries"] or {}),
        **{f"{word} rows SHA-256": evidence["samples"][name]["matrix_sha256"] for name, word in SAMPLE_WORDS.items()},
    }
    listed = "".join(f"<dt>{escape(k)}</dt><dd><code>{escape(str(v))}</code></dd>" for k, v in facts.items())
    return (
        f"<h2>Data and provenance</h2><dl>{listed}</dl>"
        "<p class='soft small'>This page holds aggregates only. Breakdown cells of fewer than "
        "five observations are not shown. "
        "The figures in full are in evaluation.json, the verdict in gate.json, beside this file.</p>"
    )


def _libraries(versions: Mapping[str, str], first: str = "") -> str:
    """Names with versions, in the order of the alphabet but for `first`."""
    return ", ".join(f"{name} {versions[name]}" for name in sorted(versions, key=lambda name: (name != first, name)))
