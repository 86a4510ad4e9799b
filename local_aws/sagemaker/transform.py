"""Batch transform: every input object through a served model, into one .out object each."""

from __future__ import annotations

import codecs
import gzip
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from local_aws.kernel.logs import write_log
from local_aws.kernel.state import Record
from local_aws.sagemaker.containers import Sandbox
from local_aws.sagemaker.hosting import ModelServer, ServingError, error_message
from local_aws.sagemaker.jobs import Execution, JobFailed, Jobs
from local_aws.sagemaker.models import Models
from local_aws.sagemaker.objects import DataError
from local_aws.sagemaker.records import CSV, JSON, JSON_LINES, DataProcessing, RecordError, media_type
from local_aws.sagemaker.service import Service, now
from local_aws.sagemaker.validation import invalid, refuse

DEFAULT_PAYLOAD_MB = 6
MAX_PAYLOAD_MB = 100
ERRORS = "surrogateescape"  # any bytes survive the way through str
SUPPORTED: dict[str, set[Any]] = {
    "TransformInput.SplitType": {"None", "Line"},
    "TransformInput.CompressionType": {"None", "Gzip"},
    "TransformInput.DataSource.S3DataSource.S3DataType": {"S3Prefix", "ManifestFile"},
    "TransformResources.InstanceCount": {1},
    "DataCaptureConfig": set(),
}


class AlgorithmError(Exception):
    """The model failed on a request, or did not answer it."""


@dataclass(frozen=True)
class Plan:
    """How the objects of one job become requests."""

    split: bool
    single: bool
    payload: float  # bytes
    concurrent: int
    headers: dict[str, str]
    processing: DataProcessing
    line_ends: bool
    unzip: bool
    timeout: float
    retries: int

    @classmethod
    def of(cls, record: Record) -> Plan:
        source, output = record["TransformInput"], record["TransformOutput"]
        client = record.get("ModelClientConfig", {})
        megabytes = record.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB)
        headers = {"Content-Type": source.get("ContentType", ""), "Accept": output.get("Accept", "")}
        return cls(
            split=source.get("SplitType", "None") == "Line",
            single=record.get("BatchStrategy", "MultiRecord") == "SingleRecord",
            payload=megabytes * 1024 * 1024 if megabytes else float("inf"),
            concurrent=record.get("MaxConcurrentTransforms") or 1,
            headers={name: value for name, value in headers.items() if value},
            processing=DataProcessing(record.get("DataProcessing", {}), source.get("ContentType", "")),
            line_ends=output.get("AssembleWith", "None") == "Line",
            unzip=source.get("CompressionType") == "Gzip",
            timeout=client.get("InvocationsTimeoutInSeconds", 600),
            retries=client.get("InvocationsMaxRetries", 3),
        )

    def environment(self, record: Record) -> dict[str, str]:
        """What the model's container is told of the job."""
        return {
            **record.get("Environment", {}),
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(record.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB)),
            "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD" if self.single else "MULTI_RECORD",
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(self.concurrent),
        }

    def batches(self, stream: BinaryIO) -> Iterator[list[str]]:
        """The records of each request; DataError for one beyond the limit. Blank lines and a BOM are no part of any."""
        if not self.split:
            body = stream.read()
            if self.processing.active:
                body = body.removeprefix(codecs.BOM_UTF8)
            self._check(len(body))
            yield [body.decode("utf-8", ERRORS)]
            return
        batch: list[str] = []
        size = 0
        for number, raw in enumerate(stream):
            line = raw.rstrip(b"\r\n")
            if number == 0:
                line = line.removeprefix(codecs.BOM_UTF8)
            if not line.strip():
                continue
            self._check(len(line))
            if batch and (self.single or size + len(line) + 1 > self.payload):
                yield batch
                batch, size = [], 0
            batch.append(line.decode("utf-8", ERRORS))
            size += len(line) + 1
        if batch:
            yield batch

    def _check(self, size: int) -> None:
        if size > self.payload:
            raise DataError(f"a record of {size} bytes is larger than MaxPayloadInMB ({self.payload / 2**20:.0f})")


class TransformJobs(Jobs):
    kind = "TransformJob"
    label = "Transform job"
    arn_kind = "transform-job"
    log_group = "/aws/sagemaker/TransformJobs"
    descending = True
    summary_fields = (
        "TransformJobName",
        "TransformJobArn",
        "CreationTime",
        "TransformEndTime",
        "LastModifiedTime",
        "TransformJobStatus",
        "FailureReason",
    )

    def __init__(self, service: Service, models: Models) -> None:
        self._models = models
        super().__init__(service)

    def image(self, record: Record) -> str:
        return self._models.container(record["ModelName"]).image

    def validate(self, params: Record) -> None:
        refuse("CreateTransformJob", params, SUPPORTED)
        model = self._models.require(params["ModelName"])
        source, settings = params["TransformInput"], params.get("DataProcessing", {})
        self.service.require_objects(source["DataSource"]["S3DataSource"], model.get("ExecutionRoleArn", ""))
        try:
            self.service.objects.require_bucket(params["TransformOutput"]["S3OutputPath"])
            active = DataProcessing(settings, source.get("ContentType", "")).active
        except (DataError, RecordError) as error:
            raise invalid(str(error)) from None
        kind, split = media_type(source.get("ContentType")), source.get("SplitType", "None")
        if active and kind not in (CSV, JSON, JSON_LINES):
            raise invalid("DataProcessing needs the ContentType text/csv, application/json or application/jsonlines")
        if active and kind in (CSV, JSON_LINES) and split != "Line":
            raise invalid(f"DataProcessing of {kind} needs SplitType Line")
        if params.get("BatchStrategy") == "SingleRecord" and split == "None":
            raise invalid("BatchStrategy SingleRecord needs a SplitType")
        total = params.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB) * (params.get("MaxConcurrentTransforms") or 1)
        if total > MAX_PAYLOAD_MB:
            raise invalid(f"MaxConcurrentTransforms * MaxPayloadInMB must not exceed {MAX_PAYLOAD_MB} MB")

    def execute(self, execution: Execution, sandbox: Sandbox) -> Record:
        record = self.records.note(execution.name, lambda record: record.update(TransformStartTime=now()))
        plan = Plan.of(record)
        source = record["TransformInput"]["DataSource"]["S3DataSource"]
        found = self.service.objects.find(source["S3Uri"], source["S3DataType"])
        environment = plan.environment(record)
        server = ModelServer(sandbox, self._models.container(record["ModelName"]), self.service.objects, environment)
        execution.patiently(lambda: sandbox.fill(server.prepare))
        try:
            self._start(execution, sandbox, server, environment)
            failures = []
            for bucket, key, name in found:
                try:
                    work = partial(self._object, execution, sandbox, server, plan, f"s3://{bucket}/{key}", name, record)
                    execution.patiently(work)
                except (DataError, RecordError, AlgorithmError) as error:
                    execution.check()
                    problem = f"{bucket}/{key}: {error}"
                    self._data_log(execution, problem)
                    blame = "AlgorithmError" if isinstance(error, AlgorithmError) else "ClientError"
                    failures.append(f"{blame}: See job logs for more information. {problem}")
                    if not server.running:
                        break
        finally:
            server.stop()
        if failures:
            raise JobFailed(failures[0])  # the other objects were transformed and stored, as with the service
        return {}

    def _start(self, execution: Execution, sandbox: Sandbox, server: ModelServer, environment: dict[str, str]) -> None:
        try:
            server.start(lambda argv, env: execution.start(sandbox, argv, env))
        except ServingError as error:
            execution.check()
            raise JobFailed(f"AlgorithmError: {error}") from None
        self._data_log(
            execution,
            f"MaxConcurrentTransforms={environment['SAGEMAKER_MAX_CONCURRENT_TRANSFORMS']},"
            f" MaxPayloadInMB={environment['SAGEMAKER_MAX_PAYLOAD_IN_MB']},"
            f" BatchStrategy={environment['SAGEMAKER_BATCH_STRATEGY']}",
        )

    def _object(
        self,
        execution: Execution,
        sandbox: Sandbox,
        server: ModelServer,
        plan: Plan,
        uri: str,
        name: str,
        record: Record,
    ) -> None:
        """Transform one object; its output appears whole or not at all."""
        draft = sandbox.directory / "out"
        try:
            with _open(self.service.objects.path(uri), plan.unzip) as stream, draft.open("wb") as out:
                _transform_all(execution, server, plan, stream, out)
            target = f"{record['TransformOutput']['S3OutputPath'].rstrip('/')}/{name}.out"
            self.service.objects.upload_file(draft, target)
        finally:
            draft.unlink(missing_ok=True)

    def _data_log(self, execution: Execution, message: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        write_log(self.log_group, f"{execution.log_stream}/data-log", [f"{stamp}:[sagemaker logs]: {message}"])


def _transform_all(execution: Execution, server: ModelServer, plan: Plan, stream: BinaryIO, out: BinaryIO) -> None:
    """Every record of a stream, in order, as many requests at a time as the plan says."""
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(plan.concurrent) as pool:
        try:
            for batch in plan.batches(stream):
                execution.check()
                waiting.append(pool.submit(_transform, server, plan, batch))
                if len(waiting) > plan.concurrent:
                    out.write(waiting.popleft().result())
            while waiting:
                out.write(waiting.popleft().result())
                execution.check()
        finally:
            for future in waiting:
                future.cancel()


def _transform(server: ModelServer, plan: Plan, batch: list[str]) -> bytes:
    body = plan.processing.request(batch).encode("utf-8", ERRORS)
    for attempt in range(plan.retries + 1):
        try:
            answer = server.invoke(body, plan.headers, plan.timeout)
            break
        except ServingError:
            if attempt == plan.retries or not server.running:
                raise AlgorithmError("Model server did not respond to /invocations request in time") from None
    if answer.status >= 400:
        raise (AlgorithmError if answer.status >= 500 else DataError)(error_message(answer))
    result = answer.body
    if plan.processing.active:
        result = plan.processing.response(batch, result.decode("utf-8", ERRORS)).encode("utf-8", ERRORS)
    if plan.line_ends and not result.endswith(b"\n"):
        result += b"\n"
    return result


def _open(path: Path, unzip: bool) -> Any:
    return gzip.open(path, "rb") if unzip else path.open("rb", buffering=1 << 20)
