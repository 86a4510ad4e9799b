"""Processes start once, are told from strangers, stop for good, and leave no orphan."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from local_platform.environments import ROOT, runtime_python
from local_platform.running import processes, supervisor
from local_platform.settings import PlatformError
from tests.platform.conftest import SLEEPER, replace_services, service


def wait_for(answer, seconds=20):
    deadline = time.monotonic() + seconds
    while not (value := answer()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


def quiet_down(platform):
    supervisor.down(platform, say=lambda _: None)


def test_down_stops_the_service_and_what_outlived_it(platform, monkeypatch):
    # a child in a session of its own, as a task runner starts one
    child = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:], start_new_session=True); time.sleep(600)"
    sleeper = service("sleeper", [sys.executable, "-c", child, *SLEEPER])
    replace_services(monkeypatch, sleeper)
    processes.start(platform, sleeper)
    wait_for(lambda: len(processes.of_this_installation(platform)) == 2)
    assert supervisor.status(platform) == {"sleeper": "healthy"}
    quiet_down(platform)
    assert supervisor.status(platform) == {"sleeper": "stopped"}
    assert processes.of_this_installation(platform) == []


def test_down_stops_what_a_killed_service_left_behind(platform, monkeypatch):
    # as a scheduler's idle workers: no environment to be known by, and another leader since
    child = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:], env={}); time.sleep(600)"
    scheduler = service("sleeper", [sys.executable, "-c", child, *SLEEPER])
    replace_services(monkeypatch, scheduler)
    left = []
    for _ in range(2):
        processes.start(platform, scheduler)
        leader = processes.running(platform, "sleeper")
        wait_for(leader.children)
        left += leader.children()
        leader.kill()
        leader.wait(10)
    assert all(process.is_running() for process in left)
    quiet_down(platform)
    assert psutil.wait_procs(left, timeout=5)[1] == []


def test_what_gives_itself_another_title_is_still_known(platform):
    # as Airflow's API server and workers do
    title = "import setproctitle, time; setproctitle.setproctitle('airflow api_server'); time.sleep(600)"
    renamed = service("sleeper", [str(runtime_python("airflow")), "-c", title])
    processes.start(platform, renamed)
    leader = processes.running(platform, "sleeper")
    wait_for(lambda: leader.cmdline()[0] == "airflow api_server")
    assert [process.pid for process in processes.of_this_installation(platform)] == [leader.pid]


@pytest.fixture
def strangers(platform):
    """What a user has in a shell that exports the platform's settings: an editor, a `tail`, another server."""
    shell = {**os.environ, "MORTGAGE_STATE_DIR": str(platform.state), "MORTGAGE_AIRFLOW_PORT": "18080"}
    table = [SLEEPER, ["tail", "-f", str(platform.state / "secrets.json")]]
    found = [subprocess.Popen(argv, env=shell, stdout=subprocess.DEVNULL) for argv in table]
    yield found
    for process in found:
        process.kill()
        process.wait()


def test_down_leaves_alone_what_it_did_not_start(platform, strangers, monkeypatch):
    sleeper = service("sleeper")
    replace_services(monkeypatch, sleeper)
    processes.start(platform, sleeper)
    quiet_down(platform)
    time.sleep(0.3)
    assert [process.poll() for process in strangers] == [None, None]


def test_an_up_that_finds_its_port_taken_says_so_and_leaves_alone_what_it_did_not_start(
    platform, strangers, monkeypatch
):
    replace_services(monkeypatch, service("local-aws"))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        platform = dataclasses.replace(platform, aws_port=other.getsockname()[1])
        with pytest.raises(PlatformError, match=r"which local-aws needs, is taken.*MORTGAGE_AWS_PORT"):
            supervisor.up(platform, say=lambda _: None)
    assert processes.running(platform, "local-aws") is None
    assert [process.poll() for process in strangers] == [None, None]


def test_a_service_is_asked_first_and_may_put_things_in_order(platform, monkeypatch, tmp_path):
    orderly = f"""
import signal, sys, time, pathlib
def stop(*_):
    pathlib.Path({str(tmp_path / "order")!r}).write_text("put in order")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
print("up", flush=True)
time.sleep(600)
"""
    sleeper = service("sleeper", [sys.executable, "-c", orderly])
    replace_services(monkeypatch, sleeper)
    processes.start(platform, sleeper)
    wait_for(lambda: "up" in processes.tail(processes.log_path(platform, "sleeper")))
    quiet_down(platform)
    assert (tmp_path / "order").read_text() == "put in order"


def test_a_service_that_does_not_listen_is_killed(platform, monkeypatch):
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.5)
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    sleeper = service("sleeper", [sys.executable, "-c", deaf])
    replace_services(monkeypatch, sleeper)
    processes.start(platform, sleeper)
    wait_for(lambda: "up" in processes.tail(processes.log_path(platform, "sleeper")))
    quiet_down(platform)
    assert processes.running(platform, "sleeper") is None


def test_a_service_that_stands_still_is_stopped_in_order(platform, monkeypatch):
    sleeper = service("sleeper")
    replace_services(monkeypatch, sleeper)
    process = psutil.Process(processes.start(platform, sleeper).pid)
    process.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    quiet_down(platform)
    assert time.monotonic() - started < processes.STOP_SECONDS
    assert process.status() == psutil.STATUS_ZOMBIE, "of this process, which has not waited for it"


def test_a_reused_pid_is_not_taken_for_the_service(platform):
    processes.start(platform, service("sleeper"))
    process = processes.running(platform, "sleeper")
    assert isinstance(process, psutil.Process)
    record = platform.state / "pids" / "sleeper.json"
    known = json.loads(record.read_text())
    record.write_text(json.dumps({**known, "created": known["created"] - 5}))
    assert processes.running(platform, "sleeper") is None


def test_down_stops_what_runs_though_its_folder_is_gone(platform, monkeypatch):
    sleeper = service("sleeper")
    replace_services(monkeypatch, sleeper)
    processes.start(platform, sleeper)
    shutil.rmtree(platform.state)
    quiet_down(platform)
    assert processes.of_this_installation(platform) == []
    assert not platform.state.exists()


def test_down_stops_what_an_earlier_version_started(platform, monkeypatch):
    sleeper = service("sleeper")
    replace_services(monkeypatch, sleeper)
    process = psutil.Process(processes.start(platform, sleeper).pid)
    record = platform.state / "pids" / "sleeper.json"
    record.write_text(json.dumps({"pid": process.pid, "created": process.create_time(), "groups": [process.pid]}))
    quiet_down(platform)
    assert process.status() == psutil.STATUS_ZOMBIE, "of this process, which has not waited for it"


def test_a_clock_that_is_set_does_not_make_a_stranger_of_the_service(platform, monkeypatch):
    processes.start(platform, service("sleeper"))
    boot, create = psutil.boot_time(), psutil.Process.create_time
    monkeypatch.setattr(psutil, "boot_time", lambda: boot + 3600)
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: create(self) + 3600)
    assert processes.running(platform, "sleeper") is not None


def test_what_cannot_be_recorded_does_not_start(platform, monkeypatch):
    """As on a full disk: a process that nobody knows of would be started a second time."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(processes, "write_whole", full)
    with pytest.raises(OSError, match="No space left"):
        processes.start(platform, service("sleeper"))
    assert processes.of_this_installation(platform) == []
    assert processes.log_path(platform, "sleeper").read_text() == ""


def test_a_service_whose_starter_dies_before_it_is_on_record_does_not_start(platform):
    code = f"""
import os, sys
from local_platform.running import processes
from local_platform.settings import Platform
sys.path.insert(0, {str(ROOT)!r})
from tests.platform.conftest import service
processes.write_whole = lambda *_: os.kill(os.getpid(), 9)
processes.start(Platform.from_environment(), service("sleeper"))
"""
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == -signal.SIGKILL
    wait_for(lambda: processes.of_this_installation(platform) == [])
    assert "up" not in processes.tail(processes.log_path(platform, "sleeper"))


def test_idle_is_an_orphan_without_a_child(platform):
    worker = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(600)"
    leader = (
        "import subprocess, sys, time\n"
        "subprocess.Popen(sys.argv[4:])\n"  # an idle worker
        "subprocess.Popen(sys.argv[1:])\n"  # a busy one
        "time.sleep(600)"
    )
    python = [sys.executable, "-c"]
    argv = [*python, leader, *python, worker, *SLEEPER]
    started = processes.start(platform, service("scheduler", argv))
    group = psutil.Process(started.pid)
    wait_for(lambda: len(group.children(recursive=True)) == 3)
    busy = next(child for child in group.children() if child.children())
    idle = next(child for child in group.children() if not child.children())
    assert processes.left_behind(platform, "scheduler") == []
    started.kill()
    started.wait()
    left = processes.left_behind(platform, "scheduler")
    assert {process.pid for process in left} == {busy.pid, idle.pid, busy.children()[0].pid}
    assert [process.pid for process in processes.idle(left)] == [idle.pid]
