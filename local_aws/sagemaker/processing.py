"""Processing jobs: any command, with S3 inputs and outputs below /opt/ml/processing."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from local_aws.kernel.state import Record
from local_aws.sagemaker.containers import Sandbox
from local_aws.sagemaker.jobs import Execution, JobFailed, Jobs, JobStopped
from local_aws.sagemaker.objects import DataError
from local_aws.sagemaker.service import now, public
from local_aws.sagemaker.validation import invalid, refuse

LOCAL_ROOT = "/opt/ml/processing"
DEFAULT_MAX_RUNTIME_SECONDS = 86_400
MAX_EXIT_MESSAGE = 1024
SUPPORTED: dict[str, set[Any]] = {
    "ProcessingResources.ClusterConfig.InstanceCount": {1},
    "ProcessingResources.ClusterConfig.InstancePreferences": set(),
    "ProcessingInputs[].AppManaged": {False},
    "ProcessingInputs[].DatasetDefinition": set(),
    "ProcessingInputs[].S3Input.S3InputMode": {"File"},
    "ProcessingInputs[].S3Input.S3CompressionType": {"None"},
    "ProcessingOutputConfig.Outputs[].AppManaged": {False},
    "ProcessingOutputConfig.Outputs[].FeatureStoreOutput": set(),
    "ProcessingOutputConfig.Outputs[].S3Output.S3UploadMode": {"EndOfJob"},
}


class ProcessingJobs(Jobs):
    kind = "ProcessingJob"
    label = "Processing job"
    arn_kind = "processing-job"
    log_group = "/aws/sagemaker/ProcessingJobs"
    summary_fields = (
        "ProcessingJobName",
        "ProcessingJobArn",
        "CreationTime",
        "ProcessingEndTime",
        "LastModifiedTime",
        "ProcessingJobStatus",
        "FailureReason",
        "ExitMessage",
    )

    def image(self, record: Record) -> str:
        return str(record["AppSpecification"]["ImageUri"])

    def validate(self, params: Record) -> None:
        refuse("CreateProcessingJob", params, SUPPORTED)
        self.service.runtimes.python(self.image(params))
        if not params["AppSpecification"].get("ContainerEntrypoint"):
            raise invalid("AppSpecification.ContainerEntrypoint is required: no image's own entrypoint runs here")
        inputs, outputs = params.get("ProcessingInputs", []), _outputs(params)
        names = [item["InputName"] for item in inputs] + [item["OutputName"] for item in outputs]
        if len(set(names)) < len(names):
            raise invalid("Input and output names must be unique")
        for item in inputs:
            if "S3Input" not in item:
                raise invalid(f"Input {item['InputName']} needs an S3Input")
            _require_local(item["InputName"], item["S3Input"].get("LocalPath"))
        for item in outputs:
            if "S3Output" not in item:
                raise invalid(f"Output {item['OutputName']} needs an S3Output")
            _require_local(item["OutputName"], item["S3Output"].get("LocalPath"))
            try:
                self.service.objects.require_bucket(item["S3Output"]["S3Uri"])
            except DataError as error:
                raise invalid(str(error)) from None

    def initial(self, params: Record) -> Record:
        limits = {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_SECONDS, **params.get("StoppingCondition", {})}
        return {"StoppingCondition": limits}

    def execute(self, execution: Execution, sandbox: Sandbox) -> Record:
        record = self.records.note(execution.name, lambda record: record.update(ProcessingStartTime=now()))
        execution.patiently(lambda: sandbox.fill(lambda: self._prepare(record, sandbox)))
        execution.check()
        application = record["AppSpecification"]
        status = execution.run(
            sandbox,
            [*application["ContainerEntrypoint"], *application.get("ContainerArguments", [])],
            sandbox.environment(
                record.get("Environment", {}),
                PROCESSING_JOB_NAME=record["ProcessingJobName"],
                PROCESSING_JOB_ARN=record["ProcessingJobArn"],
            ),
            timeout_s=record["StoppingCondition"]["MaxRuntimeInSeconds"],
        )
        message = sandbox.ml / "output" / "message"
        fields: Record = {}
        if message.is_file() and message.stat().st_size:
            fields["ExitMessage"] = message.read_text("utf-8", "replace").strip()[:MAX_EXIT_MESSAGE]
        if status.cause == "stopped":
            raise JobStopped(fields)
        if status.cause == "timed_out":
            limit = record["StoppingCondition"]["MaxRuntimeInSeconds"]
            raise JobStopped({**fields, "FailureReason": f"MaxRuntimeInSeconds of {limit} was exceeded"})
        if status.returncode != 0:
            if fields:
                self.records.settle(execution.name, lambda record: record.update(fields))
            raise JobFailed(f"AlgorithmError: See job logs for more information, exit code: {status.returncode}")
        objects = self.service.objects
        for output in (item["S3Output"] for item in _outputs(record)):
            execution.patiently(partial(objects.upload_folder, sandbox.path(output["LocalPath"]), output["S3Uri"]))
        return fields

    def _prepare(self, record: Record, sandbox: Sandbox) -> None:
        (sandbox.ml / "config").mkdir()
        (sandbox.ml / "output").mkdir()
        for item in record.get("ProcessingInputs", []):
            source = item["S3Input"]
            target = sandbox.path(source["LocalPath"])
            try:
                self.service.objects.download(source["S3Uri"], target, source["S3DataType"])
            except DataError as error:
                raise JobFailed(f"ClientError: Failed to download data. {error}") from None
            sandbox.prepare_inputs(target)
        for item in _outputs(record):
            sandbox.path(item["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
        cluster = record["ProcessingResources"]["ClusterConfig"]
        files = {
            "processingjobconfig": {
                key: value
                for key, value in public(record).items()
                if not isinstance(value, float) and "Status" not in key
            },
            "resourceconfig": {
                "current_host": "algo-1",
                "hosts": ["algo-1"],
                "current_instance_type": cluster.get("InstanceType", ""),
            },
        }
        for name, content in files.items():
            (sandbox.ml / "config" / f"{name}.json").write_text(json.dumps(content))


def _outputs(record: Record) -> list[Record]:
    outputs: list[Record] = record.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return outputs


def _require_local(name: str, path: str | None) -> None:
    if not path or not (path == LOCAL_ROOT or path.startswith(f"{LOCAL_ROOT}/")) or ".." in path.split("/"):
        raise invalid(f"LocalPath of {name} must be an absolute path that begins with {LOCAL_ROOT}/")
