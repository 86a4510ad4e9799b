"""The model registry: package groups and their versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local_aws.kernel.config import Caller
from local_aws.kernel.errors import AwsError
from local_aws.kernel.state import Record
from local_aws.sagemaker.service import Operations, Resource, Service, now, public, summaries
from local_aws.sagemaker.validation import invalid, refuse

MAX_METADATA = 50
CARD_SECTIONS = {
    "model_overview",
    "intended_uses",
    "business_details",
    "training_details",
    "evaluation_details",
    "additional_information",
}
UNSUPPORTED: dict[str, set[Any]] = {
    "ModelPackageName": set(),  # unversioned packages, outside a group
    "CertifyForMarketplace": {False},
    "ValidationSpecification": set(),
    "SourceAlgorithmSpecification": set(),
    "AdditionalInferenceSpecificationsToAdd": set(),
}


class ModelPackageGroups(Resource):
    arn_kind = "model-package-group"

    def operations(self) -> Operations:
        return {
            "CreateModelPackageGroup": self.create,
            "DescribeModelPackageGroup": self.describe,
            "ListModelPackageGroups": self.list_all,
        }

    def create(self, params: Record, caller: Caller) -> Record:
        name = params["ModelPackageGroupName"]
        arn = self.arn(name)
        record = {key: value for key, value in params.items() if key != "Tags"}
        record.update(ModelPackageGroupArn=arn, CreationTime=now(), ModelPackageGroupStatus="Completed", CreatedBy={})
        if not self.store(name, {**record, "_last_version": 0}, params.get("Tags", [])):
            raise invalid(f"Model Package Group already exists: {arn}")
        return {"ModelPackageGroupArn": arn}

    def describe(self, params: Record, caller: Caller) -> Record:
        return public(self.require(params["ModelPackageGroupName"]))

    def list_all(self, params: Record, caller: Caller) -> Record:
        fields = (
            "ModelPackageGroupName",
            "ModelPackageGroupArn",
            "ModelPackageGroupDescription",
            "CreationTime",
            "ModelPackageGroupStatus",
        )
        page, token = summaries(self.records.values(), params, name="ModelPackageGroupName", fields=fields)
        return {"ModelPackageGroupSummaryList": page, **token}

    def require(self, name_or_arn: str) -> Record:
        record = self.records.get(name_or_arn.rsplit("/", 1)[-1])
        if record is None:
            arn = self.arn(name_or_arn.rsplit("/", 1)[-1])
            raise invalid(f"ModelPackageGroup {arn} does not exist.")
        return record


class ModelPackages(Resource):
    """Versions of groups, by "group/version". A number is never given twice, not even after a delete."""

    arn_kind = "model-package"

    def __init__(self, service: Service, groups: ModelPackageGroups) -> None:
        super().__init__(service)
        self._groups = groups

    def operations(self) -> Operations:
        return {
            "CreateModelPackage": self.create,
            "DescribeModelPackage": self.describe,
            "ListModelPackages": self.list_all,
            "UpdateModelPackage": self.update,
            "DeleteModelPackage": self.delete,
            "DeleteModelPackageGroup": self.delete_group,
        }

    def create(self, params: Record, caller: Caller) -> Record:
        refuse("CreateModelPackage", params, UNSUPPORTED)
        if "ModelPackageGroupName" not in params:
            raise invalid("The local AWS keeps versioned packages: ModelPackageGroupName is required")
        self._check_containers(params)
        self._check_card(params)
        group = self._groups.require(params["ModelPackageGroupName"])["ModelPackageGroupName"]
        request = {key: value for key, value in params.items() if key != "ClientToken"}
        with self.records.lock:
            for known in self.records.values() if params.get("ClientToken") else ():
                if known["_token"] == params["ClientToken"]:
                    if known["_request"] != request:
                        raise AwsError(
                            "ConflictException",
                            "The ClientToken was used for a request with other parameters",
                        )
                    return {"ModelPackageArn": known["ModelPackageArn"]}
            with self._groups.records.edit(group) as record:
                record["_last_version"] += 1
                version = record["_last_version"]
            arn = self.arn(f"{group}/{version}")
            created = now()
            package = {
                **{key: value for key, value in request.items() if key not in ("Tags", "SkipModelValidation")},
                "ModelPackageGroupName": group,
                "ModelPackageVersion": version,
                "ModelPackageArn": arn,
                "ModelApprovalStatus": params.get("ModelApprovalStatus", "PendingManualApproval"),
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
                "CreationTime": created,
                "LastModifiedTime": created,
                "CreatedBy": {},
                "_token": params.get("ClientToken"),
                "_request": request,
            }
            self.store(f"{group}/{version}", package, params.get("Tags", []))
        return {"ModelPackageArn": arn}

    def describe(self, params: Record, caller: Caller) -> Record:
        return public(self.require(params["ModelPackageName"]))

    def list_all(self, params: Record, caller: Caller) -> Record:
        group, approval = params.get("ModelPackageGroupName"), params.get("ModelApprovalStatus")
        name = self._groups.require(group)["ModelPackageGroupName"] if group else None
        wanted = params.get("ModelPackageType", "Versioned" if group else "Unversioned")

        def matches(record: Record) -> bool:
            return (
                wanted in ("Versioned", "Both")
                and name in (None, record["ModelPackageGroupName"])
                and approval in (None, record["ModelApprovalStatus"])
            )

        fields = (
            "ModelPackageGroupName",
            "ModelPackageVersion",
            "ModelPackageArn",
            "ModelPackageDescription",
            "CreationTime",
            "ModelPackageStatus",
            "ModelApprovalStatus",
        )
        page, token = summaries(
            self.records.values(), params, name="ModelPackageGroupName", fields=fields, matches=matches
        )
        return {"ModelPackageSummaryList": page, **token}

    def update(self, params: Record, caller: Caller) -> Record:
        """Change what the request names and nothing else."""
        refuse("UpdateModelPackage", params, UNSUPPORTED)
        name = self._name(self.require(params["ModelPackageArn"]))
        self._check_containers(params)
        self._check_card(params)
        with self.records.edit(name) as record:
            if "CustomerMetadataProperties" in params or "CustomerMetadataPropertiesToRemove" in params:
                metadata: Mapping[str, str] = {
                    **record.get("CustomerMetadataProperties", {}),
                    **params.get("CustomerMetadataProperties", {}),
                }
                removed = set(params.get("CustomerMetadataPropertiesToRemove", []))
                metadata = {key: value for key, value in metadata.items() if key not in removed}
                if len(metadata) > MAX_METADATA:
                    raise invalid(f"A model package can have at most {MAX_METADATA} CustomerMetadataProperties")
                record["CustomerMetadataProperties"] = metadata
            for field in (
                "ModelApprovalStatus",
                "ApprovalDescription",
                "InferenceSpecification",
                "SourceUri",
                "ModelLifeCycle",
                "ModelPackageRegistrationType",
            ):
                if field in params:
                    record[field] = params[field]
            if card := params.get("ModelCard"):
                record["ModelCard"] = {**record.get("ModelCard", {}), **card}
            record["LastModifiedTime"] = now()
            record["LastModifiedBy"] = {}
        return {"ModelPackageArn": record["ModelPackageArn"]}

    def delete(self, params: Record, caller: Caller) -> Record:
        record = self.require(params["ModelPackageName"])
        self.records.delete(self._name(record))
        self.service.tags.delete(record["ModelPackageArn"])
        return {}

    def delete_group(self, params: Record, caller: Caller) -> Record:
        group = self._groups.require(params["ModelPackageGroupName"])
        with self.records.lock:
            if any(r["ModelPackageGroupName"] == group["ModelPackageGroupName"] for r in self.records.values()):
                raise AwsError(
                    "ConflictException",
                    f"Model Package Group {group['ModelPackageGroupArn']} cannot be deleted because it still"
                    " contains Model Packages",
                )
            self._groups.records.delete(group["ModelPackageGroupName"])
        self.service.tags.delete(group["ModelPackageGroupArn"])
        return {}

    def require(self, name_or_arn: str) -> Record:
        """A package by ARN, or by "group/version"."""
        name = name_or_arn.split(":model-package/", 1)[-1]
        record = self.records.get(name)
        if record is None:
            raise invalid(f"ModelPackage {self.arn(name)} does not exist.")
        return record

    def deployable(self, name_or_arn: str) -> Record:
        """The container definition of a package; the service deploys approved versions only."""
        record = self.require(name_or_arn)
        if record["ModelApprovalStatus"] != "Approved":
            raise invalid(
                f"Model package {record['ModelPackageArn']} cannot be deployed: its ModelApprovalStatus is"
                f" {record['ModelApprovalStatus']}, not Approved"
            )
        containers: list[Record] = record.get("InferenceSpecification", {}).get("Containers", [])
        if len(containers) != 1:
            raise invalid(f"Model package {record['ModelPackageArn']} needs an InferenceSpecification of one container")
        return containers[0]

    def _check_containers(self, params: Record) -> None:
        """The service reads the model data when a package is created."""
        for container in params.get("InferenceSpecification", {}).get("Containers", []):
            url = container.get("ModelDataUrl")
            if url and not self.service.objects.exists(url):
                raise invalid(f"Could not find model data at {url}.")

    @staticmethod
    def _check_card(params: Record) -> None:
        """The content is JSON of the sections that the service's schema knows."""
        content = params.get("ModelCard", {}).get("ModelCardContent")
        if content is None:
            return
        try:
            unknown = sorted(json.loads(content).keys() - CARD_SECTIONS)
        except (ValueError, AttributeError):
            raise invalid("ModelCardContent is not a JSON object") from None
        if unknown:
            raise invalid(f"ModelCardContent does not follow the model card schema: {', '.join(unknown)}")

    @staticmethod
    def _name(record: Record) -> str:
        return f"{record['ModelPackageGroupName']}/{record['ModelPackageVersion']}"
