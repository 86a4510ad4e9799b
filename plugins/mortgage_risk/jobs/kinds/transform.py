"""Batch transforms: a SageMaker model over files of S3."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mortgage_risk.jobs.kinds.kind import CONSOLE
from mortgage_risk.jobs.kinds.sagemaker_job import Answer, SageMakerJob
from mortgage_risk.jobs.requests import Request, RunTags, kms
from mortgage_risk.settings import Settings


class TransformJob(SageMakerJob):
    name = "transform"
    title = "Transform"
    console_page = CONSOLE + "/sagemaker/home?region={region}#/transform-jobs/{name}"

    @staticmethod
    def request(
        settings: Settings, *, name: str, model: str, input_prefix: str, output_prefix: str, tags: RunTags
    ) -> Request:
        """Each output line is `loan_id,pd,grade,reason_1,…`; the model never sees the loan_id."""
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

    def create_job(self, client: Any, request: Request) -> None:
        client.create_transform_job(**request)

    def describe_job(self, client: Any, name: str) -> Answer:
        answer: Answer = client.describe_transform_job(TransformJobName=name)
        return answer

    def stop_job(self, client: Any, name: str) -> None:
        client.stop_transform_job(TransformJobName=name)

    def list_running(self, client: Any) -> Iterable[Answer]:
        pages: Iterable[Answer] = client.get_paginator("list_transform_jobs").paginate(StatusEquals="InProgress")
        return pages

    def machines(self, answer: Answer) -> Answer:
        machines: Answer = answer.get("TransformResources", {})
        return machines
