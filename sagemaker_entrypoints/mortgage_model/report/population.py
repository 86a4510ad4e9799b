"""The report's later sections: stability, time, the model itself, provenance."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from mortgage_model.report.charts import Axis, Plot, index_axis, percent, ranked_bars, timeline
from mortgage_model.report.parts import SAMPLE_WORDS, chart, figure, interval, nothing, pair, sentence, share, table

DIRECTIONS = {1: "PD rises with it", -1: "PD falls with it", 0: "free"}


def stability(detail: dict[str, Any]) -> str:
    """How far scores and features moved from training to out of time."""
    title = "<h2>Stability: is it still the population the model was built on?</h2>"
    psi, shift = detail["metrics"]["train_to_oot"]["psi"], detail["psi"]
    if psi["value"] is None:
        return title + nothing("The PSI", psi["reason"])
    names = [str(rank) for rank in range(1, len(shift) + 1)]
    top = max(v for row in shift for v in (row["train"], row["oot"])) * 1.3
    plot = Plot(
        ("Share of observations by PD band, training against out of time"),
        f"PSI {figure(psi['value'])}",
        index_axis(names, "Decile of the training PDs, lowest first"),
        Axis("Share of observations", 0, top, text=percent),
        height=380,
    )
    plot.bars([row["train"] for row in shift], "model", "training", offset=-0.2, width=0.38)
    plot.bars([row["oot"] for row in shift], "observed", "out of time", offset=0.2, width=0.38)
    rows = [[escape(r["bin"]), share(r["train"]), share(r["oot"]), figure(r["contribution"], 4)] for r in shift]
    note = (
        f"PSI of the PD {figure(psi['value'])} ({interval(psi)}). Half an observation is added to "
        "every bin, so that an empty bin gives a finite figure."
    )
    scores = chart(
        "PD",
        plot.svg(),
        note,
        table(["PD", "Training", "Out of time", "Part of PSI"], rows, numeric=(1, 2, 3)),
    )
    known = [row for row in detail["csi"] if row["csi"] is not None]
    if not known:
        return title + scores
    largest = [(row["feature"], row["csi"], f"{row['csi']:.3f}") for row in known[:15]]
    bars = ranked_bars(
        "Characteristic stability of features",
        "CSI, training against out of time, largest first",
        largest,
        (0.1, 0.25),
        limit=0.5,
    )
    rows = [
        [
            f"<code>{escape(row['feature'])}</code>",
            figure(row["csi"], 4),
            share(row["missing_train"]),
            share(row["missing_oot"]),
            _largest_move(row["bins"]),
        ]
        for row in known
    ]
    behind = table(
        ["Feature", "CSI", "Missing, training", "Missing, out of time", "Bin that moved most"],
        rows,
        numeric=(1, 2, 3),
    )
    note = (
        f"The {len(largest)} largest of {len(known)} features. Below 0.10 stable, above 0.25 "
        "another population (Siddiqi 2006). Longer bars are cut (→). Economic features move with "
        "the cycle by nature."
    )
    return title + pair(scores, chart("Features", bars, note, behind))


def portfolio(test: Mapping[str, Any]) -> str:
    """How far the loans to score have moved from those out of time, feature by feature."""
    title = "<h3>Are the loans to score like those out of time?</h3>"
    if not (rows := test["detail"].get("features")):
        return title + nothing("The comparison", test["reason"])
    judged = [row for row in rows if row["judged"]][:15]
    bars = ranked_bars(
        "PSI of features of loans, out of time against the portfolio",
        "Largest first",
        [(row["feature"], row["psi"], f"{row['psi']:.3f}") for row in judged],
        (0.1, 0.25),
        limit=0.5,
    )
    cells = [
        [
            f"<code>{escape(row['feature'])}</code>",
            figure(row["psi"], 4),
            figure(row["critical_value"], 4),
            "yes" if row["judged"] else "no, economic",
        ]
        for row in rows[:15]
    ]
    listed = table(["Feature", "PSI", "Sampling, 95 %", "Judged"], cells, numeric=(1, 2))
    return title + pair(chart("Features of loans", bars, sentence(test["reason"])), f"<div>{listed}</div>")


def _largest_move(bins: list[dict[str, Any]]) -> str:
    row = max(bins, key=lambda b: b["contribution"])
    return f"{escape(row['bin'])}: {share(row['train'], 1)} → {share(row['oot'], 1)}"


def over_time(detail: dict[str, Any]) -> str:
    """The split on a line of time, and results by year and vintage."""
    bounds = detail["samples"]

    def years(month: str, after: int = 0) -> float:
        return int(month[:4]) + (int(month[5:]) - 1 + after) / 12

    spans: list[tuple[str, str, float, float]] = []
    for name, word in SAMPLE_WORDS.items():
        start, end = years(bounds[name]["first_month"]), years(bounds[name]["last_month"], 1)
        if spans:
            spans.append(("embargo", "embargo", spans[-1][3], start))
        spans.append((word, name, start, end))
    spans.append(("outcome window", "immature", end, end + detail["horizon_months"] / 12))
    ticks = range(int(spans[0][2]) + (spans[0][2] % 1 > 0), int(spans[-1][3]) + 1)
    words = "; ".join(f"{SAMPLE_WORDS[n]} {b['first_month']} to {b['last_month']}" for n, b in bounds.items())
    split = timeline("Split of the observation months", words, spans, ticks)
    note = (
        f"{words}. An embargo of the horizon ({detail['horizon_months']} months) keeps every "
        "outcome window inside its own sample; the last stretch is the outcome window of the newest months."
    )
    return (
        "<h2>Over time: split, years and vintages</h2>"
        + chart("Which months were used for what", split, escape(note))
        + "<h3>By calendar year of the observation</h3>"
        + _breakdown("Year", detail["by_year"])
        + "<h3>By vintage (year of origination), out of time</h3>"
        + _vintages([row for row in detail["by_vintage"] if not row["suppressed"]])
        + _breakdown("Vintage", detail["by_vintage"])
    )


def _vintages(rows: list[dict[str, Any]]) -> str:
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
    plot.intervals([(i + 0.1, *row["interval"]) for i, row in enumerate(rows)], "observed")
    plot.line([(i, row["mean_pd"]) for i, row in enumerate(rows)], "model", "mean PD")
    plot.dots([(i + 0.1, row["observed_rate"]) for i, row in enumerate(rows)], "observed", "observed")
    return chart("Vintage curve", plot.svg(), "A vintage whose interval lies off the line is one that the PDs miss.")


def _breakdown(name: str, rows: list[dict[str, Any]]) -> str:
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


def model(facts: dict[str, Any]) -> str:
    """What the model is: features with their direction, hyperparameters."""
    features = facts.get("features") or {}
    rows = [
        [
            f"<code>{escape(name)}</code>",
            escape(str(f["description"])),
            escape(str(f["unit"] or "")),
            DIRECTIONS[f["monotone"]],
        ]
        for name, f in features.items()
    ]
    settings = "".join(
        f"<dt>{escape(k)}</dt><dd>{escape(str(v))}</dd>" for k, v in (facts.get("hyperparameters") or {}).items()
    )
    return (
        "<h2>The model</h2>"
        f"<p>Gradient-boosted trees (XGBoost, {facts['trees']} trees) with monotone "
        f"constraints, {len(features)} features, "
        "PDs recalibrated on the validation sample.</p>"
        "<details><summary>Features and their "
        f"direction</summary>{table(['Feature', 'Meaning', 'Unit', 'Constraint'], rows)}</details>"
        f"<details><summary>Hyperparameters</summary><dl>{settings}</dl></details>"
    )


def provenance(detail: dict[str, Any]) -> str:
    """Where every input came from, by name and hash."""
    run = detail["provenance"]
    facts = {
        "Training job": run["training_job"],
        "Model": run["model_uri"],
        "Model SHA-256": run["model_sha256"],
        "Booster SHA-256": detail["model"]["booster_sha256"],
        "Panel manifest": run["panel_manifest_uri"],
        "Contract": " ".join((run["contract"] or {}).values()),
        "Git commit": run["git_commit"],
        "Thresholds SHA-256": run["thresholds_sha256"],
        "Bootstrap seed": run["seed"],
        "Libraries, validation": _libraries(run["libraries"]),
        "Libraries, training": _libraries(run["training_libraries"] or {}),
        **{f"{SAMPLE_WORDS[name]} rows SHA-256": s["matrix_sha256"] for name, s in detail["samples"].items()},
    }
    listed = "".join(f"<dt>{escape(k)}</dt><dd><code>{escape(str(v))}</code></dd>" for k, v in facts.items())
    return (
        f"<h2>Data and provenance</h2><dl>{listed}</dl>"
        "<p class='soft small'>This page holds aggregates only. Breakdown cells of fewer than "
        "five observations are not shown. "
        "The figures in full are in evaluation.json, the verdict in gate.json, beside this file.</p>"
    )


def _libraries(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
