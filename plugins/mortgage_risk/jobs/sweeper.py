"""Finds jobs that belong to no live task, and stops them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

from mortgage_risk import aws
from mortgage_risk.jobs import inventory, links
from mortgage_risk.jobs.base import MortgageRiskOperator
from mortgage_risk.jobs.inventory import TaggedJob
from mortgage_risk.jobs.kinds import GLUE, KINDS

if TYPE_CHECKING:
    from airflow.sdk import Context

# States of a task that waits for its job, or is about to look for it.
LIVE = [
    "scheduled",
    "queued",
    "running",
    "restarting",
    "deferred",
    "up_for_retry",
    "up_for_reschedule",
]


class Swept(TypedDict):
    """XCom of SweepOrphansOperator; counts."""

    report_uri: str
    running: int
    orphans: int
    stopped: int
    old_glue_jobs: int


class SweepOrphansOperator(MortgageRiskOperator):
    """Reports, and stops unless `report_only`, every running job of this deployment that no task waits for.

    A job is an orphan if it is older than `settle_minutes` and no instance of the task that asked for it is live, in
    any run: a second run of the same date may be waiting for it, or the task of that name in another of `dag_ids`,
    which asks for the same work. Glue jobs (definitions) that have not run for the setting glue_job_days are deleted,
    unless they are given. XCom: Swept.
    """

    template_fields = (*MortgageRiskOperator.template_fields, "report_only")
    operator_extra_links = (links.ResultLink(),)
    settle_minutes = 10

    def __init__(self, *, report_only: str | bool, dag_ids: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.report_only = report_only
        self.dag_ids = tuple(dag_ids)

    def execute(self, context: Context) -> Swept:
        report_only = str(self.report_only).lower() != "false"
        jobs = self.retry_through_outage(lambda: inventory.running_jobs(self.client, self.settings))
        orphans, old = self._orphans(context, jobs), self._old_glue_jobs(jobs)
        if not report_only:
            for job in orphans:
                self.retry_through_outage(partial(KINDS[job.kind].stop, self.client, job.job_id))
            for name in old:
                self.retry_through_outage(partial(GLUE.delete_definition, self.client, name))
        report = {
            "dry_run": report_only,
            "running": len(jobs),
            "orphans": [{"kind": job.kind, "job": job.job_id, "started_at": job.started_at} for job in orphans],
            "old_glue_jobs": old,
        }
        uri = self.layout.run_summary(self.dag_id, self.source, self.business_date)
        aws.write_json(self.client("s3"), uri, report, self.settings.kms_key_id)
        links.store(self, context, {links.ResultLink: self.object_url(uri)})
        self.log.info(
            "%d jobs run, %d of them orphans, %d Glue jobs are old; %s",
            *(len(jobs), len(orphans), len(old)),
            "nothing is touched (dry run)" if report_only else "stopped and deleted",
        )
        return {
            "report_uri": uri,
            "running": len(jobs),
            "orphans": len(orphans),
            "stopped": 0 if report_only else len(orphans),
            "old_glue_jobs": len(old),
        }

    def _orphans(self, context: Context, jobs: Sequence[TaggedJob]) -> list[TaggedJob]:
        settled = datetime.now(UTC) - timedelta(minutes=self.settle_minutes)
        orphans = [job for job in jobs if job.started_at < settled and not self._is_waited_for(context, job)]
        for job in orphans:
            self.log.warning(
                "%s job %s, running since %s, belongs to no live task (asked for by %s %s in %s)",
                *(job.kind, job.job_id, job.started_at.isoformat(timespec="seconds")),
                *(job.dag_id, job.task_id, job.run_id),
            )
        return orphans

    def _old_glue_jobs(self, jobs: Sequence[TaggedJob]) -> list[str]:
        since = datetime.now(UTC) - timedelta(days=self.settings.glue_job_days)
        old = self.retry_through_outage(lambda: GLUE.unused_definitions(self.client, self.settings, since))
        busy = {job.job_id.partition("/")[0] for job in jobs if job.kind == GLUE.name}
        return [name for name in old if name not in busy]

    def _is_waited_for(self, context: Context, job: TaggedJob) -> bool:
        count = context["ti"].get_ti_count
        dags = {job.dag_id, *self.dag_ids}
        return any(count(dag_id=dag_id, task_ids=[job.task_id], states=LIVE) for dag_id in sorted(dags))
