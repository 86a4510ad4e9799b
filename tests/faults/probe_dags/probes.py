"""DAGs of one short job each, made with the pipeline's own operator, to be broken by tests/faults.

A run's Params say how long the job works, what goes wrong in it, and where its task's process is killed.
"""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

from mortgage_risk import assets
from mortgage_risk.dag.arguments import SCORE_DATE as DATE
from mortgage_risk.dag.arguments import SOURCE
from mortgage_risk.dag.business_date import score_date, source_of
from mortgage_risk.dag.notifications import scores_due
from mortgage_risk.dag.timetable import FromNowOnTimetable
from mortgage_risk.data.datasets import GlueDatasetOperator
from mortgage_risk.jobs import claim, retries
from mortgage_risk.jobs.sweeper import SweepOrphansOperator
from mortgage_risk.layout import Layout
from mortgage_risk.settings import Settings, load_settings

retries.FIRST_PAUSE, SHORT = timedelta(seconds=1), timedelta(seconds=5)  # the pauses are not what is tested
settings = replace(load_settings(), poll_seconds=1)
paths = Layout(settings.bucket, settings.model_name)
OUTPUT = f"{paths.root}probe/{DATE}/"
CODE = {"sha256": "probe", "prefix": f"{paths.root}probe-code/", "git_commit": "none"}


class KilledAt:
    """A client under which the process dies at one call: `before:start_job_run`, `worker:after:start_job_run`, …;
    of S3, at one object: `before:get_object@_manifest.json`.
    """

    def __init__(self, client: Any, moment: str) -> None:
        self._client, self._moment = client, moment

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        fatal, _, key = self._moment.rpartition(":")[2].partition("@")
        if name != fatal:
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            if not kwargs.get("Key", "").endswith(key):
                return attribute(*args, **kwargs)
            if "after:" in self._moment:
                attribute(*args, **kwargs)
            if "worker:" in self._moment:
                os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

        return call


class ProbeOperator(GlueDatasetOperator):
    """A Glue job whose task dies, at its first `kills` tries, where `kill` says. `worker:…` takes the worker along."""

    template_fields = (*GlueDatasetOperator.template_fields, "kill", "kills")

    def __init__(self, *, kill: str, kills: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kill = kill
        self.kills = kills

    def execute(self, context: Any) -> Any:
        self.dies = context["ti"].try_number <= int(self.kills)
        if self.kill:
            claim.SETTLE_S, claim.START_WITHIN_S = 15.0, 5.0  # nothing stands still here
        return super().execute(context)

    def client(self, service: str, *, retries: bool = True) -> Any:
        client = super().client(service, retries=retries)
        if not getattr(self, "dies", False) or not self.kill:
            return client
        return KilledAt(client, self.kill)


PARAMS = {
    "score_date": Param(None, type=["null", "string"]),
    "seconds": Param(2, type="number"),
    "work": Param("nothing", type="string"),
    "kill": Param("", type="string"),
    "kills": Param(1, type="integer"),
}
COMMON: dict[str, Any] = {
    "params": PARAMS,
    "user_defined_macros": {"score_date": score_date, "timezone": settings.timezone},
    "default_args": {**retries.retry_arguments(), "retry_delay": timedelta(seconds=1), "max_retry_delay": SHORT},
}


def job(settings: Settings, task_id: str = "run_job", output: str = OUTPUT, **task: Any) -> ProbeOperator:
    operator = ProbeOperator(
        task_id=task_id,
        settings=settings,
        source="canonical",
        business_date=DATE,
        script="probe_job.py",
        arguments={
            "output_root": output,
            "seconds": "{{ params.seconds }}",
            "work": "{{ params.work }}",
            "row": DATE,
        },
        inputs=[],
        prefix=output,
        code=CODE,
        kill="{{ params.kill }}",
        kills="{{ params.kills }}",
        **task,
    )
    if settings.deferrable:
        operator.seconds_on_worker = 0  # on the triggerer from the first moment
    return operator


def probe(name: str, settings: Settings, dag: dict[str, Any] | None = None, schedule: Any = None, **task: Any) -> None:
    with DAG(dag_id=f"probe_{name}", schedule=schedule, **{"max_active_runs": 10, **COMMON, **(dag or {})}):
        job(settings, **task)


probe("on_worker", replace(settings, deferrable=False))
probe("deferred", settings)
probe("timeout_on_worker", replace(settings, deferrable=False), execution_timeout=timedelta(seconds=8), retries=0)
probe("timeout_deferred", settings, execution_timeout=timedelta(seconds=25), retries=0)
probe("run_timeout_on_worker", replace(settings, deferrable=False), {"dagrun_timeout": timedelta(seconds=25)})
probe("run_timeout_deferred", settings, {"dagrun_timeout": timedelta(seconds=40)})
due = scores_due(settings)
due.interval = timedelta(seconds=10)  # in place of the night's hours
probe("late", settings, {"deadline": due})
SINCE = pendulum.datetime(2000, 1, 1, tz=settings.timezone)
probe(
    "nightly",
    replace(settings, deferrable=False),
    {"start_date": SINCE, "catchup": False, "max_active_runs": 3},
    schedule=FromNowOnTimetable("0 2 * * *", settings.timezone),
    outlets=[assets.scores(paths)],
)
with DAG(dag_id="probe_pipeline", schedule=None, max_active_runs=10, **COMMON):
    on_worker = replace(settings, deferrable=False)
    steps = [
        job(where, name, f"{paths.root}pipeline/{DATE}/{name}/")
        for name, where in {"prepare": on_worker, "train": settings, "check": on_worker, "publish": settings}.items()
    ]
    steps[0] >> steps[1] >> steps[2] >> steps[3]

with DAG(
    dag_id="probe_follower",
    schedule=[assets.scores(paths)],
    params={"source": Param("freddie_mac")},  # the form's default is for runs by hand
    user_defined_macros={"score_date": score_date, "source_of": source_of, "timezone": settings.timezone},
):
    BashOperator(task_id="run_job", bash_command=f"echo {SOURCE} {DATE}")  # its XCom: what it runs for

with DAG(dag_id="probe_sweeper", schedule=None, params={"dry_run": Param(True, type="boolean")}):
    SweepOrphansOperator(
        task_id="sweep",
        settings=settings,
        source="all",
        business_date="2015-01-01",
        report_only="{{ params.dry_run }}",
    ).settle_minutes = 0
