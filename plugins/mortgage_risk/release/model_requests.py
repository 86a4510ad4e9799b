"""The exact arguments of every AWS call that registers or deploys a model. Pure functions; golden files test them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mortgage_risk.documents import ModelCard
from mortgage_risk.jobs.requests import PLATFORM, Request, RunTags, network
from mortgage_risk.release import model_card
from mortgage_risk.release.decisions import Change
from mortgage_risk.release.registry import ModelPackage
from mortgage_risk.settings import Settings


def model(settings: Settings, *, name: str, model_package_arn: str, tags: RunTags) -> Request:
    """CreateModel from an approved model package."""
    return {
        "ModelName": name,
        "ExecutionRoleArn": settings.execution_role_arn,
        "PrimaryContainer": {"ModelPackageName": model_package_arn},
        "Tags": tags.as_list(),
        **network(settings, "VpcConfig"),
    }


def model_package_group(*, name: str, source: str) -> Request:
    return {
        "ModelPackageGroupName": name,
        "ModelPackageGroupDescription": f"Mortgage probability-of-default models trained on {source} loans.",
        "Tags": [{"Key": "platform", "Value": PLATFORM}],
    }


def model_package(
    settings: Settings,
    *,
    group: str,
    model_uri: str,
    evidence_uris: Mapping[str, str],
    card: ModelCard,
    description: str,
    metadata: Mapping[str, object],
    client_token: str,
) -> Request:
    """CreateModelPackage, waiting for approval.

    `evidence_uris`: the evidence pack by file name; `card`: the content of card.json; `metadata`: the rest of the
    evidence (values cut to 256).
    """

    def report(name: str) -> Request:
        return {"ContentType": "application/json", "S3Uri": evidence_uris[name]}

    metrics = {
        "ModelQuality": {"Statistics": report("evaluation.json")},
        "Explainability": {"Report": report("explainability.json")},
    }
    if "bias.json" in evidence_uris:
        metrics["Bias"] = {"Report": report("bias.json")}
    return {
        "ModelPackageGroupName": group,
        "ModelPackageDescription": description[:1024],
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": settings.image_uri,
                    "ModelDataUrl": model_uri,
                    "Environment": {
                        "SAGEMAKER_PROGRAM": "inference.py",
                        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                    },
                }
            ],
            "SupportedContentTypes": ["text/csv", "application/json"],
            "SupportedResponseMIMETypes": ["text/csv", "application/json"],
            "SupportedTransformInstanceTypes": [settings.transform_instance_type],
            "SupportedRealtimeInferenceInstanceTypes": [settings.transform_instance_type],
        },
        "ModelMetrics": metrics,
        "ModelCard": {
            "ModelCardContent": model_card.content(card, model_uri=model_uri, evidence_uris=evidence_uris),
            "ModelCardStatus": model_card.PENDING,
        },
        "CustomerMetadataProperties": metadata_properties(metadata),
        "ClientToken": client_token,
    }


def package_update(package: ModelPackage, change: Change) -> Request:
    """UpdateModelPackage. `package`: as it was before."""
    metadata = metadata_properties(change.metadata)
    before = package.get("CustomerMetadataProperties", {})
    request: Request = {
        "ModelPackageArn": package["ModelPackageArn"],
        "ApprovalDescription": change.description[:1024],
        "CustomerMetadataProperties": metadata,
    }
    if gone := [name for name in change.replaces if name in before and name not in metadata]:
        request["CustomerMetadataPropertiesToRemove"] = gone
    if change.status:
        request["ModelApprovalStatus"] = change.status
        if package.get("ModelCard"):  # one that was registered without a card has no status to change
            request["ModelCard"] = {"ModelCardStatus": model_card.status(change.status)}
    return request


def metadata_properties(metadata: Mapping[str, object]) -> dict[str, str]:
    """CustomerMetadataProperties: strings of 256 characters at most, nothing empty, only what SageMaker takes.

    It takes letters, digits, spaces and _ . : / = + - @; the full wording stands in gate.json and ApprovalDescription.
    """
    words = {key: str(value).replace("%", " percent") for key, value in metadata.items() if value not in (None, "")}
    return {key: re.sub(r"[^\w .:/=+@-]+", " ", text)[:256].strip() for key, text in words.items()}
