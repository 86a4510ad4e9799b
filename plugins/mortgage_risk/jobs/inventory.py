"""What lies in AWS under our tags. The one place that lists: for the sweeper, which must find what nobody waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mortgage_risk.jobs.kinds import KINDS, GlueRun, SageMakerJob
from mortgage_risk.jobs.requests import PLATFORM

Clients = Callable[[str], Any]


@dataclass(frozen=True)
class TaggedJob:
    """A running job and the Airflow task that asked for it."""

    kind: str
    job_id: str
    started_at: datetime
    dag_id: str
    task_id: str
    run_id: str


def running_jobs(clients: Clients, deployment: str, glue_role_arn: str) -> list[TaggedJob]:
    """Every running job that carries this deployment's tags."""
    found = []
    for kind in KINDS.values():
        client = clients(kind.service)
        if isinstance(kind, SageMakerJob):
            jobs = _sagemaker_jobs(client, kind)
        elif isinstance(kind, GlueRun):
            jobs = _glue_runs(client, kind, deployment, glue_role_arn)
        else:  # an endpoint's update ends by itself, and costs nothing of its own
            continue
        for job_id, started_at, tags in jobs:
            if tags.get("platform") == PLATFORM and tags.get("deployment") == deployment:
                owner = (tags.get("dag_id", ""), tags.get("task_id", ""), tags.get("run_id", ""))
                found.append(TaggedJob(kind.kind, job_id, started_at, *owner))
    return found


def glue_jobs_before(client: Any, deployment: str, moment: datetime) -> list[str]:
    """Names of this deployment's Glue jobs, one per request, made before `moment`."""
    names, old = list(_glue_job_names(client, deployment)), []
    for start in range(0, len(names), 25):  # what BatchGetJobs takes
        jobs = client.batch_get_jobs(JobNames=names[start : start + 25])["Jobs"]
        old += [job["Name"] for job in jobs if job["CreatedOn"] < moment]
    return old


def _sagemaker_jobs(client: Any, kind: SageMakerJob) -> Iterator[tuple[str, datetime, dict[str, str]]]:
    pages = client.get_paginator(f"list_{kind.call}s").paginate(StatusEquals="InProgress")
    for page in pages:
        for job in next(value for key, value in page.items() if key.endswith("JobSummaries")):
            arn = next(value for key, value in job.items() if key.endswith("JobArn"))
            tags = client.list_tags(ResourceArn=arn)["Tags"]
            yield job[kind.name_key], job["CreationTime"], {tag["Key"]: tag["Value"] for tag in tags}


def _glue_runs(
    client: Any, kind: GlueRun, deployment: str, role_arn: str
) -> Iterator[tuple[str, datetime, dict[str, str]]]:
    partition, account = role_arn.split(":")[1], role_arn.split(":")[4]
    for name in _glue_job_names(client, deployment):
        run = kind.latest(client, {}, name)
        if run and run.phase == "running" and run.started_at:
            arn = f"arn:{partition}:glue:{client.meta.region_name}:{account}:job/{name}"
            yield run.job_id, run.started_at, client.get_tags(ResourceArn=arn)["Tags"]


def _glue_job_names(client: Any, deployment: str) -> Iterator[str]:
    for page in client.get_paginator("list_jobs").paginate(Tags={"platform": PLATFORM, "deployment": deployment}):
        yield from page["JobNames"]
