"""The model registry: which package holds which training job, who approved it, and which one scores a given
night.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mortgage_risk import aws


@dataclass(frozen=True)
class ApprovedModel:
    """An approved package, and since when (business date) it may score."""

    arn: str
    version: int
    effective_from: str
    approved_at: str
    model_uri: str
    metadata: dict[str, str]


def packages(client: Any, group: str, **filters: Any) -> Iterator[dict[str, Any]]:
    """DescribeModelPackage of every package of the group, newest first; nothing if there is no such group."""
    pages = client.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", **filters
    )
    try:
        for page in pages:
            for summary in page["ModelPackageSummaryList"]:
                yield client.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
    except Exception as error:
        if not aws.is_not_found(error):
            raise


def find_by_training_job(client: Any, group: str, training_job: str, created_after: datetime) -> dict[str, Any] | None:
    """The package registered for a training job. A package is younger than its training job: older ones are
    not read.
    """
    for package in packages(client, group, CreationTimeAfter=created_after):
        if package.get("CustomerMetadataProperties", {}).get("training_job") == training_job:
            return package
    return None


def client_token(training_job: str) -> str:
    """The same for every attempt to register the same training job (SageMaker allows 36 characters)."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sagemaker:training-job/{training_job}"))


def ensure_group(client: Any, request: dict[str, Any]) -> None:
    try:
        client.describe_model_package_group(ModelPackageGroupName=request["ModelPackageGroupName"])
        return
    except Exception as error:
        if not aws.is_not_found(error):
            raise
    aws.create_once(client.create_model_package_group, request)


def approved_model(package: dict[str, Any], timezone: str) -> ApprovedModel:
    """Facts of an approved package. One approved outside the pipeline counts from its last change."""
    metadata = package.get("CustomerMetadataProperties", {})
    changed = package.get("LastModifiedTime") or package["CreationTime"]
    changed = changed.astimezone(ZoneInfo(timezone))
    return ApprovedModel(
        arn=package["ModelPackageArn"],
        version=int(package["ModelPackageVersion"]),
        effective_from=metadata.get("effective_from") or changed.date().isoformat(),
        approved_at=metadata.get("approved_at") or changed.isoformat(timespec="seconds"),
        model_uri=package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"],
        metadata=metadata,
    )


def effective_model(candidates: list[ApprovedModel], score_date: str) -> ApprovedModel | None:
    """Of the models in force on `score_date` the last to come into force, then the last approved."""
    in_force = [model for model in candidates if model.effective_from <= score_date]
    return max(
        in_force,
        key=lambda model: (model.effective_from, datetime.fromisoformat(model.approved_at), model.version),
        default=None,
    )


def model_in_force(client: Any, group: str, timezone: str, day: str) -> ApprovedModel | None:
    """The approved model of the group that scores the business date `day`."""
    approved = packages(client, group, ModelApprovalStatus="Approved")
    return effective_model([approved_model(package, timezone) for package in approved], day)
