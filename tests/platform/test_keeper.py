"""The supervisor: what died is started again, what is ill replaced, what it took over not doubled; `up` with it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from local_platform.environments import ROOT
from local_platform.running import keeper, processes, supervisor, watch
from local_platform.running.keeper import Keeper, read_report
from local_platform.running.watch import PAUSES
from tests.platform.conftest import SLEEPER, replace_services, service


@pytest.fixture
def keep(platform, monkeypatch):
    """A keeper of these services, looked through every tenth of a second of its own time: 1 s a look."""
    clock = iter(range(10**9))

    def of(*table):
        replace_services(monkeypatch, *table)
        made = Keeper(platform)

        def look(times=1):
            for _ in range(times):
                made.look(float(next(clock)))

        return look

    return of


def pid(platform, name="sleeper"):
    process = processes.running(platform, name)
    return process.pid if process else None


def kill(platform, name="sleeper"):
    os.kill(pid(platform, name), signal.SIGKILL)
    while pid(platform, name):  # its end is for its parent to see
        time.sleep(0.01)


def test_what_died_is_started_again_and_people_can_read_why(platform, keep):
    look = keep(service("sleeper"))
    look()
    first = pid(platform)
    kill(platform)
    look(2)
    assert pid(platform) not in (None, first)
    assert read_report(platform)["sleeper"]["restarts"] == 1
    assert "killed by signal 9" in read_report(platform)["sleeper"]["last"]
    assert "restarts: 1;" in supervisor.notes(platform)["sleeper"]


def test_what_is_ill_is_replaced_alone(platform, keep):
    well = [True]
    look = keep(service("sleeper", healthy=lambda: well[0]), service("other"))
    look(10)
    first, other = pid(platform), pid(platform, "other")
    well[0] = False
    look(125)
    assert pid(platform) not in (None, first)
    assert pid(platform, "other") == other
    assert "was ill for too long" in read_report(platform)["sleeper"]["last"]


def test_what_needs_a_database_waits_for_it_and_is_not_blamed(platform, keep):
    well = [False]
    look = keep(service("postgres", healthy=lambda: well[0]), service("sleeper", needs=("postgres",)))
    look(20)
    assert pid(platform, "postgres")
    assert not pid(platform)
    well[0] = True
    look(10)
    sleeper = pid(platform)
    assert sleeper
    well[0] = False
    look(100)
    assert pid(platform) == sleeper


def test_what_was_started_by_another_is_taken_over_and_not_doubled(platform, keep):
    sleeper = service("sleeper")
    keep(sleeper)()
    first = pid(platform)
    look = keep(sleeper)  # of another supervisor
    look(10)
    assert pid(platform) == first
    assert [p.pid for p in processes.of_this_installation(platform)] == [first]
    kill(platform)
    look(3)
    assert pid(platform) not in (None, first)
    assert "died" in read_report(platform)["sleeper"]["last"]


def test_a_full_disk_starts_nothing_twice_and_goes_on_when_there_is_room(platform, keep, monkeypatch):
    look = keep(service("sleeper"))
    look()
    kill(platform)
    room = processes.write_whole

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(processes, "write_whole", full)
    monkeypatch.setattr(keeper, "write_whole", full)
    look(30)
    assert processes.of_this_installation(platform) == []
    monkeypatch.setattr(processes, "write_whole", room)
    monkeypatch.setattr(keeper, "write_whole", room)
    look(70)
    assert len(processes.of_this_installation(platform)) == 1
    assert pid(platform)


def test_a_machine_that_lacks_what_a_look_needs_does_not_end_the_supervisor(platform, monkeypatch, capsys):
    replace_services(monkeypatch, service("sleeper"))
    answers = iter([OSError(24, "Too many open files"), RuntimeError("strange"), None])
    kept = Keeper(platform)
    monkeypatch.setattr(keeper, "LOOK_SECONDS", 0)

    def look(now):
        answer = next(answers)
        if answer is None:
            shutil.rmtree(platform.state)
        else:
            raise answer

    monkeypatch.setattr(kept, "look", look)
    kept.go_on()
    said = capsys.readouterr().out
    assert "cannot look: OSError: [Errno 24] Too many open files" in said
    assert "cannot look: RuntimeError: strange" in said


def test_what_a_dead_service_left_idle_is_ended(platform, keep):
    leader = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(600)"
    look = keep(service("sleeper", [sys.executable, "-c", leader, *SLEEPER]))
    look()
    deadline = time.monotonic() + 20
    while not (workers := processes.running(platform, "sleeper").children()):
        assert time.monotonic() < deadline
    kill(platform)
    look(2)
    assert workers[0].is_running()
    look(35)
    assert psutil.wait_procs(workers, timeout=5)[1] == []


SUPERVISE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from local_platform.running import keeper, supervisor
from local_platform.settings import Platform
from local_platform.running.watch import PAUSES
from tests.platform.conftest import service
keeper.services = lambda _: {{name: service(name, argv) for name, argv in %r.items()}}
supervisor.supervise(Platform.from_environment())
"""


@pytest.fixture
def supervised(monkeypatch):
    """The supervisor's real process, on services that are not Airflow's: their commands, by name."""

    def of(healthy=lambda: True, **argv):
        replace_services(monkeypatch, *(service(name, command, healthy) for name, command in argv.items()))
        watcher = service("supervisor", [sys.executable, "-c", SUPERVISE % argv])
        monkeypatch.setattr(supervisor, "_supervisor", lambda _: watcher)
        monkeypatch.setattr(supervisor, "_migrate", lambda _: None)
        monkeypatch.setattr(supervisor, "_is_taken", lambda _: False)
        monkeypatch.setattr(supervisor.database, "make_ready", lambda _: None)
        return watcher

    return of


def test_what_cannot_start_makes_up_say_so_and_takes_nothing_down_and_the_next_up_tries_anew(
    platform, supervised, tmp_path
):
    broken = f"import pathlib, time; p = pathlib.Path({str(tmp_path / 'mended')!r})\n"
    broken += "if not p.exists(): raise SystemExit('the port is taken')\ntime.sleep(600)"
    mended = (tmp_path / "mended").exists
    supervised(mended, sleeper=SLEEPER, broken=[sys.executable, "-c", broken])
    quiet = {"say": lambda _: None}
    with pytest.raises(supervisor.PlatformError, match=r"broken does not come up.*(?s:.*)the port is taken"):
        supervisor.up(platform, **quiet)
    sleeper = pid(platform)
    assert sleeper
    (tmp_path / "mended").touch()
    started = time.monotonic()
    supervisor.up(platform, **quiet)
    assert time.monotonic() - started < PAUSES[-1]
    assert pid(platform) == sleeper
    first = pid(platform, "supervisor")
    supervisor.up(platform, **quiet)
    assert pid(platform, "supervisor") == first, "what is well is left alone"


def test_a_killed_supervisor_is_told_of_and_the_next_up_takes_over(platform, supervised):
    watcher = supervised(sleeper=SLEEPER)
    quiet = {"say": lambda _: None}
    supervisor.up(platform, **quiet)
    sleeper = pid(platform)
    assert supervisor.supervised(platform)
    kill(platform, "supervisor")
    assert not supervisor.supervised(platform)
    assert "`make up`" in supervisor.notes(platform)["supervisor"]
    assert pid(platform) == sleeper, "a service does not need its supervisor"
    supervisor.up(platform, **quiet)
    second = pid(platform, "supervisor")
    standby = subprocess.Popen(watcher.command(), env={**os.environ, "PYTHONPATH": str(ROOT)})
    time.sleep(2)
    assert {p.pid for p in processes.of_this_installation(platform)} == {second, sleeper}
    standby.send_signal(signal.SIGTERM)
    standby.wait()
    supervisor.down(platform, **quiet)
    assert processes.of_this_installation(platform) == []


def test_in_a_container_what_is_ill_ends_so_that_its_restart_policy_starts_it_anew(platform, monkeypatch, capsys):
    answers = iter([True, None, *[False] * 1000])
    replace_services(monkeypatch, service("sleeper", healthy=lambda: next(answers)))
    monkeypatch.setattr(supervisor, "database_commands", lambda name: [])
    monkeypatch.setattr(supervisor, "ASK_SECONDS", 0.05)
    monkeypatch.setattr(watch, "ILL_SECONDS", 0.5)
    assert supervisor.run(platform, "sleeper") == 128 + signal.SIGTERM
    assert "sleeper is ill" in capsys.readouterr().out


def test_in_a_container_the_service_ends_with_its_own_exit_code(platform, monkeypatch):
    replace_services(monkeypatch, service("sleeper", [sys.executable, "-c", "raise SystemExit(3)"]))
    monkeypatch.setattr(supervisor, "database_commands", lambda name: [])
    assert supervisor.run(platform, "sleeper") == 3


def test_a_container_that_is_stopped_stops_its_service_in_order(platform, monkeypatch):
    replace_services(monkeypatch, service("sleeper"))
    monkeypatch.setattr(supervisor, "database_commands", lambda name: [])
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(143))  # as the command line does for SIGTERM
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    with pytest.raises(SystemExit):
        supervisor.run(platform, "sleeper")
    assert started[0].poll() == -signal.SIGTERM
