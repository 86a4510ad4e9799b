"""Glue runs: a script of the packaged code on Spark."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mortgage_risk import aws
from mortgage_risk.aws import Clients
from mortgage_risk.jobs.claim import ACTIVE, NAMED, Claims, Run, Runs, runs_since
from mortgage_risk.jobs.cost import Cost, Prices, clock_seconds
from mortgage_risk.jobs.kinds.kind import CONSOLE, Address, JobKind, RunningJob
from mortgage_risk.jobs.requests import PLATFORM, Request, RunTags, deployment
from mortgage_risk.jobs.state import JobState, LogPlace, Phase
from mortgage_risk.layout import Layout
from mortgage_risk.settings import Settings

MINIMUM_SECONDS = 60  # what Glue bills at least
LONGEST_RUN = timedelta(days=8)  # Glue's longest time limit is 7

_PHASES: Mapping[str, Phase] = {
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "ERROR": "failed",
    "TIMEOUT": "failed",
    "EXPIRED": "failed",
    "STOPPED": "stopped",
}


class DefinitionError(ValueError):
    """A Glue job that is deployed with the platform is missing, or is of other code."""


class GlueRun(JobKind):
    """Job id = '<Glue job>/<run id>'.

    All requests for a script of one code version share a Glue job (a definition). A run has neither a name nor a client
    token: it is found by its request's claim, see `claim`.
    """

    name = "glue"
    service = "glue"
    console_page = CONSOLE + "/gluestudio/home?region={region}#/job/{kind}/run/{name}"

    def request(
        self, settings: Settings, *, script: str, code_prefix: str, arguments: Mapping[str, object], tags: RunTags
    ) -> Request:
        """{"CreateJob", "StartJobRun", "Claim"}: the definition, a run of it, and what else the run's claim says."""
        definition = self.definition(settings, script=script, code_prefix=code_prefix, tags=tags)
        return {
            "CreateJob": definition,
            "StartJobRun": self.start(job_name=definition["Name"], arguments=arguments),
            "Claim": {
                "prefix": _claims_prefix(settings),
                "kms_key_id": settings.kms_key_id,
                "create": settings.glue_job_definitions == "create",
                "Tags": tags.as_dict(),
            },
        }

    @staticmethod
    def definition(settings: Settings, *, script: str, code_prefix: str, tags: RunTags) -> Request:
        """CreateJob: one definition per script and code version, never changed under a running job.

        Its name says so where the platform creates it; one that is given keeps its name over versions.
        """
        arguments = {
            "--job-language": "python",
            "--extra-py-files": f"{code_prefix}glue_libs.zip",
            "--enable-metrics": "true",
        }
        if settings.glue_database:
            arguments["--enable-glue-datacatalog"] = "true"
        request: Request = {
            "Role": settings.glue_role_arn,
            "GlueVersion": "5.1",
            "Command": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": f"{code_prefix}{script}"},
            "DefaultArguments": arguments,
            "WorkerType": settings.glue_worker_type,
            "NumberOfWorkers": settings.glue_workers,
            "Timeout": settings.max_runtime_minutes,
            "MaxRetries": 0,  # retries are Airflow's
            "ExecutionProperty": {"MaxConcurrentRuns": settings.glue_concurrent_runs},
        }
        if settings.glue_security_configuration:
            request["SecurityConfiguration"] = settings.glue_security_configuration
        name = f"{settings.model_name}-{script.removesuffix('.py').replace('_', '-')}"
        if settings.glue_job_definitions == "create":
            name = f"{name}-{hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:10]}"
        return {"Name": name, **request, "Tags": {key: tags.as_dict()[key] for key in ("platform", "deployment")}}

    @staticmethod
    def start(*, job_name: str, arguments: Mapping[str, object]) -> Request:
        """StartJobRun; `arguments` without the leading dashes."""
        given = {f"--{key}": str(value) for key, value in arguments.items()}
        return {"JobName": job_name, "Arguments": given | NAMED}

    def latest(self, clients: Clients, request: Request, name: str) -> JobState | None:
        run = _runs(clients, request["Claim"]).newest(name)
        return _state(run["JobName"], run) if run else None

    def submit(self, clients: Clients, request: Request, name: str, previous: JobState | None) -> str:
        claim = request["Claim"]
        _provide(clients(self.service), request["CreateJob"], create=claim["create"])
        after = previous.job_id if previous else ""
        return _runs(clients, claim).start(name, request["StartJobRun"], claim["Tags"], after)

    def describe(self, clients: Clients, job_id: str) -> JobState:
        job_name, _, run_id = job_id.partition("/")
        return _state(job_name, clients(self.service).get_job_run(JobName=job_name, RunId=run_id)["JobRun"])

    def stop(self, clients: Clients, job_id: str) -> None:
        job_name, _, run_id = job_id.partition("/")
        clients(self.service).batch_stop_job_run(JobName=job_name, JobRunIds=[run_id])

    def running(self, clients: Clients, settings: Settings) -> Iterator[RunningJob]:
        """With the tags of who asked for the run, whom a run that no claim names lacks: nobody can find it."""
        client, ours = clients(self.service), _ours(settings)
        claims = Claims(clients("s3"), _claims_prefix(settings))
        for definition in _definitions(client, settings):
            for run in runs_since(client, definition, datetime.now(UTC) - LONGEST_RUN):
                if run["JobRunState"] in ACTIVE and "StartedOn" in run:
                    claim = claims.of(run)
                    tags = claim.asked_by if claim else ours
                    yield RunningJob(f"{definition}/{run['Id']}", run["StartedOn"], tags)

    def unused_definitions(self, clients: Clients, settings: Settings, since: datetime) -> list[str]:
        """Names of this deployment's Glue jobs that are older than `since` and have not run since then. None where
        they are given: those are not ours to delete.
        """
        if settings.glue_job_definitions == "given":
            return []
        client = clients(self.service)
        names, old = list(_definitions(client, settings)), []
        for start in range(0, len(names), 25):  # what BatchGetJobs takes
            jobs = client.batch_get_jobs(JobNames=names[start : start + 25])["Jobs"]
            old += [job["Name"] for job in jobs if job["CreatedOn"] < since]
        return [name for name in old if not any(runs_since(client, name, since))]

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


def _runs(clients: Clients, claim: Mapping[str, Any]) -> Runs:
    claims = Claims(clients("s3"), claim["prefix"], claim["kms_key_id"])
    return Runs(claims, clients("glue"), clients("glue", retries=False))


def _claims_prefix(settings: Settings) -> str:
    return Layout(settings.bucket, settings.model_name).job_claims


def _provide(client: Any, wanted: Request, *, create: bool) -> None:
    """See that the definition is there, and that it is of the code that is asked for."""
    name, script = wanted["Name"], wanted["Command"]["ScriptLocation"]
    try:
        found = client.get_job(JobName=name)["Job"]
    except Exception as error:
        if not aws.is_not_found(error):
            raise
        if not create:
            raise DefinitionError(
                f"There is no Glue job {name}. The setting glue_job_definitions is given, so it is to be deployed with "
                f"the platform, tagged {wanted['Tags']}, with the script {script}."
            ) from error
        aws.create_once(lambda: client.create_job(**wanted))
        return
    libraries = "--extra-py-files"
    has = (found["Command"]["ScriptLocation"], found.get("DefaultArguments", {}).get(libraries))
    if has != (script, wanted["DefaultArguments"][libraries]):
        raise DefinitionError(
            f"The Glue job {name} runs {has[0]} with the libraries {has[1]}; this version of the code is {script} with "
            f"{wanted['DefaultArguments'][libraries]}. Deploy Glue's jobs and Airflow's code together."
        )


def _ours(settings: Settings) -> dict[str, str]:
    return {"platform": PLATFORM, "deployment": deployment(settings)}


def _definitions(client: Any, settings: Settings) -> Iterator[str]:
    for page in client.get_paginator("list_jobs").paginate(Tags=_ours(settings)):
        yield from page["JobNames"]
