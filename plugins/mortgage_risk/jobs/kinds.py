"""The kinds of AWS job, seen alike: find the newest attempt of a request, submit it, describe it, stop it,
read its log.

SageMaker jobs are found by name: attempt n of a request is called `<request name>-<n>`, and SageMaker refuses
a name twice. An endpoint's update is found by the name of the configuration that it brings.

A Glue run has neither a name nor a client token, so each request has a Glue job of its own, called `<request name>`,
whose runs are the request's attempts. It allows one run at a time: Glue itself refuses the second one of a submit whose
answer was lost, or of two workers at once. (A job shared by all nights would have to be searched for the run; the price
of one each, of 2,000 in an account, is that `sweeper.py` deletes the old ones.)
"""

from __future__ import annotations

from typing import Any, ClassVar

from mortgage_risk import aws
from mortgage_risk.jobs.state import (
    CannotBeStopped,
    JobKind,
    JobState,
    LogPlace,
    Phase,
    fill_in_name,
    newest_attempt,
    next_attempt,
)
from mortgage_risk.release.model_requests import VARIANT


class SageMakerJob:
    """Training, tuning, processing and transform jobs: job id = job name. `title`: prefix of the API's fields."""

    service = "sagemaker"
    _phases: ClassVar[dict[str, Phase]] = {"Completed": "succeeded", "Failed": "failed", "Stopped": "stopped"}

    def __init__(
        self, kind: str, started: str, ended: str, title: str = "", call: str = "", name_length: int = 63
    ) -> None:
        self.kind, self._started, self._ended = kind, started, ended
        self._title, self.name_length = title or kind.title(), name_length
        self.name_key = f"{self._title}JobName"
        self.call = call or f"{kind}_job"  # as in create_training_job

    def latest(self, client: Any, request: dict[str, Any], name: str) -> JobState | None:
        return newest_attempt(lambda job_id: self.describe(client, job_id), name)

    def submit(self, client: Any, request: dict[str, Any], name: str, previous: JobState | None) -> str:
        job_id = next_attempt(name, previous)
        aws.create_once(getattr(client, f"create_{self.call}"), fill_in_name(request, job_id))
        return job_id

    def describe(self, client: Any, job_id: str) -> JobState:
        answer = getattr(client, f"describe_{self.call}")(**{self.name_key: job_id})
        status = answer[f"{self._title}JobStatus"]
        return JobState(
            job_id=job_id,
            phase=self._phases.get(status, "running"),
            status=answer.get("SecondaryStatus", status),
            # A Processing job's own words are its ExitMessage; its FailureReason says where to look.
            reason=" ".join(filter(None, (answer.get("ExitMessage"), answer.get("FailureReason")))),
            started_at=answer.get(self._started),
            ended_at=answer.get(self._ended),
            response=answer,
        )

    def stop(self, client: Any, job_id: str) -> None:
        getattr(client, f"stop_{self.call}")(**{self.name_key: job_id})

    def log_places(self, job_id: str) -> list[LogPlace]:
        if self.kind == "tuning":  # no log of its own: its training jobs'
            return [LogPlace("/aws/sagemaker/TrainingJobs", f"{job_id}-")]
        return [LogPlace(f"/aws/sagemaker/{self._title}Jobs", f"{job_id}/")]


class GlueRun:
    """Runs of a Glue job: job id = '<job name>/<run id>'. A request is {"CreateJob": …, "StartJobRun": …}."""

    kind = "glue"
    service = "glue"
    name_length = 63
    _phases: ClassVar[dict[str, Phase]] = {
        "SUCCEEDED": "succeeded",
        "FAILED": "failed",
        "ERROR": "failed",
        "TIMEOUT": "failed",
        "EXPIRED": "failed",
        "STOPPED": "stopped",
    }

    def latest(self, client: Any, request: dict[str, Any], name: str) -> JobState | None:
        try:
            runs = [self._state(name, run) for run in client.get_job_runs(JobName=name)["JobRuns"]]
        except Exception as error:
            if aws.is_not_found(error):
                return None
            raise
        for phase in ("running", "succeeded"):
            if found := [run for run in runs if run.phase == phase]:
                return max(found, key=_start_order)
        return max(runs, key=_start_order, default=None)

    def submit(self, client: Any, request: dict[str, Any], name: str, previous: JobState | None) -> str:
        aws.create_once(client.create_job, fill_in_name(request["CreateJob"], name))
        try:
            run_id = client.start_job_run(**fill_in_name(request["StartJobRun"], name))["JobRunId"]
        except Exception as error:
            if aws.error_code(error) != "ConcurrentRunsExceededException":
                raise
            found = self.latest(client, request, name)
            if not found or found.phase != "running":
                raise
            return found.job_id
        return f"{name}/{run_id}"

    def describe(self, client: Any, job_id: str) -> JobState:
        job_name, _, run_id = job_id.partition("/")
        return self._state(job_name, client.get_job_run(JobName=job_name, RunId=run_id)["JobRun"])

    def stop(self, client: Any, job_id: str) -> None:
        job_name, _, run_id = job_id.partition("/")
        client.batch_stop_job_run(JobName=job_name, JobRunIds=[run_id])

    def log_places(self, job_id: str) -> list[LogPlace]:
        run_id = job_id.partition("/")[2]
        return [LogPlace("/aws-glue/jobs/error", run_id), LogPlace("/aws-glue/jobs/output", run_id)]

    def _state(self, job_name: str, run: dict[str, Any]) -> JobState:
        return JobState(
            job_id=f"{job_name}/{run['Id']}",
            phase=self._phases.get(run["JobRunState"], "running"),
            status=run["JobRunState"],
            reason=run.get("ErrorMessage") or "",
            started_at=run.get("StartedOn"),
            ended_at=run.get("CompletedOn"),
            response=run,
        )


class EndpointUpdate:
    """An endpoint taking up a configuration, created where there is none: job id = '<endpoint>/<configuration>'.

    A request is {"CreateEndpointConfig": …, "CreateEndpoint": …}; attempt n is the configuration `<request name>-<n>`.
    It has failed where the endpoint, at rest, serves another one: AWS goes back to the old one by itself.
    """

    kind = "endpoint"
    service = "sagemaker"
    name_length = 63
    # Which configuration it will come to is not sure yet.
    _on_its_way: ClassVar[set[str]] = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"}

    def latest(self, client: Any, request: dict[str, Any], name: str) -> JobState | None:
        endpoint = request["CreateEndpoint"]["EndpointName"]
        return newest_attempt(lambda job_id: self.describe(client, job_id), f"{endpoint}/{name}")

    def submit(self, client: Any, request: dict[str, Any], name: str, previous: JobState | None) -> str:
        endpoint = request["CreateEndpoint"]["EndpointName"]
        job_id = next_attempt(f"{endpoint}/{name}", previous)
        config = job_id.partition("/")[2]
        named = fill_in_name(request, config)
        status = self._endpoint(client, endpoint).get("EndpointStatus", "Missing")
        if status in self._on_its_way:
            raise aws.Busy(f"endpoint {endpoint} is {status}")
        if status == "Failed":  # it never served: AWS takes nothing but its deletion
            client.delete_endpoint(EndpointName=endpoint)
        aws.create_once(client.create_endpoint_config, named["CreateEndpointConfig"])
        if status in ("Missing", "Failed"):
            aws.create_once(client.create_endpoint, named["CreateEndpoint"])
            return job_id
        try:
            client.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        except Exception as error:
            if "in-progress" in str(error):  # somebody else was faster
                raise aws.Busy(str(error)) from error
            raise
        return job_id

    def describe(self, client: Any, job_id: str) -> JobState:
        endpoint, _, config = job_id.partition("/")
        made = client.describe_endpoint_config(EndpointConfigName=config)
        found = self._endpoint(client, endpoint)
        status, serving = found.get("EndpointStatus", "Missing"), found.get("EndpointConfigName")
        phase: Phase = "failed"
        if status in self._on_its_way:
            phase = "running"
        elif status == "InService" and serving == config:
            phase = "succeeded"
        serves = f"Endpoint {endpoint} serves {serving}" if serving else f"There is no endpoint {endpoint}"
        return JobState(
            job_id=job_id,
            phase=phase,
            status=status,
            reason=found.get("FailureReason") or (serves if serving != config else ""),
            started_at=made["CreationTime"],
            ended_at=None if phase == "running" else found.get("LastModifiedTime"),
            response={**found, **made},
        )

    def stop(self, client: Any, job_id: str) -> None:
        raise CannotBeStopped("an endpoint's update goes on to its end; to go back, deploy the former model")

    def log_places(self, job_id: str) -> list[LogPlace]:
        return [LogPlace(f"/aws/sagemaker/Endpoints/{job_id.partition('/')[0]}", f"{VARIANT}/")]

    @staticmethod
    def _endpoint(client: Any, name: str) -> dict[str, Any]:
        """What AWS says of the endpoint; empty if there is none."""
        try:
            return client.describe_endpoint(EndpointName=name)
        except Exception as error:
            if aws.is_not_found(error):
                return {}
            raise


KINDS: dict[str, JobKind] = {
    kind.kind: kind
    for kind in (
        GlueRun(),
        EndpointUpdate(),
        SageMakerJob("training", started="CreationTime", ended="TrainingEndTime"),
        SageMakerJob(
            "tuning",
            started="CreationTime",
            ended="HyperParameterTuningEndTime",
            title="HyperParameterTuning",
            call="hyper_parameter_tuning_job",
            name_length=32,
        ),
        SageMakerJob("processing", started="CreationTime", ended="ProcessingEndTime"),
        SageMakerJob("transform", started="CreationTime", ended="TransformEndTime"),
    )
}


def _start_order(run: JobState) -> tuple[float, str]:
    return (run.started_at.timestamp() if run.started_at else 0.0, run.job_id)
