"""Glue runs: a script of the packaged code on Spark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from mortgage_risk import aws
from mortgage_risk.aws import Clients
from mortgage_risk.jobs.cost import Cost, Prices, clock_seconds
from mortgage_risk.jobs.kinds.kind import CONSOLE, Address, JobKind, RunningJob
from mortgage_risk.jobs.requests import PLATFORM, Request, RunTags, deployment
from mortgage_risk.jobs.state import NAME, JobState, LogPlace, Phase, fill_in_name
from mortgage_risk.settings import Settings

MINIMUM_SECONDS = 60  # what Glue bills at least

_PHASES: Mapping[str, Phase] = {
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "ERROR": "failed",
    "TIMEOUT": "failed",
    "EXPIRED": "failed",
    "STOPPED": "stopped",
}


class Run(TypedDict):
    """What is read of Glue's JobRun."""

    Id: str
    JobRunState: str
    StartedOn: NotRequired[datetime]
    CompletedOn: NotRequired[datetime]
    ErrorMessage: NotRequired[str]


class GlueRun(JobKind):
    """Job id = '<Glue job>/<run id>'.

    A run has neither a name nor a client token, so each request has a Glue job of its own, called `<request name>`,
    whose runs are the request's attempts. It allows one run at a time: Glue itself refuses the second one of a submit
    whose answer was lost, or of two workers at once. (A job shared by all nights would have to be searched for the run;
    the price of one each, of 2,000 in an account, is that the sweeper deletes the old ones.)
    """

    name = "glue"
    service = "glue"
    console_page = CONSOLE + "/gluestudio/home?region={region}#/job/{kind}/run/{name}"

    def request(
        self, settings: Settings, *, script: str, code_prefix: str, arguments: Mapping[str, object], tags: RunTags
    ) -> Request:
        """{"CreateJob", "StartJobRun"}."""
        return {
            "CreateJob": self.definition(settings, name=NAME, script=script, code_prefix=code_prefix, tags=tags),
            "StartJobRun": self.start(job_name=NAME, arguments=arguments),
        }

    @staticmethod
    def definition(settings: Settings, *, name: str, script: str, code_prefix: str, tags: RunTags) -> Request:
        """CreateJob: one definition per request, never changed under a running job."""
        arguments = {
            "--job-language": "python",
            "--extra-py-files": f"{code_prefix}glue_libs.zip",
            "--enable-metrics": "true",
        }
        if settings.glue_database:
            arguments["--enable-glue-datacatalog"] = "true"
        request: Request = {
            "Name": name,
            "Role": settings.glue_role_arn,
            "GlueVersion": "5.1",
            "Command": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": f"{code_prefix}{script}"},
            "DefaultArguments": arguments,
            "WorkerType": settings.glue_worker_type,
            "NumberOfWorkers": settings.glue_workers,
            "Timeout": settings.max_runtime_minutes,
            "MaxRetries": 0,  # retries are Airflow's
            "ExecutionProperty": {"MaxConcurrentRuns": 1},  # a second run of the same request is refused
            "Tags": tags.as_dict(),
        }
        if settings.glue_security_configuration:
            request["SecurityConfiguration"] = settings.glue_security_configuration
        return request

    @staticmethod
    def start(*, job_name: str, arguments: Mapping[str, object]) -> Request:
        """StartJobRun; `arguments` without the leading dashes."""
        return {"JobName": job_name, "Arguments": {f"--{key}": str(value) for key, value in arguments.items()}}

    def latest(self, clients: Clients, request: Request, name: str) -> JobState | None:
        return self._newest_run(clients(self.service), name)

    def submit(self, clients: Clients, request: Request, name: str, previous: JobState | None) -> str:
        client = clients(self.service, retries=False)
        aws.create_once(lambda: client.create_job(**fill_in_name(request["CreateJob"], name)))
        try:
            run_id = client.start_job_run(**fill_in_name(request["StartJobRun"], name))["JobRunId"]
        except Exception as error:
            if aws.error_code(error) != "ConcurrentRunsExceededException":
                raise
            found = self._newest_run(client, name)
            if not found or found.phase != "running":
                raise
            return found.job_id
        return f"{name}/{run_id}"

    def describe(self, clients: Clients, job_id: str) -> JobState:
        job_name, _, run_id = job_id.partition("/")
        return _state(job_name, clients(self.service).get_job_run(JobName=job_name, RunId=run_id)["JobRun"])

    def stop(self, clients: Clients, job_id: str) -> None:
        job_name, _, run_id = job_id.partition("/")
        clients(self.service).batch_stop_job_run(JobName=job_name, JobRunIds=[run_id])

    def running(self, clients: Clients, settings: Settings) -> Iterator[RunningJob]:
        client = clients(self.service)
        partition, account = settings.glue_role_arn.split(":")[1], settings.glue_role_arn.split(":")[4]
        for name in _definitions(client, settings):
            run = self._newest_run(client, name)
            if run and run.phase == "running" and run.started_at:
                arn = f"arn:{partition}:glue:{client.meta.region_name}:{account}:job/{name}"
                yield RunningJob(run.job_id, run.started_at, client.get_tags(ResourceArn=arn)["Tags"])

    def definitions_before(self, clients: Clients, settings: Settings, moment: datetime) -> list[str]:
        """Names of this deployment's Glue jobs, one per request, made before `moment`."""
        client = clients(self.service)
        names, old = list(_definitions(client, settings)), []
        for start in range(0, len(names), 25):  # what BatchGetJobs takes
            jobs = client.batch_get_jobs(JobNames=names[start : start + 25])["Jobs"]
            old += [job["Name"] for job in jobs if job["CreatedOn"] < moment]
        return old

    def delete_definition(self, clients: Clients, name: str) -> None:
        """With its runs, whose results stay."""
        clients(self.service).delete_job(JobName=name)

    def address(self, job_id: str) -> Address:
        job, _, run = job_id.partition("/")
        return {"service": "glue", "kind": job, "name": run}

    def log_places(self, job_id: str) -> list[LogPlace]:
        run_id = job_id.partition("/")[2]
        return [LogPlace("/aws-glue/jobs/error", run_id), LogPlace("/aws-glue/jobs/output", run_id)]

    def cost(self, state: JobState, prices: Prices, now: datetime | None = None) -> Cost:
        """DPUSeconds where Glue states them (Flex, auto scaling), else workers × their DPUs × execution time."""
        run = state.response
        worker, workers = str(run.get("WorkerType", "")), run.get("NumberOfWorkers", 0)
        seconds = float(max(run.get("ExecutionTime") or clock_seconds(state, now), MINIMUM_SECONDS))
        dpus = prices["glue_worker_dpus"].get(worker)
        dpu_seconds = run.get("DPUSeconds") or (dpus and seconds * workers * dpus)
        if not dpu_seconds:
            return Cost(worker, workers, seconds, None, f"no DPUs for worker type {worker!r}")
        return Cost(worker, workers, seconds, round(dpu_seconds / 3600 * prices["glue_dpu_hour"], 6))

    def _newest_run(self, client: Any, job_name: str) -> JobState | None:
        """The run to go by: one that runs, else one that has succeeded, else the last."""
        try:
            runs = [_state(job_name, run) for run in client.get_job_runs(JobName=job_name)["JobRuns"]]
        except Exception as error:
            if aws.is_not_found(error):
                return None
            raise
        for phase in ("running", "succeeded"):
            if found := [run for run in runs if run.phase == phase]:
                return max(found, key=_start_order)
        return max(runs, key=_start_order, default=None)


def _state(job_name: str, run: Run) -> JobState:
    return JobState(
        job_id=f"{job_name}/{run['Id']}",
        phase=_PHASES.get(run["JobRunState"], "running"),
        status=run["JobRunState"],
        reason=run.get("ErrorMessage") or "",
        started_at=run.get("StartedOn"),
        ended_at=run.get("CompletedOn"),
        response=run,
    )


def _start_order(run: JobState) -> tuple[float, str]:
    return (run.started_at.timestamp() if run.started_at else 0.0, run.job_id)


def _definitions(client: Any, settings: Settings) -> Iterator[str]:
    ours = {"platform": PLATFORM, "deployment": deployment(settings)}
    for page in client.get_paginator("list_jobs").paginate(Tags=ours):
        yield from page["JobNames"]
