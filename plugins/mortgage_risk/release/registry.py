"""The model registry: which package holds which training job, who approved it, and which one scores a given
night.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mortgage_risk import aws

# What a decision leaves in a package's metadata. A new decision takes away what the one before it left.
APPROVAL = ("approved_by", "approved_at", "effective_from", "override_by", "override_reason")
REJECTION = ("rejected_by", "rejected_at", "rejected_reason")
WITHDRAWAL = ("withdrawn_by", "withdrawn_at", "withdrawn_from", "withdrawn_reason")
EARLIER = "in_force_before"  # the periods of former approvals: a night keeps the model it had
NEVER = "9999-12-31"
OUTSIDE = "someone outside this pipeline"


@dataclass(frozen=True)
class Period:
    """Business dates on which a version may score, from `start` until before `end`, since it was approved then."""

    start: str
    end: str
    approved_at: str

    def __str__(self) -> str:
        return f"{self.start}/{self.end}@{self.approved_at}"

    @classmethod
    def parse(cls, text: str) -> Period:
        dates, _, approved_at = text.partition("@")
        start, _, end = dates.partition("/")
        return cls(start, end, approved_at)

    @property
    def words(self) -> str:
        return f"from {self.start}" + ("" if self.end == NEVER else f" until before {self.end}")


@dataclass(frozen=True)
class ApprovedModel:
    """A package that was approved, and on which business dates it may score: from `effective_from` until before
    `withdrawn_from` ('': no end), and in the periods of `earlier` approvals.

    `status`: SageMaker's. Where somebody changed it past the pipeline, SageMaker deploys the version no more, and it
    counts as withdrawn from the day of its last change on.
    """

    arn: str
    version: int
    effective_from: str
    approved_at: str
    model_uri: str
    metadata: dict[str, str]
    withdrawn_from: str = ""
    earlier: tuple[Period, ...] = ()
    status: str = "Approved"

    @property
    def in_force(self) -> bool:
        """Approved, now or from a coming day on, and not withdrawn."""
        return self.status == "Approved" and not self.withdrawn_from

    @property
    def periods(self) -> tuple[Period, ...]:
        """The last one is that of the approval which counts now."""
        return (*self.earlier, Period(self.effective_from, self.withdrawn_from or NEVER, self.approved_at))

    def in_force_since(self, day: str) -> str:
        """The start of the period that `day` is in; '' if it is in none."""
        return max((period.start for period in self.periods if period.start <= day < period.end), default="")


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


def was_approved(package: Mapping[str, Any]) -> bool:
    """Approved now, or approved by the pipeline and given another status past it."""
    approved_once = "effective_from" in package.get("CustomerMetadataProperties", {})
    return package["ModelApprovalStatus"] == "Approved" or approved_once


def approved_model(package: Mapping[str, Any], timezone: str) -> ApprovedModel:
    """Facts of a package that was approved. What was done outside the pipeline counts from its last change."""
    metadata = package.get("CustomerMetadataProperties", {})
    changed = package.get("LastModifiedTime") or package["CreationTime"]
    changed = changed.astimezone(ZoneInfo(timezone))
    status = package["ModelApprovalStatus"]
    ends = [metadata.get("withdrawn_from"), changed.date().isoformat() if status != "Approved" else None]
    return ApprovedModel(
        arn=package["ModelPackageArn"],
        version=int(package["ModelPackageVersion"]),
        effective_from=metadata.get("effective_from") or changed.date().isoformat(),
        approved_at=metadata.get("approved_at") or changed.isoformat(timespec="seconds"),
        model_uri=package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"],
        metadata=metadata,
        withdrawn_from=min(filter(None, ends), default=""),
        earlier=tuple(map(Period.parse, metadata.get(EARLIER, "").split())),
        status=status,
    )


def approved_models(client: Any, group: str, timezone: str) -> list[ApprovedModel]:
    """Every version of the group that was approved, newest first, whatever became of it since."""
    return [approved_model(package, timezone) for package in packages(client, group) if was_approved(package)]


def effective_model(candidates: Iterable[ApprovedModel], score_date: str) -> ApprovedModel | None:
    """Of the models in force on `score_date` the last to come into force, then the last approved."""
    in_force = [
        (period.start, datetime.fromisoformat(period.approved_at), model.version, model)
        for model in candidates
        for period in model.periods
        if period.start <= score_date < period.end
    ]
    return max(in_force, key=lambda found: found[:3])[3] if in_force else None


def model_in_force(client: Any, group: str, timezone: str, day: str) -> ApprovedModel | None:
    """The approved model of the group that scores the business date `day`."""
    return effective_model(approved_models(client, group, timezone), day)
