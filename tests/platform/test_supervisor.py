"""Processes start once, are told from strangers, stop for good, and leave no orphan."""

from __future__ import annotations

import dataclasses
import sys
import time

import psutil
import pytest

from local_platform import supervisor
from local_platform.services import Service
from local_platform.settings import Platform

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


@pytest.fixture
def platform(tmp_path, monkeypatch):
    monkeypatch.setenv("MORTGAGE_STATE_DIR", str(tmp_path))
    installation = Platform.from_environment()
    installation.logs.mkdir(parents=True)
    yield installation
    for process in supervisor.of_this_installation(installation):
        process.kill()


def service(platform, argv, healthy=True):
    return Service("sleeper", argv, {"MORTGAGE_STATE_DIR": str(platform.state)}, lambda: healthy)


def test_down_stops_the_service_and_what_outlived_it(platform, monkeypatch):
    # a child in a session of its own, as a task runner starts one
    child = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:], start_new_session=True); time.sleep(600)"
    sleeper = service(platform, [sys.executable, "-c", child, *SLEEPER])
    monkeypatch.setattr(supervisor, "services", lambda _: {"sleeper": sleeper})
    supervisor.start(platform, sleeper)
    deadline = time.monotonic() + 20
    while len(supervisor.of_this_installation(platform)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert supervisor.status(platform) == {"sleeper": "healthy"}
    supervisor.down(platform, say=lambda _: None)
    assert supervisor.status(platform) == {"sleeper": "stopped"}
    gone_by = time.monotonic() + 5
    while supervisor.of_this_installation(platform) and time.monotonic() < gone_by:
        time.sleep(0.05)
    assert supervisor.of_this_installation(platform) == []


def test_down_stops_what_a_killed_service_left_behind(platform, monkeypatch):
    # as a scheduler's idle workers: no environment to be known by, and another leader since
    child = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:], env={}); time.sleep(600)"
    scheduler = service(platform, [sys.executable, "-c", child, *SLEEPER])
    monkeypatch.setattr(supervisor, "services", lambda _: {"sleeper": scheduler})
    left = []
    for _ in range(2):
        supervisor.start(platform, scheduler)
        leader, deadline = supervisor.running(platform, "sleeper"), time.monotonic() + 20
        while not leader.children():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        left += leader.children()
        leader.kill()
        leader.wait(10)
    assert all(process.is_running() for process in left)
    supervisor.down(platform, say=lambda _: None)
    assert psutil.wait_procs(left, timeout=5)[1] == []


def test_a_service_that_dies_while_starting_is_reported_with_its_log(platform):
    broken = service(platform, [sys.executable, "-c", "raise SystemExit('the port is taken')"], healthy=False)
    supervisor.start(platform, broken)
    with pytest.raises(supervisor.PlatformError, match="the port is taken"):
        supervisor.wait_healthy(platform, broken)


def test_a_stranger_on_the_port_is_not_taken_for_the_service(platform, monkeypatch):
    answering = {"local-aws": service(platform, SLEEPER, healthy=True)}
    monkeypatch.setattr(
        supervisor, "services", lambda _: {k: dataclasses.replace(v, name=k) for k, v in answering.items()}
    )
    with pytest.raises(supervisor.PlatformError, match="MORTGAGE_AWS_PORT"):
        supervisor.up(platform, say=lambda _: None)
    assert supervisor.of_this_installation(platform) == []


def test_a_service_stands_still_for_a_moment_and_goes_on(platform):
    started = service(platform, SLEEPER)
    supervisor.start(platform, started)
    process = supervisor.running(platform, "sleeper")
    with supervisor.held_still(platform, "sleeper", "one that does not run"):
        assert process.status() == psutil.STATUS_STOPPED
    deadline = time.monotonic() + 20
    while process.status() == psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_reused_pid_is_not_taken_for_the_service(platform):
    started = service(platform, SLEEPER)
    supervisor.start(platform, started)
    process = supervisor.running(platform, "sleeper")
    assert isinstance(process, psutil.Process)
    record = platform.state / "pids" / "sleeper.json"
    record.write_text(record.read_text().replace(str(process.create_time()), str(process.create_time() - 5)))
    assert supervisor.running(platform, "sleeper") is None


def test_secrets_are_made_once_and_are_private(platform):
    first = platform.secrets()
    assert platform.secrets() == first
    assert (platform.state / "secrets.json").stat().st_mode & 0o077 == 0
    assert platform.write_password_file().stat().st_mode & 0o077 == 0
