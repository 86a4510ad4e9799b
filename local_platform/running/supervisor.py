"""Start, stop and look at the platform's processes.

`up` makes what the first start needs and leaves the rest to the supervisor, a process of the installation's own (see
keeper.py). The services do not depend on it: killed, it leaves them running, and the next `up` starts another one,
which takes them over by their records.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local_platform.environments import ROOT
from local_platform.running import database, processes, state
from local_platform.running.keeper import ASK_SECONDS, SUPERVISOR, Keeper, forget_report, read_report
from local_platform.running.processes import Service, log_path, of_this_installation, running, tail
from local_platform.running.services import MIGRATE, airflow_environment, database_commands, services
from local_platform.running.watch import ILL_SECONDS, START_SECONDS, Act, Watch
from local_platform.settings import Platform, PlatformError

__all__ = ["PlatformError", "down", "log_path", "of_this_installation", "run", "running", "status", "supervise", "up"]

FIRST = ("local-aws", "postgres")  # the database is brought to Airflow's schema before the others start
VAIN_STARTS = 3  # so many, and `up` waits no longer
DATABASE_SECONDS = 60.0


def up(platform: Platform, say: Callable[[str], None] = print) -> None:
    """Start what is not running and wait until every part is well.

    PlatformError where one does not come up; the others stay, and the supervisor goes on trying.
    """
    started = time.monotonic()
    state.make_ready(platform)
    with _alone(platform.state / "up.lock"):
        if not supervised(platform) or set(status(platform).values()) != {"healthy"}:
            _start(platform)
    waited_for = list(services(platform))
    while waited_for:
        states = status(platform)
        for name in [name for name in waited_for if states[name] == "healthy"]:
            waited_for.remove(name)
            say(f"  {name} is healthy after {time.monotonic() - started:.0f} s")
        if waited_for:
            _give_up(platform, waited_for, time.monotonic() - started)
            time.sleep(0.3)


def _start(platform: Platform) -> None:
    """By a supervisor of now: one that waits for its next try would not know that somebody has mended what kept it."""
    processes.stop(platform, {SUPERVISOR: signal.SIGTERM})
    forget_report(platform)
    _make_ready(platform)
    table = services(platform)
    for service in table.values():
        if service.name in FIRST and not running(platform, service.name):
            service.clear_away()
            processes.start(platform, service)
    if "postgres" in table:
        _wait_for_database(platform, table["postgres"])
    if not running(platform, "api-server"):
        _migrate(platform)
    processes.start(platform, _supervisor(platform))


@contextlib.contextmanager
def undone_if_interrupted(platform: Platform) -> Iterator[None]:
    """Whoever interrupts a first start wants nothing left of it; an installation that was up stays up."""
    was_up = supervised(platform)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        if not was_up:
            down(platform)
        raise


def _make_ready(platform: Platform) -> None:
    """What must be so before anything starts: nobody else on our ports, a database."""
    table = services(platform)
    for name, port in {"local-aws": platform.aws_port, "api-server": platform.airflow_port}.items():
        if not running(platform, name) and _is_taken(port):
            raise PlatformError(
                f"port {port}, which {name} needs, is taken by another program, none of {platform.state}. Others are "
                "set by MORTGAGE_AWS_PORT and MORTGAGE_AIRFLOW_PORT."
            )
    if "postgres" not in table or not running(platform, "postgres"):
        database.make_ready(platform)


def _is_taken(port: int) -> bool:
    with socket.socket() as caller:
        caller.settimeout(2)
        return caller.connect_ex(("127.0.0.1", port)) == 0


def _wait_for_database(platform: Platform, service: Service) -> None:
    deadline = time.monotonic() + DATABASE_SECONDS
    while not service.healthy():
        if not running(platform, service.name) or time.monotonic() > deadline:
            raise PlatformError(f"the database does not start; {_end_of_log(platform, service.name)}")
        time.sleep(0.1)


def _migrate(platform: Platform) -> None:
    log = log_path(platform, "migrate")
    with log.open("wb") as out:
        environment = {**os.environ, **airflow_environment(platform)}
        done = subprocess.run(MIGRATE, env=environment, cwd=ROOT, stdout=out, stderr=out)
    if done.returncode:
        raise PlatformError(f"`airflow db migrate` failed; {_end_of_log(platform, 'migrate')}")


def _give_up(platform: Platform, waited_for: list[str], seconds: float) -> None:
    if not supervised(platform):
        raise PlatformError(f"the supervisor stopped; {_end_of_log(platform, SUPERVISOR)}")
    report = read_report(platform)
    for name in waited_for:
        if (failures := report.get(name, {}).get("failures", 0)) >= VAIN_STARTS:
            why = f"{name} does not come up ({failures} failures, the last: {report[name]['last']})"
        elif seconds > START_SECONDS:
            why = f"{name} is not healthy after {START_SECONDS:.0f} s"
        else:
            continue
        raise PlatformError(
            f"{why}. It is tried again, and the others run on: see `make status`; `make down` stops all.\n"
            + _end_of_log(platform, name)
        )


def down(platform: Platform, say: Callable[[str], None] = print) -> None:
    """Stop every process, gently first, then whatever this platform started and is left. State is kept."""
    processes.stop(platform, {SUPERVISOR: signal.SIGTERM})
    table = services(platform)
    for wave in ([s for s in table.values() if s.needs], [s for s in table.values() if not s.needs]):
        live = [service.name for service in reversed(wave) if running(platform, service.name)]
        processes.stop(platform, {service.name: service.stop_signal for service in reversed(wave)})
        for name in live:
            say(f"  {name} stopped")
    left = [process for name in (*table, SUPERVISOR) for process in processes.left_behind(platform, name)]
    processes.end([*left, *of_this_installation(platform)])
    for name in (*table, SUPERVISOR):
        processes.forget(platform, name)
    for service in table.values():
        service.clear_away()
    forget_report(platform)


def status(platform: Platform) -> dict[str, str]:
    """State of each service: stopped, starting, healthy, ill, or not known."""
    report = read_report(platform)
    return {name: _state(platform, s, report.get(name, {})) for name, s in services(platform).items()}


def _state(platform: Platform, service: Service, known: dict[str, Any]) -> str:
    if not running(platform, service.name):
        return "stopped"
    well = service.healthy()
    if well is None:
        return "not known: api-server does not tell"
    return "healthy" if well else "ill" if known.get("was_well") else "starting"


def notes(platform: Platform) -> dict[str, str]:
    """What the supervisor did for each service, for people; under `supervisor` whether it lives."""
    report = read_report(platform)
    said = {SUPERVISOR: "" if supervised(platform) else "nothing restarts what dies: `make up` starts it"}
    for name, known in report.items():
        if known["last"]:
            said[name] = f"restarts: {known['restarts']}; {known['last']}"
        if known["failures"] >= VAIN_STARTS and known["try_at"]:
            said[name] += f"; tried again at {known['try_at']}"
    return said


def supervised(platform: Platform) -> bool:
    return running(platform, SUPERVISOR) is not None


def supervise(platform: Platform) -> None:
    """What the supervisor's own process does until it is told to stop."""
    with _alone(platform.state / "supervisor.lock"):
        Keeper(platform).go_on()


def run(platform: Platform, name: str) -> int:
    """One service in the foreground, as a container does, once the database is as it needs it; its exit code.

    One that lives but is ill for long is ended: the container's restart policy starts it anew.
    """
    table = services(platform)
    if name not in table:
        raise PlatformError(f"unknown service {name}; there are {', '.join(table)}")
    state.make_ready(platform)
    service = table[name]
    environment = {**os.environ, **service.env()}
    for command in database_commands(name):
        if code := subprocess.run(command, env=environment, cwd=ROOT).returncode:
            raise PlatformError(f"{' '.join(command[-4:])} ended with exit code {code}")
    child = subprocess.Popen(service.command(), env=environment, cwd=ROOT)
    watch, ended = Watch(), None
    try:
        while ended is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                ended = child.wait(ASK_SECONDS)
            if ended is None and watch.look(time.monotonic(), True, service.healthy(), True) is Act.REPLACE:
                print(f"{name} is ill for {ILL_SECONDS:.0f} s: ended", flush=True)
                break
    finally:
        if ended is None:
            child.send_signal(service.stop_signal)
            try:
                ended = child.wait(processes.STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                ended = child.wait()
    return ended if ended >= 0 else 128 - ended


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else of this installation is in here."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _supervisor(platform: Platform) -> Service:
    where = {"MORTGAGE_STATE_DIR": str(platform.state), "MORTGAGE_DAGS_DIR": str(platform.dags)}
    return Service(
        SUPERVISOR,
        command=lambda: [sys.executable, "-m", "local_platform", "supervise"],
        env=lambda: {**where, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        healthy=lambda: True,
    )


def _end_of_log(platform: Platform, name: str) -> str:
    return f"the end of {log_path(platform, name)}:\n{tail(log_path(platform, name))}"
