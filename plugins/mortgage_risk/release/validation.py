"""The validation job: is the trained model fit for release? Its verdict is gate.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mortgage_risk import aws
from mortgage_risk.jobs import links
from mortgage_risk.jobs.hyperparameters import DEFAULT_SEED, as_dict
from mortgage_risk.jobs.kinds.processing import Input, ProcessingJob
from mortgage_risk.jobs.operator import AwsJobOperator
from mortgage_risk.jobs.requests import Request, RunTags
from mortgage_risk.jobs.state import NAME, JobState
from mortgage_risk.release import registry
from mortgage_risk.settings import Settings
from mortgage_risk.xcoms import Dataset, PackagedCode, TrainedModel, ValidationFiles, rendered

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg

DEMOGRAPHICS = "borrower_demographics"


class ValidateModelOperator(AwsJobOperator):
    """Validates the trained model on the panel it was trained on.

    XCom: xcoms.ValidatedModel.
    """

    kind = ProcessingJob()
    operator_extra_links = (*AwsJobOperator.operator_extra_links, links.ReportLink())
    template_fields = (*AwsJobOperator.template_fields, "training", "panel", "code", "hyperparameters")
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "training": "json",
        "panel": "json",
        "code": "json",
    }

    def __init__(
        self,
        *,
        training: XComArg | TrainedModel,
        panel: XComArg | Dataset,
        code: XComArg | PackagedCode,
        hyperparameters: str | dict[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.training = rendered(training)
        self.panel = rendered(panel)
        self.code = rendered(code)
        self.hyperparameters = hyperparameters

    def build_request(self, tags: RunTags) -> Request:
        return validation_job(
            self.settings,
            name=NAME,
            code_prefix=self.code["prefix"],
            model_uri=self.training["model_uri"],
            panel_prefix=self.panel["data_prefix"],
            optional_inputs={"demographics": self._demographics(), "champion": self._champion()},
            output_prefix=self.layout.validation(self.source, self.business_date, NAME),
            arguments={
                "as_of_date": self.business_date,
                "source": self.source,
                "training_job": self.training["job"],
                "model_uri": self.training["model_uri"],
                "panel_manifest_uri": self.panel["manifest_uri"],
                "git_commit": self.code["git_commit"],
                "seed": str(as_dict(self.hyperparameters).get("seed", DEFAULT_SEED)),
                **({"retrain": "true"} if self.settings.validation_retrains else {}),
            },
            tags=tags,
        )

    def reads(self) -> list[str]:
        return [self.training["model_uri"], self.panel["data_prefix"]]

    def result_is_there(self, state: JobState) -> bool:
        s3, written = self.client("s3"), self._files(state)
        uris = (written["evaluation_uri"], written["gate_uri"], written["report_uri"])
        return all(aws.exists(s3, uri) for uri in uris)

    def result_uri(self, state: JobState) -> str:
        return self._files(state)["gate_uri"]

    def result(self, state: JobState) -> ValidationFiles:
        return self._files(state)

    def after_success(self, context: Context, state: JobState, result: Mapping[str, Any]) -> None:
        links.store(self, context, {links.ReportLink: self.object_url(result["report_uri"])})
        self.log.info("Validation report: %s", self.object_url(result["report_uri"]))

    def _demographics(self) -> str | None:
        """The newest delivery of protected attributes on or before the as-of date; fairness is measured where it is."""
        table = f"{self.layout.raw_root}{DEMOGRAPHICS}/"
        dates = aws.ingest_dates(self.client("s3"), table).get(DEMOGRAPHICS, set())
        newest = max((date for date in dates if date <= self.business_date), default=None)
        return f"{table}ingest_date={newest}/" if newest else None

    def _champion(self) -> str | None:
        """The model in force, to compare with; None where there is none, or it is the one to validate."""
        group, zone = self.layout.model_package_group(self.source), self.settings.timezone
        champion = registry.model_in_force(self.client("sagemaker"), group, zone, self.settings.today())
        return champion.model_uri if champion and champion.model_uri != self.training["model_uri"] else None

    def _files(self, state: JobState) -> ValidationFiles:
        prefix = self.layout.validation(self.source, self.business_date, state.job_id)
        return {
            "evaluation_uri": f"{prefix}evaluation.json",
            "gate_uri": f"{prefix}gate.json",
            "report_uri": f"{prefix}report.html",
        }


def validation_job(
    settings: Settings,
    *,
    name: str,
    code_prefix: str,
    model_uri: str,
    panel_prefix: str,
    optional_inputs: Mapping[str, str | None],
    output_prefix: str,
    arguments: Mapping[str, object],
    tags: RunTags,
) -> Request:
    """model_validation_script.py as a processing job.

    optional_inputs: "demographics" (protected attributes) and "champion" (model in force), None where there is none.
    """
    inputs = {
        "model": model_uri,
        "panel": panel_prefix,
        "settings": f"{code_prefix}sourcedir/thresholds.json",
        **{input_name: uri for input_name, uri in optional_inputs.items() if uri},
    }
    return ProcessingJob.request(
        settings,
        name=name,
        script="model_validation_script.py",
        code_prefix=code_prefix,
        inputs=[Input(input_name, uri) for input_name, uri in inputs.items()],
        output_prefix=output_prefix,
        arguments=arguments,
        tags=tags,
    )
