from __future__ import annotations

import collections
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

REPO = Path(__file__).resolve().parents[2]
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-tests-"))
sys.path[:0] = [str(REPO / "plugins"), str(Path(__file__).parent)]

from fake_aws import REQUIRED, FakeAws  # noqa: E402

from mortgage_risk import aws  # noqa: E402
from mortgage_risk.jobs.requests import RunTags  # noqa: E402
from mortgage_risk.settings import Settings  # noqa: E402


@pytest.fixture
def settings() -> Settings:
    return Settings(**REQUIRED, poll_seconds=1, outage_minutes=1)


@pytest.fixture
def tags() -> RunTags:
    run_id = "manual__2020-01-05T09:00:00+00:00"
    return RunTags("mortgage_training", "build_model.train_model", run_id, "2019-12-31", "bucket/model")


@pytest.fixture
def fake_aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """Every client the plugins ask for, in memory; sleeping takes no time."""
    fake = FakeAws()
    monkeypatch.setattr(aws, "client", fake.client)
    monkeypatch.setattr("time.sleep", lambda seconds: fake.pass_time(seconds))
    return fake


class FakeTaskInstance:
    def __init__(self) -> None:
        self.pushed: dict[str, object] = {}
        self.xcoms: dict[str, object] = {}

    def xcom_push(self, key: str, value: object) -> None:
        self.pushed[key] = value

    def xcom_pull(self, task_ids: str) -> object:
        return self.xcoms.get(task_ids)


@pytest.fixture
def context() -> dict:
    class Run:
        run_id = "manual__2020-01-05T09:00:00+00:00"
        start_date = datetime.now(UTC)
        triggering_user_name = None

    outlets: dict = collections.defaultdict(SimpleNamespace)
    return {"ti": FakeTaskInstance(), "dag_run": Run(), "outlet_events": outlets}
