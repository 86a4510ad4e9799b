"""A platform of its own for tests that need real processes: own state, own ports, and hands to break it with."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from local_platform.clients.airflow import FINISHED, AirflowApi
from local_platform.clients.aws import aws_client
from local_platform.compose_test import free_port
from local_platform.running import processes, supervisor
from local_platform.settings import Platform

# Far beyond what a run takes: a loaded machine must not fail a test that is not about speed.
PATIENCE_SECONDS = 1200


T = TypeVar("T")


@dataclass
class Installation:
    """A running platform, and what the tests ask of it."""

    platform: Platform
    api: AirflowApi
    pause_s = 0.5  # between two questions; Airflow's API takes 0.1 s of a core for each

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
            time.sleep(self.pause_s)
        raise AssertionError(f"not in {PATIENCE_SECONDS} s: {found()}")

    def client(self, service: str) -> Any:
        return aws_client(self.platform, service)

    def back(self, *names: str) -> None:
        """Wait until the supervisor has brought them back."""
        self.until(
            lambda: all(supervisor.status(self.platform)[name] == "healthy" for name in names),
            lambda: supervisor.notes(self.platform),
        )

    @contextlib.contextmanager
    def unattended(self) -> Iterator[None]:
        """What dies stays dead until the end of the block: the supervisor stands still."""
        process = supervisor.running(self.platform, "supervisor")
        assert process is not None, "no supervisor runs"
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def kill(self, name: str) -> None:
        """SIGKILL of the service's process alone, as the kernel's out-of-memory killer would."""
        process = supervisor.running(self.platform, name)
        assert process is not None, f"{name} does not run"
        processes.end([process], signal.SIGKILL)

    def terminate(self, name: str) -> None:
        """An orderly stop of one service."""
        process = supervisor.running(self.platform, name)
        assert process is not None, f"{name} does not run"
        processes.end([process], seconds=60)

    def delete(self, prefix: str) -> None:
        for key in self.objects(prefix):
            self.client("s3").delete_object(Bucket=self.platform.bucket, Key=key)

    def objects(self, prefix: str) -> dict[str, bytes]:
        s3 = self.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.platform.bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {key: s3.get_object(Bucket=self.platform.bucket, Key=key)["Body"].read() for key in keys}


@contextlib.contextmanager
def installed(folder: Path, **environment: str) -> Iterator[Installation]:
    """Processes in `folder` until the end of the block; none of them outlives it."""
    patch = pytest.MonkeyPatch()
    environment = {
        "MORTGAGE_STATE_DIR": str(folder / "state"),
        "MORTGAGE_AWS_PORT": str(free_port()),
        "MORTGAGE_AIRFLOW_PORT": str(free_port()),
        **environment,
    }
    for name, value in environment.items():
        patch.setenv(name, value)
    platform = Platform.from_environment()
    try:
        supervisor.up(platform)
        yield Installation(platform, AirflowApi(platform.airflow_url, "admin", platform.password("admin")))
    finally:
        supervisor.down(platform)
        patch.undo()
    assert not supervisor.of_this_installation(platform), "processes outlived `down`"
