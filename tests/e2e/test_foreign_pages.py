"""Another site's page in a browser on this machine tries what the local AWS can do; reports open all the same.

Needs playwright and a Chromium (PATH, or MORTGAGE_CHROMIUM); skips where there is none.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local_platform.environments import runtime_python
from tests.local_aws.conftest import LocalAws
from tests.local_aws.sagemaker_kit import IMAGE, ROLE

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("MORTGAGE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")

EVIL, REBOUND = "evil.test", "rebound.test"  # names that lead to this machine
SCOPE = "X-Amz-Credential=a/20260101/us-east-1/{service}/aws4_request"
RUN_CODE = {
    "ProcessingJobName": "evil",
    "RoleArn": ROLE,
    "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["true"]},
    "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
}
DELETE = "<Delete><Object><Key>precious</Key></Object></Delete>"
# Everything that a page can send without asking and what it must ask for; each answer, or that there was none
ATTACK = """
async ([aws, body, xml, scope]) => {
  const found = [];
  const send = async (url, options) => {
    try { const answer = await fetch(url, options); found.push(answer.type === "opaque" ? 0 : answer.status); }
    catch (error) { found.push(String(error.name)); }
  };
  const target = {"x-amz-target": "SageMaker.CreateProcessingJob", "content-type": "application/x-amz-json-1.1"};
  await send(`${aws}/?${scope.replace("{service}", "sagemaker")}`, {method: "POST", headers: target, body});
  const silent = {method: "POST", mode: "no-cors", headers: {"content-type": "text/plain"}};
  await send(`${aws}/?${scope.replace("{service}", "sagemaker")}`, {...silent, body});
  await send(`${aws}/vault?delete`, {...silent, body: xml});
  await send(`${aws}/vault/precious`, {method: "DELETE"});
  await send(`${aws}/vault/precious`, {method: "PUT", body: "changed"});
  await send(`${aws}/?${scope.replace("{service}", "sns")}&Action=CreateTopic&Name=evil`, {mode: "no-cors"});
  await send(`${aws}/vault/precious`, {});
  await new Promise(done => {
    const image = new Image();
    image.onload = image.onerror = done;
    image.src = `${aws}/?${scope.replace("{service}", "sns")}&Action=CreateTopic&Name=evil`;
  });
  return found;
}
"""
FORM = """
([action, text]) => {
  const form = document.createElement("form");
  Object.assign(form, {method: "POST", action, enctype: "text/plain"});
  const field = document.createElement("input");
  [field.name, field.value] = [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)];
  form.append(field);
  document.body.append(form);
  form.submit();
}
"""
REPORT = """<!doctype html><title>report</title><link rel="stylesheet" href="style.css"><img src="dot.svg" id="dot">
<div id="chart"></div><a href="second.html">second</a><a href="second.html" target="_blank" id="new">new</a>
<script src="draw.js"></script><script>draw(document.getElementById("chart"));</script>"""
SITE = {
    "report.html": ("text/html", REPORT),
    "second.html": ("text/html", "<!doctype html><h1 id='second'>second</h1>"),
    "style.css": ("text/css", "#chart { width: 123px }"),
    "dot.svg": ("image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
    "draw.js": ("text/javascript", "function draw(place) { place.innerHTML = '<svg><circle r=\"5\"/></svg>'; }"),
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    server = LocalAws(tmp_path_factory.mktemp("aws") / "state", str(runtime_python("local-aws")))
    server.start()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="vault")
    s3.put_object(Bucket="vault", Key="precious", Body=b"x")
    for name, (kind, text) in SITE.items():
        s3.put_object(Bucket="vault", Key=f"site/{name}", Body=text.encode(), ContentType=kind)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def evil() -> Iterator[int]:
    """Another site; its port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><body>evil</body>")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    site = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield site.server_address[1]
    site.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    names = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1, MAP {REBOUND} 127.0.0.1"
    with sync_api.sync_playwright() as playwright:
        # Chromium asks before a page of the internet reaches a loopback address; not every browser does
        lenient = "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", names, lenient])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context()
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.statuses = []
    page.on("response", lambda response: page.statuses.append(response.status))
    yield page
    context.close()


def assert_nothing_happened(aws: LocalAws) -> None:
    assert aws.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"] == []
    assert aws.client("s3").get_object(Bucket="vault", Key="precious")["Body"].read() == b"x"
    assert aws.client("sns").list_topics()["Topics"] == []


def attack(page: Any, url: str) -> list[Any]:
    """What the page sees of each request; the server has refused every one."""
    page.statuses.clear()
    found = page.evaluate(ATTACK, [url, json.dumps(RUN_CODE), DELETE, SCOPE])
    assert set(page.statuses) == {403}
    return found


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "vault.localhost", "0.0.0.0"])
def test_a_foreign_page_achieves_nothing(aws: LocalAws, evil: int, page: Any, host: str) -> None:
    page.goto(f"http://{EVIL}:{evil}/")
    found = attack(page, f"http://{host}:{aws.port}")
    assert set(found) <= {0, "TypeError"}, "no answer may be read"
    assert_nothing_happened(aws)


def test_a_foreign_form_achieves_nothing(aws: LocalAws, evil: int, page: Any) -> None:
    page.goto(f"http://{EVIL}:{evil}/")
    xml = "<Delete a='='><Object><Key>precious</Key></Object></Delete>"
    with page.expect_response("**/vault?delete") as answer:
        page.evaluate(FORM, [f"{aws.endpoint_url}/vault?delete", xml])
    assert answer.value.status == 403
    assert_nothing_happened(aws)


def test_a_rebound_name_achieves_nothing(aws: LocalAws, page: Any) -> None:
    """The page came from its own server; then its name leads here, and what it asks is of the same origin."""
    own = f"http://{REBOUND}:{aws.port}"
    page.route(f"{own}/page", lambda route: route.fulfill(content_type="text/html", body="<body>evil</body>"))
    page.goto(f"{own}/page")
    found = attack(page, own)
    assert set(found) == {403}
    assert page.goto(f"{own}/_console/").status == 403
    assert_nothing_happened(aws)


@pytest.mark.parametrize("host", ["127.0.0.1", "vault.localhost"])
def test_a_stored_page_achieves_nothing(aws: LocalAws, page: Any, host: str) -> None:
    """A report lies in a bucket of the server itself, and whoever writes one may write into it what he likes."""
    own = f"http://{host}:{aws.port}"
    page.goto(f"{own}/site/report.html" if host.startswith("vault") else f"{own}/vault/site/report.html")
    assert page.evaluate("self.origin") == "null"
    assert set(attack(page, own)) <= {0, "TypeError"}
    assert_nothing_happened(aws)


def test_a_report_opens_from_another_site_with_all_that_it_draws(aws: LocalAws, evil: int, page: Any) -> None:
    page.goto(f"http://{EVIL}:{evil}/")
    page.evaluate("url => { location = url }", f"{aws.endpoint_url}/vault/site/report.html")
    page.wait_for_selector("#chart circle", state="attached")
    assert page.evaluate("document.getElementById('chart').clientWidth") == 123
    assert page.evaluate("document.getElementById('dot').naturalWidth") == 9
    with page.context.expect_page() as opened:
        page.click("#new")
    opened.value.wait_for_selector("#second")
    page.click("a >> nth=0")
    page.wait_for_selector("#second")
    assert page.errors == []


def test_the_console_opens_from_another_site_and_runs_no_script(aws: LocalAws, evil: int, page: Any) -> None:
    page.goto(f"http://{EVIL}:{evil}/")
    page.evaluate("url => { location = url }", f"{aws.endpoint_url}/_console/s3/vault/site/")
    page.wait_for_selector("text=report.html")
    page.click("text=report.html")
    page.wait_for_selector("#chart circle", state="attached")
    page.goto(f"{aws.endpoint_url}/_console/")
    with pytest.raises(sync_api.Error, match="Content Security Policy"):
        page.add_script_tag(content="document.title = 'evil'")


def test_no_page_shows_the_console_in_a_frame(aws: LocalAws, evil: int, page: Any, tmp_path: Path) -> None:
    page.goto(f"http://{EVIL}:{evil}/")
    with page.expect_response("**/_console/") as answer:
        page.evaluate(
            "url => { const frame = document.createElement('iframe'); frame.src = url; document.body.append(frame); }",
            f"{aws.endpoint_url}/_console/",
        )
    assert answer.value.status == 403
