"""The night's report: one self-contained HTML page from monitoring.json, findings first."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mortgage_model.documents.monitoring import (
    Backtest,
    ExpectedFigures,
    FeatureRow,
    Migration,
    MonitoringDocument,
    Performance,
    ReadFigures,
    ScorePart,
    Severity,
    ShiftFigures,
)
from mortgage_model.report.charts.axes import index_axis, rate_axis
from mortgage_model.report.charts.plot import Plot
from mortgage_model.report.parts import chart, figure, nothing, pair, share, table
from mortgage_model.report.template import fill

WORDS: dict[Severity, tuple[str, str]] = {
    "ok": ("pass", "Nothing to report."),
    "attention": ("warn", "Worth a look; no alarm."),
    "breach": ("fail", "Alarm: this night needs somebody."),
}
BADGES: dict[Severity, tuple[str, str]] = {
    "ok": ("pass", "ok"),
    "attention": ("warn", "attention"),
    "breach": ("fail", "breach"),
}
LIGHTS: dict[str, Severity] = {"green": "ok", "amber": "attention", "red": "breach"}
MOST_FEATURES = 15


def render_report(document: MonitoringDocument) -> str:
    """The report's HTML."""
    body = [
        _head(document),
        _verdict(document),
        _scores(document["score"]),
        _migration(document["migration"]),
        _features(document["features"]),
        _performance(document["performance"]),
    ]
    title = f"Monitoring of {document['source']}, {document['score_date']}"
    return fill(title, body)


def _head(document: MonitoringDocument) -> str:
    return (
        "<header><p class='soft small'>Mortgage default risk · monitoring of a scored night</p>"
        f"<h1>{escape(document['score_date'])}</h1><p class='soft'>source {escape(document['source'])} · model "
        f"version {escape(str(document['model_version']))} · {document['rows']:,} loans</p></header>"
    )


def _verdict(document: MonitoringDocument) -> str:
    style, word = WORDS[document["verdict"]]
    rows = "".join(f"<li>{_badge(f['severity'])} {escape(f['message'])}</li>" for f in document["findings"])
    return (
        f"<section class='verdict {style}' aria-label='Verdict'><strong class='word'>{word}</strong>"
        + (f"<ul>{rows}</ul>" if rows else "")
        + "</section>"
    )


def _badge(severity: Severity) -> str:
    style, word = BADGES[severity]
    return f"<span class='badge {style}'>{word}</span>"


def _scores(score: ScorePart) -> str:
    counts, before = score["counts"], score["training_counts"]
    now = [n / sum(counts) for n in counts]
    then = [n / sum(before) for n in before]
    headroom = [1.2 * max(now + then)]  # for the legend
    names = [f"≤ {100 * edge:.2g} %" for edge in score["edges"]] + ["above"]
    grades, total = score["grades"], max(sum(score["grades"].values()), 1)
    distribution = (
        Plot("PD tonight and in training", "Share of loans by PD band", index_axis(names), rate_axis("loans", headroom))
        .bars(then, "muted", "training", offset=-0.2, width=0.38)
        .bars(now, "model", "tonight", offset=0.2, width=0.38)
    )
    shares = [n / total for n in grades.values()]
    by_grade = Plot(
        "Grades tonight", "Share of loans by grade", index_axis(list(grades)), rate_axis("loans", shares)
    ).bars(shares, "model")
    data = table(
        ["PD", "training", "tonight"],
        [[escape(n), share(a), share(b)] for n, a, b in zip(names, then, now, strict=True)],
        (1, 2),
    )
    psi = score["training"]
    words = f"PSI {figure(psi['psi'])} ({figure(psi['interval'][0])} to {figure(psi['interval'][1])}) against training"
    return (
        f"<h2>Scores</h2><p>Mean PD {share(score['mean_pd'])}; in training {share(score['training_mean_pd'])}.</p>"
        + pair(
            chart("PD tonight and in training", distribution.svg(), words, data),
            chart("Grades tonight", by_grade.svg(), "Master-scale grades, best first"),
        )
    )


def _migration(found: Migration | None) -> str:
    head = "<h3>Grades a month before (rows) and tonight</h3>"
    if found is None:
        return head + nothing("Migration", "there is no scored night a month earlier")
    loans = sum(map(sum, found["matrix"]))
    better, worse = (share(moved / max(loans, 1)) for moved in (found["upgraded"], found["downgraded"]))
    rows = [
        [grade, f"{sum(row):,}", *(share(n / sum(row)) if n else "" for n in row)]
        for grade, row in zip(found["grades"], found["matrix"], strict=True)
    ]
    words = (
        f"<p>Of {loans:,} loans scored on both nights {better} are in a better grade, {worse} in a worse one; "
        f"{found['new']:,} are new, {found['gone']:,} gone.{_left_out(found)}</p>"
    )
    return head + words + table(["", "Loans", *found["grades"]], rows, tuple(range(1, len(found["grades"]) + 2)))


def _left_out(found: Migration) -> str:
    """Rows that the matrix does not count; nothing where there are none, or in a night of before they were told."""
    rows = {"rows repeat a loan": found.get("doubled"), "loans have a grade of another scale": found.get("other_grade")}
    return "".join(f" {count:,} {words} and are not counted." for words, count in rows.items() if count)


def _features(features: Sequence[FeatureRow]) -> str:
    rows = [
        [
            _badge(row["verdict"]),
            escape(row["feature"]),
            figure(row["effect"]),
            figure(row["effect_change"]),
            _psi(row["recent"]),
            _psi(row["training"]),
            share(row["missing"]),
            share(row["out_of_range"]),
        ]
        for row in features[:MOST_FEATURES]
    ]
    head = ["", "Input", "Effect on log-odds", "change", "PSI, last nights", "PSI, training", "missing", "out of range"]
    return (
        "<h2>Inputs</h2><p class='soft'>Findings first, then by what the input does to the PD: its mean contribution "
        "to the log-odds since training.</p>" + table(head, rows, (2, 3, 4, 5, 6, 7))
    )


def _psi(found: ShiftFigures | None) -> str:
    if found is None:
        return "–"
    low, high = found["interval"]
    return f"{figure(found['psi'])}<span class='range'>{figure(low)} to {figure(high)}</span>"


def _performance(performance: Performance | None) -> str:
    head = "<h2>Outcomes of earlier nights</h2>"
    if performance is None:
        return head + nothing("Performance", "no new loan panel tonight; the last night that read one has them")
    rows = []
    for vintage in performance["vintages"]:
        reads, estimate = vintage["reads"], vintage["estimate"]
        rows.append(
            [
                vintage["month"],
                f"{vintage['n']:,}",
                share(vintage["mean_pd"]),
                *(_read(reads[name]) for name in ("early_3m", "early_6m", "final_12m")),
                _estimate(estimate),
                " ".join(
                    _badge(LIGHTS[g["light"]]) for g in reads["final_12m"].get("grades", []) if g["light"] != "green"
                )
                or ("all green" if reads["final_12m"]["matured"] else "–"),
            ]
        )
    columns = [
        "Vintage",
        "Loans",
        "Mean PD",
        "30+ at 3 months",
        "60+ at 6 months",
        "Default at 12",
        "AUC expected",
        "Grades",
    ]
    return head + table(columns, rows, (1, 2, 3, 4, 5, 6)) + _backtest(performance["estimate_backtest"])


def _estimate(estimate: ExpectedFigures) -> str:
    if estimate["auc_range"] is None:
        return f"{figure(estimate['auc'])}<span class='range'>estimate, not yet tested</span>"
    low, high = map(figure, estimate["auc_range"])
    off = figure(estimate["auc_error"])
    return f"{figure(estimate['auc'])}<span class='range'>estimate, {low} to {high}; was off by {off}</span>"


def _backtest(found: Backtest) -> str:
    if not found["vintages"]:
        return f"<p class='soft'>The expected AUC is an estimate from the PDs alone: {escape(found['reason'])}.</p>"
    error = found["auc_mean_error"]
    return (
        "<p class='soft'>The expected AUC is an estimate from the PDs alone. On the vintages that have matured "
        f"({found['vintages']}) it was {figure(abs(error))} too {'high' if error > 0 else 'low'} on average; its range "
        "holds the chance of the draw and that error.</p>"
    )


def _read(read: ReadFigures) -> str:
    if not read["matured"]:
        return "<span class='soft'>open</span>"
    return f"{figure(read['auc'])}<span class='range'>{read['events']:,} of {read['n']:,}</span>"
