"""The training job: one model on one loan panel."""

from __future__ import annotations

from typing import Any, ClassVar

from mortgage_risk import aws
from mortgage_risk.jobs import requests
from mortgage_risk.jobs.hyperparameters import as_dict
from mortgage_risk.jobs.operator import AwsJobOperator
from mortgage_risk.jobs.requests import RunTags
from mortgage_risk.jobs.state import NAME, REQUEST, JobState


class TrainModelOperator(AwsJobOperator):
    """Trains on the panel (XCom of GlueDatasetOperator) with the packaged code (XCom of PackageCodeOperator).

    hyperparameters: dict, or its JSON. XCom: {"job", "seconds", "model_uri", "metrics" (out-of-time, by
    name)}.
    """

    kind = "training"
    remedy = (
        "mend the data and clear the task, or start a run with other settings. In the form, oot_months and "
        'validation_months are entries of Hyperparameters, such as {"oot_months": 6, "validation_months": 6}, and '
        "horizon_months is Horizon (months); `make demo` takes OOT_MONTHS, VALIDATION_MONTHS and HORIZON_MONTHS."
    )
    template_fields = (*AwsJobOperator.template_fields, "panel", "code", "horizon_months", "hyperparameters")
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "panel": "json",
        "code": "json",
        "hyperparameters": "json",
    }

    def __init__(
        self,
        *,
        panel: Any,
        code: Any,
        horizon_months: str | int,
        hyperparameters: str | dict[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.panel = panel
        self.code = code
        self.horizon_months = horizon_months
        self.hyperparameters = hyperparameters

    def build_request(self, tags: RunTags) -> dict[str, Any]:
        return requests.training_job(
            self.settings,
            name=NAME,
            panel_prefix=self.panel["data_prefix"],
            code_prefix=self.code["prefix"],
            output_prefix=self.layout.models,
            checkpoint_prefix=f"{self.layout.models}checkpoints/{REQUEST}/",
            hyperparameters={**as_dict(self.hyperparameters), "horizon_months": self.horizon_months},
            metric_definitions=aws.read_json(
                self.client("s3"), f"{self.code['prefix']}sourcedir/metric_definitions.json"
            ),
            tags=tags,
        )

    def reads(self) -> list[str]:
        return [self.panel["data_prefix"]]

    def lineage_facts(self) -> dict[str, Any]:
        return {"code_sha256": self.code["sha256"], "git_commit": self.code["git_commit"]}

    def result_is_there(self, state: JobState) -> bool:
        return aws.exists(self.client("s3"), self.result_uri(state))

    def result_uri(self, state: JobState) -> str:
        return state.response["ModelArtifacts"]["S3ModelArtifacts"]

    def result(self, state: JobState) -> dict[str, Any]:
        metrics = {metric["MetricName"]: metric["Value"] for metric in state.response.get("FinalMetricDataList", [])}
        for name, value in sorted(metrics.items()):
            self.log.info("%s = %.5f", name, value)
        out_of_time = {name: round(value, 6) for name, value in metrics.items() if name.startswith("oot-")}
        return {"model_uri": self.result_uri(state), "metrics": out_of_time}
