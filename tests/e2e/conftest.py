"""A platform of its own for the end-to-end tests: own state and ports, a small simulated book, real processes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from local_platform import demo, landing, supervisor
from local_platform.airflow_api import FINISHED, AirflowApi
from local_platform.aws import aws_client, read_json
from local_platform.compose_test import free_port
from local_platform.environments import ROOT, runtime_python
from local_platform.services import airflow_environment, services
from local_platform.settings import Platform

# Too few defaulted loans for the gate: the tests release the model by a named override, as a small lender would.
BOOK = ["--loans", "4000", "--seed", "7", "--start", "2003-01", "--end", "2014-12"]
# Far beyond what a run takes: a loaded machine must not fail a test that is not about speed.
PATIENCE_SECONDS = 1800


T = TypeVar("T")


@dataclass
class Installation:
    """A running platform with a landed book, and what the tests ask of it."""

    platform: Platform
    api: AirflowApi
    business_date: str
    truth: Path

    def trigger(self, dag_id: str, **params: Any) -> str:
        return self.api.trigger(dag_id, params)

    def wait(self, dag_id: str, run_id: str) -> str:
        """Final state of a run; the Airflow server may be away in between."""
        return self.until(
            lambda: state if (state := self.api.run_state(dag_id, run_id)) in FINISHED else None,
            lambda: {task["task_id"]: task["state"] for task in self.api.tasks(dag_id, run_id)},
        )

    def until(self, answer: Callable[[], T | None], found: Callable[[], Any]) -> T:
        """What `answer` gives once it gives something; what was `found` instead when it never does."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if value := answer():
                return value
            time.sleep(0.5)
        raise AssertionError(f"not in {PATIENCE_SECONDS} s: {found()}")

    def succeed(self, dag_id: str, **params: Any) -> dict[str, Any]:
        """Run to success; the run's summary."""
        run_id = self.trigger(dag_id, **params)
        assert self.wait(dag_id, run_id) == "success", self.explain(dag_id, run_id)
        return self.summary(dag_id, run_id)

    def fail(self, dag_id: str, **params: Any) -> str:
        """Run to failure; what the platform says about it."""
        run_id = self.trigger(dag_id, **params)
        assert self.wait(dag_id, run_id) == "failed"
        return self.explain(dag_id, run_id)

    def explain(self, dag_id: str, run_id: str) -> str:
        return demo.failure(self.api, self.platform, dag_id, run_id)

    def summary(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return read_json(self.platform, self.api.xcom(dag_id, run_id, "summarize_run")["summary_uri"])

    def client(self, service: str) -> Any:
        return aws_client(self.platform, service)

    def restart(self, *names: str) -> None:
        for name in names:
            supervisor.start(self.platform, services(self.platform)[name])
        for name in names:
            supervisor.wait_healthy(self.platform, services(self.platform)[name])

    def kill(self, name: str) -> None:
        """SIGKILL of the service's process alone, as the kernel's out-of-memory killer would."""
        process = supervisor.running(self.platform, name)
        assert process is not None, f"{name} does not run"
        process.kill()
        process.wait(10)

    def airflow(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(runtime_python("airflow").with_name("airflow")), *arguments]
        return subprocess.run(
            command,
            env={**os.environ, **airflow_environment(self.platform)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )

    def delete(self, prefix: str) -> None:
        for key in self.objects(prefix):
            self.client("s3").delete_object(Bucket=self.platform.bucket, Key=key)

    def objects(self, prefix: str) -> dict[str, bytes]:
        s3 = self.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.platform.bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {key: s3.get_object(Bucket=self.platform.bucket, Key=key)["Body"].read() for key in keys}


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("platform")
    patch = pytest.MonkeyPatch()
    patch.setenv("MORTGAGE_STATE_DIR", str(folder / "state"))
    patch.setenv("MORTGAGE_AWS_PORT", str(free_port()))
    patch.setenv("MORTGAGE_AIRFLOW_PORT", str(free_port()))
    platform = Platform.from_environment()
    try:
        supervisor.up(platform)
        book = folder / "book"
        subprocess.run(
            [str(runtime_python("tooling")), "-m", "simulator", *BOOK, "--out", str(book)],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        delivery = landing.describe(book)
        landing.land(platform, delivery)
        api = AirflowApi(platform.airflow_url, "admin", platform.password("admin"))
        demo.wait_for_dags(api, platform)
        yield Installation(platform, api, delivery.as_of_date, book / "truth")
    finally:
        supervisor.down(platform)
        patch.undo()
    assert not supervisor.of_this_installation(platform), "processes outlived `down`"
