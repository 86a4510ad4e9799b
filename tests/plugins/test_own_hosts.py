"""Who may ask Airflow's API server: its own pages, by its own names."""

from __future__ import annotations

from typing import Any

import pytest

from mortgage_risk.dashboard.own_hosts import OwnHosts, refusal

LAPTOP = ("127.0.0.1", "localhost", "*.localhost", "::1")
PUBLIC = "https://airflow.example.com/team"


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8080", None),
        ("localhost:18080", "http://localhost:18080"),  # through a tunnel
        ("LOCALHOST", None),
        ("airflow.localhost:8080", None),
        ("[::1]:8080", "http://[::1]:8080"),
        ("127.0.0.1:8080", "https://airflow.example.com"),  # a proxy in front
    ],
)
def test_own_pages_by_own_names_are_served(host: str, origin: str | None) -> None:
    assert refusal(host, origin, LAPTOP, PUBLIC) == ""


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example", None),  # its DNS name points to 127.0.0.1
        ("evil.example:8080", "http://evil.example:8080"),
        ("127.0.0.1.evil.example", None),
        ("localhost.evil.example", None),
        ("xlocalhost", None),
        ("", None),
        ("127.0.0.1:8080", "http://evil.example"),
        ("127.0.0.1:8080", "http://127.0.0.1:4566"),  # another port of this host: Airflow's cookie is sent
        ("127.0.0.1:8080", "http://localhost:8080"),
        ("127.0.0.1:8080", "null"),  # a sandboxed frame, a file
    ],
)
def test_foreign_names_and_pages_are_refused(host: str, origin: str | None) -> None:
    assert refusal(host, origin, LAPTOP, PUBLIC)


def test_where_nothing_is_set_the_front_door_decides() -> None:
    assert refusal("evil.example", "http://evil.example", (), PUBLIC) == ""


@pytest.mark.parametrize(("host", "status"), [("localhost", 200), ("evil.example", 403)])
def test_a_request_reaches_airflow_or_is_answered_in_words(monkeypatch, host: str, status: int) -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    monkeypatch.setenv("AIRFLOW__MORTGAGE_RISK__ALLOWED_HOSTS", ", ".join(LAPTOP))
    app: Any = FastAPI()
    app.add_middleware(OwnHosts)
    app.get("/")(lambda: "in")
    answer = TestClient(app).get("/", headers={"Host": host})
    assert answer.status_code == status
    assert status == 200 or "AIRFLOW__MORTGAGE_RISK__ALLOWED_HOSTS" in answer.text


def test_the_plugin_puts_it_before_everything(monkeypatch) -> None:
    from mortgage_risk_plugin import MortgageRiskPlugin

    (middleware,) = MortgageRiskPlugin.fastapi_root_middlewares
    assert middleware["middleware"] is OwnHosts
