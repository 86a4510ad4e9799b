"""The batch transform: a night's loans scored by the model in force."""

from __future__ import annotations

from typing import Any, ClassVar

from mortgage_risk import aws
from mortgage_risk.jobs import requests
from mortgage_risk.jobs.operator import AwsJobOperator
from mortgage_risk.jobs.requests import RunTags
from mortgage_risk.jobs.state import NAME, JobState


class BatchTransformOperator(AwsJobOperator):
    """Scores a dataset (XCom of GlueDatasetOperator) with a SageMaker model. XCom: {"job", "seconds",
    "transform_uri"}.
    """

    kind = "transform"
    template_fields = (*AwsJobOperator.template_fields, "model", "dataset")
    template_fields_renderers: ClassVar[dict[str, str]] = {"dataset": "json"}

    def __init__(self, *, model: Any, dataset: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.dataset = dataset

    def build_request(self, tags: RunTags) -> dict[str, Any]:
        return requests.transform_job(
            self.settings,
            name=NAME,
            model=self.model,
            input_prefix=self.dataset["data_prefix"],
            output_prefix=self.layout.transform_output(self.source, self.business_date, NAME),
            tags=tags,
        )

    def reads(self) -> list[str]:
        return [self.dataset["data_prefix"]]

    def lineage_facts(self) -> dict[str, Any]:
        return {"model": self.model}

    def result_is_there(self, state: JobState) -> bool:
        return aws.exists(self.client("s3"), self.result_uri(state))

    def result_uri(self, state: JobState) -> str:
        return self.layout.transform_output(self.source, self.business_date, state.job_id)

    def result(self, state: JobState) -> dict[str, Any]:
        return {"transform_uri": self.result_uri(state)}
