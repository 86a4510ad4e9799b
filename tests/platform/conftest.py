"""An installation's state folder of each test's own, and services that need no Airflow."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_platform.running import processes, state, supervisor
from local_platform.running.processes import Service
from local_platform.settings import Platform

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    monkeypatch.setenv("MORTGAGE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("MORTGAGE_DATABASE_URL", raising=False)
    installation = Platform.from_environment()
    state.make_ready(installation)
    yield installation
    supervisor.down(installation, say=lambda _: None)
    processes.end(processes.of_this_installation(installation), seconds=1)


def service(
    name: str, argv: list[str] = SLEEPER, healthy: Callable[[], bool | None] = lambda: True, **more: object
) -> Service:
    return Service(name, lambda: argv, dict, healthy, **more)  # type: ignore[arg-type]


def replace_services(monkeypatch: pytest.MonkeyPatch, *table: Service) -> None:
    """These are the platform's services in this test."""
    for module in ("supervisor", "keeper"):
        monkeypatch.setattr(f"local_platform.running.{module}.services", lambda _: {s.name: s for s in table})
