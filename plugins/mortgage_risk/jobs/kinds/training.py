"""Training jobs in script mode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mortgage_risk.jobs.kinds.kind import CONSOLE
from mortgage_risk.jobs.kinds.sagemaker_job import Answer, SageMakerJob
from mortgage_risk.jobs.requests import QUEUE_SECONDS, Request, RunTags, instances, kms, network, stopping
from mortgage_risk.settings import Settings


class TrainingJob(SageMakerJob):
    name = "training"
    title = "Training"
    console_page = CONSOLE + "/sagemaker/home?region={region}#/jobs/{name}"

    @staticmethod
    def request(
        settings: Settings,
        *,
        name: str,
        panel_prefix: str,
        code_prefix: str,
        output_prefix: str,
        checkpoint_prefix: str,
        hyperparameters: Mapping[str, object],
        metric_definitions: list[dict[str, str]],
        tags: RunTags,
    ) -> Request:
        """The training script on the loan panel (Parquet under `panel_prefix`).

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
            "ResourceConfig": instances(settings, settings.training_instance_type),
            "StoppingCondition": stopping(settings),
            "Tags": tags.as_list(),
            **network(settings, "VpcConfig"),
            "CheckpointConfig": {"S3Uri": checkpoint_prefix, "LocalPath": "/opt/ml/checkpoints"},
            **_spot(settings),
        }

    def create_job(self, client: Any, request: Request) -> None:
        client.create_training_job(**request)

    def describe_job(self, client: Any, name: str) -> Answer:
        answer: Answer = client.describe_training_job(TrainingJobName=name)
        return answer

    def stop_job(self, client: Any, name: str) -> None:
        client.stop_training_job(TrainingJobName=name)

    def list_running(self, client: Any) -> Iterable[Answer]:
        pages: Iterable[Answer] = client.get_paginator("list_training_jobs").paginate(StatusEquals="InProgress")
        return pages

    def machines(self, answer: Answer) -> Answer:
        machines: Answer = answer.get("ResourceConfig", {})
        return machines


def _spot(settings: Settings) -> Request:
    """Managed spot training: the wait for capacity is bounded as any job's."""
    if not settings.spot_training:
        return {}
    longest = settings.max_runtime_minutes * 60 + QUEUE_SECONDS
    return {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {**stopping(settings), "MaxWaitTimeInSeconds": longest},
    }
