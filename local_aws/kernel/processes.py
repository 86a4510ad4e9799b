"""Job processes: started, timed, stopped, logged and never orphaned."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from local_aws.kernel.logs import MAX_EVENT_CHARACTERS, write_log

SUPERVISOR = Path(__file__).with_name("supervisor.py")
# What SageMaker leaves between SIGTERM and SIGKILL
STOP_GRACE_SECONDS = float(os.environ.get("LOCAL_AWS_STOP_GRACE_SECONDS", 120))
Cause = Literal["exited", "stopped", "timed_out"]


@dataclass(frozen=True)
class ExitStatus:
    """How a process ended. ``returncode`` is 128 + n after signal n, as a container reports it."""

    returncode: int
    cause: Cause
    seconds: float

    @property
    def succeeded(self) -> bool:
        return self.returncode == 0 and self.cause == "exited"


class JobProcess:
    """A running command in its own session; it and all it starts die with this server (see supervisor.py)."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | str,
        log_group: str,
        log_stream: str,
        timeout_s: float | None = None,
        stop_grace_s: float = STOP_GRACE_SECONDS,
        on_line: Callable[[str], None] | None = None,
        on_exit: Callable[[ExitStatus], None] | None = None,
    ) -> None:
        """Start a command; stdout and stderr go line by line to the log stream.

        ``env`` is the whole environment. After ``timeout_s`` seconds the process gets SIGTERM, and SIGKILL
        ``stop_grace_s`` seconds later. ``on_line`` sees every output line and ``on_exit`` the end, after the
        last line; both are called from other threads. A command that cannot be started exits with 127 and
        says why in its log.
        """
        self._log = (log_group, log_stream)
        self._grace = stop_grace_s
        self._on_line = on_line
        self._on_exit = on_exit
        self._cause: Cause = "exited"
        self._lock = threading.Lock()
        self._timers: list[threading.Timer] = []
        self._finished = threading.Event()
        self._status: ExitStatus | None = None
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SUPERVISOR), *argv],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        reader = threading.Thread(target=self._read_output, name="job-output", daemon=True)
        reader.start()
        threading.Thread(target=self._await_exit, args=(reader,), name="job-exit", daemon=True).start()
        if timeout_s is not None:
            self._after(timeout_s, lambda: self._end("timed_out", self._grace))

    @property
    def running(self) -> bool:
        return not self._finished.is_set()

    def stop(self, grace_s: float | None = None) -> None:
        """SIGTERM now, SIGKILL after the grace period; returns at once."""
        self._end("stopped", self._grace if grace_s is None else grace_s)

    def wait(self, timeout_s: float | None = None) -> ExitStatus | None:
        """The exit status once the process ended and ``on_exit`` returned, None if not within the time."""
        self._finished.wait(timeout_s)
        return self._status if self._finished.is_set() else None

    def _end(self, cause: Cause, grace_s: float) -> None:
        with self._lock:
            if self._cause != "exited" or not self.running:
                return
            self._cause = cause
        self._command(b"t")
        self._after(grace_s, lambda: self._command(b"k"))

    def _command(self, command: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):  # already gone
            os.write(self._process.stdin.fileno(), command)

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _await_exit(self, reader: threading.Thread) -> None:
        returncode = self._process.wait()
        seconds = time.monotonic() - self._started
        reader.join(5)  # a grandchild that escaped its group may hold the pipe open
        for timer in self._timers:
            timer.cancel()
        assert self._process.stdin is not None
        self._process.stdin.close()
        # A process that ended by itself just before its stop took effect did what it was asked to.
        self._status = ExitStatus(returncode if returncode >= 0 else 128 - returncode, self._cause, seconds)
        try:
            if self._on_exit:
                self._on_exit(self._status)
        finally:
            self._finished.set()

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        pending = b""
        while chunk := os.read(self._process.stdout.fileno(), 65536):
            *lines, pending = (pending + chunk).split(b"\n")
            if len(pending) > MAX_EVENT_CHARACTERS:
                lines, pending = [*lines, pending], b""
            self._emit(lines)
        self._emit([pending] if pending else [])
        self._process.stdout.close()

    def _emit(self, raw_lines: list[bytes]) -> None:
        # A carriage return redraws a progress bar: what a terminal would show last is the line.
        lines = [raw.decode("utf-8", "replace").rstrip("\r").rsplit("\r", 1)[-1] for raw in raw_lines]
        write_log(*self._log, lines)
        if self._on_line:
            for line in lines:
                self._on_line(line)
