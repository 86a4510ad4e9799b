"""Processing jobs: a script of the packaged code in the training container, over folders of S3."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mortgage_risk.jobs.kinds.kind import CONSOLE
from mortgage_risk.jobs.kinds.sagemaker_job import Answer, SageMakerJob
from mortgage_risk.jobs.requests import Request, RunTags, instances, kms, network, stopping
from mortgage_risk.settings import Settings

_FOLDER = "/opt/ml/processing"


@dataclass(frozen=True)
class Input:
    """A folder `name` of the job, of an S3 prefix or of the objects that a ManifestFile lists."""

    name: str
    uri: str
    data_type: str = "S3Prefix"

    def as_request(self) -> Request:
        return {
            "InputName": self.name,
            "S3Input": {
                "S3Uri": self.uri,
                "LocalPath": f"{_FOLDER}/{self.name}",
                "S3DataType": self.data_type,
                "S3InputMode": "File",
                "S3DataDistributionType": "FullyReplicated",
            },
        }


class ProcessingJob(SageMakerJob):
    name = "processing"
    title = "Processing"
    console_page = CONSOLE + "/sagemaker/home?region={region}#/processing-jobs/{name}"

    @staticmethod
    def request(
        settings: Settings,
        *,
        name: str,
        script: str,
        code_prefix: str,
        inputs: Sequence[Input],
        output_prefix: str,
        arguments: Mapping[str, object],
        tags: RunTags,
    ) -> Request:
        """`script` lies in the packaged code; `arguments` are without the leading dashes."""
        in_network = network(settings, "VpcConfig")
        return {
            "ProcessingJobName": name,
            "RoleArn": settings.execution_role_arn,
            "AppSpecification": {
                "ImageUri": settings.image_uri,
                "ContainerEntrypoint": ["python3", f"{_FOLDER}/code/{script}"],
                "ContainerArguments": [text for key, value in arguments.items() for text in (f"--{key}", str(value))],
            },
            "ProcessingInputs": [given.as_request() for given in (Input("code", f"{code_prefix}sourcedir/"), *inputs)],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "report",
                        "S3Output": {
                            "S3Uri": output_prefix,
                            "LocalPath": f"{_FOLDER}/output",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ],
                **kms(settings, "KmsKeyId"),
            },
            "ProcessingResources": {"ClusterConfig": instances(settings, settings.processing_instance_type)},
            "StoppingCondition": stopping(settings),
            "Tags": tags.as_list(),
            **({"NetworkConfig": in_network} if in_network else {}),
        }

    def create_job(self, client: Any, request: Request) -> None:
        client.create_processing_job(**request)

    def describe_job(self, client: Any, name: str) -> Answer:
        answer: Answer = client.describe_processing_job(ProcessingJobName=name)
        return answer

    def stop_job(self, client: Any, name: str) -> None:
        client.stop_processing_job(ProcessingJobName=name)

    def list_running(self, client: Any) -> Iterable[Answer]:
        pages: Iterable[Answer] = client.get_paginator("list_processing_jobs").paginate(StatusEquals="InProgress")
        return pages

    def machines(self, answer: Answer) -> Answer:
        machines: Answer = answer.get("ProcessingResources", {}).get("ClusterConfig", {})
        return machines
