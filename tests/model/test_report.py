"""The report: one file, nothing to fetch, verdict first, aggregates only, well-formed charts."""

from __future__ import annotations

import copy
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from validation_run import validated_once

from mortgage_model.report.charts.axes import Axis, percent, rate_axis
from mortgage_model.report.charts.plot import Plot
from mortgage_model.report.page import render_report

VOID = {"meta", "br", "img", "hr", "link", "input"}


class Balance(HTMLParser):
    """Fails on a tag that closes another than the one open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another tag"


@pytest.fixture(scope="module")
def validated(trained, panel_dir, tmp_path_factory):
    return validated_once(tmp_path_factory.getbasetemp() / "validation", trained.model_dir, panel_dir)


@pytest.fixture(scope="module")
def html(validated) -> str:
    return (validated[0] / "output" / "report.html").read_text()


def test_it_is_one_small_file_that_fetches_nothing(html):
    assert len(html.encode()) < 3_000_000
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|\ssrc=|https?://", html)


def test_tags_balance_and_every_chart_is_well_formed_and_described(html):
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    charts = re.findall(r"<svg.*?</svg>", html, re.S)
    assert len(charts) >= 9
    names = []
    for chart in charts:
        root = ET.fromstring(chart)
        title, description = root.find("title"), root.find("desc")
        assert title.text
        assert description.text
        assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert "nan" not in chart
        names.append(title.get("id"))
    assert len(set(names)) == len(names)


def test_the_verdict_comes_first_and_every_section_is_there(html):
    assert html.index("the gate.</strong>") < html.index("class='tiles'") < html.index("<h2>")
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    assert [heading.split(":")[0] for heading in headings] == [
        "Why", "Model card", "Metrics by sample", "Discrimination", "Segments", "Calibration", "Calibration tests",
        "Stability", "Grades", "Benchmark", "Explanation", "Stress", "Over time", "The model", "Data and provenance",
    ]  # fmt: skip


def test_no_loan_is_named(html, panel):
    assert not re.search(r"L\d{9}", html)
    assert panel.loan_id.iloc[0] not in html


def test_what_the_pipeline_passes_in_is_escaped(validated):
    _, result, evaluation = validated
    hostile = copy.deepcopy(evaluation)
    hostile["mortgage"]["provenance"].update(training_job="<script>alert(1)</script>", git_commit="<b>")
    card = json.loads((validated[0] / "output" / "card.json").read_text()) | {"owner": "<script>"}
    html = render_report(hostile, result, card)
    assert "<script" not in html
    assert "<code><b>" not in html


def test_it_prints_and_follows_the_readers_theme(html):
    assert "@media print" in html
    assert "prefers-color-scheme: dark" in html


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 %"), (1, "100 %"), (0.1, "10 %"), (0.025, "2.5 %"), (0.005, "0.5 %"), (0.0003, "0.03 %")],
)
def test_percent(value, text):
    assert percent(value) == text


def test_axes_place_values_and_clip():
    assert [Axis("", 0, 10).place(v) for v in (0, 5, 20)] == [0, 0.5, 1]
    assert Axis("", 0.01, 1, log=True).place(0.1) == pytest.approx(0.5)
    assert Axis("", 0.01, 1, log=True).place(0) == 0
    assert [tick for tick, _ in Axis("", 0, 1).marks()] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert rate_axis("", [0.0, 0.0], log=True).low > 0


def test_a_plot_with_all_marks_is_well_formed():
    plot = Plot("a < b", "c & d", Axis("x", 0, 1), Axis("y", 0, 1))
    plot.line([(0, 0), (1, 1)], "model", "l").dots([(0.5, 0.5)], "observed", "d", ["<tip>"])
    plot.area([(0, 0), (1, 1)], "model").intervals([(0.5, 0.1, 0.9)], "observed").level(0.5, "half")
    assert ET.fromstring(plot.svg()).find("title").text == "a < b"
