"""The exact arguments of every AWS call that starts a job. Pure functions; golden files test them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mortgage_risk.settings import Settings

Request = dict[str, Any]

PLATFORM = "mortgage-risk"  # the tag that all jobs carry
QUEUE_SECONDS = 1800  # what a job may wait for capacity, beside the time its own limit counts
_PROCESSING = "/opt/ml/processing"


@dataclass(frozen=True)
class RunTags:
    """Who asked for a job: becomes its tags, so that a job found in AWS leads back to its Airflow run."""

    dag_id: str
    task_id: str
    run_id: str
    business_date: str
    deployment: str

    def as_dict(self) -> dict[str, str]:
        values = {
            "platform": PLATFORM,
            "deployment": self.deployment,
            "dag_id": self.dag_id,
            "task_id": self.task_id,
            "run_id": self.run_id,
            "business_date": self.business_date,
        }
        return {key: re.sub(r"[^\w\s+\-=.:/@]", "_", value)[:256] for key, value in values.items()}

    def as_list(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.as_dict().items()]


def deployment(settings: Settings) -> str:
    """Tells the jobs of two Airflow environments in one account apart: they may not share data and registry."""
    return f"{settings.bucket}/{settings.model_name}"


# --- Glue ---


def glue_job_definition(settings: Settings, *, name: str, script: str, code_prefix: str, tags: RunTags) -> Request:
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


def glue_job_run(*, job_name: str, arguments: Mapping[str, Any]) -> Request:
    """StartJobRun; `arguments` without the leading dashes."""
    return {"JobName": job_name, "Arguments": {f"--{key}": str(value) for key, value in arguments.items()}}


# --- SageMaker jobs ---


def training_job(
    settings: Settings,
    *,
    name: str,
    panel_prefix: str,
    code_prefix: str,
    output_prefix: str,
    checkpoint_prefix: str,
    hyperparameters: Mapping[str, Any],
    metric_definitions: list[dict[str, str]],
    tags: RunTags,
) -> Request:
    """CreateTrainingJob: script mode on the loan panel (Parquet under `panel_prefix`).

    What the script leaves in /opt/ml/checkpoints is there again when the job, or another attempt with the same
    `checkpoint_prefix`, is started anew.
    """
    return {
        "TrainingJobName": name,
        "RoleArn": settings.execution_role_arn,
        "AlgorithmSpecification": {
            "TrainingImage": settings.image_uri,
            "TrainingInputMode": "File",
            "MetricDefinitions": metric_definitions,
        },
        "HyperParameters": {
            **{key: str(value) for key, value in sorted(hyperparameters.items())},
            "sagemaker_program": "mortgage_training_script.py",
            "sagemaker_submit_directory": f"{code_prefix}sourcedir.tar.gz",
        },
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "ContentType": "application/x-parquet",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": panel_prefix,
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
        ],
        "OutputDataConfig": {"S3OutputPath": output_prefix, **kms(settings, "KmsKeyId")},
        "ResourceConfig": _resources(settings, settings.training_instance_type),
        "StoppingCondition": _stopping(settings),
        "Tags": tags.as_list(),
        **network(settings, "VpcConfig"),
        "CheckpointConfig": {"S3Uri": checkpoint_prefix, "LocalPath": "/opt/ml/checkpoints"},
        **_spot(settings),
    }


def validation_job(
    settings: Settings,
    *,
    name: str,
    code_prefix: str,
    model_uri: str,
    panel_prefix: str,
    optional_inputs: Mapping[str, str | None],
    output_prefix: str,
    arguments: Mapping[str, str],
    tags: RunTags,
) -> Request:
    """CreateProcessingJob running model_validation_script.py in the training container.

    optional_inputs: "demographics" (protected attributes) and "champion" (model in force), None where there is none.
    """
    inputs = {
        "code": f"{code_prefix}sourcedir/",
        "model": model_uri,
        "panel": panel_prefix,
        "settings": f"{code_prefix}sourcedir/thresholds.json",
        **{name: uri for name, uri in optional_inputs.items() if uri},
    }
    return _processing_job(settings, name, "model_validation_script.py", inputs, output_prefix, arguments, tags)


def monitoring_job(
    settings: Settings,
    *,
    name: str,
    code_prefix: str,
    inputs: Mapping[str, str],
    vintages_manifest: str,
    output_prefix: str,
    arguments: Mapping[str, str],
    tags: RunTags,
) -> Request:
    """CreateProcessingJob running model_monitoring_script.py on one night.

    inputs: model, input, scores and, where there are such, previous, before and panel. vintages_manifest: '' or the
    ManifestFile that lists past scores.
    """
    everything = {"code": f"{code_prefix}sourcedir/", **inputs}
    request = _processing_job(
        settings, name, "model_monitoring_script.py", everything, output_prefix, arguments, tags
    )
    if vintages_manifest:
        request["ProcessingInputs"].append(_processing_input("vintages", vintages_manifest, "ManifestFile"))
    return request


def _processing_job(
    settings: Settings,
    name: str,
    script: str,
    inputs: Mapping[str, str],
    output_prefix: str,
    arguments: Mapping[str, str],
    tags: RunTags,
) -> Request:
    """A script of the code input, in the training container; each input becomes a folder of its name."""
    in_network = network(settings, "VpcConfig")
    return {
        "ProcessingJobName": name,
        "RoleArn": settings.execution_role_arn,
        "AppSpecification": {
            "ImageUri": settings.image_uri,
            "ContainerEntrypoint": ["python3", f"{_PROCESSING}/code/{script}"],
            "ContainerArguments": [text for key, value in arguments.items() for text in (f"--{key}", str(value))],
        },
        "ProcessingInputs": [_processing_input(input_name, uri) for input_name, uri in inputs.items()],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "report",
                    "S3Output": {
                        "S3Uri": output_prefix,
                        "LocalPath": f"{_PROCESSING}/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ],
            **kms(settings, "KmsKeyId"),
        },
        "ProcessingResources": {"ClusterConfig": _resources(settings, settings.processing_instance_type)},
        "StoppingCondition": _stopping(settings),
        "Tags": tags.as_list(),
        **({"NetworkConfig": in_network} if in_network else {}),
    }


def _processing_input(name: str, uri: str, data_type: str = "S3Prefix") -> Request:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{_PROCESSING}/{name}",
            "S3DataType": data_type,
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def transform_job(
    settings: Settings, *, name: str, model: str, input_prefix: str, output_prefix: str, tags: RunTags
) -> Request:
    """CreateTransformJob: each output line is `loan_id,pd,grade,reason_1,…`; the model never sees the loan_id."""
    return {
        "TransformJobName": name,
        "ModelName": model,
        "BatchStrategy": "MultiRecord",
        "MaxPayloadInMB": 6,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": input_prefix}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": output_prefix,
            "Accept": "text/csv",
            "AssembleWith": "Line",
            **kms(settings, "KmsKeyId"),
        },
        "DataProcessing": {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-6,-5,-4,-3,-2,-1]"},
        "TransformResources": {
            "InstanceType": settings.transform_instance_type,
            "InstanceCount": settings.transform_instances,
            **kms(settings, "VolumeKmsKeyId"),
        },
        "Tags": tags.as_list(),
    }


def _resources(settings: Settings, instance_type: str) -> Request:
    return {
        "InstanceType": instance_type,
        "InstanceCount": 1,
        "VolumeSizeInGB": settings.volume_gb,
        **kms(settings, "VolumeKmsKeyId"),
    }


def _spot(settings: Settings) -> Request:
    """Managed spot training: the wait for capacity is bounded as any job's."""
    if not settings.spot_training:
        return {}
    longest = settings.max_runtime_minutes * 60 + QUEUE_SECONDS
    return {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {**_stopping(settings), "MaxWaitTimeInSeconds": longest},
    }


def _stopping(settings: Settings) -> Request:
    return {"MaxRuntimeInSeconds": settings.max_runtime_minutes * 60}


def kms(settings: Settings, key: str) -> Request:
    """`key` with the lender's own key for encryption, where the setting names one."""
    return {key: settings.kms_key_id} if settings.kms_key_id else {}


def network(settings: Settings, key: str) -> Request:
    """`key` with the subnets and security groups, where the settings name them."""
    if not settings.subnets:
        return {}
    return {key: {"Subnets": list(settings.subnets), "SecurityGroupIds": list(settings.security_group_ids)}}
