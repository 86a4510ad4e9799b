"""Training jobs: the genuine sagemaker-training toolkit in script mode, around the user's script."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from local_aws.kernel import disk
from local_aws.kernel.processes import ExitStatus
from local_aws.kernel.state import Record
from local_aws.sagemaker import checkpoints
from local_aws.sagemaker.containers import OPT_ML, Sandbox
from local_aws.sagemaker.jobs import Execution, JobFailed, Jobs, JobStopped
from local_aws.sagemaker.objects import DataError
from local_aws.sagemaker.service import now
from local_aws.sagemaker.training_log import TrainingLog
from local_aws.sagemaker.validation import invalid, refuse

TOOLKIT = Path(__file__).parent.parent / "sagemaker_runtime" / "train.py"
HOST = "localhost"  # the toolkit waits until the host names resolve, and algo-1 would not
DEFAULT_MAX_RUNTIME_SECONDS = 86_400
SUPPORTED: dict[str, set[Any]] = {
    "AlgorithmSpecification.AlgorithmName": set(),
    "AlgorithmSpecification.TrainingInputMode": {"File", "FastFile"},
    "AlgorithmSpecification.ContainerEntrypoint": set(),
    "AlgorithmSpecification.ContainerArguments": set(),
    "AlgorithmSpecification.TrainingImageConfig": set(),
    "InputDataConfig[].InputMode": {"File", "FastFile"},
    "InputDataConfig[].CompressionType": {"None", "Gzip"},
    "InputDataConfig[].RecordWrapperType": {"None"},
    "InputDataConfig[].ShuffleConfig": set(),
    "InputDataConfig[].DataSource.FileSystemDataSource": set(),
    "InputDataConfig[].DataSource.DatasetSource": set(),
    "InputDataConfig[].DataSource.S3DataSource.S3DataType": {"S3Prefix", "ManifestFile"},
    "InputDataConfig[].DataSource.S3DataSource.AttributeNames": set(),
    "InputDataConfig[].DataSource.S3DataSource.InstanceGroupNames": set(),
    "InputDataConfig[].DataSource.S3DataSource.HubAccessConfig": set(),
    "ResourceConfig.InstanceCount": {1},
    "ResourceConfig.InstanceGroups": set(),
    "ResourceConfig.InstancePreferences": set(),
    "ServerlessJobConfig": set(),
    "MlflowConfig": set(),
    "ModelPackageConfig": set(),
    "SessionChainingConfig": set(),
    "DebugRuleConfigurations": set(),
}


class TrainingJobs(Jobs):
    kind = "TrainingJob"
    label = "Training job"
    arn_kind = "training-job"
    log_group = "/aws/sagemaker/TrainingJobs"
    descending = True
    summary_fields = (
        "TrainingJobName",
        "TrainingJobArn",
        "CreationTime",
        "TrainingEndTime",
        "LastModifiedTime",
        "TrainingJobStatus",
        "SecondaryStatus",
    )

    def image(self, record: Record) -> str:
        return str(record["AlgorithmSpecification"].get("TrainingImage", ""))

    def absent(self, name: str) -> str:
        return "Requested resource not found."

    def validate(self, params: Record) -> None:
        for required in ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition"):
            if required not in params:
                raise invalid(f"{required} is required")
        refuse("CreateTrainingJob", params, SUPPORTED)
        self.service.runtimes.python(self.image(params))
        hyperparameters, environment = params.get("HyperParameters", {}), params.get("Environment", {})
        if "sagemaker_program" not in hyperparameters and "SAGEMAKER_PROGRAM" not in environment:
            raise invalid(
                "The local AWS trains in script mode only: the hyperparameters sagemaker_program and"
                " sagemaker_submit_directory (a tar.gz on S3) are required"
            )
        for definition in params["AlgorithmSpecification"].get("MetricDefinitions", []):
            _require_metric(definition)
        self._require_channels(params)
        try:
            self.service.objects.require_bucket(params["OutputDataConfig"]["S3OutputPath"])
        except DataError as error:
            raise invalid(str(error)) from None
        checkpoints.validate(params.get("CheckpointConfig", {}))

    def _require_channels(self, params: Record) -> None:
        channels = params.get("InputDataConfig", [])
        if len({channel["ChannelName"] for channel in channels}) < len(channels):
            raise invalid("Channel names must be unique")
        for channel in channels:
            source = channel["DataSource"].get("S3DataSource")
            if not source:
                raise invalid(f"Channel {channel['ChannelName']} needs an S3DataSource")
            self.service.require_objects(source, params["RoleArn"])

    def initial(self, params: Record) -> Record:
        return {
            "StoppingCondition": {
                "MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_SECONDS,
                **params["StoppingCondition"],
            },
            "SecondaryStatus": "Starting",
            "SecondaryStatusTransitions": [
                {
                    "Status": "Starting",
                    "StartTime": now(),
                    "StatusMessage": "Preparing the instances for training",
                }
            ],
            "ModelArtifacts": {"S3ModelArtifacts": ""},
            "EnableNetworkIsolation": params.get("EnableNetworkIsolation", False),
            "EnableInterContainerTrafficEncryption": params.get("EnableInterContainerTrafficEncryption", False),
            "EnableManagedSpotTraining": params.get("EnableManagedSpotTraining", False),
        }

    def stopping(self, record: Record) -> None:
        _transition(record, "Stopping", "Stopping the training job")

    def ended(self, record: Record, status: str, reason: str = "", **fields: Any) -> None:
        secondary = fields.pop("SecondaryStatus", status)
        super().ended(record, status, reason, **fields)
        seconds = round(record["TrainingEndTime"] - record["TrainingStartTime"])
        record["TrainingTimeInSeconds"] = record["BillableTimeInSeconds"] = max(1, seconds)
        messages = {
            "Completed": "Training job completed",
            "Failed": "Training job failed",
            "Stopped": "Training job stopped",
            "MaxRuntimeExceeded": "Training job exceeded MaxRuntimeInSeconds provided",
        }
        _transition(record, secondary, messages[secondary])
        record["SecondaryStatusTransitions"][-1]["EndTime"] = record["TrainingEndTime"]

    def execute(self, execution: Execution, sandbox: Sandbox) -> Record:
        record = self.require(execution.name)
        self._enter(execution, "Downloading", "Downloading input data")
        execution.patiently(lambda: sandbox.fill(lambda: self._prepare(record, sandbox)))
        execution.check()
        self._enter(execution, "Training", "Training image download completed. Training in progress.")
        log = TrainingLog(record["AlgorithmSpecification"].get("MetricDefinitions", []))
        environment = sandbox.environment(
            record.get("Environment", {}),
            TRAINING_JOB_NAME=record["TrainingJobName"],
            TRAINING_JOB_ARN=record["TrainingJobArn"],
            SAGEMAKER_REGION=self.service.config.region,
            SAGEMAKER_JOB_NAME=record["TrainingJobName"],
        )
        with checkpoints.synchronised(self.service.objects, record.get("CheckpointConfig"), sandbox):
            status = execution.run(
                sandbox,
                [str(sandbox.python), "-P", str(TOOLKIT)],
                environment,
                timeout_s=record["StoppingCondition"]["MaxRuntimeInSeconds"],
                on_line=log.read,
            )
        return self._finish(execution, sandbox, status, log)

    def _finish(self, execution: Execution, sandbox: Sandbox, status: ExitStatus, log: TrainingLog) -> Record:
        failure, success = sandbox.ml / "output" / "failure", sandbox.ml / "output" / "success"
        # The toolkit's success is exit code 0, a success marker and no failure file, all three.
        failed = status.cause == "exited" and (status.returncode != 0 or failure.exists() or not success.exists())
        self._enter(execution, "Uploading", "Uploading generated training model")
        record, metrics = self.require(execution.name), log.final_metrics()
        fields = disk.when_there_is_room(
            lambda: self._upload(record, sandbox, with_model=not failed), patience_s=disk.PATIENCE_SECONDS
        )
        fields["FinalMetricDataList"] = metrics
        if failed:
            self.records.settle(execution.name, lambda record: record.update(FinalMetricDataList=metrics))
            text = failure.read_text("utf-8", "replace").strip() if failure.exists() else ""
            text = text.replace('ErrorMessage ""', f'ErrorMessage "{log.error()}"')
            text = text or f"the script wrote no {OPT_ML}/output/failure, see its log"
            suffix = f", exit code: {status.returncode}"
            raise JobFailed(f"AlgorithmError: {text}"[: 1024 - len(suffix)] + suffix)
        if status.cause == "stopped":
            raise JobStopped(fields)
        if status.cause == "timed_out":
            raise JobStopped({**fields, "SecondaryStatus": "MaxRuntimeExceeded"})
        return fields

    def _prepare(self, record: Record, sandbox: Sandbox) -> None:
        for place in ("input/config", "model", "output/data", "code"):
            (sandbox.ml / place).mkdir(parents=True)
        channels = {}
        for channel in record.get("InputDataConfig", []):
            source, name = channel["DataSource"]["S3DataSource"], channel["ChannelName"]
            target = sandbox.ml / "input" / "data" / name
            unzip = channel.get("CompressionType") == "Gzip"
            self.service.objects.download(source["S3Uri"], target, source["S3DataType"], unzip)
            channels[name] = {
                "TrainingInputMode": "File",
                "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
                "RecordWrapperType": "None",
                **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
            }
        instance = record["ResourceConfig"].get("InstanceType", "")
        files = {
            "hyperparameters": record.get("HyperParameters", {}),
            "inputdataconfig": channels,
            "resourceconfig": {
                "current_host": HOST,
                "current_instance_type": instance,
                "current_group_name": "homogeneousCluster",
                "hosts": [HOST],
                "instance_groups": [
                    {"instance_group_name": "homogeneousCluster", "instance_type": instance, "hosts": [HOST]}
                ],
                "network_interface_name": "lo",
            },
        }
        for file, content in files.items():
            (sandbox.ml / "input" / "config" / f"{file}.json").write_text(json.dumps(content))

    def _upload(self, record: Record, sandbox: Sandbox, with_model: bool) -> Record:
        objects, scratch = self.service.objects, sandbox.directory / "upload.tar.gz"
        output = f"{record['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{record['TrainingJobName']}/output"
        plain = record["OutputDataConfig"].get("CompressionType") == "NONE"
        data, model = sandbox.ml / "output" / "data", sandbox.ml / "model"
        fields: Record = {}
        if any(data.iterdir()):
            if plain:
                objects.upload_folder(data, f"{output}/data")
            else:
                objects.upload_archive(data, f"{output}/output.tar.gz", scratch)
        if with_model:
            uri = f"{output}/model/" if plain else f"{output}/model.tar.gz"
            if plain:
                objects.upload_folder(model, uri)
            else:
                objects.upload_archive(model, uri, scratch)
            fields["ModelArtifacts"] = {"S3ModelArtifacts": uri}
        return fields

    def _enter(self, execution: Execution, status: str, message: str) -> None:
        def enter(record: Record) -> None:
            record.setdefault("TrainingStartTime", now())
            if record["TrainingJobStatus"] == "InProgress":
                _transition(record, status, message)

        self.records.note(execution.name, enter)


def _require_metric(definition: Record) -> None:
    try:
        if re.compile(definition["Regex"]).groups < 1:
            raise re.error("it needs a group that captures the value")
    except re.error as error:
        raise invalid(f"Invalid regular expression of metric {definition['Name']}: {error}") from None


def _transition(record: Record, status: str, message: str) -> None:
    transitions = record["SecondaryStatusTransitions"]
    transitions[-1].setdefault("EndTime", now())
    transitions.append({"Status": status, "StartTime": now(), "StatusMessage": message})
    record["SecondaryStatus"] = status
