"""Glue: job definitions and runs, executed here; the Data Catalog is moto's, kept over restarts (catalog.py)."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

from local_aws.glue import catalog
from local_aws.glue.runs import ACTIVE, ERROR_LOGS, OUTPUT_LOGS, Runs
from local_aws.kernel import runtimes
from local_aws.kernel.config import Caller, Config, JobView
from local_aws.kernel.errors import AwsError
from local_aws.kernel.state import Collection, Record
from local_aws.s3.store import S3Store

_DEFAULT_TIMEOUT_MINUTES = 480
_UNSUPPORTED_ARGUMENTS = {
    "--job-bookmark-option": ("job-bookmark-enable", "job-bookmark-pause"),
    "--continuation-option": ("continuation-enabled", "continuation-readonly"),
    "--extra-jars": None,
}


def install(config: Config, store: S3Store) -> None:
    """Plug Glue into the server."""
    catalog.install(config)
    Glue(config, store)


class Glue:
    """The job part of the Glue API; every method is one operation."""

    def __init__(self, config: Config, store: S3Store):
        self.config = config
        self.jobs = Collection(config.state_dir / "glue" / "jobs")
        self.runs = Runs(config, store)
        for operation in (
            self.create_job,
            self.update_job,
            self.get_job,
            self.get_jobs,
            self.batch_get_jobs,
            self.list_jobs,
            self.delete_job,
            self.start_job_run,
            self.get_job_run,
            self.get_job_runs,
            self.batch_stop_job_run,
            self.get_tags,
            self.tag_resource,
            self.untag_resource,
        ):
            name = "".join(part.capitalize() for part in operation.__name__.split("_"))
            config.operations[f"AWSGlue.{name}"] = operation
        config.jobs["glue"] = self.views
        config.on_shutdown.append(self.runs.close)

    # definitions

    def create_job(self, params: Record, caller: Caller) -> Record:
        name = params.get("Name", "")
        if not re.fullmatch(r"[^\x00-\x1f]{1,255}", name):
            raise AwsError("InvalidInputException", "A job needs a Name of 1 to 255 characters")
        now = time.time()
        job = {**self._definition(params), "Name": name, "Tags": params.get("Tags", {})}
        with self.jobs.lock:
            if name in self.jobs:
                raise AwsError("AlreadyExistsException", f"Job with name: {name} already submitted")
            if self.config.used_up("glue-jobs", len(self.jobs)):
                raise AwsError("ResourceNumberLimitExceededException", f"The account has {len(self.jobs)} jobs already")
            self.jobs.add(name, {**job, "CreatedOn": now, "LastModifiedOn": now})
        return {"Name": name}

    def update_job(self, params: Record, caller: Caller) -> Record:
        """Replace the definition: what the update leaves out goes back to its default, as on AWS."""
        name = params.get("JobName", "")
        update = self._definition(params.get("JobUpdate") or {})
        with self.jobs.lock:
            old = self._job(name)
            kept = {key: old[key] for key in ("Name", "Tags", "CreatedOn")}
            self.jobs.put(name, {**update, **kept, "LastModifiedOn": time.time()})
        return {"JobName": name}

    @staticmethod
    def _definition(params: Record) -> Record:
        command = params.get("Command") or {}
        if not params.get("Role") or not command.get("ScriptLocation"):
            raise AwsError("InvalidInputException", "A job needs a Role and a Command with a ScriptLocation")
        if command.get("Name", "glueetl") != "glueetl":
            raise AwsError(
                "UnsupportedOperation", f"local_aws runs jobs of the command glueetl only, not {command['Name']}"
            )
        definition = {key: value for key, value in params.items() if key not in ("Name", "Tags")}
        definition["Command"] = {"Name": "glueetl", "PythonVersion": "3", **command}
        definition.setdefault("DefaultArguments", {})
        definition.setdefault("MaxRetries", 0)
        definition.setdefault("Timeout", _DEFAULT_TIMEOUT_MINUTES)
        definition.setdefault("ExecutionProperty", {"MaxConcurrentRuns": 1})
        _check_timeout(definition["Timeout"])
        return definition

    def _job(self, name: str) -> Record:
        job = self.jobs.get(name)
        if job is None:
            raise AwsError("EntityNotFoundException", f"Job {name} not found.")
        return job

    def get_job(self, params: Record, caller: Caller) -> Record:
        return {"Job": _without_tags(self._job(params.get("JobName", "")))}

    def get_jobs(self, params: Record, caller: Caller) -> Record:
        return _page("Jobs", [_without_tags(job) for job in self.jobs.values()], params)

    def list_jobs(self, params: Record, caller: Caller) -> Record:
        tags = (params.get("Tags") or {}).items()
        return _page("JobNames", [j["Name"] for j in self.jobs.values() if tags <= j["Tags"].items()], params)

    def batch_get_jobs(self, params: Record, caller: Caller) -> Record:
        found = {name: self.jobs.get(name) for name in params.get("JobNames", [])}
        return {
            "Jobs": [_without_tags(job) for job in found.values() if job],
            "JobsNotFound": [name for name, job in found.items() if not job],
        }

    def delete_job(self, params: Record, caller: Caller) -> Record:
        """Its runs stay readable; that it does not exist is no error, as on AWS."""
        self.jobs.delete(params.get("JobName", ""))
        return {"JobName": params.get("JobName", "")}

    # runs

    def start_job_run(self, params: Record, caller: Caller) -> Record:
        job = self._job(params.get("JobName", ""))
        timeout = params.get("Timeout", job["Timeout"])
        _check_timeout(timeout)
        arguments = {**job["DefaultArguments"], **(params.get("Arguments") or {})}
        if previous := params.get("JobRunId"):
            arguments = {**self.runs.get(job["Name"], previous)["Arguments"], **(params.get("Arguments") or {})}
        fixed = job.get("NonOverridableArguments") or {}
        if clash := sorted(set(fixed) & set(params.get("Arguments") or {})):
            raise AwsError("InvalidInputException", f"Arguments that may not be overridden: {', '.join(clash)}")
        arguments.update(fixed)
        for name, values in _UNSUPPORTED_ARGUMENTS.items():
            if name in arguments and (values is None or arguments[name] in values):
                raise AwsError("UnsupportedOperation", f"local_aws does not support the job argument {name}")
        glue_version = job.get("GlueVersion") or self._only_version()
        run = {
            "Id": f"jr_{secrets.token_hex(32)}",
            "Attempt": 0,
            "JobName": job["Name"],
            "Arguments": arguments,
            "Timeout": timeout,
            "GlueVersion": glue_version,
            "PredecessorRuns": [],
            "LogGroupName": "/aws-glue/jobs",
            "MaxRetries": job["MaxRetries"],
            "ScriptLocation": job["Command"]["ScriptLocation"],
            "Region": caller.region,
        }
        for key in ("WorkerType", "NumberOfWorkers", "MaxCapacity", "ExecutionClass", "SecurityConfiguration"):
            if (value := params.get(key, job.get(key))) is not None:
                run[key] = value
        limit = int(job["ExecutionProperty"].get("MaxConcurrentRuns", 1))
        self.runs.start(run, limit)
        return {"JobRunId": run["Id"]}

    def _only_version(self) -> str:
        found = [name for name in runtimes.available(self.config.runtimes_dir) if name.startswith("glue-")]
        return found[-1].removeprefix("glue-") if found else "5.1"

    def get_job_run(self, params: Record, caller: Caller) -> Record:
        return {"JobRun": _public(self.runs.get(params.get("JobName", ""), params.get("RunId", "")))}

    def get_job_runs(self, params: Record, caller: Caller) -> Record:
        name = params.get("JobName", "")
        runs = self.runs.of_job(name)
        if not runs:
            self._job(name)
        return _page("JobRuns", [_public(run) for run in runs], params)

    def batch_stop_job_run(self, params: Record, caller: Caller) -> Record:
        name = params.get("JobName", "")
        self._job(name)
        done, problems = [], []
        for run_id in params.get("JobRunIds", []):
            try:
                self.runs.stop(name, run_id)
                done.append({"JobName": name, "JobRunId": run_id})
            except AwsError as error:
                detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
                problems.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
        return {"SuccessfulSubmissions": done, "Errors": problems}

    # tags of jobs; those of other resources are moto's

    def _tagged(self, params: Record) -> str | None:
        _, is_job, name = params.get("ResourceArn", "").partition(":job/")
        return self._job(name)["Name"] if is_job else None

    def get_tags(self, params: Record, caller: Caller) -> Record | None:
        name = self._tagged(params)
        return None if name is None else {"Tags": self._job(name)["Tags"]}

    def tag_resource(self, params: Record, caller: Caller) -> Record | None:
        name = self._tagged(params)
        if name is None:
            return None
        with self.jobs.edit(name) as job:
            job["Tags"].update(params.get("TagsToAdd") or {})
        return {}

    def untag_resource(self, params: Record, caller: Caller) -> Record | None:
        name = self._tagged(params)
        if name is None:
            return None
        with self.jobs.edit(name) as job:
            for key in params.get("TagsToRemove") or []:
                job["Tags"].pop(key, None)
        return {}

    # console

    def views(self) -> list[JobView]:
        return [
            JobView(
                service="glue",
                kind=run["JobName"],
                name=run["Id"],
                status=run["JobRunState"],
                started=run["StartedOn"],
                seconds=run.get("ExecutionTime") if run.get("CompletedOn") else time.time() - run["StartedOn"],
                reason=run.get("ErrorMessage", ""),
                description=_public(run),
                logs=((OUTPUT_LOGS, run["Id"]), (ERROR_LOGS, run["Id"])),
                running=run["JobRunState"] in ACTIVE,
            )
            for run in self.runs.all()
        ]


def _check_timeout(minutes: Any) -> None:
    if not isinstance(minutes, int) or not 1 <= minutes <= 10080:
        raise AwsError("InvalidInputException", "Timeout is a number of minutes from 1 to 10080")


def _without_tags(job: Record) -> Record:
    return {key: value for key, value in job.items() if key != "Tags"}


def _public(run: Record) -> Record:
    return {key: value for key, value in run.items() if key not in ("MaxRetries", "ScriptLocation", "Region")}


def _page(name: str, items: list[Any], params: Record) -> Record:
    """One page of a listing; the token is the index of the next item."""
    start = int(params.get("NextToken") or 0)
    end = start + int(params.get("MaxResults") or 200)
    page: Record = {name: items[start:end]}
    if end < len(items):
        page["NextToken"] = str(end)
    return page
