"""The process of one service: started so that nobody forgets it, told from strangers, ended with all that it left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from local_platform.environments import ROOT
from local_platform.running.state import write_whole
from local_platform.settings import Platform

STOP_SECONDS = 20
# In the environment of what this platform starts and of nothing else: a user's shell exports MORTGAGE_STATE_DIR.
MARKER = "_MORTGAGE_PROCESS_OF"
# Airflow's API server and workers write their titles (setproctitle) over their environment, unless told not to.
KEEPS_MARK = {"SPT_NOENV": "1"}
# It becomes the service once it is on record; where whoever starts it dies before that, it goes.
WAIT_FOR_RECORD = ["/bin/sh", "-c", 'read -r recorded && exec "$@" </dev/null', "sh"]
LOG_BYTES = 50_000_000


@dataclass(frozen=True)
class Service:
    """command and env are asked for when it starts: to look at a service needs no secret, and makes none.

    healthy: None where it cannot be known, because the one who would tell does not answer.
    needs: those that must be well before it starts; while they are not, it is not judged.
    clear_away: removes what a killed process of it leaves, before the next one starts.
    """

    name: str
    command: Callable[[], list[str]]
    env: Callable[[], dict[str, str]]
    healthy: Callable[[], bool | None]
    needs: tuple[str, ...] = ()
    stop_signal: int = signal.SIGTERM
    clear_away: Callable[[], None] = lambda: None


def start(platform: Platform, service: Service) -> subprocess.Popen[bytes]:
    """Start one service, detached from this terminal, its output in its log. OSError where the disk is full."""
    log = log_path(platform, service.name)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*WAIT_FOR_RECORD, *service.command()],
            env={**os.environ, **service.env(), **KEEPS_MARK, MARKER: str(platform.state)},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
        )
    assert process.stdin is not None
    try:
        with process.stdin as recorded:
            groups = [group for group in _groups(platform, service.name) if _members(group)]
            record = {"pid": process.pid, "created": _created(psutil.Process(process.pid))}
            write_whole(_record_path(platform, service.name), json.dumps({**record, "groups": [*groups, process.pid]}))
            recorded.write(b"it is\n")
    except OSError:
        process.wait()
        raise
    return process


def running(platform: Platform, name: str) -> psutil.Process | None:
    """The live process of a service. The creation time tells it from a stranger with a reused pid."""
    try:
        record = json.loads(_record_path(platform, name).read_text())
        process = psutil.Process(record["pid"])
        created = (_created(process), process.create_time())  # the latter in the records of state 1
        return process if record["created"] in created and _lives(process) else None
    except (FileNotFoundError, psutil.NoSuchProcess, json.JSONDecodeError):
        return None


def stop(platform: Platform, signals: Mapping[str, int]) -> None:
    """End services with their workers: each asked by its signal first, killed after STOP_SECONDS."""
    live = {name: process for name in signals if (process := running(platform, name))}
    for name, process in live.items():
        _signal_group(process.pid, signals[name])
        _signal_group(process.pid, signal.SIGCONT)  # one that stands still hears nothing
    for process in (deaf := _outlasting(list(live.values()), STOP_SECONDS)):
        _signal_group(process.pid, signal.SIGKILL)
    _outlasting(deaf, STOP_SECONDS)


def end(processes: list[psutil.Process], number: int = signal.SIGTERM, seconds: float = STOP_SECONDS) -> None:
    """Ask each process to end, kill those that have not after so many seconds."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
    for process in (deaf := _outlasting(processes, seconds)):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _outlasting(deaf, seconds)


def _outlasting(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that live after so many seconds; what is dead is so before its parent has heard of it."""
    deadline = time.monotonic() + seconds
    while (alive := [process for process in processes if _lives(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def left_behind(platform: Platform, name: str) -> list[psutil.Process]:
    """What is left of a service's processes whose leader died: a killed scheduler leaves its workers."""
    groups = _groups(platform, name)
    return [process for group in groups if not psutil.pid_exists(group) for process in _members(group)]


def idle(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those of a dead leader's processes that have nothing to do: orphans without a child. A busy worker has one."""
    pids, found = {process.pid for process in processes}, []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.ppid() not in pids and not process.children():
                found.append(process)
    return found


def of_this_installation(platform: Platform) -> list[psutil.Process]:
    """Processes that this platform started, or that those started, other than our own line."""
    ours = {os.getpid(), *(p.pid for p in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid not in ours and process.environ().get(MARKER) == str(platform.state):
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, OSError):
            continue
    return found


def log_path(platform: Platform, name: str) -> Path:
    return platform.logs / f"{name}.log"


def tail(path: Path, lines: int = 15) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 20_000))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def forget(platform: Platform, name: str) -> None:
    _record_path(platform, name).unlink(missing_ok=True)


def _created(process: psutil.Process) -> float:
    """Seconds from the start of the machine, which no clock that is set changes, where the system counts so."""
    return round(process.create_time() - (psutil.boot_time() if psutil.LINUX else 0), 2)


def _members(group: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == group and _lives(process):
                found.append(process)
    return found


def _groups(platform: Platform, name: str) -> list[int]:
    """Process groups of the service, also of those of its processes that were killed and started anew.

    What has set its title hides the environment that it would be known by. A group keeps its number until its last
    member is gone, so a process of that number is a stranger.
    """
    try:
        return list(json.loads(_record_path(platform, name).read_text())["groups"])
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return []


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _record_path(platform: Platform, name: str) -> Path:
    return platform.state / "pids" / f"{name}.json"
