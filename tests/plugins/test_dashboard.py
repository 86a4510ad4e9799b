"""The monitoring page's addresses: who may read, and that what they answer is what lies in S3."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from fake_aws import FakeAws
from test_monitoring import document

from mortgage_risk.dashboard import views
from mortgage_risk.dashboard.app import create_app
from mortgage_risk.layout import Layout
from mortgage_risk.monitoring import index as monitoring

LAYOUT = Layout("mortgage-loan-ml", "mortgage-default-risk")
DAYS = ("2019-11-30", "2019-12-01", "2019-12-02")


@pytest.fixture
def index(fake_aws: FakeAws) -> FakeAws:
    """Three monitored nights and a missing one, in two month files."""
    before, months = None, {}
    for day in DAYS:
        prefix = LAYOUT.monitoring("canonical", day, "job")
        content = document(day) | ({} if day == DAYS[1] else {"performance": None}) | {"carry": {"recent": {}}}
        before = monitoring.index_row(content, prefix, {"rows_in": 130}, before)
        uri = monitoring.month_file(LAYOUT.monitoring_index("canonical"), day)
        months[uri] = monitoring.with_row(months.get(uri), before)
        fake_aws.put(f"{prefix}monitoring.json", json.dumps(content).encode())
    months[uri] = monitoring.with_row(months[uri], monitoring.missing_row("2019-12-03"))
    for uri, month in months.items():
        fake_aws.put(uri, json.dumps(month).encode())
    return fake_aws


@pytest.fixture
def client(index, settings, monkeypatch) -> Any:
    """A browser of somebody who may see the monitoring DAG; `client.headers` without a token is nobody."""
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
    from airflow.api_fastapi.core_api import security
    from fastapi import HTTPException
    from fastapi.testclient import TestClient

    class Manager:
        async def get_user_from_token(self, token: str) -> BaseUser:
            if token not in ("viewer", "stranger"):
                raise HTTPException(403, "Invalid JWT token")
            return token  # type: ignore[return-value]

        def is_authorized_dag(self, *, method: str, details: Any, user: Any, **_: Any) -> bool:
            return (method, details.id, user) == ("GET", "mortgage_model_monitoring", "viewer")

        def get_url_login(self, **options: Any) -> str:
            return f"/auth/login?next={options['next_url']}"

    manager = Manager()
    monkeypatch.setattr(security, "get_auth_manager", lambda: manager)
    monkeypatch.setattr("airflow.api_fastapi.app.get_auth_manager", lambda: manager)
    monkeypatch.setattr(security.DagModel, "get_team_name", lambda dag_id: None)
    found = TestClient(create_app(settings), follow_redirects=False)
    found.cookies.set("_token", "viewer")
    return found


ADDRESSES = (
    "/static/dashboard.js",
    "/api/overview?source=canonical",
    "/api/features?source=canonical",
    "/api/segments?source=canonical&dimension=channel",
    "/api/night?source=canonical&date=2019-12-01",
    "/api/outcomes?source=canonical",
    "/api/models?source=canonical",
    "/api/alarms",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_nobody_and_strangers_get_nothing(client, address) -> None:
    client.cookies.clear()
    assert client.get(address).status_code == 401
    client.cookies.set("_token", "stranger")
    assert client.get(address).status_code == 403


def test_the_addresses_are_all_there_are(client) -> None:
    paths = {route.path for route in client.app.routes}
    assert paths == {"/", "/static/{name}", *(a.partition("?")[0] for a in ADDRESSES if a.startswith("/api"))}


def test_nobody_is_sent_to_the_login_and_comes_back(client, monkeypatch) -> None:
    client.cookies.clear()
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/team")
    answer = client.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 307
    assert answer.headers["location"] == "/auth/login?next=https://airflow.example.com/team/mortgage-risk/"


def test_the_page_loads_nothing_from_elsewhere(client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http" not in answer.text
    assert client.get("/static/settings.py").status_code == 404


@pytest.mark.parametrize("address", ["/", *ADDRESSES[:-2]])
def test_no_answer_is_kept_by_others_or_taken_for_a_page(client, address) -> None:
    headers = client.get(address).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"].startswith("private")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers


def test_a_segments_codes_come_with_what_they_mean(client) -> None:
    answer = client.get("/api/segments", params={"source": "canonical", "dimension": "channel"}).json()
    assert answer["labels"] == {"R": "retail"}
    other = client.get("/api/segments", params={"source": "canonical", "dimension": "zip"}).json()
    assert (other["labels"], other["levels"]) == ({}, {})


def test_a_source_that_is_not_there_is_not_an_empty_page(client) -> None:
    answer = client.get("/api/overview", params={"source": "nobodys"}).json()
    assert (answer["source"], len(answer["dates"])) == ("canonical", 4)


def test_nights_come_as_columns_gaps_as_null(client) -> None:
    answer = client.get("/api/overview", params={"source": "canonical"}).json()
    assert answer["dates"] == [*DAYS, "2019-12-03"]
    assert answer["mean_pd"] == [0.02, 0.02, 0.02, None]
    assert answer["grades"]["M01"] == [60, 60, 60, None]
    assert answer["findings"]["2019-12-03"][0][1] == "night_missing"
    features = client.get("/api/features", params={"source": "canonical"}).json()
    assert features["features"]["dti"]["psi_training"] == [0.1, 0.1, 0.1, None]
    segments = client.get("/api/segments", params={"source": "canonical", "dimension": "channel"}).json()
    assert segments["levels"]["R"]["n"] == [100, 100, 100, None]


def test_a_night_is_opened_without_what_only_the_next_one_needs(client) -> None:
    answer = client.get("/api/night", params={"source": "canonical", "date": DAYS[0]}).json()
    assert answer["features"][0]["feature"] == "dti"
    assert "carry" not in answer
    assert answer["report_url"].endswith("report.html")
    assert client.get("/api/night", params={"source": "canonical", "date": "2019-12-03"}).status_code == 404
    assert client.get("/api/night", params={"source": "../x", "date": DAYS[0]}).status_code == 404


def test_outcomes_are_those_of_the_night_that_read_the_newest_panel(client, index) -> None:
    assert client.get("/api/outcomes", params={"source": "canonical"}).json() == {"panel_as_of": "2019-11-30"}


def test_without_a_source_the_first_there_is_is_shown(client) -> None:
    answer = client.get("/api/overview").json()
    assert (answer["sources"], answer["source"]) == (["canonical"], "canonical")


def test_an_unchanged_month_is_read_once_and_a_changed_one_again(client, index, monkeypatch) -> None:
    monkeypatch.setattr("mortgage_risk.dashboard.index_store.LISTED_SECONDS", -1.0)
    client.get("/api/overview", params={"source": "canonical"})
    uri = monitoring.month_file(LAYOUT.monitoring_index("canonical"), DAYS[0])
    index.put(uri, json.dumps({"nights": []}).encode())
    assert len(client.get("/api/overview", params={"source": "canonical"}).json()["dates"]) == 3


def test_three_years_of_nights_are_a_small_answer() -> None:
    row = monitoring.index_row(document(DAYS[0]), "s3://b/p/", {}, None)
    rows = [row | {"date": str(n)} for n in range(1096)]
    assert len(json.dumps(views.overview(rows))) < 300_000


def test_the_model_in_force_is_told_from_a_newer_one_that_was_withdrawn(client, index) -> None:
    """And from one that was approved for later."""
    group = LAYOUT.model_package_group("canonical")
    index.groups.add(group)
    for metadata in (
        {"effective_from": "2020-01-01"},
        {"effective_from": "2020-02-01", "withdrawn_from": "2020-03-01", "withdrawn_by": "eve"},
        {"effective_from": "2999-01-01"},
    ):
        index.client("sagemaker").create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            CustomerMetadataProperties={"approved_at": "2020-01-01T00:00:00+00:00", **metadata},
            InferenceSpecification={"Containers": [{"ModelDataUrl": "s3://b/model.tar.gz"}]},
        )
    answer = client.get("/api/models", params={"source": "canonical"}).json()
    assert [(v["version"], v["in_force"], v["withdrawn_by"]) for v in answer] == [
        (3, False, None),
        (2, False, "eve"),
        (1, True, None),
    ]


def test_versions_and_alarms_say_what_an_auditor_asks() -> None:
    package = {
        "ModelPackageVersion": 2,
        "ModelApprovalStatus": "Approved",
        "CreationTime": datetime(2020, 1, 1, tzinfo=UTC),
        "CustomerMetadataProperties": {"approved_by": "ann", "gate": "pass"},
    }
    (version,) = views.versions([package])
    assert (version["approved_by"], version["override_by"]) == ("ann", None)
    states = [{"AlarmName": name, "StateValue": state} for name, state in (("a", "OK"), ("b", "ALARM"))]
    assert [alarm["name"] for alarm in views.alarms(states)] == ["b", "a"]
