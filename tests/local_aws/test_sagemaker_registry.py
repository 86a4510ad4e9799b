"""The model registry: versions, approval, metadata, idempotency, limits."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.local_aws.sagemaker_kit import IMAGE, ROLE, error_of

if TYPE_CHECKING:
    from tests.local_aws.conftest import LocalAws

BUCKET = "sagemaker-registry-tests"
DATA = f"s3://{BUCKET}/model.tar.gz"


@pytest.fixture(scope="module")
def client(aws: LocalAws) -> Any:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=b"x")
    return aws.client("sagemaker")


@pytest.fixture
def group(client: Any) -> str:
    name = f"group-{uuid.uuid4().hex[:8]}"
    client.create_model_package_group(ModelPackageGroupName=name, Tags=[{"Key": "team", "Value": "risk"}])
    return name


def package(group: str, **changes: Any) -> dict[str, Any]:
    return {
        "ModelPackageGroupName": group,
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": DATA, "Environment": {"A": "1"}}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelApprovalStatus": "PendingManualApproval",
        "ModelMetrics": {
            "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": f"s3://{BUCKET}/e.json"}}
        },
        "CustomerMetadataProperties": {"training_job": "job-1", "gate": "pass"},
        **changes,
    }


def test_an_update_changes_what_it_names_and_nothing_else(client: Any, group: str) -> None:
    arn = client.create_model_package(**package(group))["ModelPackageArn"]
    before = client.describe_model_package(ModelPackageName=arn)
    assert before["ModelPackageVersion"] == 1
    assert before["ModelApprovalStatus"] == "PendingManualApproval"
    assert before["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"].endswith("e.json")
    client.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"approved_by": "me"})
    client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="sound")
    client.update_model_package(ModelPackageArn=arn, CustomerMetadataPropertiesToRemove=["gate"])
    after = client.describe_model_package(ModelPackageName=arn)
    assert after["CustomerMetadataProperties"] == {"training_job": "job-1", "approved_by": "me"}
    assert after["ModelApprovalStatus"] == "Approved"
    assert after["ApprovalDescription"] == "sound"
    assert after["ModelMetrics"] == before["ModelMetrics"]
    assert after["CreationTime"] == before["CreationTime"]
    assert after["LastModifiedTime"] > before["LastModifiedTime"]


def test_a_model_card_is_kept_and_its_status_changed_alone(client: Any, group: str) -> None:
    content = json.dumps({"intended_uses": {"purpose_of_model": "PD"}})
    card = {"ModelCardContent": content, "ModelCardStatus": "PendingReview"}
    arn = client.create_model_package(**package(group, ModelCard=card))["ModelPackageArn"]
    assert client.describe_model_package(ModelPackageName=arn)["ModelCard"] == card
    client.update_model_package(ModelPackageArn=arn, ModelCard={"ModelCardStatus": "Approved"})
    after = client.describe_model_package(ModelPackageName=arn)["ModelCard"]
    assert after == {"ModelCardContent": content, "ModelCardStatus": "Approved"}
    for wrong in ("no JSON", '{"model_package_details": {}}'):
        given = package(group, ModelCard={**card, "ModelCardContent": wrong})
        assert error_of(client.create_model_package, **given)[0] == "ValidationException"


def test_versions_are_never_reused_and_lists_filter_and_sort(client: Any, group: str) -> None:
    arns = [client.create_model_package(**package(group))["ModelPackageArn"] for _ in range(3)]
    client.delete_model_package(ModelPackageName=arns[2])
    arns[2] = client.create_model_package(**package(group))["ModelPackageArn"]
    assert [arn.rsplit("/", 1)[1] for arn in arns] == ["1", "2", "4"]
    client.update_model_package(ModelPackageArn=arns[1], ModelApprovalStatus="Approved")

    def versions(**filters: Any) -> list[int]:
        pages = client.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group, **filters)
        return [summary["ModelPackageVersion"] for page in pages for summary in page["ModelPackageSummaryList"]]

    assert versions() == [1, 2, 4]
    assert versions(SortOrder="Descending", MaxResults=1) == [4, 2, 1]
    assert versions(ModelApprovalStatus="Approved") == [2]
    assert error_of(client.delete_model_package_group, ModelPackageGroupName=group)[0] == "ConflictException"
    for arn in arns:
        client.delete_model_package(ModelPackageName=arn)
    client.delete_model_package_group(ModelPackageGroupName=group)
    assert error_of(client.describe_model_package_group, ModelPackageGroupName=group)[0] == "ValidationException"


def test_a_client_token_registers_once(client: Any, group: str) -> None:
    token = uuid.uuid4().hex
    first = client.create_model_package(**package(group, ClientToken=token))
    again = client.create_model_package(**package(group, ClientToken=token))
    assert first["ModelPackageArn"] == again["ModelPackageArn"]
    changed = package(group, ClientToken=token, ModelPackageDescription="other")
    assert error_of(client.create_model_package, **changed)[0] == "ConflictException"


def test_duplicates_limits_and_absent_data_are_refused(client: Any, group: str) -> None:
    code, message = error_of(client.create_model_package_group, ModelPackageGroupName=group)
    assert code == "ValidationException"
    assert "already exists" in message
    many = {f"k{i}": "v" for i in range(51)}
    code, message = error_of(client.create_model_package, **package(group, CustomerMetadataProperties=many))
    assert code == "ValidationException"
    assert "less than or equal to 50" in message
    for properties in ({"k" * 129: "v"}, {"k": "v" * 257}):
        assert error_of(client.create_model_package, **package(group, CustomerMetadataProperties=properties))[0] == (
            "ValidationException"
        )
    arn = client.create_model_package(**package(group, CustomerMetadataProperties=dict(list(many.items())[:50])))
    code, message = error_of(
        client.update_model_package,
        ModelPackageArn=arn["ModelPackageArn"],
        CustomerMetadataProperties={"one-more": "v"},
    )
    assert code == "ValidationException"
    assert "at most 50" in message
    long = {"ModelPackageArn": arn["ModelPackageArn"], "ApprovalDescription": "x" * 1025}
    assert error_of(client.update_model_package, **long)[0] == "ValidationException"
    absent = package(group)
    absent["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] = f"s3://{BUCKET}/absent.tar.gz"
    code, message = error_of(client.create_model_package, **absent)
    assert code == "ValidationException"
    assert "Could not find model data" in message
    assert error_of(client.create_model_package, **package("no-such-group"))[0] == "ValidationException"


def test_only_an_approved_package_becomes_a_model(client: Any, group: str) -> None:
    arn = client.create_model_package(**package(group))["ModelPackageArn"]
    request = {
        "ModelName": f"model-{uuid.uuid4().hex[:8]}",
        "ExecutionRoleArn": ROLE,
        "Containers": [{"ModelPackageName": arn}],
    }
    code, message = error_of(client.create_model, **request)
    assert code == "ValidationException"
    assert "not Approved" in message
    client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    client.create_model(**request)
    described = client.describe_model(ModelName=request["ModelName"])
    assert described["Containers"][0]["ModelPackageName"] == arn


def test_tags_and_persistence(own_aws: LocalAws) -> None:
    s3, client = own_aws.client("s3"), own_aws.client("sagemaker")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=b"x")
    client.create_model_package_group(ModelPackageGroupName="kept")
    arn = client.create_model_package(**package("kept"))["ModelPackageArn"]
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    client.delete_tags(ResourceArn=arn, TagKeys=["a"])
    own_aws.restart()
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert client.describe_model_package(ModelPackageName=arn)["CustomerMetadataProperties"]["gate"] == "pass"
    assert client.create_model_package(**package("kept"))["ModelPackageArn"].endswith("/2")
    code, _ = error_of(client.add_tags, ResourceArn=arn + "9", Tags=[{"Key": "a", "Value": "1"}])
    assert code == "ResourceNotFound"
