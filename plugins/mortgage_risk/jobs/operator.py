"""The base of every operator that runs an AWS job: never lost, never doubled, never left running.

This is the Task SDK's `ResumableJobMixin` with the job's name (see `submission`) in place of an id in the task's state
store. The store knows a job only after its submit was answered and written down; and it would give a task that was
cleared because its data changed the result of the old data. The name is known before the submit, and other data has
another name.
"""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseOperatorLink
from airflow.sdk.exceptions import AirflowFailException

from mortgage_risk import aws
from mortgage_risk.jobs import lineage, links
from mortgage_risk.jobs.base import MortgageRiskOperator
from mortgage_risk.jobs.failures import AwsJobFailed, AwsJobFailedForGood, AwsJobLost, failure
from mortgage_risk.jobs.kinds.kind import JobKind
from mortgage_risk.jobs.ledger import BudgetExceeded
from mortgage_risk.jobs.requests import QUEUE_SECONDS, Request, RunTags
from mortgage_risk.jobs.state import JobState, log_tail
from mortgage_risk.jobs.submission import Cancelled, StillStopping, Submission, request_name
from mortgage_risk.jobs.triggers import AwsJobTrigger, PauseTrigger
from mortgage_risk.jobs.watch import JobWatch, Outcome, WatchArguments, WatchEvent

if TYPE_CHECKING:
    from airflow.sdk import Context

BUSY_PAUSE_S = 60.0  # of a deferred task: coming back costs two process starts


class AwsJobOperator(MortgageRiskOperator):
    """Submits one job or finds it again, waits for it (deferred, or on the worker by setting), returns its
    result.
    """

    # Short jobs are waited for on the worker: deferring and coming back costs two process starts.
    seconds_on_worker: ClassVar[float] = 45
    # What a person does about a failure that trying again cannot mend.
    remedy: ClassVar[str] = "mend what it names, then clear the task."
    operator_extra_links: Sequence[BaseOperatorLink] = (links.JobLink(), links.LogLink(), links.ResultLink())
    _killed = False
    _watch: JobWatch | None = None

    # --- what a job's operator must say; without one of these its DAG does not parse ---

    @property
    @abstractmethod
    def kind(self) -> JobKind: ...

    @abstractmethod
    def build_request(self, tags: RunTags) -> Request:
        """The AWS request; `state.NAME` stands where the job's name goes."""

    @abstractmethod
    def result_is_there(self, state: JobState) -> bool:
        """Whether the result of a succeeded job can still be used."""

    @abstractmethod
    def result(self, state: JobState) -> Mapping[str, Any]:
        """The task's XCom for a succeeded job, read from AWS: URIs and small numbers. Changes nothing."""

    # --- what it may say ---

    def input_fingerprints(self) -> dict[str, str]:
        """What the request does not say about its input, such as the content of the folders it names."""
        return {}

    def after_success(self, context: Context, state: JobState, result: Mapping[str, Any]) -> None:
        """What follows from a result that was read: links, announcements, records. Asked again through an outage."""

    def reads(self) -> list[str]:
        """S3 URIs and ARNs of what the job reads, for its lineage."""
        return []

    def lineage_facts(self) -> Mapping[str, object]:
        """What else its lineage says."""
        return {}

    def result_uri(self, state: JobState) -> str | None:
        """Where the Result link leads."""
        return None

    # --- the task ---

    def execute(self, context: Context) -> Mapping[str, Any] | None:
        return self._run(context, time.time())

    def execute_again(self, context: Context, event: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """After a pause in which AWS may have got room."""
        return self._run(context, event["since"])

    def _run(self, context: Context, since: float) -> Mapping[str, Any] | None:
        state = self._find_or_submit(context, since)
        watch = self._watch_arguments(state.job_id)
        self._watch = JobWatch(**watch)
        if self._killed:  # while the submit was on its way
            raise AwsJobLost(f"The task was killed; {self.kind.name} job {state.job_id} {self._watch.stop()}.")
        self.log.info("Job: %s\nLog: %s", *self._store_links(context, state))
        if state.phase != "running":
            return self._finish(context, state)
        tags = self.run_tags(context)
        self.retry_through_outage(lambda: self.ledger.submitted(self.kind, state, tags))
        worker_until = time.monotonic() + (self.seconds_on_worker if self.settings.deferrable else math.inf)
        while time.monotonic() < worker_until:
            if outcome := self._watch.poll():
                return self._conclude(context, state.job_id, outcome)
            time.sleep(self._watch.pause_s)
        self.defer(trigger=AwsJobTrigger(**watch), method_name="execute_complete")
        return None  # not reached: defer raises

    def execute_complete(self, context: Context, event: WatchEvent) -> Mapping[str, Any]:
        return self._conclude(context, event["job_id"], event["outcome"])

    def on_kill(self) -> None:
        """Stop the job of a task that is killed, or times out, while it is on the worker."""
        self._killed = True
        if self._watch:
            self._watch.stop()

    # --- steps ---

    def _find_or_submit(self, context: Context, since: float) -> JobState:
        """Also through a time in which AWS has no room, counted from `since`."""
        while True:
            try:
                return self.retry_through_outage(lambda: self._submission(context).find_or_submit())
            except Cancelled as error:
                raise AwsJobLost(f"The task was killed {error}.") from error
            except StillStopping as error:
                raise AwsJobFailed(str(error)) from error
            except BudgetExceeded as error:
                raise AirflowFailException(str(error)) from error
            except Exception as error:
                if not aws.is_at_limit(error):
                    raise
                full = error
            self._wait_for_room(full, since)

    def _wait_for_room(self, full: Exception, since: float) -> None:
        """Deferred where the task may be; AwsJobLost when it has waited for busy_minutes."""
        if aws.is_beyond_limit(full):
            raise AwsJobFailedForGood(
                f"AWS will not have room for this {self.kind.name} job: {full}\nAsk for a higher quota, or choose "
                "another instance type or fewer instances in the settings, then clear the task."
            ) from full
        longest, waited = self.settings.busy_minutes * 60.0, time.time() - since
        if self.execution_timeout:
            longest = min(longest, self.execution_timeout.total_seconds())
        if waited >= longest:
            raise AwsJobLost(
                f"AWS had no room for this {self.kind.name} job for {waited / 60:.0f} minutes (setting busy_minutes): "
                f"{full}\nNothing runs; the next try asks again."
            ) from full
        self.log.warning(
            "AWS has no room for this %s job (%s): asking again, for %.0f minutes more",
            *(self.kind.name, full, (longest - waited) / 60),
        )
        if self.settings.deferrable:
            pause = max(BUSY_PAUSE_S, self.settings.poll_seconds)
            self.defer(trigger=PauseTrigger(pause, since), method_name="execute_again")
        time.sleep(self.settings.poll_seconds)

    def _submission(self, context: Context) -> Submission:
        tags = self.run_tags(context)
        request = self.build_request(tags)
        name = request_name(
            task_id=self.task_id,
            source=self.source,
            business_date=self.business_date,
            request=request,
            inputs=self.input_fingerprints(),
            length=self.kind.name_length,
        )
        return Submission(
            kind=self.kind,
            clients=self.client,
            request=request,
            name=name,
            usable=self.result_is_there,
            permit=lambda: self.ledger.refuse_beyond_budget(tags, context["dag_run"].start_date or datetime.now(UTC)),
            cancelled=lambda: self._killed,
            pause_s=min(5.0, self.settings.poll_seconds),
        )

    def _watch_arguments(self, job_id: str) -> WatchArguments:
        return {
            "kind": self.kind.name,
            "job_id": job_id,
            "aws_conn_id": self.settings.aws_conn_id,
            "poll_s": float(self.settings.poll_seconds),
            "deadline": time.time() + self._limit_seconds,
            "outage_s": self.settings.outage_s,
        }

    @property
    def _limit_seconds(self) -> float:
        """Airflow does not hold a deferred task to its execution_timeout: the watch does."""
        job_limit: float = self.settings.max_runtime_minutes * 60 + QUEUE_SECONDS
        return min(job_limit, self.execution_timeout.total_seconds()) if self.execution_timeout else job_limit

    def _conclude(self, context: Context, job_id: str, outcome: Outcome) -> Mapping[str, Any]:
        if outcome == "unreachable":
            raise AwsJobLost(
                f"No answer about {self.kind.name} job {job_id} for {self.settings.outage_minutes} minutes. "
                "The job may still run; the next try looks for it first."
            )
        if outcome == "overdue":
            fate = JobWatch(**self._watch_arguments(job_id)).stop()
            raise AwsJobFailed(
                f"{self.kind.name} job {job_id} did not end within {self._limit_seconds / 60:g} minutes and {fate}. "
                f"The limit is max_runtime_minutes + {QUEUE_SECONDS // 60}, or execution_timeout where that is less."
            )
        state = self.retry_through_outage(lambda: self.kind.describe(self.client, job_id))
        self.retry_through_outage(lambda: self.ledger.ended(self.kind, state))
        self._store_links(context, state)
        return self._finish(context, state)

    def _finish(self, context: Context, state: JobState) -> Mapping[str, Any]:
        if state.phase != "succeeded":
            self._fail(state)
        self.log.info("%s job %s succeeded after %s s", self.kind.name, state.job_id, state.seconds)
        if uri := self.result_uri(state):
            links.store(self, context, {links.ResultLink: self.object_url(uri)})
        read = self.retry_through_outage(lambda: self.result(state))
        result = {"job": state.job_id, "seconds": state.seconds, **read}
        self.retry_through_outage(lambda: self.after_success(context, state, result))
        self._report_lineage(context, state)
        return result

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
        places = self.kind.log_places(state.job_id)
        try:
            tail = log_tail(self.client("logs"), places)
        except Exception as error:  # noqa: BLE001  (the job's failure matters more than its log's)
            tail = [f"(log not readable: {error})"]
        raise failure(self.kind.name, state, tail=tail, places=places, remedy=self.remedy, killed=self._killed)

    def _store_links(self, context: Context, state: JobState) -> tuple[str, str]:
        """Job and log, also of a process that takes the task up again: Airflow stores what its operator knows."""
        region = self.client(self.kind.service).meta.region_name
        job = links.job_url(self.settings, self.kind, state.job_id, region)
        log = links.log_url(self.settings, self.kind, state.job_id, region)
        links.store(self, context, {links.JobLink: job, links.LogLink: log})
        return job, log
