"""The supervisor's work: looks at every service again and again, starts what died, replaces what is ill.

What it does stands in its log, and in supervisor.json for `make status`. It survives a full disk: what it cannot write
it writes later.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from local_platform.running import processes
from local_platform.running.processes import Service
from local_platform.running.services import services
from local_platform.running.state import write_whole
from local_platform.running.watch import Act, Watch
from local_platform.settings import Platform

SUPERVISOR = "supervisor"
LOOK_SECONDS = 1.0  # between two looks at which processes live
ASK_SECONDS = 5.0  # between two questions whether a service is well
TIDY_SECONDS = 30.0


@dataclass
class Seen:
    """What people are told of one service. last: when it last failed and how; try_at: when it is started next."""

    restarts: int = 0
    failures: int = 0
    was_well: bool = False
    last: str = ""
    try_at: str = ""


def read_report(platform: Platform) -> dict[str, dict[str, Any]]:
    """Seen, by service; {} where no supervisor has written one."""
    try:
        return json.loads(_report_path(platform).read_text())
    except (OSError, ValueError):
        return {}


def forget_report(platform: Platform) -> None:
    _report_path(platform).unlink(missing_ok=True)


class Keeper:
    """One look after the other; each does what the service's Watch says."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.services = services(platform)
        self.seen = {name: Seen() for name in self.services}
        self._watches = {name: Watch() for name in self.services}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._well: dict[str, bool | None] = {}
        self._asked_at = self._tidied_at = float("-inf")
        self._reported = ""

    def go_on(self) -> None:
        """Until the installation's folder is gone."""
        self._say("looks after " + ", ".join(self.services))
        while self.platform.state.exists():
            try:
                self.look(time.monotonic())
            except Exception as error:  # noqa: BLE001  (on a machine that lacks what it needs, its turn comes again)
                self._say(f"cannot look: {type(error).__name__}: {error}")
            time.sleep(LOOK_SECONDS)

    def look(self, now: float) -> None:
        ask = now - self._asked_at >= ASK_SECONDS
        if ask:
            self._asked_at = now
        for name, service in self.services.items():
            watch, seen = self._watches[name], self.seen[name]
            process = processes.running(self.platform, name)
            if process is None:
                self._well[name] = None
                self._note_death(name)
            elif ask:
                self._well[name] = service.healthy()
                seen.was_well = seen.was_well or bool(self._well[name])
            may_start = all(self._well.get(other) for other in service.needs)
            act = watch.look(now, process is not None, self._well.get(name), may_start)
            if act is Act.START:
                self._start(service, now)
            elif act is Act.REPLACE and process is not None:
                self._note(name, "was ill for too long and was ended")
                processes.end([process], service.stop_signal)
                if child := self._children.pop(name, None):
                    child.wait()
                seen.was_well = False
            wait = watch.try_at - now
            seen.try_at = _clock(wait) if process is None and wait > 0 else ""
            seen.failures = watch.failures
        if now - self._tidied_at >= TIDY_SECONDS:
            self._tidied_at = now
            for name in self.services:
                processes.end(processes.idle(processes.left_behind(self.platform, name)), seconds=5)
        self._report()

    def _start(self, service: Service, now: float) -> None:
        seen = self.seen[service.name]
        try:
            service.clear_away()
            self._children[service.name] = processes.start(self.platform, service)
        except OSError as error:
            self._watches[service.name].failed(now)
            self._note(service.name, f"could not be started: {error.strerror}")
            return
        seen.restarts += bool(seen.last)
        seen.was_well = False
        self._say(f"{service.name} was started")

    def _note_death(self, name: str) -> None:
        """Once for each process of ours; one that was taken over and died has no child to tell of it."""
        child = self._children.pop(name, None)
        if child is not None:
            code = child.wait()
            self._note(name, f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}")
        elif self.seen[name].was_well:
            self._note(name, "died")
        self.seen[name].was_well = False

    def _note(self, name: str, what: str) -> None:
        self.seen[name].last = f"{_clock()} it {what}"
        self._say(f"{name} {what}")

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):
            print(f"{_clock()} {text}", flush=True)

    def _report(self) -> None:
        text = json.dumps({name: asdict(seen) for name, seen in self.seen.items()})
        if text != self._reported:
            with contextlib.suppress(OSError):
                write_whole(_report_path(self.platform), text)
                self._reported = text


def _clock(ahead: float = 0.0) -> str:
    return (datetime.now().astimezone() + timedelta(seconds=ahead)).strftime("%Y-%m-%d %H:%M:%S")


def _report_path(platform: Platform) -> Path:
    return platform.state / "supervisor.json"
