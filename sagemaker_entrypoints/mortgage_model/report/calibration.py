"""Is a PD of 2 % a default rate of 2 %? By decile, grade and month; and the tests of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from mortgage_model.documents.bands import BandRow
from mortgage_model.documents.battery import CheckRecord, GradeTest, YearLight
from mortgage_model.documents.evaluation import GradeRow, Metric, ModelEvidence, MonthRow
from mortgage_model.report.charts.axes import Axis, index_axis, percent, rate_axis
from mortgage_model.report.charts.plot import Plot
from mortgage_model.report.parts import SAMPLE_WORDS, chart, figure, interval, nothing, pair, share, table

LIGHTS = {"green": "pass", "yellow": "warn", "red": "fail"}


def bands(evidence: ModelEvidence) -> str:
    """Expected against observed default rates by decile, by grade and month by month."""
    title = "<h2>Calibration: is a PD of 2 % a default rate of 2 %?</h2>"
    deciles = evidence["deciles"]["oot"]
    if not deciles:
        return title + nothing("Calibration", "the out-of-time sample has no rows")
    by_decile = _by_decile(deciles, evidence["metrics"]["oot"]["calibration_slope"])
    return title + pair(by_decile, _by_grade(evidence["grades"]["oot"])) + _by_month(evidence["by_month"])


def _by_decile(deciles: Sequence[BandRow], slope: Metric) -> str:
    values = [v for band in deciles for v in (band["mean_pd"], band["observed_rate"])]
    ends = [v for band in deciles for v in band["interval"]]
    axis = rate_axis("Mean PD of the band", values, log=True)
    low, high = axis.low, max(axis.high, min(1.0, max(ends) * 1.1))
    plot = Plot(
        "Calibration by decile, out of time",
        "Mean PD against observed default rate with 95 percent Jeffreys intervals",
        Axis("Mean PD of the band", low, high, log=True, text=percent),
        Axis("Observed default rate", low, high, log=True, text=percent),
        height=400,
    )
    plot.line([(low, low), (high, high)], "muted")
    plot.intervals([(band["mean_pd"], *_ends(band)) for band in deciles], "observed")
    plot.dots(
        [(band["mean_pd"], band["observed_rate"]) for band in deciles],
        "observed",
        "decile of PD",
        tips=[f"{band['events']} of {band['n']:,} defaulted" for band in deciles],
    )
    words = (
        f"Slope {figure(slope['value'])} ({interval(slope)})"
        if slope["value"] is not None
        else f"No slope: {slope['reason']}"
    )
    note = (
        f"On the dashed line PD and default rate agree. {escape(words)}. A band without defaults "
        "lies on the lower edge."
    )
    head = ["Decile", "Observations", "Defaults", "Mean PD", "Observed", "95 % interval"]
    behind = table(head, [_band_row(band) for band in deciles], numeric=range(1, 6))
    return chart("By decile of PD", plot.svg(), note, behind)


def _by_grade(grades: Sequence[GradeRow]) -> str:
    names = [grade["label"] for grade in grades]
    axis = rate_axis("Default rate", [v for g in grades for v in (g["mean_pd"], g["observed_rate"])], log=True)
    plot = Plot(
        "PD by grade against observed default rate, out of time",
        "Per grade of the master scale, with Jeffreys intervals",
        index_axis(names, "Grade of the master scale, best first"),
        Axis("Default rate, logarithmic", axis.low, axis.high, log=True, text=percent),
        height=400,
    )
    plot.intervals([(i + 0.12, *_ends(grade)) for i, grade in enumerate(grades)], "observed")
    plot.dots([(i - 0.12, grade["mean_pd"]) for i, grade in enumerate(grades)], "model", "mean PD")
    plot.dots([(i + 0.12, grade["observed_rate"]) for i, grade in enumerate(grades)], "observed", "observed")
    note = (
        "Intervals are 95 % Jeffreys and take rows as independent; several months of one loan make "
        "the true uncertainty wider."
    )
    return chart("By grade", plot.svg(), note, _grade_table(grades))


def _ends(band: BandRow) -> tuple[float, float]:
    low, high = band["interval"]
    return low, high


def _band_row(band: BandRow) -> list[str]:
    low, high = _ends(band)
    return [
        escape(band["label"]),
        f"{band['n']:,}",
        f"{band['events']:,}",
        share(band["mean_pd"]),
        share(band["observed_rate"]),
        f"{share(low)} – {share(high)}",
    ]


def _grade_table(grades: Sequence[GradeRow]) -> str:
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


def _by_month(rows: Sequence[MonthRow]) -> str:
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


def tests(records: Mapping[str, CheckRecord]) -> str:
    """Traffic light per year, and the tests per grade, one month of each loan."""
    title = "<h2>Calibration tests: one month of each loan</h2>"
    light, by_grade = records["calibration.traffic_light"], records["calibration.grades"]
    tables = _years(light["detail"].get("years", [])) + _grades(by_grade["detail"].get("grades", []))
    return title + (tables or nothing("The tests", light["reason"]))


def _years(rows: Sequence[YearLight]) -> str:
    if not rows:
        return ""
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
    return "<h3>Traffic light by year</h3>" + table(head, cells, numeric=range(2, 7))


def _grades(rows: Sequence[GradeTest]) -> str:
    if not rows:
        return ""
    cells = [
        [
            escape(row["label"]),
            f"{row['n']:,}",
            f"{row['events']:,}",
            share(row["mean_pd"]),
            share(row["observed_rate"]),
            *(f"{p_value:.3f}" for p_value in (row["jeffreys_p"], row["binomial_p"], row["holm_p"])),
        ]
        for row in rows
    ]
    head = ["Grade", "Loans", "Defaults", "Mean PD", "Observed", "Jeffreys p", "Binomial p", "p after Holm"]
    return "<h3>Is the PD of a grade too low?</h3>" + table(head, cells, numeric=range(1, 8))
