"""Is the model better than the alternative?"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from mortgage_model.documents.battery import CheckRecord, Criterion, Swap
from mortgage_model.report.charts.axes import index_axis, rate_axis
from mortgage_model.report.charts.plot import Plot
from mortgage_model.report.parts import chart, pair, sentence, share, signed, table


def rivals(tests: Mapping[str, CheckRecord]) -> str:
    """The model against its challenger and the model in force; empty where there is neither."""
    parts = []
    for rival in ("challenger", "champion"):
        test = tests[f"benchmark.{rival}"]
        if test["detail"]:
            parts.append(f"<h3>The {rival}</h3>" + _compared(rival, test))
    return "<h2>Benchmark: is it better than the alternative?</h2>" + "".join(parts) if parts else ""


def _compared(rival: str, test: CheckRecord) -> str:
    criteria: list[Criterion] = test["detail"]["criteria"]
    swap_set: list[Swap] = test["detail"]["swap_set"]
    rows = [
        [
            escape(row["criterion"]),
            signed(f"{row['difference']:+.4f}"),
            signed("{:+.4f} – {:+.4f}".format(*row["interval"])),
            f"−{row['margin']:.4f}",
        ]
        for row in criteria
    ]
    head = ["Criterion", "Advantage of the model", "95 % interval", "Margin"]
    cells = [
        [escape(row["flagged_by"]), f"{row['n']:,}", f"{row['events']:,}", share(row["observed_rate"])]
        for row in swap_set
    ]
    flagged = [(row["flagged_by"], row["observed_rate"] or 0) for row in swap_set if row["flagged_by"] != "neither"]
    rates = [rate for _, rate in flagged]
    plot = Plot(
        f"Swap set against the {rival}",
        "Observed default rate by who flags the loan",
        index_axis([name for name, _ in flagged], "Flagged among the riskiest tenth by"),
        rate_axis("Observed default rate", rates),
    )
    plot.bars(rates, "observed", width=0.5)
    swapped = table(["Flagged by", "Observations", "Defaults", "Observed"], cells, numeric=(1, 2, 3))
    listed = f"<div><h3>Paired on the same loans</h3>{table(head, rows, numeric=(1, 2, 3))}</div>"
    return pair(chart("Swap set", plot.svg(), sentence(test["reason"]), swapped), listed)
