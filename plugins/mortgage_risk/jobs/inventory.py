"""What runs in AWS under our tags. The one place that lists: for the sweeper, which must find what nobody waits for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mortgage_risk.aws import Clients
from mortgage_risk.jobs.kinds import KINDS
from mortgage_risk.jobs.requests import PLATFORM, deployment
from mortgage_risk.settings import Settings


@dataclass(frozen=True)
class TaggedJob:
    """A running job and the Airflow task that asked for it."""

    kind: str
    job_id: str
    started_at: datetime
    dag_id: str
    task_id: str
    run_id: str


def running_jobs(clients: Clients, settings: Settings) -> list[TaggedJob]:
    """Every running job that carries this deployment's tags."""
    ours = {"platform": PLATFORM, "deployment": deployment(settings)}
    found = []
    for kind in KINDS.values():
        for job in kind.running(clients, settings):
            if ours.items() <= job.tags.items():
                owner = (job.tags.get(key, "") for key in ("dag_id", "task_id", "run_id"))
                found.append(TaggedJob(kind.name, job.job_id, job.started_at, *owner))
    return found
