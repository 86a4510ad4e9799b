"""Endpoint configurations: which models an endpoint serves."""

from __future__ import annotations

from typing import Any

from local_aws.kernel.config import Caller
from local_aws.kernel.state import Record
from local_aws.sagemaker.models import Models
from local_aws.sagemaker.service import Operations, Resource, Service, now, public, summaries
from local_aws.sagemaker.validation import invalid, refuse

UNSUPPORTED: dict[str, set[Any]] = {
    "AsyncInferenceConfig": set(),
    "DataCaptureConfig.EnableCapture": {False},
    "ExplainerConfig": set(),
    "ShadowProductionVariants": set(),
    "ProductionVariants[].ServerlessConfig": set(),
}


class EndpointConfigs(Resource):
    arn_kind = "endpoint-config"

    def __init__(self, service: Service, models: Models) -> None:
        super().__init__(service)
        self._models = models

    def operations(self) -> Operations:
        return {
            "CreateEndpointConfig": self.create,
            "DescribeEndpointConfig": lambda params, caller: public(self.require(params["EndpointConfigName"])),
            "DeleteEndpointConfig": self.delete,
            "ListEndpointConfigs": self.list_all,
        }

    def create(self, params: Record, caller: Caller) -> Record:
        refuse("CreateEndpointConfig", params, UNSUPPORTED)
        name = params["EndpointConfigName"]
        arn = self.arn(name)
        variants = [variant["VariantName"] for variant in params["ProductionVariants"]]
        if len(set(variants)) < len(variants):
            raise invalid("Variant names must be unique")
        for variant in params["ProductionVariants"]:
            if "ModelName" not in variant:
                raise invalid(f"Variant {variant['VariantName']} needs a ModelName")
            self._models.require(variant["ModelName"])
        record = {key: value for key, value in params.items() if key != "Tags"}
        record.update(EndpointConfigArn=arn, CreationTime=now())
        if not self.store(name, record, params.get("Tags", [])):
            raise invalid(f'Cannot create already existing endpoint configuration "{arn}".')
        return {"EndpointConfigArn": arn}

    def delete(self, params: Record, caller: Caller) -> Record:
        self.service.tags.delete(self.require(params["EndpointConfigName"])["EndpointConfigArn"])
        self.records.delete(params["EndpointConfigName"])
        return {}

    def list_all(self, params: Record, caller: Caller) -> Record:
        fields = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")
        page, token = summaries(
            self.records.values(), params, name="EndpointConfigName", fields=fields, descending=True
        )
        return {"EndpointConfigs": page, **token}

    def require(self, name: str) -> Record:
        record = self.records.get(name)
        if record is None:
            arn = self.arn(name)
            raise invalid(f'Could not find endpoint configuration "{arn}".')
        return record
