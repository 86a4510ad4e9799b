"""Is it still the population the model was built on? Scores, features, the loans to score, grades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from mortgage_model.documents.battery import CheckRecord, PortfolioShift
from mortgage_model.documents.evaluation import FeatureShift, Metric, ModelEvidence, ShiftRow
from mortgage_model.report.charts.axes import Axis, index_axis, percent
from mortgage_model.report.charts.plot import Plot
from mortgage_model.report.charts.ranked import ranked_bars
from mortgage_model.report.parts import chart, figure, interval, nothing, pair, sentence, share, table


def shift(evidence: ModelEvidence) -> str:
    """How far scores and features moved from training to out of time."""
    title = "<h2>Stability: is it still the population the model was built on?</h2>"
    psi = evidence["metrics"]["train_to_oot"]["psi"]
    if psi["value"] is None:
        return title + nothing("The PSI", psi["reason"])
    scores = _scores(psi, evidence["psi"])
    known = [(row, row["csi"]) for row in evidence["csi"] if row["csi"] is not None]
    return title + (pair(scores, _features(known)) if known else scores)


def _scores(psi: Metric, rows: Sequence[ShiftRow]) -> str:
    """The PD's bins, training against out of time."""
    names = [str(rank) for rank in range(1, len(rows) + 1)]
    top = max(v for row in rows for v in (row["train"], row["oot"])) * 1.3
    plot = Plot(
        "Share of observations by PD band, training against out of time",
        f"PSI {figure(psi['value'])}",
        index_axis(names, "Decile of the training PDs, lowest first"),
        Axis("Share of observations", 0, top, text=percent),
        height=380,
    )
    plot.bars([row["train"] for row in rows], "model", "training", offset=-0.2, width=0.38)
    plot.bars([row["oot"] for row in rows], "observed", "out of time", offset=0.2, width=0.38)
    note = (
        f"PSI of the PD {figure(psi['value'])} ({interval(psi)}). Half an observation is added to "
        "every bin, so that an empty bin gives a finite figure."
    )
    cells = [[escape(r["bin"]), share(r["train"]), share(r["oot"]), figure(r["contribution"], 4)] for r in rows]
    behind = table(["PD", "Training", "Out of time", "Part of PSI"], cells, numeric=(1, 2, 3))
    return chart("PD", plot.svg(), note, behind)


def _features(known: Sequence[tuple[FeatureShift, float]]) -> str:
    """Features with their CSI, largest first."""
    largest = [(row["feature"], csi, f"{csi:.3f}") for row, csi in known[:15]]
    bars = ranked_bars(
        "Characteristic stability of features",
        "CSI, training against out of time, largest first",
        largest,
        (0.1, 0.25),
        limit=0.5,
    )
    cells = [
        [
            f"<code>{escape(row['feature'])}</code>",
            figure(csi, 4),
            share(row["missing_train"]),
            share(row["missing_oot"]),
            _largest_move(row["bins"]),
        ]
        for row, csi in known
    ]
    head = ["Feature", "CSI", "Missing, training", "Missing, out of time", "Bin that moved most"]
    note = (
        f"The {len(largest)} largest of {len(known)} features. Below 0.10 stable, above 0.25 "
        "another population (Siddiqi 2006). Longer bars are cut (→). Economic features move with "
        "the cycle by nature."
    )
    return chart("Features", bars, note, table(head, cells, numeric=(1, 2, 3)))


def _largest_move(bins: Sequence[ShiftRow]) -> str:
    row = max(bins, key=lambda b: b["contribution"])
    return f"{escape(row['bin'])}: {share(row['train'], 1)} → {share(row['oot'], 1)}"


def portfolio(test: CheckRecord) -> str:
    """How far the loans to score have moved from those out of time, feature by feature."""
    title = "<h3>Are the loans to score like those out of time?</h3>"
    rows: list[PortfolioShift] | None = test["detail"].get("features")
    if not rows:
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


def migration(tests: Mapping[str, CheckRecord]) -> str:
    """Grade migration within the out-of-time sample, and how the loans spread over the grades."""
    title = "<h2>Grades: migration and concentration</h2>"
    spread, moved = tests["stability.concentration"], tests["stability.migration"]
    parts = []
    if spread["detail"]:
        parts.append(_concentration(spread))
    if moved["detail"].get("matrix"):
        parts.append(_matrix(moved))
    return title + (pair(*parts) if parts else nothing("Migration", moved["reason"]))


def _concentration(test: CheckRecord) -> str:
    grades: list[str] = test["detail"]["grades"]
    then, now = (_shares(test["detail"][name]) for name in ("train", "oot"))
    top = max(*then, *now) * 1.25
    plot = Plot(
        "Loans by grade, training against out of time",
        "Share of loans, one month of each",
        index_axis(grades, "Grade, best first"),
        Axis("Share of loans", 0, top, text=percent),
    )
    plot.bars(then, "model", "training", offset=-0.2, width=0.38)
    plot.bars(now, "observed", "out of time", offset=0.2, width=0.38)
    return chart("Concentration", plot.svg(), sentence(test["reason"]))


def _shares(loans: Sequence[int]) -> list[float]:
    return [count / max(1, sum(loans)) for count in loans]


def _matrix(test: CheckRecord) -> str:
    grades: list[str] = test["detail"]["grades"]
    cells = []
    for grade, row in zip(grades, test["detail"]["matrix"], strict=True):
        total = sum(row)
        shown = [f"{100 * v / total:.0f}" if total >= 5 and v else "" for v in row]
        cells.append([escape(grade), f"{total:,}", *shown])
    listed = table(["From \\ to, %", "Loans", *map(escape, grades)], cells, numeric=range(1, 2 + len(grades)))
    return f"<div><h3>Migration</h3>{listed}<p class='soft small'>{sentence(test['reason'])}</p></div>"
