"""Start, stop and look at the platform's processes. Nothing stays behind after `down`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from local_platform.command import CommandError
from local_platform.environments import ROOT
from local_platform.services import Service, database_commands, migrate_command, services
from local_platform.settings import Platform

START_SECONDS = 300
STOP_SECONDS = 20
LISTENERS = ("local-aws", "api-server")  # a stranger on their port would answer in their place


class PlatformError(CommandError):
    """A process that did not start or died; the message names it and where its log is."""


def up(platform: Platform, say=print) -> None:
    """Start what is not running yet and wait until every part is healthy."""
    platform.logs.mkdir(parents=True, exist_ok=True)
    platform.write_password_file()
    started = time.monotonic()
    for service in services(platform).values():
        if running(platform, service.name):
            continue
        if service.name in LISTENERS and service.healthy():
            raise PlatformError(
                f"{service.name} answers, but is none of {platform.state}: whose port is it? Others are set by "
                "MORTGAGE_AWS_PORT and MORTGAGE_AIRFLOW_PORT."
            )
        if service.name == "api-server":
            _migrate(platform)
        start(platform, service)
    for service in services(platform).values():
        wait_healthy(platform, service)
        say(f"  {service.name} is healthy after {time.monotonic() - started:.0f} s")


def start(platform: Platform, service: Service) -> None:
    """Start one service, detached from this terminal, its output in its log."""
    with log_path(platform, service.name).open("ab") as log:
        process = subprocess.Popen(
            service.argv,
            env={**os.environ, **service.env},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    created = psutil.Process(process.pid).create_time()
    record = {"pid": process.pid, "created": created, "groups": [*_groups(platform, service.name), process.pid]}
    _pid_path(platform, service.name).write_text(json.dumps(record))


def wait_healthy(platform: Platform, service: Service) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not service.healthy():
        if not running(platform, service.name):
            raise PlatformError(
                f"{service.name} stopped while starting; the end of {log_path(platform, service.name)}:\n"
                + _tail(log_path(platform, service.name))
            )
        if time.monotonic() > deadline:
            raise PlatformError(
                f"{service.name} is not healthy after {START_SECONDS} s; the end of "
                f"{log_path(platform, service.name)}:\n" + _tail(log_path(platform, service.name))
            )
        time.sleep(0.3)


def down(platform: Platform, say=print) -> None:
    """Stop every process in reverse order, gently first, then whatever of this installation is left."""
    live = {name: process for name in reversed(services(platform)) if (process := running(platform, name))}
    for process in live.values():
        _signal_group(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for name, process in live.items():
        while running(platform, name):
            if time.monotonic() > deadline:
                _signal_group(process.pid, signal.SIGKILL)
                break
            time.sleep(0.1)
        say(f"  {name} stopped")
    for name in services(platform):
        for group in _groups(platform, name):
            # A group keeps its number until its last member is gone, so a process of that number is a stranger.
            if not psutil.pid_exists(group):
                _signal_group(group, signal.SIGKILL)
        _pid_path(platform, name).unlink(missing_ok=True)
    for orphan in of_this_installation(platform):
        orphan.kill()


@contextlib.contextmanager
def held_still(platform: Platform, *names: str) -> Iterator[None]:
    """These services, where they run here, stand still (SIGSTOP) until the end of the block."""
    live = [process for name in names if (process := running(platform, name))]
    try:
        for process in live:
            _signal_group(process.pid, signal.SIGSTOP)
        for process in live:  # a signal arrives when its process next gets a core
            while process.is_running() and process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
                time.sleep(0.01)
        yield
    finally:
        for process in live:
            _signal_group(process.pid, signal.SIGCONT)


def status(platform: Platform) -> dict[str, str]:
    """State of each service: stopped, starting (running but not healthy) or healthy."""
    return {
        name: "stopped" if not running(platform, name) else "healthy" if service.healthy() else "starting"
        for name, service in services(platform).items()
    }


def run(platform: Platform, name: str) -> None:
    """Become one service in the foreground, as a container does, once the database is as it needs it."""
    table = services(platform)
    if name not in table:
        sys.exit(f"unknown service {name}; there are {', '.join(table)}")
    platform.write_password_file()
    service = table[name]
    os.chdir(ROOT)
    environment = {**os.environ, **service.env}
    for command in database_commands(platform, name):
        if code := subprocess.run(command, env=environment).returncode:
            sys.exit(f"{' '.join(command[-4:])} ended with exit code {code}")
    os.execvpe(service.argv[0], service.argv, environment)


def running(platform: Platform, name: str) -> psutil.Process | None:
    """The live process of a service. The creation time tells it from a stranger with a reused pid."""
    try:
        record = json.loads(_pid_path(platform, name).read_text())
        process = psutil.Process(record["pid"])
        alive = process.create_time() == record["created"] and process.status() != psutil.STATUS_ZOMBIE
        return process if alive else None
    except (FileNotFoundError, psutil.NoSuchProcess, json.JSONDecodeError):
        return None


def of_this_installation(platform: Platform) -> list[psutil.Process]:
    """Processes that carry this installation's state folder in their environment, other than our own line."""
    ours = {os.getpid(), *(p.pid for p in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid not in ours and process.environ().get("MORTGAGE_STATE_DIR") == str(platform.state):
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, OSError):
            continue
    return found


def _groups(platform: Platform, name: str) -> list[int]:
    """Process groups of the service, also of those of its processes that were killed and started anew.

    A killed scheduler leaves idle workers, and what has set its title hides the environment that it would be known by.
    """
    try:
        return list(json.loads(_pid_path(platform, name).read_text())["groups"])
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return []


def log_path(platform: Platform, name: str) -> Path:
    return platform.logs / f"{name}.log"


def _migrate(platform: Platform) -> None:
    command = migrate_command(platform)
    log = log_path(platform, command.name)
    with log.open("wb") as out:
        done = subprocess.run(command.argv, env={**os.environ, **command.env}, cwd=ROOT, stdout=out, stderr=out)
    if done.returncode:
        raise PlatformError(f"`airflow db migrate` failed; the end of {log}:\n" + _tail(log))


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _pid_path(platform: Platform, name: str) -> Path:
    folder = platform.state / "pids"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.json"


def _tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
