"""Models: what a serving container is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local_aws.kernel.config import Caller
from local_aws.kernel.state import Record
from local_aws.sagemaker.registry import ModelPackages
from local_aws.sagemaker.service import Operations, Resource, Service, now, public, summaries
from local_aws.sagemaker.validation import invalid, refuse

SUPPORTED: dict[str, set[Any]] = {
    "Containers[1]": set(),
    "InferenceExecutionConfig": set(),
    "PrimaryContainer.Mode": {"SingleModel"},
    "PrimaryContainer.MultiModelConfig": set(),
    "PrimaryContainer.AdditionalModelDataSources": set(),
    "PrimaryContainer.InferenceSpecificationName": set(),
    "Containers[].Mode": {"SingleModel"},
    "Containers[].MultiModelConfig": set(),
    "Containers[].AdditionalModelDataSources": set(),
    "Containers[].InferenceSpecificationName": set(),
}


@dataclass(frozen=True)
class ContainerSpec:
    """A serving container: image, model data (a tar.gz, or a prefix ending in "/") and environment."""

    image: str
    model_data: str | None
    environment: dict[str, str]


class Models(Resource):
    arn_kind = "model"

    def __init__(self, service: Service, packages: ModelPackages) -> None:
        super().__init__(service)
        self._packages = packages

    def operations(self) -> Operations:
        return {
            "CreateModel": self.create,
            "DescribeModel": self.describe,
            "DeleteModel": self.delete,
            "ListModels": self.list_all,
        }

    def create(self, params: Record, caller: Caller) -> Record:
        name = params["ModelName"]
        arn = self.arn(name)
        refuse("CreateModel", params, SUPPORTED)
        if bool(params.get("PrimaryContainer")) == bool(params.get("Containers")):
            raise invalid("Exactly one of PrimaryContainer and Containers is required")
        spec = self.container_of(params)
        self.service.runtimes.python(spec.image)
        if spec.model_data and not spec.model_data.endswith("/") and not self.service.objects.exists(spec.model_data):
            raise invalid(f"Could not find model data at {spec.model_data}.")
        record = {key: value for key, value in params.items() if key != "Tags"}
        record.update(
            ModelArn=arn,
            CreationTime=now(),
            EnableNetworkIsolation=params.get("EnableNetworkIsolation", False),
        )
        if not self.store(name, record, params.get("Tags", [])):
            raise invalid(f'Cannot create already existing model "{arn}".')
        return {"ModelArn": arn}

    def describe(self, params: Record, caller: Caller) -> Record:
        return public(self.require(params["ModelName"]))

    def delete(self, params: Record, caller: Caller) -> Record:
        record = self.require(params["ModelName"])
        self.records.delete(params["ModelName"])
        self.service.tags.delete(record["ModelArn"])
        return {}

    def list_all(self, params: Record, caller: Caller) -> Record:
        fields = ("ModelName", "ModelArn", "CreationTime")
        page, token = summaries(self.records.values(), params, name="ModelName", fields=fields, descending=True)
        return {"Models": page, **token}

    def require(self, name: str) -> Record:
        record = self.records.get(name)
        if record is None:
            raise invalid(f'Could not find model "{self.arn(name)}".')
        return record

    def container(self, name: str) -> ContainerSpec:
        """The container of a model; ValidationException when the model, or its package, is gone."""
        return self.container_of(self.require(name))

    def container_of(self, model: Record) -> ContainerSpec:
        definition = dict(model.get("PrimaryContainer") or model["Containers"][0])
        environment = dict(definition.get("Environment", {}))
        if package := definition.get("ModelPackageName"):
            definition = self._packages.deployable(package)
            environment = {**definition.get("Environment", {}), **environment}
        if not definition.get("Image"):
            raise invalid("A container needs an Image or a ModelPackageName")
        return ContainerSpec(definition["Image"], _model_data(definition), environment)


def _model_data(definition: Record) -> str | None:
    source = definition.get("ModelDataSource", {}).get("S3DataSource")
    uri: str | None = source["S3Uri"] if source else definition.get("ModelDataUrl")
    if not source or uri is None or (source["S3DataType"], source["CompressionType"]) == ("S3Object", "Gzip"):
        return uri
    if (source["S3DataType"], source["CompressionType"]) == ("S3Prefix", "None"):
        return f"{uri.rstrip('/')}/"
    raise invalid("ModelDataSource is either an S3Object with CompressionType Gzip or an S3Prefix with None")
