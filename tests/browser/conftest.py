"""People at a browser before a real Airflow: the project's own DAG files, whose jobs do next to nothing.

Needs playwright and a Chromium (PATH, or MORTGAGE_CHROMIUM); skips where there is none.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from local_platform.clients.airflow import AirflowApi
from local_platform.settings import USERS
from tests.browser.people import DAG_IDS, HERE, Person, Site, days_ago, register_a_model, sync_api
from tests.installation import installed

CHROMIUM = os.environ.get("MORTGAGE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    code = str(HERE / "job_code")
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine")
    with installed(tmp_path_factory.mktemp("browser"), AIRFLOW__MORTGAGE_RISK__JOB_CODE_ROOT=code) as bare:
        found = Site(bare.platform, bare.api)
        s3 = found.client("s3")
        s3.create_bucket(Bucket=found.platform.bucket)
        for day in (days_ago(200), days_ago(20), days_ago(10)):
            s3.put_object(Bucket=found.platform.bucket, Key=f"raw-data/loans/ingest_date={day}/loans.csv", Body=b"1\n")
        register_a_model(found)
        found.until(lambda: set(DAG_IDS) <= found.api.dag_ids(), found.api.import_errors)
        yield found


PATIENCE_MS = 120_000  # a machine at its limit is not what is tested


@contextmanager
def logged_in(site: Site, browser: Any, name: str) -> Iterator[Person]:
    context = browser.new_context(viewport={"width": 1360, "height": 1800})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(site.platform.airflow_url)
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", site.platform.password(name))
    page.click("button[type=submit]")
    page.wait_for_url(site.platform.airflow_url + "/")
    yield Person(site, name, page)
    context.close()


@pytest.fixture(scope="session")
def people(site: Site) -> Iterator[dict[str, Person]]:
    with sync_api.sync_playwright() as playwright:
        sync_api.expect.set_options(timeout=PATIENCE_MS)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with ExitStack() as sessions:
            yield {name: sessions.enter_context(logged_in(site, browser, name)) for name in USERS}
        browser.close()


@pytest.fixture(scope="session")
def admin(people: dict[str, Person]) -> Person:
    return people["admin"]


@pytest.fixture(scope="session")
def analyst(people: dict[str, Person]) -> Person:
    return people["analyst"]


@pytest.fixture(scope="session")
def viewer(people: dict[str, Person]) -> Person:
    return people["viewer"]


@pytest.fixture(scope="session")
def started(analyst: Person) -> dict[str, str]:
    """A run of each DAG, started by the analyst from the form as it opens."""
    return {dag_id: analyst.start(dag_id) for dag_id in DAG_IDS}


@pytest.fixture(scope="session")
def as_viewer(site: Site) -> AirflowApi:
    return AirflowApi(site.platform.airflow_url, "viewer", site.platform.password("viewer"))
