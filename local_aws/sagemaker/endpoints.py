"""Endpoints: configurations, and containers that stay up and answer InvokeEndpoint."""

from __future__ import annotations

import json
import logging
import random
import re
import threading
from re import Match
from typing import Any

from werkzeug.wrappers import Request, Response

from local_aws.kernel import disk
from local_aws.kernel.config import Caller, JobView
from local_aws.kernel.errors import AwsError
from local_aws.kernel.processes import JobProcess
from local_aws.kernel.state import Record
from local_aws.sagemaker.endpoint_configs import EndpointConfigs
from local_aws.sagemaker.hosting import Answer, ModelServer, ServingError
from local_aws.sagemaker.models import Models
from local_aws.sagemaker.objects import DataError
from local_aws.sagemaker.service import Operations, Resource, Service, now, public, summaries
from local_aws.sagemaker.validation import invalid, refuse

log = logging.getLogger(__name__)

INVOCATIONS_PATH = re.compile(r"/endpoints/([^/]+)/invocations")
MAX_INVOCATION_BYTES = 25 * 2**20
INVOCATION_TIMEOUT_SECONDS = 60.0
UNSUPPORTED: dict[str, set[Any]] = {"DeploymentConfig": set(), "RetainAllVariantProperties": {False}}


class Endpoints(Resource):
    """Per variant a running container. After a restart of the server the containers come up again."""

    arn_kind = "endpoint"

    def __init__(self, service: Service, configs: EndpointConfigs, models: Models) -> None:
        super().__init__(service)
        self._configs = configs
        self._models = models
        self._servers: dict[str, dict[str, ModelServer]] = {}
        self._deployments: dict[str, int] = {}
        self._lock = threading.Lock()

    def operations(self) -> Operations:
        return {
            "CreateEndpoint": self.create,
            "DescribeEndpoint": lambda params, caller: public(self.require(params["EndpointName"])),
            "UpdateEndpoint": self.update,
            "DeleteEndpoint": self.delete,
            "ListEndpoints": self.list_all,
        }

    def resume(self) -> None:
        """Bring the endpoints of an earlier run up again."""
        for name in self.records.resume(
            lambda record: record["EndpointStatus"] in ("InService", "Creating", "Updating"),
            lambda record: record.update(EndpointStatus="Creating"),
        ):
            self._deploy(name)

    def create(self, params: Record, caller: Caller) -> Record:
        refuse("CreateEndpoint", params, UNSUPPORTED)
        name = params["EndpointName"]
        arn = self.arn(name)
        self._configs.require(params["EndpointConfigName"])
        created = now()
        record = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": params["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": created,
            "LastModifiedTime": created,
            "_stream": f"{int(created)}",
        }
        if not self.store(name, record, params.get("Tags", [])):
            raise invalid(f'Cannot create already existing endpoint "{arn}".')
        self._deploy(name)
        return {"EndpointArn": arn}

    def update(self, params: Record, caller: Caller) -> Record:
        refuse("UpdateEndpoint", params, UNSUPPORTED)
        name = params["EndpointName"]
        arn = self.require(name)["EndpointArn"]
        self._configs.require(params["EndpointConfigName"])
        with self.records.edit(name) as record:
            if record["EndpointStatus"] != "InService":
                raise invalid(f'Cannot update in-progress endpoint "{arn}".')
            record.update(
                EndpointConfigName=params["EndpointConfigName"],
                EndpointStatus="Updating",
                LastModifiedTime=now(),
                _previous=record["EndpointConfigName"],
            )
        self._deploy(name)
        return {"EndpointArn": arn}

    def delete(self, params: Record, caller: Caller) -> Record:
        record = self.require(params["EndpointName"])
        with self._lock:
            self.records.delete(params["EndpointName"])
            servers = self._servers.pop(params["EndpointName"], {})
        self.service.tags.delete(record["EndpointArn"])
        _stop(servers)
        return {}

    def list_all(self, params: Record, caller: Caller) -> Record:
        fields = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
        page, token = summaries(
            self.records.values(),
            params,
            name="EndpointName",
            fields=fields,
            status="EndpointStatus",
            descending=True,
        )
        return {"Endpoints": page, **token}

    def require(self, name: str) -> Record:
        record = self.records.get(name)
        if record is None:
            raise invalid(f'Could not find endpoint "{self.arn(name)}".')
        return record

    def invoke(self, request: Request, match: Match[str]) -> Response:
        """InvokeEndpoint of the runtime API."""
        name = match[1]
        record = self.records.get(name)
        servers = self._servers.get(name, {})
        if record is None or record["EndpointStatus"] not in ("InService", "Updating") or not servers:
            raise AwsError("ValidationError", f"Endpoint {name} of account {Caller('').account_id} not found.")
        variant = self._variant(record, request.headers.get("X-Amzn-SageMaker-Target-Variant"))
        body = request.get_data()
        if len(body) > MAX_INVOCATION_BYTES:
            raise AwsError("ValidationError", f"The request is larger than {MAX_INVOCATION_BYTES} bytes")
        headers = {
            "Content-Type": request.headers.get("Content-Type", ""),
            "Accept": request.headers.get("X-Amzn-SageMaker-Accept") or request.headers.get("Accept", ""),
        }
        try:
            answer = servers[variant].invoke(body, {k: v for k, v in headers.items() if v}, INVOCATION_TIMEOUT_SECONDS)
        except ServingError as error:
            answer = Answer(504, "text/plain", str(error).encode())
        if answer.status >= 400:
            return self._model_error(record, variant, answer)
        response = Response(answer.body, content_type=answer.content_type)
        response.headers["x-Amzn-Invoked-Production-Variant"] = variant
        return response

    def close(self) -> None:
        for servers in list(self._servers.values()):
            _stop(servers)

    def views(self) -> list[JobView]:
        return [
            JobView(
                service="sagemaker",
                kind="endpoint",
                name=record["EndpointName"],
                status=record["EndpointStatus"],
                started=record["CreationTime"],
                seconds=None,
                reason=record.get("FailureReason", ""),
                description=public(record),
                logs=tuple(
                    (_log_group(record["EndpointName"]), _log_stream(variant["VariantName"], record))
                    for variant in record.get("ProductionVariants", [])
                ),
            )
            for record in reversed(self.records.values())
        ]

    def _variant(self, record: Record, target: str | None) -> str:
        names = [variant["VariantName"] for variant in record["ProductionVariants"]]
        if target and target not in names:
            raise AwsError("ValidationError", f"Variant {target} of endpoint {record['EndpointName']} not found.")
        weights = [variant["CurrentWeight"] for variant in record["ProductionVariants"]]
        return target or random.choices(names, weights if any(weights) else None)[0]  # noqa: S311

    def _model_error(self, record: Record, variant: str, answer: Answer) -> Response:
        side = "server" if answer.status >= 500 else "client"
        body = {
            "Message": f"Received {side} error ({answer.status}) from {variant}"
            f' with message "{answer.text}". See {_log_group(record["EndpointName"])} for more information.',
            "OriginalStatusCode": answer.status,
            "OriginalMessage": answer.text,
            "LogStreamArn": "",
        }
        response = Response(json.dumps(body), status=424, content_type="application/json")
        response.headers["x-amzn-ErrorType"] = "ModelError"
        return response

    def _deploy(self, name: str) -> None:
        with self._lock:
            number = self._deployments[name] = self._deployments.get(name, 0) + 1
        threading.Thread(target=self._bring_up, args=(name, number), name=f"endpoint-{name}", daemon=True).start()

    def _bring_up(self, name: str, number: int) -> None:
        """Start the containers of the configuration, then put them in the place of those that serve."""
        servers: dict[str, ModelServer] = {}
        variants: list[Record] = []
        reason = ""
        try:
            record = self.require(name)
            variants = self._configs.require(record["EndpointConfigName"])["ProductionVariants"]
            for variant in variants:
                servers[variant["VariantName"]] = self._start(record, variant, number)
        except (AwsError, DataError, ServingError) as error:
            reason = str(error)
        except Exception as error:  # the endpoint must leave Creating
            log.exception("endpoint %s", name)
            reason = f"{type(error).__name__}: {error}"

        def settle() -> dict[str, ModelServer]:
            """Note how the deployment ended; gives the containers that are to stop."""
            with self._lock:
                if self.service.closing or name not in self.records or self._deployments[name] != number:
                    return servers
                if reason:
                    self._failed(name, reason)
                    return servers
                self._in_service(name, variants)
                retired = self._servers.get(name, {})
                self._servers[name] = servers
                return retired

        _stop(disk.when_there_is_room(settle))

    def _start(self, record: Record, variant: Record, number: int) -> ModelServer:
        name = f"{record['EndpointName']}-{variant['VariantName']}-{number}"
        spec = self._models.container(variant["ModelName"])
        directory = self.service.containers / f"endpoint-{name}"
        sandbox = self.service.runtimes.sandbox(directory, spec.image)
        server = ModelServer(sandbox, spec, self.service.objects)
        disk.when_there_is_room(lambda: sandbox.fill(server.prepare), patience_s=disk.PATIENCE_SECONDS)
        server.start(
            lambda argv, environment: JobProcess(
                sandbox.command(argv),
                env=environment,
                cwd=sandbox.directory,
                log_group=_log_group(record["EndpointName"]),
                log_stream=_log_stream(variant["VariantName"], record),
                on_exit=lambda status: sandbox.remove(),
            ),
        )
        return server

    def _in_service(self, name: str, variants: list[Record]) -> None:
        with self.records.edit(name) as record:
            record.update(EndpointStatus="InService", LastModifiedTime=now())
            for past in ("_previous", "FailureReason"):
                record.pop(past, None)
            record["ProductionVariants"] = [
                {
                    "VariantName": variant["VariantName"],
                    "CurrentWeight": variant.get("InitialVariantWeight", 1.0),
                    "DesiredWeight": variant.get("InitialVariantWeight", 1.0),
                    "CurrentInstanceCount": variant.get("InitialInstanceCount", 1),
                    "DesiredInstanceCount": variant.get("InitialInstanceCount", 1),
                }
                for variant in variants
            ]

    def _failed(self, name: str, reason: str) -> None:
        with self.records.edit(name) as record:
            record.update(FailureReason=reason[:1024], LastModifiedTime=now())
            if "_previous" in record:  # a failed update leaves the old containers serving
                record.update(EndpointConfigName=record.pop("_previous"), EndpointStatus="InService")
            else:
                record["EndpointStatus"] = "Failed"


def _log_group(endpoint: str) -> str:
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def _log_stream(variant: str, record: Record) -> str:
    return f"{variant}/i-{record['_stream']}"


def _stop(servers: dict[str, ModelServer]) -> None:
    for server in servers.values():
        server.stop()
