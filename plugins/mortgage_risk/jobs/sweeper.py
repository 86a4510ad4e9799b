"""Finds jobs that belong to no live task, and stops them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mortgage_risk import aws
from mortgage_risk.jobs import inventory, links
from mortgage_risk.jobs.inventory import TaggedJob
from mortgage_risk.jobs.kinds import KINDS
from mortgage_risk.jobs.operator import MortgageRiskOperator
from mortgage_risk.jobs.requests import deployment

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


class SweepOrphansOperator(MortgageRiskOperator):
    """Reports, and stops unless `dry_run`, every running job of this deployment that no task waits for.

    A job is an orphan if it is older than `settle_minutes` and no instance of the task that asked for it is live, in
    any run: a second run of the same date may be waiting for it, or the task of that name in another of `dag_ids`,
    which asks for the same work. Glue jobs (definitions) older than the setting
    glue_job_days are deleted. XCom: {"report_uri", "running", "orphans", "stopped", "old_glue_jobs"}.
    """

    template_fields = (*MortgageRiskOperator.template_fields, "dry_run")
    operator_extra_links = (links.ResultLink(),)
    settle_minutes = 10

    def __init__(self, *, dry_run: str | bool, dag_ids: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dry_run = dry_run
        self.dag_ids = tuple(dag_ids)

    def execute(self, context: Context) -> dict[str, Any]:
        dry_run = str(self.dry_run).lower() != "false"
        now, outage = datetime.now(UTC), self.settings.outage_minutes * 60
        ours = deployment(self.settings)
        jobs = aws.patiently(
            lambda: inventory.running_jobs(self.client, ours, self.settings.glue_role_arn), outage
        )
        settled = now - timedelta(minutes=self.settle_minutes)
        orphans = [job for job in jobs if job.started_at < settled and not self._is_waited_for(context, job)]
        glue, before = self.client("glue"), now - timedelta(days=self.settings.glue_job_days)
        busy = {job.job_id.partition("/")[0] for job in jobs if job.kind == "glue"}
        old = aws.patiently(lambda: inventory.glue_jobs_before(glue, ours, before), outage)
        old = [name for name in old if name not in busy]
        for job in orphans:
            self.log.warning(
                "%s job %s, running since %s, belongs to no live task (asked for by %s %s in %s)",
                *(job.kind, job.job_id, job.started_at.isoformat(timespec="seconds")),
                *(job.dag_id, job.task_id, job.run_id),
            )
            if not dry_run:
                self._stop(job)
        for name in [] if dry_run else old:
            aws.patiently(lambda name=name: glue.delete_job(JobName=name), outage)  # type: ignore[misc]
        report = {
            "dry_run": dry_run,
            "running": len(jobs),
            "orphans": [{"kind": job.kind, "job": job.job_id, "started_at": job.started_at} for job in orphans],
            "old_glue_jobs": old,
        }
        uri = self.layout.run_summary(self.dag_id, self.source, self.business_date)
        aws.write_json(self.client("s3"), uri, report, self.settings.kms_key_id)
        links.store(self, context, {links.ResultLink: self.object_url(uri)})
        self.log.info(
            "%d jobs run, %d of them orphans, %d Glue jobs are old; %s",
            *(len(jobs), len(orphans), len(old), "nothing is touched (dry run)" if dry_run else "stopped and deleted"),
        )
        return {
            "report_uri": uri,
            "running": len(jobs),
            "orphans": len(orphans),
            "stopped": 0 if dry_run else len(orphans),
            "old_glue_jobs": len(old),
        }

    def _is_waited_for(self, context: Context, job: TaggedJob) -> bool:
        count = context["ti"].get_ti_count
        dags = {job.dag_id, *self.dag_ids}
        return any(count(dag_id=dag_id, task_ids=[job.task_id], states=LIVE) for dag_id in sorted(dags))

    def _stop(self, job: TaggedJob) -> None:
        kind = KINDS[job.kind]
        aws.patiently(lambda: kind.stop(self.client(kind.service), job.job_id), self.settings.outage_minutes * 60)
