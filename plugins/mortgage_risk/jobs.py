"""The kinds of AWS job, seen alike: find the newest attempt of a request, submit it, describe it, stop it,
read its log.

SageMaker jobs are found by name: attempt n of a request is called `<request name>-<n>`, and SageMaker refuses
a name twice. A Glue run has neither a name nor a client token, so each request has a Glue job of its own, called
`<request name>`, whose runs are the request's attempts. It allows one run at a time: Glue itself refuses the second
one of a submit whose answer was lost, or of two workers at once. (A job shared by all nights would have to be searched
for the run; the price of one each, of 2,000 in an account, is that `operators/sweeper.py` deletes the old ones.)
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol

from mortgage_risk import aws

Phase = Literal["running", "succeeded", "failed", "stopped"]


@dataclass(frozen=True)
class JobState:
    """What AWS says of a job; `response` is its whole answer."""

    job_id: str
    phase: Phase
    status: str
    reason: str
    started_at: datetime | None
    ended_at: datetime | None
    response: dict[str, Any]

    @property
    def stopping(self) -> bool:
        """Still running, and about to end as stopped: not a job to wait for a result of."""
        return self.status.lower() == "stopping"

    @property
    def seconds(self) -> float | None:
        if self.started_at and self.ended_at:
            return round((self.ended_at - self.started_at).total_seconds(), 1)
        return None


@dataclass(frozen=True)
class LogPlace:
    group: str
    stream: str  # name or, for SageMaker, beginning of the name


class JobKind(Protocol):
    kind: str
    service: str

    def latest(self, client: Any, request: dict[str, Any], name: str) -> JobState | None: ...
    def submit(self, client: Any, request: dict[str, Any], name: str, previous: JobState | None) -> str: ...
    def describe(self, client: Any, job_id: str) -> JobState: ...
    def stop(self, client: Any, job_id: str) -> None: ...
    def log_places(self, job_id: str) -> list[LogPlace]: ...


class SageMakerJob:
    """Training, processing and transform jobs: job id = job name."""

    service = "sagemaker"
    _phases: ClassVar[dict[str, Phase]] = {"Completed": "succeeded", "Failed": "failed", "Stopped": "stopped"}

    def __init__(self, kind: str, started: str, ended: str) -> None:
        self.kind, self._started, self._ended = kind, started, ended
        self.name_key = f"{kind.title()}JobName"
        self.call = f"{kind}_job"  # as in create_training_job

    def latest(self, client: Any, request: dict[str, Any], name: str) -> JobState | None:
        found = None
        for attempt in itertools.count(1):
            try:
                found = self.describe(client, f"{name}-{attempt}")
            except Exception as error:
                if aws.is_not_found(error):
                    return found
                raise
        raise AssertionError("unreachable")

    def submit(self, client: Any, request: dict[str, Any], name: str, previous: JobState | None) -> str:
        attempt = int(previous.job_id.rpartition("-")[2]) + 1 if previous else 1
        job_id = f"{name}-{attempt}"
        try:
            getattr(client, f"create_{self.call}")(**fill_in_name(request, job_id))
        except Exception as error:
            if not aws.is_duplicate(error):
                raise
        return job_id

    def describe(self, client: Any, job_id: str) -> JobState:
        answer = getattr(client, f"describe_{self.call}")(**{self.name_key: job_id})
        status = answer[f"{self.kind.title()}JobStatus"]
        return JobState(
            job_id=job_id,
            phase=self._phases.get(status, "running"),
            status=answer.get("SecondaryStatus", status),
            reason=answer.get("FailureReason") or answer.get("ExitMessage") or "",
            started_at=answer.get(self._started),
            ended_at=answer.get(self._ended),
            response=answer,
        )

    def stop(self, client: Any, job_id: str) -> None:
        getattr(client, f"stop_{self.call}")(**{self.name_key: job_id})

    def log_places(self, job_id: str) -> list[LogPlace]:
        return [LogPlace(f"/aws/sagemaker/{self.kind.title()}Jobs", f"{job_id}/")]


class GlueRun:
    """Runs of a Glue job: job id = '<job name>/<run id>'. A request is {"CreateJob": …, "StartJobRun": …}."""

    kind = "glue"
    service = "glue"
    _phases: ClassVar[dict[str, Phase]] = {
        "SUCCEEDED": "succeeded",
        "FAILED": "failed",
        "ERROR": "failed",
        "TIMEOUT": "failed",
        "EXPIRED": "failed",
        "STOPPED": "stopped",
    }

    def latest(self, client: Any, request: dict[str, Any], name: str) -> JobState | None:
        try:
            runs = [self._state(name, run) for run in client.get_job_runs(JobName=name)["JobRuns"]]
        except Exception as error:
            if aws.is_not_found(error):
                return None
            raise
        for phase in ("running", "succeeded"):
            if found := [run for run in runs if run.phase == phase]:
                return max(found, key=_start_order)
        return max(runs, key=_start_order, default=None)

    def submit(self, client: Any, request: dict[str, Any], name: str, previous: JobState | None) -> str:
        try:
            client.create_job(**fill_in_name(request["CreateJob"], name))
        except Exception as error:
            if not aws.is_duplicate(error):
                raise
        try:
            run_id = client.start_job_run(**fill_in_name(request["StartJobRun"], name))["JobRunId"]
        except Exception as error:
            if aws.error_code(error) != "ConcurrentRunsExceededException":
                raise
            found = self.latest(client, request, name)
            if not found or found.phase != "running":
                raise
            return found.job_id
        return f"{name}/{run_id}"

    def describe(self, client: Any, job_id: str) -> JobState:
        job_name, _, run_id = job_id.partition("/")
        return self._state(job_name, client.get_job_run(JobName=job_name, RunId=run_id)["JobRun"])

    def stop(self, client: Any, job_id: str) -> None:
        job_name, _, run_id = job_id.partition("/")
        client.batch_stop_job_run(JobName=job_name, JobRunIds=[run_id])

    def log_places(self, job_id: str) -> list[LogPlace]:
        run_id = job_id.partition("/")[2]
        return [LogPlace("/aws-glue/jobs/error", run_id), LogPlace("/aws-glue/jobs/output", run_id)]

    def _state(self, job_name: str, run: dict[str, Any]) -> JobState:
        return JobState(
            job_id=f"{job_name}/{run['Id']}",
            phase=self._phases.get(run["JobRunState"], "running"),
            status=run["JobRunState"],
            reason=run.get("ErrorMessage") or "",
            started_at=run.get("StartedOn"),
            ended_at=run.get("CompletedOn"),
            response=run,
        )


KINDS: dict[str, JobKind] = {
    kind.kind: kind
    for kind in (
        GlueRun(),
        SageMakerJob("training", started="CreationTime", ended="TrainingEndTime"),
        SageMakerJob("processing", started="CreationTime", ended="ProcessingEndTime"),
        SageMakerJob("transform", started="CreationTime", ended="TransformEndTime"),
    )
}

NAME = "{job}"  # stands for the attempt's name in a request


def fill_in_name(request: Any, name: str) -> Any:
    """`request` with every NAME in its strings replaced, at any depth."""
    if isinstance(request, dict):
        return {key: fill_in_name(value, name) for key, value in request.items()}
    if isinstance(request, list):
        return [fill_in_name(value, name) for value in request]
    return request.replace(NAME, name) if isinstance(request, str) else request


def job_name(readable: str, digest: str) -> str:
    """`<readable>-<10 hex>`, letters, digits and single dashes, leaving 3 of SageMaker's 63 characters for
    '-<attempt>'.
    """
    prefix = re.sub(r"[^a-zA-Z0-9]+", "-", readable).strip("-")[:49].rstrip("-")
    return f"{prefix}-{digest[:10]}"


def log_tail(client: Any, places: list[LogPlace], lines: int = 20) -> list[str]:
    """The last lines of the first place that has any."""
    for place in places:
        try:
            streams = client.describe_log_streams(logGroupName=place.group, logStreamNamePrefix=place.stream)
            for stream in streams["logStreams"]:
                events = client.get_log_events(
                    logGroupName=place.group,
                    logStreamName=stream["logStreamName"],
                    limit=lines,
                    startFromHead=False,
                )["events"]
                if events:
                    return [event["message"].rstrip() for event in events[-lines:]]
        except Exception as error:
            if not aws.is_not_found(error):
                raise
    return []


def _start_order(run: JobState) -> tuple[float, str]:
    return (run.started_at.timestamp() if run.started_at else 0.0, run.job_id)
