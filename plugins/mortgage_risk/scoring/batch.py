"""The batch transform: a night's loans scored by the model in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mortgage_risk import aws
from mortgage_risk.jobs.kinds.transform import TransformJob
from mortgage_risk.jobs.operator import AwsJobOperator
from mortgage_risk.jobs.requests import Request, RunTags
from mortgage_risk.jobs.state import NAME, JobState
from mortgage_risk.xcoms import Dataset, rendered

if TYPE_CHECKING:
    from airflow.sdk import XComArg


class BatchTransformOperator(AwsJobOperator):
    """Scores a dataset (XCom of GlueDatasetOperator) with a SageMaker model. XCom: xcoms.Transform."""

    kind = TransformJob()
    template_fields = (*AwsJobOperator.template_fields, "model", "dataset")
    template_fields_renderers: ClassVar[dict[str, str]] = {"dataset": "json"}

    def __init__(self, *, model: XComArg | str, dataset: XComArg | Dataset, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = rendered(model)
        self.dataset = rendered(dataset)

    def build_request(self, tags: RunTags) -> Request:
        return self.kind.request(
            self.settings,
            name=NAME,
            model=self.model,
            input_prefix=self.dataset["data_prefix"],
            output_prefix=self.layout.transform_output(self.source, self.business_date, NAME),
            tags=tags,
        )

    def reads(self) -> list[str]:
        return [self.dataset["data_prefix"]]

    def lineage_facts(self) -> Mapping[str, object]:
        return {"model": self.model}

    def result_is_there(self, state: JobState) -> bool:
        return aws.exists(self.client("s3"), self.result_uri(state))

    def result_uri(self, state: JobState) -> str:
        return self.layout.transform_output(self.source, self.business_date, state.job_id)

    def result(self, state: JobState) -> Mapping[str, Any]:
        return {"transform_uri": self.result_uri(state)}
