"""Golden files: what goes to AWS, to the letter. `UPDATE_GOLDEN=1 pytest tests/plugins/test_job_requests.py`
rewrites them.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_aws import CARD

from mortgage_risk.jobs.kinds.endpoint import EndpointUpdate
from mortgage_risk.jobs.kinds.glue import GlueRun
from mortgage_risk.jobs.kinds.training import TrainingJob
from mortgage_risk.jobs.kinds.transform import TransformJob
from mortgage_risk.jobs.kinds.tuning import TuningJob
from mortgage_risk.jobs.requests import RunTags
from mortgage_risk.monitoring import cloudwatch
from mortgage_risk.monitoring.job import monitoring_job
from mortgage_risk.release import model_requests
from mortgage_risk.release.validation import validation_job
from mortgage_risk.settings import Settings

GOLDEN = Path(__file__).parent / "golden"
CODE = "s3://mortgage-loan-ml/code/c0de/"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/mortgage-default-risk-canonical/3"


def training(settings: Settings, tags: RunTags) -> dict[str, Any]:
    return TrainingJob.request(
        settings,
        name="train-1",
        panel_prefix="s3://b/panel/attempt=1/",
        code_prefix=CODE,
        output_prefix="s3://b/models/m/",
        checkpoint_prefix="s3://b/models/m/checkpoints/train/",
        hyperparameters={"max_depth": 4, "horizon_months": 12},
        metric_definitions=[{"Name": "oot-auc", "Regex": "oot-auc=([0-9.eE+-]+);"}],
        tags=tags,
    )


def tuning(settings: Settings, tags: RunTags) -> dict[str, Any]:
    return TuningJob.request(
        settings,
        training=training(settings, tags),
        objective="validation-logloss",
        ranges={
            "max_depth": {"type": "integer", "min": 2, "max": 6},
            "learning_rate": {"type": "number", "min": 0.02, "max": 0.3, "log": True},
        },
        jobs=20,
        seed=7,
        tags=tags,
    )


def validation(settings: Settings, tags: RunTags) -> dict[str, Any]:
    return validation_job(
        settings,
        name="validate-1",
        code_prefix=CODE,
        model_uri="s3://b/models/m/train-1/output/model.tar.gz",
        panel_prefix="s3://b/panel/attempt=1/",
        optional_inputs={
            "demographics": "s3://b/raw-data/borrower_demographics/ingest_date=2019-12-31/",
            "champion": None,
        },
        output_prefix="s3://b/validation-results/x/",
        arguments={"as_of_date": "2019-12-31", "source": "canonical"},
        tags=tags,
    )


def monitoring(settings: Settings, tags: RunTags) -> dict[str, Any]:
    return monitoring_job(
        settings,
        name="monitor-1",
        code_prefix=CODE,
        inputs={"model": "s3://b/models/m/model.tar.gz", "input": "s3://b/in/", "scores": "s3://b/scores/"},
        vintages_manifest="s3://b/vintages-1.manifest",
        output_prefix="s3://b/validation-results/monitoring/x/",
        arguments={"source": "canonical", "score_date": "2019-12-31", "model_version": 3},
        tags=tags,
    )


def monitoring_alarm(settings: Settings, tags: RunTags) -> dict[str, Any]:
    topic = "arn:aws:sns:us-east-1:123456789012:risk"
    return cloudwatch.alarm_requests(replace(settings, sns_topic_arn=topic), "canonical")[2]


def monitoring_dashboard(settings: Settings, tags: RunTags) -> dict[str, Any]:
    return cloudwatch.dashboard(settings, "canonical", "us-east-1")


def transform(settings: Settings, tags: RunTags) -> dict[str, Any]:
    return TransformJob.request(
        settings,
        name="score-1",
        model="model-v3",
        input_prefix="s3://b/in/attempt=1/",
        output_prefix="s3://b/out/",
        tags=tags,
    )


def model(settings: Settings, tags: RunTags) -> dict[str, Any]:
    return model_requests.model(settings, name="model-v3", model_package_arn=ARN, tags=tags)


def endpoint_config(settings: Settings, tags: RunTags) -> dict[str, Any]:
    return endpoint_update(settings, tags)["CreateEndpointConfig"]


def endpoint(settings: Settings, tags: RunTags) -> dict[str, Any]:
    return endpoint_update(settings, tags)["CreateEndpoint"]


def endpoint_update(settings: Settings, tags: RunTags) -> dict[str, Any]:
    names = {"name": "deploy-1", "endpoint": "pd-canonical", "model": "model-v3"}
    return EndpointUpdate.request(settings, **names, tags=tags)


def glue_definition(settings: Settings, tags: RunTags) -> dict[str, Any]:
    return GlueRun.definition(settings, script="prepare_loan_panel.py", code_prefix=CODE, tags=tags)


def glue_run(settings: Settings, tags: RunTags) -> dict[str, Any]:
    return GlueRun.start(job_name="m-prepare-1", arguments={"mode": "train", "horizon_months": 12})


def package_group(settings: Settings, tags: RunTags) -> dict[str, Any]:
    return model_requests.model_package_group(name="mortgage-default-risk-canonical", source="canonical")


def package(settings: Settings, tags: RunTags) -> dict[str, Any]:
    return model_requests.model_package(
        settings,
        group="mortgage-default-risk-canonical",
        model_uri="s3://b/models/m/train-1/output/model.tar.gz",
        evidence_uris={
            name: f"s3://b/validation-results/x/{name}"
            for name in ("evaluation.json", "explainability.json", "bias.json", "report.html", "card.json")
        },
        card=CARD | {"limits": ["Booked loans only.", "x" * 3000]},
        description="PD model",
        metadata={"training_job": "train-1", "gate_reasons": "x" * 300, "override_by": ""},
        client_token="t",
    )


BOTO = {
    training: ("sagemaker", "CreateTrainingJob"),
    tuning: ("sagemaker", "CreateHyperParameterTuningJob"),
    validation: ("sagemaker", "CreateProcessingJob"),
    monitoring: ("sagemaker", "CreateProcessingJob"),
    monitoring_alarm: ("cloudwatch", "PutMetricAlarm"),
    monitoring_dashboard: ("cloudwatch", "PutDashboard"),
    transform: ("sagemaker", "CreateTransformJob"),
    model: ("sagemaker", "CreateModel"),
    endpoint_config: ("sagemaker", "CreateEndpointConfig"),
    endpoint: ("sagemaker", "CreateEndpoint"),
    glue_definition: ("glue", "CreateJob"),
    glue_run: ("glue", "StartJobRun"),
    package_group: ("sagemaker", "CreateModelPackageGroup"),
    package: ("sagemaker", "CreateModelPackage"),
}
BUILDERS = list(BOTO)


@pytest.fixture(params=["plain", "locked_down"])
def variant(request: pytest.FixtureRequest, settings: Settings) -> tuple[str, Settings]:
    locked_down = replace(
        settings,
        kms_key_id="arn:aws:kms:us-east-1:123456789012:key/k",
        subnets=("subnet-1",),
        security_group_ids=("sg-1",),
        glue_security_configuration="encrypted",
        glue_database="mortgage",
        spot_training=True,
    )
    return request.param, {"plain": settings, "locked_down": locked_down}[request.param]


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda builder: builder.__name__)
def test_request_is_the_golden_one_and_boto_accepts_it(builder, variant, tags) -> None:
    import botocore.session
    from botocore.validate import ParamValidator

    name, settings = variant
    request = builder(settings, tags)
    service, operation = BOTO[builder]
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()

    path = GOLDEN / f"{builder.__name__}_{name}.json"
    text = json.dumps(request, indent=2, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_the_card_keeps_to_sagemakers_schema(settings, tags) -> None:
    """Types, lengths and required keys of the Developer Guide's model package model card schema, by hand."""
    card = package(settings, tags)["ModelCard"]
    assert card["ModelCardStatus"] == "PendingReview"
    content = json.loads(card["ModelCardContent"])
    assert set(content) == {"model_overview", "intended_uses", "evaluation_details", "additional_information"}
    assert set(content["model_overview"]) <= {"model_creator", "model_artifact"}
    assert all(isinstance(text, str) and len(text) <= 2048 for text in content["intended_uses"].values())
    assert set(content["intended_uses"]) <= {
        "purpose_of_model", "intended_uses", "factors_affecting_model_efficiency", "risk_rating",
        "explanations_for_risk_rating"}  # fmt: skip
    (evaluation,) = content["evaluation_details"]
    assert set(evaluation) <= {"name", "evaluation_observation", "evaluation_job_arn", "datasets", "metadata",
                               "metric_groups"}  # fmt: skip
    (group,) = evaluation["metric_groups"]
    assert group["metric_data"] == [
        {"name": "auc", "type": "number", "value": 0.81, "notes": "95 % interval 0.7900 to 0.8300"}
    ], "a metric without a value is left out"
    assert all(isinstance(text, str) for text in content["additional_information"]["custom_details"].values())


def test_tags_keep_to_what_aws_allows() -> None:
    tags = RunTags("d", "t", "manual__2020-01-05T09:00:00+00:00 {odd}", "2019-12-31", "b/m").as_dict()
    assert tags["run_id"] == "manual__2020-01-05T09:00:00+00:00 _odd_"
