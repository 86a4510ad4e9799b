"""What the requests of all kinds of job have in common: who asks, on what machines, for how long, how guarded.

The request of each kind is made by its class in `kinds`; golden files test them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mortgage_risk.settings import Settings

Request = dict[str, Any]  # an AWS call's arguments

PLATFORM = "mortgage-risk"  # the tag that all jobs carry
QUEUE_SECONDS = 1800  # what a job may wait for capacity, beside the time its own limit counts


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


def instances(settings: Settings, instance_type: str) -> Request:
    return {
        "InstanceType": instance_type,
        "InstanceCount": 1,
        "VolumeSizeInGB": settings.volume_gb,
        **kms(settings, "VolumeKmsKeyId"),
    }


def stopping(settings: Settings) -> Request:
    return {"MaxRuntimeInSeconds": settings.max_runtime_minutes * 60}


def kms(settings: Settings, key: str) -> Request:
    """`key` with the lender's own key for encryption, where the setting names one."""
    return {key: settings.kms_key_id} if settings.kms_key_id else {}


def network(settings: Settings, key: str) -> Request:
    """`key` with the subnets and security groups, where the settings name them."""
    if not settings.subnets:
        return {}
    return {key: {"Subnets": list(settings.subnets), "SecurityGroupIds": list(settings.security_group_ids)}}
