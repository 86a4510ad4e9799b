"""The monitoring page in a real Airflow and a real browser: three years of nights, filters, drill-down, download.

Needs playwright and a Chromium (PATH, or MORTGAGE_CHROMIUM); skips where there is none.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local_platform.environments import ROOT

sys.path.insert(0, str(ROOT / "plugins"))

from mortgage_risk.layout import Layout
from mortgage_risk.monitoring import index

if TYPE_CHECKING:
    from conftest import Installation

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("MORTGAGE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")

LAST, NIGHTS = date(2019, 12, 31), 1095
BREACH = (LAST - timedelta(days=20)).isoformat()
FEATURES = [f"feature_{i:02d}" for i in range(40)]
GRADES = [f"M{i:02d}" for i in range(1, 11)]
STATES = ("CA", "TX", "FL", "NY", "GA", "OH", "NJ")
PAGE, SOURCE = "/mortgage-risk/", "fannie_mae"  # no source of the pipeline's tests, which share the installation


def document(day: date) -> dict[str, Any]:
    """A night as the monitoring job would describe it; feature_07 steps on BREACH."""
    n = day.toordinal()
    step = day.isoformat() == BREACH

    def shift(value: float) -> dict[str, Any]:
        return {"psi": round(value, 4), "interval": [0.0, round(2 * value, 4)]}

    features = [
        {
            "feature": name,
            "verdict": "breach" if step and i == 7 else "ok",
            "training": shift(0.01 * i),
            "recent": shift(0.9 if step and i == 7 else 0.001 * (n % 5)),
            "effect": 0.01 * i,
            "missing": 0.0,
            "labels": ["≤ 1", "> 1", "(missing)"],
            "counts": [60, 40, 0],
            "training_counts": [50.0, 50.0, 0.0],
        }
        for i, name in enumerate(FEATURES)
    ]
    words = "feature_07: PSI 0.90 against the last nights"
    levels = {level: {"n": 1000, "mean_pd": 0.02 + 0.01 * i, "grades": []} for i, level in enumerate(("R", "B"))}
    read = {"matured": True, "n": 2000, "events": 40, "auc": 0.8}
    final = {"matured": False, "reason": "its window is open"}
    vintage = {
        "month": "2019-06",
        "n": 2000,
        "mean_pd": 0.02,
        "reads": {"early_3m": read, "early_6m": read, "final_12m": final},
        "estimate": {
            "is_estimate": True,
            "auc": 0.79,
            "auc_interval": [0.77, 0.81],
            "auc_range": [0.765, 0.815],
            "auc_error": 0.015,
        },
    }
    return {
        "source": SOURCE,
        "score_date": day.isoformat(),
        "model_version": "1",
        "rows": 2000,
        "verdict": "breach" if step else "ok",
        "score": {
            "mean_pd": 0.02 + 0.002 * (n % 30) / 30,
            "training": shift(0.05),
            "recent": shift(0.01),
            "grades": dict.fromkeys(GRADES, 200),
        },
        "features": features,
        "segments": {
            "channel": levels,
            "property_state": {state: levels["R"] | {"n": 900 - i} for i, state in enumerate(STATES)},
        },
        "labels": {"channel": {"R": "retail", "B": "broker"}},
        "migration": {
            "grades": GRADES[:2],
            "matrix": [[90, 10], [5, 45]],
            "new": 7,
            "gone": 3,
            "upgraded": 5,
            "downgraded": 10,
        },
        "findings": [{"severity": "breach", "kind": "step", "feature": "feature_07", "message": words}] if step else [],
        "performance": {
            "panel_as_of": "2019-12-05",
            "panel_until": "2019-11",
            "vintages": [vintage],
            "estimate_backtest": {"vintages": 3, "auc_mean_error": -0.012, "auc_root_mean_square_error": 0.015},
        }
        if day == LAST
        else None,
    }


@pytest.fixture(scope="module")
def site(installation: Installation) -> Installation:
    """The installation with three years of monitored nights."""
    s3, platform = installation.client("s3"), installation.platform
    layout = Layout(platform.bucket, "mortgage-default-risk")
    months: dict[str, Any] = {}
    row = None

    def put(uri: str, content: Any) -> None:
        key = uri.removeprefix(layout.root)
        s3.put_object(Bucket=platform.bucket, Key=key, Body=json.dumps(content).encode())

    for day in (LAST - timedelta(days=n) for n in reversed(range(NIGHTS))):
        content = document(day)
        prefix = layout.monitoring(SOURCE, day.isoformat(), "job")
        row = index.index_row(content, prefix, {"rows_in": 2100, "rows_out": 2000, "quarantined": 3}, row)
        uri = index.month_file(layout.monitoring_index(SOURCE), day.isoformat())
        months[uri] = index.with_row(months.get(uri), row)
        if content["findings"] or day == LAST:
            put(f"{prefix}monitoring.json", content)
    for uri, month in months.items():
        put(uri, month)
    return installation


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


def log_in(page: Any, site: Installation, user: str) -> None:
    page.goto(site.platform.airflow_url + PAGE)
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", site.platform.password(user))
    page.click("button[type=submit]")
    page.wait_for_url(f"**{PAGE}*")


@pytest.fixture(scope="module")
def viewer(site: Installation, browser: Any) -> Iterator[Any]:
    """A page on which the viewer has logged in; errors of its scripts fail the test that caused them."""
    context = browser.new_context(viewport={"width": 1360, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.foreign = []
    page.on("request", lambda request: page.foreign.append(request.url))
    log_in(page, site, "viewer")
    page.wait_for_selector("body[data-painted]", timeout=60_000)
    yield page
    context.close()


@pytest.fixture
def page(viewer: Any, site: Installation) -> Any:
    """The viewer's page, fresh: no filter chosen."""
    viewer.goto("about:blank")
    viewer.goto(f"{site.platform.airflow_url}{PAGE}#source={SOURCE}")
    viewer.wait_for_selector("body[data-painted]")
    viewer.wait_for_selector("#heat svg")
    yield viewer
    assert viewer.errors == []


def test_nobody_is_asked_to_log_in(site, browser) -> None:
    page = browser.new_page()
    page.goto(site.platform.airflow_url + PAGE)
    assert "/auth/login" in page.url
    answer = page.request.get(f"{site.platform.airflow_url}{PAGE}api/overview?source={SOURCE}")
    assert answer.status == 401
    page.close()


def test_three_years_of_nights_take_less_than_a_second_of_the_pages_own_work(page) -> None:
    page.reload()
    page.wait_for_selector("body[data-painted]")
    page.select_option("#period", "all")
    assert page.locator("#tiles b").first.text_content() == "ok"
    assert "1,095 nights" in page.text_content("#runs")
    assert min(_seconds_of_work(page) for _ in range(3)) < 1


def _seconds_of_work(page: Any) -> float:
    """CPU seconds of the page's thread until all is painted: the machine's other work is not the page's."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def so_far() -> float:
        found = {entry["name"]: entry["value"] for entry in session.send("Performance.getMetrics")["metrics"]}
        return found["TaskDuration"]

    before = so_far()
    page.reload()
    page.wait_for_selector("body[data-painted]")
    spent = so_far() - before
    session.detach()
    assert spent > 0
    return spent


def test_nothing_comes_from_another_host(page, site) -> None:
    assert page.foreign
    strangers = {url for url in page.foreign if not url.startswith((site.platform.airflow_url, "about:", "blob:"))}
    assert strangers == set()


def test_the_migration_of_grades_is_shown_in_shares_of_the_grade_then(page) -> None:
    page.wait_for_selector("#migration table")
    rows = page.locator("#migration tbody tr")
    assert rows.nth(0).locator("td").all_text_contents() == ["M01", "100", "90.0 %", "10.0 %"]
    assert "6.7 % in a worse one; 7 are new, 3 gone" in page.text_content("#migration figcaption")


def test_dates_and_segments_filter_what_is_shown(page) -> None:
    page.fill("#from", "2019-12-01")
    page.dispatch_event("#from", "change")
    sync_api.expect(page.locator("#runs")).to_contain_text("31 nights")
    page.select_option("#dimension", "channel")
    sync_api.expect(page.locator("#level option")).to_have_count(3)
    page.select_option("#level", "B")
    sync_api.expect(page.locator("#level option:checked")).to_have_text("B: broker")
    sync_api.expect(page.locator("#portfolio svg").first).to_contain_text("B: broker")
    assert "from=2019-12-01" in page.url
    assert "level=B" in page.url


def test_no_level_of_a_segment_is_left_out_without_a_word(page) -> None:
    caption = page.locator("#portfolio figcaption").first
    page.select_option("#dimension", "channel")
    sync_api.expect(caption).to_contain_text("All 2 levels of channel")
    page.select_option("#dimension", "property_state")
    sync_api.expect(caption).to_contain_text("Of the 7 levels of property state the 5 largest are shown")
    page.select_option("#level", "OH")
    sync_api.expect(caption).to_contain_text("Of the 7 levels of property state one is shown")


@pytest.mark.parametrize(
    ("start", "end", "why"),
    [
        ("2019-12-31", "2019-12-01", "From, 2019-12-31, is after To, 2019-12-01."),
        ("2021-01-01", "2021-02-01", "No night was monitored from 2021-01-01 to 2021-02-01"),
    ],
)
def test_a_period_without_nights_says_so_and_the_next_one_is_drawn(page, start, end, why) -> None:
    page.fill("#to", end)
    page.dispatch_event("#to", "change")
    page.fill("#from", start)
    page.dispatch_event("#from", "change")
    sync_api.expect(page.locator("#message")).to_contain_text(why)
    sync_api.expect(page.locator("#portfolio svg")).to_have_count(0)
    page.select_option("#period", "90")
    sync_api.expect(page.locator("#message")).to_be_empty()
    sync_api.expect(page.locator("#portfolio svg")).to_have_count(4)
    sync_api.expect(page.locator("#heat svg")).to_have_count(1)


def test_an_address_may_say_anything(page, site) -> None:
    page.goto("about:blank")
    page.goto(f"{site.platform.airflow_url}{PAGE}#source=nobodys&figure=toString&from=yesterday&dimension=zip&level=x")
    page.wait_for_selector("#heat svg")
    assert page.input_value("#from").count("-") == 2


def test_a_page_of_another_origin_and_another_name_of_this_host_are_refused(site, browser) -> None:
    """DNS rebinding: evil.example points to the loopback interface."""
    port = site.platform.airflow_port
    rule = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    misled = browser.browser_type.launch(executable_path=CHROMIUM, args=["--no-sandbox", rule])
    page = misled.new_page()
    assert page.goto(f"http://evil.example:{port}/").status == 403
    assert "none of this Airflow's" in page.text_content("body")
    assert page.goto(f"http://localhost:{port}{PAGE}").ok, "another name of the loopback interface is its own"
    answer = page.request.post(
        f"{site.platform.airflow_url}/auth/token",
        headers={"Origin": "http://127.0.0.1:4566", "Content-Type": "text/plain"},
        data="{}",
    )
    assert answer.status == 403
    misled.close()


def test_the_heat_map_opens_a_feature_by_keyboard_and_by_list(page) -> None:
    heat = page.locator("#heat svg")
    heat.focus()
    for key in ("ArrowUp", "ArrowLeft", "ArrowRight"):
        heat.press(key)
    tip = page.text_content("#heat .tip")
    assert tip.startswith("feature_07"), "the feature that moved most is the first row"
    page.select_option("#feature", "feature_07")
    page.wait_for_selector("#drill svg")
    assert f"feature_07 on {LAST.isoformat()}" in page.text_content("#drill")
    assert "training" in page.text_content("#drill svg")


def test_a_click_on_the_breach_opens_that_nights_distribution(page) -> None:
    hit, heat = page.locator("#heat .hit").bounding_box(), page.locator("#heat svg").bounding_box()
    columns = 92  # 365 nights, four to a column
    place = (365 - 21) // 4
    x = hit["x"] - heat["x"] + hit["width"] * (place + 0.5) / columns
    page.locator("#heat svg").click(position={"x": x, "y": 4})
    page.wait_for_selector("#drill svg")
    assert f"feature_07 on {BREACH}" in page.text_content("#drill")
    assert page.locator("#drill .badge").text_content() == "breach"
    assert page.locator("#drill a").get_attribute("href").endswith("report.html")


def test_a_chart_downloads_its_figures_and_shows_them_as_a_table(page) -> None:
    with page.expect_download() as download:
        page.locator("#portfolio figure").first.get_by_role("button").click()
    rows = list(csv.DictReader(download.value.path().read_text(encoding="utf-8").splitlines()))
    assert rows[-1]["night"] == LAST.isoformat()
    assert float(rows[-1]["whole portfolio"]) == pytest.approx(document(LAST)["score"]["mean_pd"])
    assert len(rows) == 365
    page.locator("#portfolio summary").first.click()
    sync_api.expect(page.locator("#portfolio figure").first.locator("tbody tr")).to_have_count(365)


def test_findings_open_windows_and_estimates_are_named_as_such(page) -> None:
    page.wait_for_selector("#performance table")
    assert "open" in page.text_content("#performance table")
    assert "estimate" in page.text_content("#performance")
    assert "0.790 (0.77 to 0.81; was off by 0.015)" in page.text_content("#performance table")
    assert "0.012 too low" in page.text_content("#performance figcaption >> nth=1")
    sync_api.expect(page.locator("#alarms")).to_contain_text("feature_07: PSI 0.90")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_both_modes(page, scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    page.reload()
    page.wait_for_selector("#performance table")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    worst = page.evaluate(CONTRAST)
    page.emulate_media(color_scheme="light")
    assert worst["ratio"] >= 4.5, worst


# WCAG 2.2 contrast of every visible text element against the page's background.
CONTRAST = """() => {
  const channel = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (css) => {
    const [r, g, b] = css.match(/[0-9.]+/g).map((v) => channel(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  let worst = { ratio: 99 };
  for (const node of document.querySelectorAll("main *, header *")) {
    const own = [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim());
    if (!own || !node.getClientRects().length) continue;
    const style = getComputedStyle(node), ink = light(node.ownerSVGElement ? style.fill : style.color);
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (ratio < worst.ratio) worst = { ratio, text: node.textContent.trim().slice(0, 40), tag: node.tagName };
  }
  return worst;
}"""


def test_the_page_stands_in_airflows_navigation(page, site) -> None:
    page.goto(f"{site.platform.airflow_url}/plugin/mortgage-model")
    frame = page.frame_locator("iframe")
    frame.locator("#tiles b").first.wait_for(timeout=30_000)
    assert frame.locator("h1").text_content() == "Mortgage model monitoring"
