"""Updates of a real-time endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from mortgage_risk import aws
from mortgage_risk.aws import Clients
from mortgage_risk.jobs.cost import Cost, Prices, clock_seconds
from mortgage_risk.jobs.kinds.kind import CONSOLE, Address, CannotBeStopped, JobKind, RunningJob
from mortgage_risk.jobs.requests import Request, RunTags, kms
from mortgage_risk.jobs.state import JobState, LogPlace, Phase, fill_in_name, newest_attempt, next_attempt
from mortgage_risk.settings import Settings

_VARIANT = "AllTraffic"  # of an endpoint: it has one
# Which configuration it will come to is not sure yet.
_ON_ITS_WAY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


class EndpointUpdate(JobKind):
    """An endpoint taking up a configuration, created where there is none: job id = '<endpoint>/<configuration>'.

    Attempt n of a request is the configuration `<request name>-<n>`. It has failed where the endpoint, at rest, serves
    another one: AWS goes back to the old one by itself.
    """

    name = "endpoint"
    service = "sagemaker"
    console_page = CONSOLE + "/sagemaker/home?region={region}#/endpoints/{name}"

    @staticmethod
    def request(settings: Settings, *, name: str, endpoint: str, model: str, tags: RunTags) -> Request:
        """{"CreateEndpointConfig", and "CreateEndpoint" for where there is none yet}."""
        config = {
            "EndpointConfigName": name,
            "ProductionVariants": [
                {
                    "VariantName": _VARIANT,
                    "ModelName": model,
                    "InstanceType": settings.transform_instance_type,
                    "InitialInstanceCount": settings.endpoint_instances,
                }
            ],
            "Tags": tags.as_list(),
            **kms(settings, "KmsKeyId"),
        }
        created = {"EndpointName": endpoint, "EndpointConfigName": name, "Tags": tags.as_list()}
        return {"CreateEndpointConfig": config, "CreateEndpoint": created}

    def latest(self, clients: Clients, request: Request, name: str) -> JobState | None:
        endpoint = request["CreateEndpoint"]["EndpointName"]
        return newest_attempt(lambda job_id: self.describe(clients, job_id), f"{endpoint}/{name}")

    def submit(self, clients: Clients, request: Request, name: str, previous: JobState | None) -> str:
        client = clients(self.service, retries=False)
        endpoint = request["CreateEndpoint"]["EndpointName"]
        job_id = next_attempt(f"{endpoint}/{name}", previous)
        config = job_id.partition("/")[2]
        named = fill_in_name(request, config)
        status = _found(client, endpoint).get("EndpointStatus", "Missing")
        if status in _ON_ITS_WAY:
            raise aws.Busy(f"endpoint {endpoint} is {status}")
        if status == "Failed":  # it never served: AWS takes nothing but its deletion
            client.delete_endpoint(EndpointName=endpoint)
        aws.create_once(lambda: client.create_endpoint_config(**named["CreateEndpointConfig"]))
        if status in ("Missing", "Failed"):
            aws.create_once(lambda: client.create_endpoint(**named["CreateEndpoint"]))
            return job_id
        try:
            client.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        except Exception as error:
            if "in-progress" in str(error):  # somebody else was faster
                raise aws.Busy(str(error)) from error
            raise
        return job_id

    def describe(self, clients: Clients, job_id: str) -> JobState:
        client = clients(self.service)
        endpoint, _, config = job_id.partition("/")
        made = client.describe_endpoint_config(EndpointConfigName=config)
        found = _found(client, endpoint)
        status, serving = found.get("EndpointStatus", "Missing"), found.get("EndpointConfigName")
        phase: Phase = "failed"
        if status in _ON_ITS_WAY:
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

    def stop(self, clients: Clients, job_id: str) -> None:
        raise CannotBeStopped("an endpoint's update goes on to its end; to go back, deploy the former model")

    def running(self, clients: Clients, settings: Settings) -> Iterator[RunningJob]:
        """None to look after: an update ends by itself, and costs nothing of its own."""
        return iter(())

    def address(self, job_id: str) -> Address:
        """Of the endpoint, also where `job_id` is no more than its name."""
        return {"service": "sagemaker", "kind": "endpoint", "name": job_id.partition("/")[0]}

    def log_places(self, job_id: str) -> list[LogPlace]:
        return [LogPlace(f"/aws/sagemaker/Endpoints/{job_id.partition('/')[0]}", f"{_VARIANT}/")]

    def cost(self, state: JobState, prices: Prices, now: datetime | None = None) -> Cost:
        """The update itself costs nothing; how long its endpoint will serve nobody knows yet."""
        (variant,) = state.response["ProductionVariants"]
        instance, count = variant["InstanceType"], variant["InitialInstanceCount"]
        why = "an endpoint is paid by the hour, for as long as it serves"
        return Cost(instance, count, clock_seconds(state, now), None, why)


def _found(client: Any, endpoint: str) -> dict[str, Any]:
    """What AWS says of the endpoint; empty if there is none."""
    try:
        found: dict[str, Any] = client.describe_endpoint(EndpointName=endpoint)
    except Exception as error:
        if aws.is_not_found(error):
            return {}
        raise
    return found
