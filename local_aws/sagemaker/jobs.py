"""The life of a job, whatever its kind: created, run in a thread of its own, stopped, recorded."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from local_aws.kernel import disk
from local_aws.kernel.config import Caller, JobView
from local_aws.kernel.errors import AwsError
from local_aws.kernel.processes import ExitStatus, JobProcess
from local_aws.kernel.state import INTERRUPTED, Record
from local_aws.sagemaker.containers import Sandbox
from local_aws.sagemaker.objects import DataError
from local_aws.sagemaker.service import Operations, Resource, Service, in_use, now, public, summaries
from local_aws.sagemaker.validation import invalid

T = TypeVar("T")

log = logging.getLogger(__name__)

MAX_FAILURE_REASON = 1024
TERMINAL = {"Completed", "Failed", "Stopped"}


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


class Jobs(Resource, ABC):
    """One kind of job: its records, its operations, its running threads. Subclasses validate and execute."""

    kind: str  # "TrainingJob": prefix of the API's field names
    label: str  # "Training job"
    summary_fields: tuple[str, ...]
    log_group: str
    descending = False

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._running: dict[str, Execution] = {}
        self.records.resume(
            lambda record: record[self.status_field] not in TERMINAL,
            lambda record: self.ended(record, "Failed", INTERRUPTED),
        )

    # What a subclass gives

    @abstractmethod
    def validate(self, params: Record) -> None:
        """Raise AwsError for a request that cannot be accepted."""

    def initial(self, params: Record) -> Record:
        """Fields of a new record beyond those of the request."""
        return {}

    @abstractmethod
    def execute(self, execution: Execution, sandbox: Sandbox) -> Record:
        """Run the job; returns fields of a completed job or raises JobFailed, JobStopped, DataError."""

    @abstractmethod
    def image(self, record: Record) -> str:
        """The container image whose runtime the job needs."""

    def ended(self, record: Record, status: str, reason: str = "", **fields: Any) -> None:
        """Bring a record to a terminal status."""
        record.update(fields)
        record[self.status_field] = status
        record["LastModifiedTime"] = record[self.end_field] = now()
        record.setdefault(self.start_field, record["CreationTime"])
        if reason:
            record["FailureReason"] = reason[:MAX_FAILURE_REASON]

    # Operations

    def operations(self) -> Operations:
        return {
            f"Create{self.kind}": self.create,
            f"Describe{self.kind}": self.describe,
            f"Stop{self.kind}": self.stop,
            f"List{self.kind}s": self.list_all,
        }

    def create(self, params: Record, caller: Caller) -> Record:
        name = params[self.name_field]
        arn = self.arn(name)
        if name in self.records:
            raise in_use(self.label, arn)
        self.validate(params)
        self.service.runtimes.python(self.image(params))
        created = now()
        request = {key: value for key, value in params.items() if key != "Tags" and value is not None}
        stream = f"{name}/algo-1-{int(created)}"
        record = {
            **request,
            self.arn_field: arn,
            "CreationTime": created,
            "LastModifiedTime": created,
            self.status_field: "InProgress",
            "_stream": stream,
            **self.initial(params),
        }
        with self.records.lock:
            self._within_quota()
            if not self.store(name, record, params.get("Tags", [])):
                raise in_use(self.label, arn)
        directory = self.service.containers / f"{self.arn_kind}-{name}"
        execution = Execution(name, directory, self.log_group, stream)
        self._running[name] = execution
        threading.Thread(target=self._main, args=(execution,), name=f"{self.arn_kind}-{name}", daemon=True).start()
        return {self.arn_field: arn}

    def _within_quota(self) -> None:
        quota = f"{self.kind.removesuffix('Job').lower()}-jobs"
        running = sum(record[self.status_field] not in TERMINAL for record in self.records.values())
        if self.service.config.used_up(quota, running):
            raise AwsError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{quota}' is {self.service.config.quotas[quota]} Instances, with "
                f"current utilization of {running} Instances and a request delta of 1 Instances. Please use AWS "
                "Service Quotas to request an increase for this quota.",
            )

    def describe(self, params: Record, caller: Caller) -> Record:
        return public(self.require(params[self.name_field]))

    def list_all(self, params: Record, caller: Caller) -> Record:
        page, token = summaries(
            self.records.values(),
            params,
            name=self.name_field,
            fields=self.summary_fields,
            status=self.status_field,
            descending=self.descending,
        )
        return {f"{self.kind}Summaries": page, **token}

    def stop(self, params: Record, caller: Caller) -> Record:
        name = params[self.name_field]
        self.require(name)

        def stop(record: Record) -> None:
            if record[self.status_field] != "InProgress":
                raise invalid(
                    f"The request was rejected because the {self.label.lower()} is in status"
                    f" {record[self.status_field]}."
                )
            record[self.status_field] = "Stopping"
            record["LastModifiedTime"] = now()
            self.stopping(record)

        self.records.note(name, stop)
        execution = self._running.get(name)
        if execution:
            execution.stop()
        return {}

    def stopping(self, record: Record) -> None:
        """What else changes in a record when its stop begins."""

    def require(self, name: str) -> Record:
        record = self.records.get(name)
        if record is None:
            raise invalid(self.absent(name))
        return record

    def absent(self, name: str) -> str:
        return f"Could not find requested job with name: {name}"

    def close(self) -> None:
        for execution in list(self._running.values()):
            execution.stop(0)

    def views(self) -> list[JobView]:
        return [self._view(record) for record in reversed(self.records.values())]

    # Names of the API's fields

    @property
    def name_field(self) -> str:
        return f"{self.kind}Name"

    @property
    def arn_field(self) -> str:
        return f"{self.kind}Arn"

    @property
    def status_field(self) -> str:
        return f"{self.kind}Status"

    @property
    def start_field(self) -> str:
        return f"{self.kind.removesuffix('Job')}StartTime"

    @property
    def end_field(self) -> str:
        return f"{self.kind.removesuffix('Job')}EndTime"

    def _main(self, execution: Execution) -> None:
        status, reason, fields = "Completed", "", {}
        sandbox: Sandbox | None = None
        try:
            sandbox = self.service.runtimes.sandbox(execution.directory, self.image(self.require(execution.name)))
            fields = self.execute(execution, sandbox)
        except JobStopped as stopped:
            status, fields = "Stopped", dict(*stopped.args)
        except JobFailed as failed:
            status, reason = "Failed", str(failed)
        except DataError as error:
            status, reason = "Failed", f"ClientError: {error}"
        except Exception as error:  # the job must end, whatever went wrong in here
            log.exception("%s %s", self.label, execution.name)
            status, reason = "Failed", f"InternalServerError: {type(error).__name__}: {error}"
        if self.service.closing:
            return  # found running at the next start, and recorded as interrupted
        if sandbox:
            sandbox.remove()  # first: on a full disk it makes room for the record
        self.records.settle(execution.name, lambda record: self.ended(record, status, reason, **fields))
        self._running.pop(execution.name, None)

    def _view(self, record: Record) -> JobView:
        running = record[self.status_field] not in TERMINAL
        end = time.time() if running else record.get(self.end_field, record["LastModifiedTime"])
        return JobView(
            service="sagemaker",
            kind=self.arn_kind,
            name=record[self.name_field],
            status=record[self.status_field],
            started=record["CreationTime"],
            seconds=end - record["CreationTime"],
            reason=record.get("FailureReason", ""),
            description=public(record),
            logs=((self.log_group, record["_stream"]),),
            running=running,
        )
