"""One running job: its process, how it is stopped, how it ends other than well."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from local_aws.kernel import disk
from local_aws.kernel.processes import ExitStatus, JobProcess
from local_aws.sagemaker.containers import Sandbox

T = TypeVar("T")


class JobFailed(Exception):
    """Ends a job as Failed; the text is its FailureReason."""


class JobStopped(Exception):
    """Ends a job as Stopped."""


class Execution:
    """A running job: its process, and whether it is to stop."""

    def __init__(self, name: str, directory: Path, log_group: str, log_stream: str) -> None:
        self.name = name
        self.directory = directory
        self.log_group = log_group
        self.log_stream = log_stream
        self.stopping = threading.Event()
        self._process: JobProcess | None = None
        self._lock = threading.Lock()

    def run(
        self,
        sandbox: Sandbox,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        timeout_s: float | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> ExitStatus:
        """Run a command in the sandbox to its end. JobStopped when the job was stopped before it started."""
        process = self.start(sandbox, argv, environment, timeout_s=timeout_s, on_line=on_line)
        status = process.wait()
        assert status is not None
        return status

    def start(
        self,
        sandbox: Sandbox,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        timeout_s: float | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> JobProcess:
        with self._lock:
            self.check()
            self._process = JobProcess(
                sandbox.command(argv),
                env=environment,
                cwd=sandbox.directory,
                log_group=self.log_group,
                log_stream=self.log_stream,
                timeout_s=timeout_s,
                on_line=on_line,
            )
            return self._process

    def check(self) -> None:
        """Raise JobStopped once a stop was asked for."""
        if self.stopping.is_set():
            raise JobStopped

    def patiently(self, write: Callable[[], T]) -> T:
        """What `write` gives, which may be called again: a full disk costs a job time, not its result."""
        return disk.when_there_is_room(write, patience_s=disk.PATIENCE_SECONDS, check=self.check)

    def stop(self, grace_s: float | None = None) -> None:
        with self._lock:
            self.stopping.set()
            if self._process:
                self._process.stop(grace_s)
