"""AWS in memory: as much of S3, Glue, SageMaker and CloudWatch Logs as the operators use, with faults to
order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

REQUIRED = {
    "execution_role_arn": "arn:aws:iam::123456789012:role/sagemaker",
    "glue_role_arn": "arn:aws:iam::123456789012:role/glue",
    "image_uri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
}  # settings without a default
CARD = {
    "purpose": "Early warning.",
    "not_for": "Capital.",
    "data": {"source": "canonical", "as_of_date": "2019-12-31", "horizon_months": 12},
    "performance": {"auc": {"value": 0.81, "interval": [0.79, 0.83]}, "ks": {"value": None, "interval": None}},
    "verdict": "passes the gate",
    "limits": ["Booked loans only."],
    "owner": "Credit risk modelling",
    "tier": "2",
    "next_review_date": "2020-12-31",
    "conditions": ["Monitored."],
}  # card.json as the validation writes it
META = SimpleNamespace(region_name="us-east-1")


def client_error(code: str, message: str = "", status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Call"
    )


REFUSED = EndpointConnectionError(endpoint_url="http://aws")
LOST_ANSWER = ReadTimeoutError(endpoint_url="http://aws")
THROTTLED = client_error("ThrottlingException", "Rate exceeded")
SERVER_ERROR = client_error("InternalFailure", "", 500)


class FakeAws:
    """`faults[call]` is a list of errors to raise, one per call; 'after:<call>' raises once the call has had
    its effect.

    Jobs run until `finish(…)`, or, with `auto_finish`, end at their first describe after the submit.
    """

    def __init__(self) -> None:
        self.now = datetime(2020, 1, 5, 9, tzinfo=UTC)
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.glue_jobs: dict[str, dict[str, Any]] = {}
        self.groups: set[str] = set()
        self.packages: list[dict[str, Any]] = []
        self.models: dict[str, dict[str, Any]] = {}
        self.endpoint_configs: dict[str, dict[str, Any]] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.answers: dict[bytes, bytes] = {}  # of endpoints
        self.updates: list[str] = []  # the configurations that endpoints were told to serve
        self.logs: dict[tuple[str, str], list[str]] = {}
        self.metrics: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.faults: dict[str, list[Exception]] = {}
        self.outcome: tuple[str, str] | None = ("Completed", "")
        self.on_finish: Callable[[dict[str, Any]], None] = lambda job: None
        self.retries_of: dict[str, bool] = {}

    def client(self, service: str, aws_conn_id: str = "", *, retries: bool = True) -> Any:
        self.retries_of[service] = retries
        return SERVICES[service](self)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def enter(self, call: str) -> None:
        self.calls.append(call)
        if self.faults.get(call):
            raise self.faults[call].pop(0)

    def leave(self, call: str) -> None:
        if self.faults.get(f"after:{call}"):
            raise self.faults[f"after:{call}"].pop(0)

    def put(self, uri: str, body: bytes) -> None:
        self.objects[uri.removeprefix("s3://").partition("/")[2]] = (body, self.now)

    def count(self, call: str) -> int:
        return self.calls.count(call)

    def advance(self, job: dict[str, Any]) -> None:
        """A job that was submitted ends, once it has been seen running."""
        if job["status"] != "InProgress" or self.outcome is None:
            return
        if not job.pop("seen", True):
            job["seen"] = True
            return
        self.pass_time(60)
        job["status"], job["reason"] = self.outcome
        job["ended"] = self.now
        if job["status"] == "Completed":
            self.on_finish(job)


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


class _Service:
    meta = META

    def __init__(self, fake: FakeAws) -> None:
        self.fake = fake


class _Pages:
    def __init__(self, call: Callable[..., dict[str, Any]]) -> None:
        self.call = call

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        yield self.call(**arguments)


class FakeS3(_Service):
    def list_objects_v2(self, Bucket: str, Prefix: str, MaxKeys: int = 1000) -> dict[str, Any]:
        self.fake.enter("list_objects_v2")
        keys = sorted(key for key in self.fake.objects if key.startswith(Prefix))[:MaxKeys]
        found = [(key, self.fake.objects[key][0]) for key in keys]
        return {"Contents": [{"Key": k, "Size": len(b), "ETag": _etag(b)} for k, b in found]}

    def get_object(self, Bucket: str, Key: str, Range: str = "bytes=0-") -> dict[str, Any]:
        self.fake.enter("get_object")
        if Key not in self.fake.objects:
            raise client_error("NoSuchKey", Key, 404)
        last = Range.partition("-")[2]
        whole, written = self.fake.objects[Key]
        body = whole[: int(last) + 1 if last else None]
        return {
            "Body": SimpleNamespace(read=lambda: body),
            "ETag": _etag(whole),
            "LastModified": written,
            "ResponseMetadata": self._metadata(),
        }

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        return {"LastModified": self.fake.objects[Key][1]}

    def put_object(
        self, Bucket: str, Key: str, Body: bytes, IfMatch: str = "", IfNoneMatch: str = "", **_: Any
    ) -> dict[str, Any]:
        """A conditional put counts as a call of its own."""
        call = "put_object_if" if IfMatch or IfNoneMatch else "put_object"
        self.fake.enter(call)
        there = self.fake.objects.get(Key)
        if IfMatch and there is None:
            raise client_error("NoSuchKey", Key, 404)
        if there and (IfNoneMatch == "*" or IfMatch not in ("", _etag(there[0]))):
            raise client_error("PreconditionFailed", Key, 412)
        self.fake.objects[Key] = (Body, self.fake.now)
        self.fake.leave(call)
        return {"ETag": _etag(Body), "ResponseMetadata": self._metadata()}

    def _metadata(self) -> dict[str, Any]:
        return {"HTTPHeaders": {"date": format_datetime(self.fake.now, usegmt=True)}}

    def get_paginator(self, name: str) -> _Pages:
        return _Pages(self.list_objects_v2)


class FakeGlue(_Service):
    def create_job(self, **definition: Any) -> None:
        self.fake.enter("create_job")
        if definition["Name"] in self.fake.glue_jobs:
            raise client_error("AlreadyExistsException", "Job already exists")
        self.fake.glue_jobs[definition["Name"]] = {**definition, "CreatedOn": self.fake.now}
        self.fake.leave("create_job")

    def get_job(self, JobName: str) -> dict[str, Any]:
        self.fake.enter("get_job")
        if JobName not in self.fake.glue_jobs:
            raise client_error("EntityNotFoundException", f"Job {JobName} not found.")
        return {"Job": self.fake.glue_jobs[JobName]}

    def start_job_run(self, JobName: str, Arguments: dict[str, str]) -> dict[str, str]:
        self.fake.enter("start_job_run")
        limit = self.fake.glue_jobs[JobName]["ExecutionProperty"]["MaxConcurrentRuns"]
        running = [job for job in self.fake.jobs.values() if job["status"] == "InProgress"]
        if sum(job.get("job") == JobName for job in running) >= limit:
            raise client_error("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {JobName}")
        run_id = f"jr_{len(self.fake.jobs) + 1}"
        job = {
            "id": run_id,
            "job": JobName,
            "request": Arguments,
            "status": "InProgress",
            "reason": "",
            "started": self.fake.now,
            "ended": None,
            "seen": False,
        }
        self.fake.jobs[f"{JobName}/{run_id}"] = job
        self.fake.leave("start_job_run")
        return {"JobRunId": run_id}

    def get_job_run(self, JobName: str, RunId: str) -> dict[str, Any]:
        self.fake.enter("get_job_run")
        if f"{JobName}/{RunId}" not in self.fake.jobs:
            raise client_error("EntityNotFoundException", f"Job Run with id {RunId} does not exist.")
        job = self.fake.jobs[f"{JobName}/{RunId}"]
        self.fake.advance(job)
        return {"JobRun": self._run(job)}

    def get_job_runs(self, JobName: str, MaxResults: int = 200, NextToken: str = "0") -> dict[str, Any]:
        """The newest first, a page at a time."""
        self.fake.enter("get_job_runs")
        if JobName not in self.fake.glue_jobs:
            raise client_error("EntityNotFoundException", "no such job")
        runs = [self._run(job) for job in reversed(self.fake.jobs.values()) if job.get("job") == JobName]
        start, end = int(NextToken), int(NextToken) + MaxResults
        return {"JobRuns": runs[start:end], **({"NextToken": str(end)} if end < len(runs) else {})}

    def list_jobs(self, Tags: dict[str, str]) -> dict[str, Any]:
        jobs = self.fake.glue_jobs.values()
        return {"JobNames": [job["Name"] for job in jobs if Tags.items() <= job.get("Tags", {}).items()]}

    def get_paginator(self, name: str) -> _Pages:
        return _Pages(getattr(self, name))

    def batch_get_jobs(self, JobNames: list[str]) -> dict[str, Any]:
        return {"Jobs": [self.fake.glue_jobs[name] for name in JobNames]}

    def batch_stop_job_run(self, JobName: str, JobRunIds: list[str]) -> None:
        self.fake.enter("batch_stop_job_run")
        self.fake.jobs[f"{JobName}/{JobRunIds[0]}"]["status"] = "Stopped"

    @staticmethod
    def _run(job: dict[str, Any]) -> dict[str, Any]:
        words = {"InProgress": "RUNNING", "Completed": "SUCCEEDED"}
        run = {
            "Id": job["id"],
            "JobName": job["job"],
            "JobRunState": words.get(job["status"], job["status"].upper()),
            "StartedOn": job["started"],
            "Arguments": job["request"],
            "WorkerType": "G.1X",
            "NumberOfWorkers": 5,
            "ErrorMessage": job["reason"],
        }
        return run | ({"CompletedOn": job["ended"]} if job["ended"] else {})


def _title(kind: str) -> str:
    """As in the API's fields: TrainingJobName, HyperParameterTuningJobName."""
    return "".join(word.title() for word in kind.split("_"))


class FakeSageMaker(_Service):
    def _create(self, kind: str, request: dict[str, Any]) -> None:
        self.fake.enter(f"create_{kind}_job")
        name = request[f"{_title(kind)}JobName"]
        if name in self.fake.jobs:
            raise client_error("ResourceInUse", "Job name must be unique within an AWS account and region")
        self.fake.jobs[name] = {
            "id": name,
            "request": request,
            "status": "InProgress",
            "reason": "",
            "started": self.fake.now,
            "ended": None,
            "seen": False,
        }
        self.fake.leave(f"create_{kind}_job")

    def _describe(self, kind: str, name: str) -> dict[str, Any]:
        self.fake.enter(f"describe_{kind}_job")
        if name not in self.fake.jobs:
            raise client_error("ValidationException", "Could not find requested job")
        job = self.fake.jobs[name]
        self.fake.advance(job)
        title = _title(kind)
        answer = {
            f"{title}JobName": name,
            f"{title}JobStatus": job["status"],
            "CreationTime": job["started"],
            "FailureReason": job["reason"],
            "ResourceConfig": {"InstanceType": "ml.m5.4xlarge", "InstanceCount": 1},
            "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
            "BestTrainingJob": {
                "TrainingJobName": f"{name}-001",
                "TunedHyperParameters": {"max_depth": "4", "learning_rate": "0.05"},
                "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "validation-logloss", "Value": 0.1},
            },
            "ModelArtifacts": {"S3ModelArtifacts": f"s3://mortgage-loan-ml/models/m/{name}/output/model.tar.gz"},
            "FinalMetricDataList": [
                {"MetricName": "oot-auc", "Value": 0.81},
                {"MetricName": "train-auc", "Value": 0.9},
            ],
        }
        return answer | ({f"{title}EndTime": job["ended"]} if job["ended"] else {})

    def _stop(self, kind: str, name: str) -> None:
        self.fake.enter(f"stop_{kind}_job")
        self.fake.jobs[name].update(status="Stopped", ended=self.fake.now)

    def __getattr__(self, call: str) -> Callable[..., Any]:
        verb, _, kind = call.removesuffix("_job").partition("_")
        if call.endswith("_job") and verb == "create":
            return lambda **request: self._create(kind, request)
        if call.endswith("_job") and verb in ("describe", "stop"):
            return lambda **names: getattr(self, f"_{verb}")(kind, *names.values())
        raise AttributeError(call)

    def create_model(self, **request: Any) -> None:
        self.fake.enter("create_model")
        if request["ModelName"] in self.fake.models:
            raise client_error("ValidationException", "Cannot create already existing model")
        self.fake.models[request["ModelName"]] = request
        self.fake.leave("create_model")

    def create_endpoint_config(self, **request: Any) -> None:
        self.fake.enter("create_endpoint_config")
        if request["EndpointConfigName"] in self.fake.endpoint_configs:
            raise client_error("ValidationException", "Cannot create already existing endpoint configuration")
        self.fake.endpoint_configs[request["EndpointConfigName"]] = {**request, "CreationTime": self.fake.now}
        self.fake.leave("create_endpoint_config")

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        self.fake.enter("describe_endpoint_config")
        if EndpointConfigName not in self.fake.endpoint_configs:
            raise client_error("ValidationException", "Could not find endpoint configuration")
        return self.fake.endpoint_configs[EndpointConfigName]

    def create_endpoint(self, EndpointName: str, EndpointConfigName: str, Tags: Any) -> None:
        self.fake.enter("create_endpoint")
        if EndpointName in self.fake.endpoints:
            raise client_error("ValidationException", "Cannot create already existing endpoint")
        self._bring(EndpointName, EndpointConfigName, "Creating")
        self.fake.leave("create_endpoint")

    def update_endpoint(self, EndpointName: str, EndpointConfigName: str) -> None:
        self.fake.enter("update_endpoint")
        if self.fake.endpoints[EndpointName]["EndpointStatus"] != "InService":
            raise client_error("ValidationException", f"Cannot update in-progress endpoint {EndpointName}")
        self._bring(EndpointName, EndpointConfigName, "Updating")
        self.fake.leave("update_endpoint")

    def _bring(self, endpoint: str, config: str, status: str) -> None:
        before = self.fake.endpoints.get(endpoint, {}).get("EndpointConfigName")
        self.fake.updates.append(config)
        self.fake.endpoints[endpoint] = {
            "EndpointName": endpoint,
            "EndpointConfigName": before or config,
            "pending": config,
            "EndpointStatus": status,
            "LastModifiedTime": self.fake.now,
        }

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        """Seen once on its way, then at its end: `outcome`, or on its way for good where that is None."""
        self.fake.enter("describe_endpoint")
        if EndpointName not in self.fake.endpoints:
            raise client_error("ValidationException", "Could not find endpoint")
        found = self.fake.endpoints[EndpointName]
        answer = {key: value for key, value in found.items() if key != "pending"}
        if "pending" in found and self.fake.outcome:
            self.fake.pass_time(60)
            config = found.pop("pending")
            status, reason = self.fake.outcome
            created = found["EndpointStatus"] == "Creating"
            found.update(EndpointStatus="InService", LastModifiedTime=self.fake.now)
            if status == "Completed":
                found["EndpointConfigName"] = config
            else:
                found.update(FailureReason=reason, EndpointStatus="Failed" if created else "InService")
        return answer

    def delete_endpoint(self, EndpointName: str) -> None:
        self.fake.enter("delete_endpoint")
        del self.fake.endpoints[EndpointName]

    def describe_model_package_group(self, ModelPackageGroupName: str) -> None:
        self.fake.enter("describe_model_package_group")
        if ModelPackageGroupName not in self.fake.groups:
            raise client_error("ValidationException", f"ModelPackageGroup {ModelPackageGroupName} does not exist.")

    def create_model_package_group(self, **request: Any) -> None:
        self.fake.enter("create_model_package_group")
        self.fake.groups.add(request["ModelPackageGroupName"])
        self.fake.leave("create_model_package_group")

    def create_model_package(self, **request: Any) -> dict[str, str]:
        self.fake.enter("create_model_package")
        group, version = request["ModelPackageGroupName"], len(self.fake.packages) + 1
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{group}/{version}"
        self.fake.packages.append(
            {**request, "ModelPackageArn": arn, "ModelPackageVersion": version, "CreationTime": self.fake.now}
        )
        self.fake.leave("create_model_package")
        return {"ModelPackageArn": arn}

    def list_model_packages(
        self,
        ModelPackageGroupName: str,
        ModelApprovalStatus: str | None = None,
        CreationTimeAfter: Any = None,
        **_: Any,
    ) -> dict[str, Any]:
        self.fake.enter("list_model_packages")
        if ModelPackageGroupName not in self.fake.groups:
            raise client_error("ValidationException", f"ModelPackageGroup {ModelPackageGroupName} does not exist.")
        return {
            "ModelPackageSummaryList": [
                p
                for p in reversed(self.fake.packages)
                if p["ModelPackageGroupName"] == ModelPackageGroupName
                and ModelApprovalStatus in (None, p["ModelApprovalStatus"])
                and (CreationTimeAfter is None or p["CreationTime"] > CreationTimeAfter)
            ]
        }

    def get_paginator(self, name: str) -> _Pages:
        return _Pages(self.list_model_packages)

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:
        self.fake.enter("describe_model_package")
        return next(p for p in self.fake.packages if p["ModelPackageArn"] == ModelPackageName)

    def update_model_package(
        self,
        ModelPackageArn: str,
        CustomerMetadataProperties: dict[str, str],
        CustomerMetadataPropertiesToRemove: Sequence[str] = (),
        **changes: Any,
    ) -> None:
        self.fake.enter("update_model_package")
        package = next(p for p in self.fake.packages if p["ModelPackageArn"] == ModelPackageArn)
        metadata = {**package["CustomerMetadataProperties"], **CustomerMetadataProperties}
        for name in CustomerMetadataPropertiesToRemove:
            del metadata[name]
        package["CustomerMetadataProperties"] = metadata
        card = {**package.get("ModelCard", {}), **changes.pop("ModelCard", {})}
        package.update(changes, ModelCard=card, LastModifiedTime=self.fake.now)
        self.fake.leave("update_model_package")


class FakeRuntime(_Service):
    def invoke_endpoint(self, EndpointName: str, Body: bytes, **_: Any) -> dict[str, Any]:
        self.fake.enter("invoke_endpoint")
        answer = self.fake.answers[Body]
        return {"Body": SimpleNamespace(read=lambda: answer)}


class FakeCloudWatch(_Service):
    def put_metric_data(self, Namespace: str, MetricData: list[dict[str, Any]]) -> None:
        self.fake.enter("put_metric_data")
        assert len(MetricData) <= 1000, "CloudWatch takes 1,000 at most"
        self.fake.metrics += MetricData

    def put_metric_alarm(self, **request: Any) -> None:
        self.fake.enter("put_metric_alarm")

    def put_dashboard(self, **request: Any) -> None:
        self.fake.enter("put_dashboard")


class FakeLogs(_Service):
    def describe_log_streams(self, logGroupName: str, logStreamNamePrefix: str) -> dict[str, Any]:
        names = [s for g, s in self.fake.logs if g == logGroupName and s.startswith(logStreamNamePrefix)]
        return {"logStreams": [{"logStreamName": name} for name in names]}

    def get_log_events(self, logGroupName: str, logStreamName: str, **_: Any) -> dict[str, Any]:
        return {"events": [{"message": line} for line in self.fake.logs[logGroupName, logStreamName]]}


SERVICES = {
    "s3": FakeS3,
    "glue": FakeGlue,
    "sagemaker": FakeSageMaker,
    "sagemaker-runtime": FakeRuntime,
    "logs": FakeLogs,
    "cloudwatch": FakeCloudWatch,
}
