"""The base of every operator that runs an AWS job: never lost, never doubled, never left running.

A job is named by its request: the same task, business key, arguments, code and input data give the same name,
whichever DAG asks. So before anything is submitted, AWS is asked for that name, and a job that

* still runs is attached to (the worker died, the answer was lost, or a second run of the same date asks for
  the same thing);
* has succeeded, and whose result is still there, is used again;
* has failed or was stopped gives way to the next attempt; one that is stopping is waited for first.

This is the Task SDK's `ResumableJobMixin` with the name in place of an id in the task's state store. The store
knows a job only after its submit was answered and written down; and it would give a task that was cleared because
its data changed the result of the old data. The name is known before the submit, and other data has another name.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from mortgage_risk import aws
from mortgage_risk.jobs import lineage, links
from mortgage_risk.jobs.kinds import KINDS
from mortgage_risk.jobs.ledger import BudgetExceeded, Ledger
from mortgage_risk.jobs.requests import QUEUE_SECONDS, RunTags, deployment
from mortgage_risk.jobs.state import JobState, is_final, job_name, log_tail
from mortgage_risk.jobs.triggers import AwsJobTrigger
from mortgage_risk.jobs.watch import JobWatch, Outcome
from mortgage_risk.layout import Layout
from mortgage_risk.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Context


class AwsJobFailed(AirflowException):
    """An AWS job did not succeed; the message holds AWS's reason, the end of its log and where the log is."""


class AwsJobInterrupted(AwsJobFailed):
    """The job did nothing wrong: somebody stopped it, or AWS broke it off."""


class AwsJobLost(AwsJobFailed):
    """Nothing is known against the job: AWS gave no answer about it, or the task itself was told to stop."""


class AwsJobFailedForGood(AwsJobFailed, AirflowFailException):
    """The job's data or settings are at fault: Airflow does not try again. Clear the task when they are mended."""


class MortgageRiskOperator(BaseOperator):
    """What all operators here share: settings, layout, AWS clients, a business date, links."""

    template_fields: Sequence[str] = ("source", "business_date")
    operator_extra_links: Sequence[BaseOperatorLink] = ()

    def __init__(self, *, settings: Settings, source: str, business_date: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.source = source
        self.business_date = business_date
        self.stored_links: dict[str, str] = {}

    @property
    def layout(self) -> Layout:
        return Layout(self.settings.bucket, self.settings.model_name)

    def client(self, service: str, *, retries: bool = True) -> Any:
        clients: dict[tuple[str, bool], Any] = self.__dict__.setdefault("_clients", {})
        if (service, retries) not in clients:
            clients[service, retries] = aws.client(service, self.settings.aws_conn_id, retries=retries)
        return clients[service, retries]

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.settings, self.client)

    def run_tags(self, context: Context) -> RunTags:
        return RunTags(
            dag_id=self.dag_id,
            task_id=self.task_id,
            run_id=context["dag_run"].run_id,
            business_date=self.business_date,
            deployment=deployment(self.settings),
        )

    def object_url(self, uri: str) -> str:
        return links.object_url(self.settings, uri, self.client("s3").meta.region_name)


class AwsJobOperator(MortgageRiskOperator):
    """Submits one job or finds it again, waits for it (deferred, or on the worker by setting), returns its
    result.
    """

    kind: ClassVar[str]
    # Short jobs are waited for on the worker: deferring and coming back costs two process starts.
    seconds_on_worker: ClassVar[float] = 45
    # What a person does about a failure that trying again cannot mend.
    remedy: ClassVar[str] = "mend what it names, then clear the task."
    operator_extra_links: Sequence[BaseOperatorLink] = (links.JobLink(), links.LogLink(), links.ResultLink())
    _killed = False
    _watch: JobWatch | None = None

    def build_request(self, tags: RunTags) -> dict[str, Any]:
        """The AWS request; `jobs.NAME` stands where the job's name goes."""
        raise NotImplementedError

    def input_fingerprints(self) -> dict[str, str]:
        """What the request does not say about its input, such as the content of the folders it names."""
        return {}

    def result_is_there(self, state: JobState) -> bool:
        """Whether the result of a succeeded job can still be used."""
        raise NotImplementedError

    def result(self, state: JobState) -> dict[str, Any]:
        """The task's XCom for a succeeded job: URIs and small numbers."""
        raise NotImplementedError

    def reads(self) -> list[str]:
        """S3 URIs and ARNs of what the job reads, for its lineage."""
        return []

    def lineage_facts(self) -> dict[str, Any]:
        """What else its lineage says."""
        return {}

    def result_uri(self, state: JobState) -> str | None:
        """Where the Result link leads."""
        return None

    def execute(self, context: Context) -> dict[str, Any] | None:
        state = aws.patiently(lambda: self._find_or_submit(context), self.settings.outage_minutes * 60)
        watch = self._watch_arguments(state.job_id)
        self._watch = JobWatch(**watch)
        if self._killed:  # while the submit was on its way
            raise AwsJobLost(f"The task was killed; {self.kind} job {state.job_id} {self._watch.stop()}.")
        self.log.info("Job: %s\nLog: %s", *self._store_links(context, state))
        if state.phase != "running":
            return self._finish(context, state)
        tags = self.run_tags(context)
        aws.patiently(lambda: self.ledger.submitted(self.kind, state, tags), self.settings.outage_minutes * 60)
        worker_until = time.monotonic() + (self.seconds_on_worker if self.settings.deferrable else math.inf)
        while time.monotonic() < worker_until:
            if outcome := self._watch.poll():
                return self._conclude(context, state.job_id, outcome)
            time.sleep(self._watch.pause_s)
        self.defer(trigger=AwsJobTrigger(**watch), method_name="execute_complete")
        return None  # not reached: defer raises

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        return self._conclude(context, event["job_id"], event["outcome"])

    def on_kill(self) -> None:
        """Stop the job of a task that is killed, or times out, while it is on the worker."""
        self._killed = True
        if self._watch:
            self._watch.stop()

    # --- steps ---

    def _find_or_submit(self, context: Context) -> JobState:
        kind, client = KINDS[self.kind], self.client(KINDS[self.kind].service)
        tags = self.run_tags(context)
        request = self.build_request(tags)
        name = self._request_name(request)
        found = self._wait_while_stopping(kind.latest(client, request, name))
        if self._killed:
            raise AwsJobLost(f"The task was killed before it submitted its {self.kind} job.")
        if found and found.phase == "running":
            self.log.info("Found %s job %s (%s): waiting for it", kind.kind, found.job_id, found.status)
            return found
        if found and found.phase == "succeeded" and self.result_is_there(found):
            self.log.info("%s job %s has done exactly this already: using its result", kind.kind, found.job_id)
            return found
        try:
            self.ledger.refuse_beyond_budget(tags, context["dag_run"].start_date)
        except BudgetExceeded as error:
            raise AirflowFailException(str(error)) from error
        job_id = kind.submit(self.client(kind.service, retries=False), request, name, found)
        self.log.info("Submitted %s job %s", kind.kind, job_id)
        return kind.describe(client, job_id)

    def _wait_while_stopping(self, found: JobState | None) -> JobState | None:
        """A task that is cleared starts again while its job is still being stopped."""
        kind, until = KINDS[self.kind], time.monotonic() + QUEUE_SECONDS
        while found and found.stopping and not self._killed:
            if time.monotonic() > until:
                raise AwsJobFailed(f"{self.kind} job {found.job_id} is Stopping since {QUEUE_SECONDS // 60} minutes.")
            self.log.info("%s job %s is stopping: waiting for its end", kind.kind, found.job_id)
            time.sleep(min(5, self.settings.poll_seconds))
            found = kind.describe(self.client(kind.service), found.job_id)
        return found

    def _request_name(self, request: dict[str, Any]) -> str:
        key = {
            "task": self.task_id,
            "source": self.source,
            "date": self.business_date,
            "request": _without_tags(request),
            "inputs": self.input_fingerprints(),
        }
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        task = self.task_id.rpartition(".")[2]
        readable = f"{task}-{self.source}-{self.business_date.replace('-', '')}"
        return job_name(readable, digest, KINDS[self.kind].name_length)

    def _watch_arguments(self, job_id: str) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "job_id": job_id,
            "aws_conn_id": self.settings.aws_conn_id,
            "poll_s": float(self.settings.poll_seconds),
            "deadline": time.time() + self._limit_seconds,
            "outage_s": self.settings.outage_minutes * 60.0,
        }

    @property
    def _limit_seconds(self) -> float:
        """Airflow does not hold a deferred task to its execution_timeout: the watch does."""
        job_limit: float = self.settings.max_runtime_minutes * 60 + QUEUE_SECONDS
        return min(job_limit, self.execution_timeout.total_seconds()) if self.execution_timeout else job_limit

    def _conclude(self, context: Context, job_id: str, outcome: Outcome) -> dict[str, Any]:
        if outcome == "unreachable":
            raise AwsJobLost(
                f"No answer about {self.kind} job {job_id} for {self.settings.outage_minutes} minutes. "
                "The job may still run; the next try looks for it first."
            )
        if outcome == "overdue":
            fate = JobWatch(**self._watch_arguments(job_id)).stop()
            raise AwsJobFailed(
                f"{self.kind} job {job_id} did not end within {self._limit_seconds / 60:g} minutes and {fate}. "
                f"The limit is max_runtime_minutes + {QUEUE_SECONDS // 60}, or execution_timeout where that is less."
            )
        kind = KINDS[self.kind]
        client = self.client(kind.service)
        outage = self.settings.outage_minutes * 60
        state = aws.patiently(lambda: kind.describe(client, job_id), outage)
        aws.patiently(lambda: self.ledger.ended(self.kind, state), outage)
        self._store_links(context, state)
        return self._finish(context, state)

    def _finish(self, context: Context, state: JobState) -> dict[str, Any]:
        if state.phase != "succeeded":
            self._fail(state)
        self.log.info("%s job %s succeeded after %s s", self.kind, state.job_id, state.seconds)
        if uri := self.result_uri(state):
            links.store(self, context, {links.ResultLink: self.object_url(uri)})
        result = aws.patiently(lambda: self.result(state), self.settings.outage_minutes * 60)
        self._report_lineage(context, state)
        return {"job": state.job_id, "seconds": state.seconds, **result}

    def _report_lineage(self, context: Context, state: JobState) -> None:
        if not self.settings.lineage_url:
            return
        uri = self.result_uri(state)
        event = lineage.run_event(
            dag_id=self.dag_id,
            task_id=self.task_id,
            run_id=context["dag_run"].run_id,
            try_key=state.job_id,
            ended_at=state.ended_at or datetime.now(UTC),
            inputs=self.reads(),
            outputs=[uri] if uri else [],
            facts={
                "job": state.job_id,
                "source": self.source,
                "business_date": self.business_date,
                **self.lineage_facts(),
            },
        )
        try:
            lineage.emit(self.settings.lineage_url, event)
        except Exception as error:  # noqa: BLE001  (the work is done, told or not)
            self.log.warning("The lineage of %s was not delivered: %s", state.job_id, error)

    def _fail(self, state: JobState) -> NoReturn:
        places = KINDS[self.kind].log_places(state.job_id)
        try:
            tail = log_tail(self.client("logs"), places)
        except Exception as error:  # noqa: BLE001  (the job's failure matters more than its log's)
            tail = [f"(log not readable: {error})"]
        where = " and ".join(f"{place.group} {place.stream}" for place in places)
        final = state.phase == "failed" and any(map(is_final, (state.reason, *tail)))
        kind: type[AwsJobFailed] = AwsJobFailedForGood if final else AwsJobFailed
        if self._killed:
            kind = AwsJobLost
        elif state.interrupted:
            kind = AwsJobInterrupted
        raise kind(
            f"{self.kind} job {state.job_id} ended {state.status}: {state.reason or 'AWS gives no reason'}\n"
            + "".join(f"    {line}\n" for line in tail)
            + (f"The same again would fail the same way: {self.remedy}\n" if final else "")
            + f"Log: {where}"
        )

    def _store_links(self, context: Context, state: JobState) -> tuple[str, str]:
        """Job and log, also of a process that takes the task up again: Airflow stores what its operator knows."""
        region = self.client(KINDS[self.kind].service).meta.region_name
        place = KINDS[self.kind].log_places(state.job_id)[0]
        job = links.job_url(self.settings, self.kind, state.job_id, region)
        log = links.log_url(self.settings, self.kind, state.job_id, place.group, place.stream, region)
        links.store(self, context, {links.JobLink: job, links.LogLink: log})
        return job, log


def skip(operator: BaseOperator, why: str) -> NoReturn:
    """Airflow itself logs no more than that the task is skipped."""
    operator.log.info(why)
    raise AirflowSkipException(why)


def _without_tags(request: Any) -> Any:
    """Who asks for a job is not part of what is asked for."""
    if isinstance(request, dict):
        return {key: _without_tags(value) for key, value in request.items() if key != "Tags"}
    return request
