"""The training job: one model on one loan panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from mortgage_risk import aws
from mortgage_risk.jobs.hyperparameters import as_dict
from mortgage_risk.jobs.kinds.training import TrainingJob
from mortgage_risk.jobs.operator import AwsJobOperator
from mortgage_risk.jobs.requests import Request, RunTags
from mortgage_risk.jobs.state import NAME, REQUEST, JobState
from mortgage_risk.xcoms import Dataset, PackagedCode, rendered

if TYPE_CHECKING:
    from airflow.sdk import XComArg


class PanelJobOperator(AwsJobOperator):
    """A job that trains on a panel with the packaged code. hyperparameters: dict, or its JSON."""

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
        panel: XComArg | Dataset,
        code: XComArg | PackagedCode,
        horizon_months: str | int,
        hyperparameters: XComArg | str | Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.panel = rendered(panel)
        self.code = rendered(code)
        self.horizon_months = horizon_months
        self.hyperparameters = cast("str | Mapping[str, Any]", hyperparameters)

    def training_request(self, tags: RunTags) -> Request:
        return TrainingJob.request(
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

    def lineage_facts(self) -> Mapping[str, object]:
        return {"code_sha256": self.code["sha256"], "git_commit": self.code["git_commit"]}


class TrainModelOperator(PanelJobOperator):
    """Trains the model. XCom: xcoms.TrainedModel."""

    kind = TrainingJob()

    def build_request(self, tags: RunTags) -> Request:
        return self.training_request(tags)

    def result_is_there(self, state: JobState) -> bool:
        return aws.exists(self.client("s3"), self.result_uri(state))

    def result_uri(self, state: JobState) -> str:
        return str(state.response["ModelArtifacts"]["S3ModelArtifacts"])

    def result(self, state: JobState) -> Mapping[str, Any]:
        metrics = {metric["MetricName"]: metric["Value"] for metric in state.response.get("FinalMetricDataList", [])}
        for name, value in sorted(metrics.items()):
            self.log.info("%s = %.5f", name, value)
        out_of_time = {name: round(value, 6) for name, value in metrics.items() if name.startswith("oot-")}
        return {"model_uri": self.result_uri(state), "metrics": out_of_time}
