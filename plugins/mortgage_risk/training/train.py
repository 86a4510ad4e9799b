"""SageMaker jobs of the pipelines: train, validate, create the model to score with, score."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, ClassVar

from mortgage_risk import aws
from mortgage_risk.dag.business_date import today
from mortgage_risk.dag.form import as_values
from mortgage_risk.jobs import links, requests
from mortgage_risk.jobs.operator import AwsJobOperator, MortgageRiskOperator
from mortgage_risk.jobs.requests import RunTags
from mortgage_risk.jobs.state import NAME, REQUEST, JobState
from mortgage_risk.release import model_requests, registry

if TYPE_CHECKING:
    from airflow.sdk import Context

DEMOGRAPHICS = "borrower_demographics"
DEFAULT_SEED = 20240131


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


class ValidateModelOperator(AwsJobOperator):
    """Validates the trained model on the panel it was trained on.

    XCom: {"job", "seconds", "evaluation_uri", "gate_uri", "report_uri"}.
    """

    kind = "processing"
    operator_extra_links = (*AwsJobOperator.operator_extra_links, links.ReportLink())
    template_fields = (*AwsJobOperator.template_fields, "training", "panel", "code", "hyperparameters")
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "training": "json",
        "panel": "json",
        "code": "json",
    }

    def __init__(
        self, *, training: Any, panel: Any, code: Any, hyperparameters: str | dict[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.training = training
        self.panel = panel
        self.code = code
        self.hyperparameters = hyperparameters

    def build_request(self, tags: RunTags) -> dict[str, Any]:
        return requests.validation_job(
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
        s3, files = self.client("s3"), self._files(state)
        return all(aws.exists(s3, uri) for uri in files.values())

    def result_uri(self, state: JobState) -> str:
        return self._files(state)["gate_uri"]

    def result(self, state: JobState) -> dict[str, Any]:
        return self._files(state)

    def _finish(self, context: Context, state: JobState) -> dict[str, Any]:
        result = super()._finish(context, state)
        links.store(self, context, {links.ReportLink: self.object_url(result["report_uri"])})
        self.log.info("Validation report: %s", self.object_url(result["report_uri"]))
        return result

    def _demographics(self) -> str | None:
        """The newest delivery of protected attributes on or before the as-of date; fairness is measured where it is."""
        table = f"{self.layout.raw_root}{DEMOGRAPHICS}/"
        dates = aws.ingest_dates(self.client("s3"), table).get(DEMOGRAPHICS, set())
        newest = max((date for date in dates if date <= self.business_date), default=None)
        return f"{table}ingest_date={newest}/" if newest else None

    def _champion(self) -> str | None:
        """The model in force, to compare with; None where there is none, or it is the one to validate."""
        group, zone = self.layout.model_package_group(self.source), self.settings.timezone
        champion = registry.model_in_force(self.client("sagemaker"), group, zone, today(zone))
        return champion.model_uri if champion and champion.model_uri != self.training["model_uri"] else None

    def _files(self, state: JobState) -> dict[str, str]:
        prefix = self.layout.validation(self.source, self.business_date, state.job_id)
        return {
            "evaluation_uri": f"{prefix}evaluation.json",
            "gate_uri": f"{prefix}gate.json",
            "report_uri": f"{prefix}report.html",
        }


class CreateModelOperator(MortgageRiskOperator):
    """Makes the SageMaker model of a model package (XCom of SelectModelOperator), once per package. XCom: its
    name. Its link leads to the artifact that the model is made of.
    """

    template_fields = (*MortgageRiskOperator.template_fields, "package")
    operator_extra_links = (links.ResultLink(),)

    def __init__(self, *, package: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.package = package

    def execute(self, context: Context) -> str:
        client = self.client("sagemaker")
        arn = self.package["model_package_arn"]
        request = model_requests.model(self.settings, name="", model_package_arn=arn, tags=self.run_tags(context))
        content = json.dumps({key: value for key, value in request.items() if key != "Tags"}, sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()[:10]
        name = f"{arn.split('/')[-2][:45]}-v{self.package['version']}-{digest}"

        def create() -> bool:
            return aws.create_once(client.create_model, {**request, "ModelName": name})

        new = aws.patiently(create, self.settings.outage_minutes * 60)
        folder = self.package["model_uri"].rpartition("/")[0] + "/"
        links.store(self, context, {links.ResultLink: self.object_url(folder)})
        self.log.info("Model %s of %s is %s", name, arn, "created" if new else "there already")
        return name


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


def as_dict(value: str | dict[str, Any]) -> dict[str, Any]:
    """A templated dict arrives as JSON: of the form's text, where it was typed, or of nothing."""
    found = json.loads(value) if isinstance(value, str) else value
    return as_values(found) if isinstance(found, str) else dict(found or {})
