"""What the pipeline's own steps do: checks, verdict, registry, approval, summary."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput
from fake_aws import CARD, LOST_ANSWER, FakeAws

from mortgage_risk.dag.run_summary import ConfirmWorkOperator, RunEnded, RunSummaryOperator
from mortgage_risk.data.datasets import CleanTablesOperator, GlueDatasetOperator
from mortgage_risk.data.delivery import FindDeliveryOperator, NothingDelivered
from mortgage_risk.data.quality import DataQualityError, DataQualityOperator
from mortgage_risk.jobs import links
from mortgage_risk.jobs.packaging import PackageCodeOperator
from mortgage_risk.release import decisions, registry
from mortgage_risk.release.approval import (
    AskForApprovalOperator,
    ChooseApprovalOperator,
    ModelRejected,
    RecordDecisionOperator,
)
from mortgage_risk.release.deployment import CreateModelOperator
from mortgage_risk.release.gate import GateOperator
from mortgage_risk.release.registration import (
    EvidenceMismatch,
    NoApprovedModel,
    RegisterModelOperator,
    SelectModelOperator,
)
from mortgage_risk.release.validation import ValidateModelOperator
from mortgage_risk.scoring.batch import BatchTransformOperator

B = "s3://mortgage-loan-ml/"
CODE = {"sha256": "c" * 64, "prefix": f"{B}code/ccc/", "git_commit": "abc"}
VALIDATION = {
    "evaluation_uri": f"{B}v/evaluation.json",
    "gate_uri": f"{B}v/gate.json",
    "report_uri": f"{B}v/report.html",
}
PANEL = {
    "data_prefix": f"{B}panel/attempt=1/",
    "manifest_uri": f"{B}panel/_manifest.json",
    "fingerprint": "f" * 64,
    "rows": 9,
}
PASSED = {"passed": True, "reasons": "", "gate_uri": VALIDATION["gate_uri"], "thresholds_sha256": "t"}
FAILED = PASSED | {"passed": False, "reasons": "Out-of-time AUC is 0.58; at least 0.65 is required."}
THRESHOLDS = b"[]"
CARD_FILE = json.dumps(CARD).encode()


@pytest.fixture
def common(settings) -> dict[str, Any]:
    return {
        "settings": replace(settings, deferrable=False),
        "source": "canonical",
        "business_date": "2019-12-31",
    }


@pytest.fixture
def evidence(fake_aws: FakeAws) -> dict[str, Any]:
    """A validation's files as the job writes them."""
    fake_aws.put(CODE["prefix"] + "sourcedir/thresholds.json", THRESHOLDS)
    pack = {"report.html": b"<html>", "evaluation.json": b"{}", "explainability.json": b"{}", "card.json": CARD_FILE}
    for name, content in pack.items():
        fake_aws.put(f"{B}v/{name}", content)
    gate = {
        "format": 1,
        "passed": True,
        "reasons": [],
        "warnings": [],
        "checks": [
            {
                "question": "Does it rank?",
                "metric": "auc",
                "sample": "oot",
                "value": 0.81,
                "bounds": {"min": 0.65},
                "verdict": "pass",
            }
        ],
        "thresholds_sha256": hashlib.sha256(THRESHOLDS).hexdigest(),
        "evidence": {name: hashlib.sha256(content).hexdigest() for name, content in pack.items()},
    }
    fake_aws.put(VALIDATION["gate_uri"], json.dumps(gate).encode())
    return gate


def quality_result(fake_aws: FakeAws, severity: str) -> None:
    failed = {
        "table": "loans",
        "column": "ltv",
        "expectation": "between",
        "severity": severity,
        "success": False,
        "message": "3 of 100 values are above 200.",
        "observed": 3,
    }
    result = {
        "suite": "raw",
        "success": severity != "error",
        "row_counts": {"loans": 100},
        "expectations": [failed],
        "statistics": {"evaluated": 10, "passed": 9, "failed": 1, "warnings": 0},
    }
    uri = f"{B}validation-results/data_quality/raw/source=canonical/run_date=2019-12-31/result.json"
    fake_aws.on_finish = lambda job: fake_aws.put(uri, json.dumps(result).encode())


def data_quality(common: dict[str, Any]) -> DataQualityOperator:
    return DataQualityOperator(
        task_id="check", suite="raw", data_root=f"{B}tables/", horizon_months=12, code=CODE, **common
    )


def test_failed_checks_stop_the_run_in_words(common, context, fake_aws) -> None:
    quality_result(fake_aws, "error")
    with pytest.raises(DataQualityError, match=r"loans\.ltv: 3 of 100 values are above 200") as failure:
        data_quality(common).execute(context)
    assert isinstance(failure.value, AirflowFailException)  # no retry can help
    assert failure.value.result["row_counts"] == {"loans": 100}
    assert "result.json" in context["ti"].pushed["_link_ResultLink"]


def test_warnings_do_not_stop_the_run(common, context, fake_aws) -> None:
    quality_result(fake_aws, "warning")
    assert data_quality(common).execute(context)["passed"] == 9


def test_a_dataset_is_known_by_its_manifest(common, context, fake_aws) -> None:
    manifest = {"data_prefix": f"{B}p/attempt=jr_1/", "rows": 7, "files": [{"key": "x", "bytes": 1}]}
    fake_aws.on_finish = lambda job: fake_aws.put(f"{B}p/_manifest.json", json.dumps(manifest).encode())
    result = GlueDatasetOperator(
        task_id="prepare", script="p.py", arguments={}, inputs=[], prefix=f"{B}p/", code=CODE, **common
    ).execute(context)
    assert (result["data_prefix"], result["rows"], result["prefix"]) == (manifest["data_prefix"], 7, f"{B}p/")
    assert len(json.dumps(result)) < 1024


def deliver(fake_aws: FakeAws, **days: str) -> None:
    for table, day in days.items():
        fake_aws.put(f"{B}raw-data/{table}/ingest_date={day}/part-0.csv", day.encode())


def test_the_newest_delivery_known_on_the_date_is_found(common, context, fake_aws) -> None:
    operator = FindDeliveryOperator(task_id="find", **common)
    with pytest.raises(NothingDelivered, match="there is none at all"):
        operator.execute(context)
    deliver(fake_aws, loans="2020-01-02")
    with pytest.raises(NothingDelivered, match=r"No delivery at or before 2019-12-31.*the earliest is of 2020-01-02"):
        operator.execute(context)
    deliver(fake_aws, loans="2019-11-30", pmms="2019-12-30")
    assert operator.execute(context) == {"delivered_by": "2019-12-30"}
    link = context["ti"].pushed[links.ResultLink().xcom_key]
    assert link.endswith("&prefix=raw-data/pmms/ingest_date=2019-12-30/")


def test_nights_between_two_deliveries_share_one_cleaning(common, context, fake_aws) -> None:
    def finish(job: dict[str, Any]) -> None:
        prefix = job["request"]["--output_root"]
        manifest = {"data_prefix": f"{prefix}attempt=1/", "rows": 7, "files": []}
        fake_aws.put(f"{prefix}_manifest.json", json.dumps(manifest).encode())

    fake_aws.on_finish = finish
    deliver(fake_aws, loans="2019-11-30")
    for night in ("2019-12-30", "2019-12-31"):
        night_common = common | {"business_date": night}
        found = FindDeliveryOperator(task_id="find", **night_common).execute(context)
        del night_common["business_date"]
        CleanTablesOperator(task_id="clean", code=CODE, delivery_date=found["delivered_by"], **night_common).execute(
            context
        )
        deliver(fake_aws, loans="2020-01-31")  # of a later day: no night before may care
    assert fake_aws.count("start_job_run") == 1


def test_code_is_packed_and_named_by_its_hash(common, context, fake_aws, tmp_path) -> None:
    for folder in ("contracts", "glue_jobs", "sagemaker_entrypoints"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text(folder)
    settings = replace(common["settings"], job_code_root=tmp_path, git_commit="1234")
    result = PackageCodeOperator(task_id="code", **common | {"settings": settings}).execute(context)
    assert result == {
        "sha256": result["sha256"],
        "prefix": f"{B}code/{result['sha256']}/",
        "git_commit": "1234",
    }
    assert f"code/{result['sha256']}/_manifest.json" in fake_aws.objects


def test_the_gate_passes_on_its_verdict_and_fails_without_raising(common, context, fake_aws, evidence) -> None:
    operator = GateOperator(task_id="gate", validation=VALIDATION, code=CODE, **common)
    assert operator.execute(context)["passed"] is True
    fake_aws.put(CODE["prefix"] + "sourcedir/thresholds.json", b"[1]")
    refused = operator.execute(context)
    assert refused["passed"] is False
    assert "thresholds" in refused["reasons"]


def test_validation_reads_the_demographics_of_the_day_where_there_are_any(common, context, fake_aws) -> None:
    operator = ValidateModelOperator(
        task_id="validate",
        training={"job": "train-1", "model_uri": f"{B}m.tar.gz"},
        panel=PANEL,
        code=CODE,
        hyperparameters="{}",
        **common,
    )

    def delivered() -> list[str]:
        inputs = operator.build_request(operator.run_tags(context))["ProcessingInputs"]
        return [entry["S3Input"]["S3Uri"] for entry in inputs if entry["InputName"] == "demographics"]

    assert delivered() == []
    for date in ("2018-06-30", "2019-12-31", "2020-01-31"):
        fake_aws.put(f"{B}raw-data/borrower_demographics/ingest_date={date}/borrower_demographics.csv", b"loan_id\n")
    assert delivered() == [f"{B}raw-data/borrower_demographics/ingest_date=2019-12-31/"]


def test_validation_hands_on_its_files(common, context, fake_aws) -> None:
    def finish(job: dict[str, Any]) -> None:
        prefix = job["request"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        for name in ("evaluation.json", "gate.json", "report.html"):
            fake_aws.put(prefix + name, b"{}")

    fake_aws.on_finish = finish
    training = {"job": "train-1", "model_uri": f"{B}models/m/train-1/output/model.tar.gz"}
    result = ValidateModelOperator(
        task_id="validate", training=training, panel=PANEL, code=CODE, hyperparameters='{"seed": 5}', **common
    ).execute(context)
    assert result["job"] in result["report_uri"]
    assert result["report_uri"].removeprefix(B) in fake_aws.objects


def test_validation_compares_with_the_model_in_force_but_not_with_itself(common, context, fake_aws) -> None:
    def champion_input(model_uri: str) -> list[str]:
        operator = ValidateModelOperator(
            task_id="validate",
            training={"job": "train-1", "model_uri": model_uri},
            panel=PANEL,
            code=CODE,
            hyperparameters="{}",
            **common,
        )
        inputs = operator.build_request(operator.run_tags(context))["ProcessingInputs"]
        return [entry["S3Input"]["S3Uri"] for entry in inputs if entry["InputName"] == "champion"]

    assert champion_input(f"{B}new.tar.gz") == []
    client, group = fake_aws.client("sagemaker"), "mortgage-default-risk-canonical"
    client.create_model_package_group(ModelPackageGroupName=group)
    client.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        InferenceSpecification={"Containers": [{"ModelDataUrl": f"{B}old.tar.gz"}]},
    )
    assert champion_input(f"{B}new.tar.gz") == [f"{B}old.tar.gz"]
    assert champion_input(f"{B}old.tar.gz") == []


# --- registry ---


def register(common: dict[str, Any], context: Any, fake_aws: FakeAws, gate: dict[str, Any] = PASSED) -> dict[str, Any]:
    fake_aws.jobs.setdefault(
        "train-1",
        {
            "id": "train-1",
            "status": "Completed",
            "reason": "",
            "request": {},
            "started": fake_aws.now,
            "ended": fake_aws.now,
        },
    )
    fake_aws.pass_time(60)
    training = {"job": "train-1", "model_uri": f"{B}models/m/train-1/output/model.tar.gz"}
    return RegisterModelOperator(
        task_id="register",
        horizon_months="12",
        training=training,
        validation=VALIDATION,
        panel=PANEL,
        code=CODE,
        gate=gate,
        **common,
    ).execute(context)


def test_a_model_is_registered_once_with_its_evidence(common, context, fake_aws, evidence) -> None:
    first = register(common, context, fake_aws)
    assert register(common, context, fake_aws) == first
    (package,) = fake_aws.packages
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    metadata = package["CustomerMetadataProperties"]
    assert metadata["report_sha256"] == hashlib.sha256(b"<html>").hexdigest()
    assert (metadata["oot_auc"], metadata["gate"], metadata["training_job"]) == ("0.81", "pass", "train-1")
    assert (metadata["git_commit"], metadata["panel_fingerprint"]) == ("abc", "f" * 64)


def test_a_lost_answer_registers_nothing_twice(common, context, fake_aws, evidence) -> None:
    fake_aws.faults["after:create_model_package"] = [LOST_ANSWER]
    register(common, context, fake_aws)
    assert len(fake_aws.packages) == 1


def test_the_registry_shows_card_and_explainability(common, context, fake_aws, evidence) -> None:
    register(common, context, fake_aws)
    (package,) = fake_aws.packages
    metadata = package["CustomerMetadataProperties"]
    assert (metadata["model_owner"], metadata["next_review_date"]) == ("Credit risk modelling", "2020-12-31")
    assert metadata["card_sha256"] == hashlib.sha256(CARD_FILE).hexdigest()
    assert package["ModelMetrics"]["Explainability"]["Report"]["S3Uri"] == f"{B}v/explainability.json"
    card = package["ModelCard"]
    assert json.loads(card["ModelCardContent"])["intended_uses"]["purpose_of_model"] == "Early warning."
    assert card["ModelCardStatus"] == "PendingReview"
    assert "Bias" not in package["ModelMetrics"]
    assert not [name for name in metadata if "None" in name]


@pytest.mark.parametrize("name", ["card.json", "explainability.json", "evaluation.json", "report.html"])
def test_a_pack_with_a_file_gone_or_never_written_is_refused(common, context, fake_aws, evidence, name) -> None:
    del fake_aws.objects[f"v/{name}"]
    with pytest.raises(EvidenceMismatch, match=f"incomplete: {name} is gone"):
        register(common, context, fake_aws)
    unlisted = evidence | {"evidence": {key: value for key, value in evidence["evidence"].items() if key != name}}
    fake_aws.put(VALIDATION["gate_uri"], json.dumps(unlisted).encode())
    with pytest.raises(EvidenceMismatch, match=f"wrote no {name}"):
        register(common, context, fake_aws)
    assert fake_aws.packages == []


def test_a_card_without_an_owner_is_refused(common, context, fake_aws, evidence) -> None:
    card = json.dumps(CARD | {"owner": ""}).encode()
    fake_aws.put(f"{B}v/card.json", card)
    listed = evidence["evidence"] | {"card.json": hashlib.sha256(card).hexdigest()}
    fake_aws.put(VALIDATION["gate_uri"], json.dumps(evidence | {"evidence": listed}).encode())
    with pytest.raises(EvidenceMismatch, match="lacks owner"):
        register(common, context, fake_aws)


def test_changed_evidence_is_refused(common, context, fake_aws, evidence) -> None:
    fake_aws.put(VALIDATION["report_uri"], b"<html>touched up")
    with pytest.raises(EvidenceMismatch, match=r"report\.html is not the file"):
        register(common, context, fake_aws)


def record(
    common: dict[str, Any], context: Any, package: dict[str, Any], gate: dict[str, Any], **form: str
) -> dict[str, Any]:
    fields = {"approval_mode": "auto", "effective_from": "", "override_by": "", "override_reason": ""} | form
    return RecordDecisionOperator(
        task_id="record", gate=gate, package=package, answer_task_id="ask", **fields, **common
    ).execute(context)


def test_a_model_that_passes_is_approved_automatically_from_today_on(common, context, fake_aws, evidence) -> None:
    package = register(common, context, fake_aws)
    content = fake_aws.packages[0]["ModelCard"]["ModelCardContent"]
    assert record(common, context, package, PASSED)["status"] == "Approved"
    assert fake_aws.packages[0]["ModelCard"] == {"ModelCardContent": content, "ModelCardStatus": "Approved"}
    metadata = fake_aws.packages[0]["CustomerMetadataProperties"]
    assert metadata["approved_by"] == "gate - auto"
    assert metadata["effective_from"] == metadata["approved_at"][:10]
    assert metadata["training_job"] == "train-1"


def test_a_model_that_fails_is_rejected_and_the_task_says_why(common, context, fake_aws, evidence) -> None:
    package = register(common, context, fake_aws, FAILED)
    with pytest.raises(ModelRejected, match=r"Out-of-time AUC is 0\.58"):
        record(common, context, package, FAILED)
    assert fake_aws.packages[0]["ModelApprovalStatus"] == "Rejected"
    assert fake_aws.packages[0]["ModelCard"]["ModelCardStatus"] == "Draft"


def test_a_named_override_releases_it_and_is_recorded(common, context, fake_aws, evidence) -> None:
    package = register(common, context, fake_aws, FAILED)
    with pytest.raises(AirflowFailException, match="override_reason"):
        record(common, context, package, FAILED, override_by="Ann")
    record(
        common,
        context,
        package,
        FAILED,
        override_by="Ann",
        override_reason="Pilot only",
        effective_from="2019-01-01",
    )
    metadata = fake_aws.packages[0]["CustomerMetadataProperties"]
    assert fake_aws.packages[0]["ModelApprovalStatus"] == "Approved"
    assert (metadata["override_by"], metadata["override_reason"]) == ("Ann", "Pilot only")
    assert (metadata["effective_from"], metadata["gate"]) == ("2019-01-01", "fail")


def test_the_first_approval_stands(common, context, fake_aws, evidence) -> None:
    package = register(common, context, fake_aws)
    record(common, context, package, PASSED, effective_from="2019-06-30")
    before = dict(fake_aws.packages[0]["CustomerMetadataProperties"])
    record(common, context, package, PASSED)
    assert fake_aws.packages[0]["CustomerMetadataProperties"] == before
    record(common, context, package, PASSED, effective_from="2019-03-31")
    assert fake_aws.packages[0]["CustomerMetadataProperties"]["effective_from"] == "2019-03-31"


@pytest.mark.parametrize("option", [decisions.APPROVE, decisions.REJECT])
def test_a_humans_answer_decides(common, context, fake_aws, evidence, option) -> None:
    package = register(common, context, fake_aws)
    context["ti"].xcoms["ask"] = {
        "option": option,
        "by": "ann",
        "at": "2020-01-05T10:00:00+00:00",
        "comment": "looks right",
    }
    if option == decisions.APPROVE:
        assert record(common, context, package, PASSED, approval_mode="manual")["by"] == "ann"
    else:
        with pytest.raises(ModelRejected, match="Rejected by ann: looks right"):
            record(common, context, package, PASSED, approval_mode="manual")


def test_a_human_is_asked_only_about_a_model_that_passes(common, context) -> None:
    def choose(gate: dict[str, Any], mode: str) -> str:
        operator = ChooseApprovalOperator(
            task_id="choose",
            gate=gate,
            approval_mode=mode,
            ask_task_id="ask",
            record_task_id="record",
            **common,
        )
        return operator.choose_branch(context)

    assert choose(PASSED, "manual") == "ask"
    assert choose(PASSED, "auto") == choose(FAILED, "manual") == "record"


def test_the_approver_sees_verdict_figures_and_report(common, context, fake_aws, evidence, monkeypatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **detail: asked.update(detail)
    )
    context["task_instance"] = type("Ti", (), {"id": "ti"})()
    package = {"model_package_arn": "arn:aws:sagemaker:us-east-1:1:model-package/g/3", "version": 3}
    gate = PASSED | {"thresholds_sha256": evidence["thresholds_sha256"]}
    operator = AskForApprovalOperator(
        task_id="ask",
        gate=gate,
        package=package,
        validation=VALIDATION,
        effective_from="2019-06-30",
        **common | {"settings": replace(common["settings"], approvers=("ann",))},
    )
    with pytest.raises(TaskAwaitingInput):
        operator.execute(context)
    assert asked["assigned_users"] == [{"id": "ann", "name": "ann"}]
    assert "comment" in asked["params"]
    assert "| Does it rank? (oot) | 0.81 | - | at least 0.65 | pass |" in asked["body"]
    assert "Approve: this model scores the nights from 2019-06-30 on" in asked["body"]
    # What Airflow 3.3.1's form sends back when the comment is left as it is.
    operator.validate_params_input({"comment": asked["params"]["comment"]["value"]})
    assert asked["params"]["comment"]["value"] is not None  # its form would send the whole definition
    assert "report.html" in asked["body"]

    event = {
        "chosen_options": ["Reject"],
        "params_input": {"comment": " too few loans "},
        "responded_at": datetime(2020, 1, 5, tzinfo=UTC),
        "responded_by_user": {"id": "7", "name": "ann"},
    }
    answer = operator.execute_complete(context, event)
    assert answer == {
        "option": "Reject",
        "by": "ann",
        "at": "2020-01-05T00:00:00+00:00",
        "comment": "too few loans",
    }
    no_answer = event | {"responded_by_user": None, "timedout": True, "params_input": {}}
    assert operator.execute_complete(context, no_answer)["by"] == "nobody - the time was up"
    assert operator.defaults == ["Reject"]


def test_the_approver_sees_how_the_model_compares_with_the_one_in_force(
    common, context, fake_aws, evidence, monkeypatch
) -> None:
    register_approved = register(common, context, fake_aws)
    record(common, context, register_approved, PASSED, effective_from="2019-06-30")
    asked: dict[str, Any] = {}
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **detail: asked.update(detail)
    )
    context["task_instance"] = type("Ti", (), {"id": "ti"})()
    better = json.loads(json.dumps(evidence))
    better["checks"][0]["value"] = 0.83
    fake_aws.put(VALIDATION["gate_uri"], json.dumps(better).encode())
    with pytest.raises(TaskAwaitingInput):
        AskForApprovalOperator(
            task_id="ask",
            gate=PASSED | {"thresholds_sha256": evidence["thresholds_sha256"]},
            package={"model_package_arn": "arn", "version": 2},
            validation=VALIDATION,
            effective_from="",
            **common,
        ).execute(context)
    assert "**In force** since 2019-06-30: version 1, trained as of 2019-12-31" in asked["body"]
    assert "| Does it rank? (oot) | 0.83 | 0.81 | at least 0.65 | pass |" in asked["body"]


# --- scoring ---


def model(version: int, effective_from: str, approved_at: str) -> registry.ApprovedModel:
    return registry.ApprovedModel(f"arn/{version}", version, effective_from, approved_at, f"s3://m/{version}", {})


def test_a_night_is_scored_by_the_model_in_force_then() -> None:
    models = [
        model(1, "2019-01-01", "2019-01-01T10:00:00-05:00"),
        model(2, "2019-06-01", "2019-06-01T10:00:00-04:00"),
        model(3, "2019-06-01", "2019-06-01T15:00:00+00:00"),  # one hour after version 2
        model(4, "2020-01-01", "2019-12-20T10:00:00-05:00"),
    ]
    in_force = {
        day: registry.effective_model(models, day) for day in ("2018-12-31", "2019-05-31", "2019-06-01", "2020-01-01")
    }
    assert [found and found.version for found in in_force.values()] == [None, 1, 3, 4]


def test_without_an_approved_model_the_message_says_what_to_do(common, context, fake_aws, evidence) -> None:
    select = SelectModelOperator(task_id="select", **common)
    with pytest.raises(NoApprovedModel, match=r"None was approved yet.*mortgage_training"):
        select.execute(context)
    package = register(common, context, fake_aws)
    record(common, context, package, PASSED, effective_from="2021-01-01")
    with pytest.raises(NoApprovedModel, match="effective from 2021-01-01"):
        select.execute(context)


def test_select_create_and_transform(common, context, fake_aws, evidence) -> None:
    package = register(common, context, fake_aws)
    record(common, context, package, PASSED, effective_from="2019-01-01")
    selected = SelectModelOperator(task_id="select", **common).execute(context)
    assert (selected["version"], selected["horizon_months"]) == (1, 12)
    names = {CreateModelOperator(task_id="create", package=selected, **common).execute(context) for _ in range(2)}
    (name,) = names
    assert list(fake_aws.models) == [name]
    folder = selected["model_uri"].removesuffix("model.tar.gz").removeprefix(B)
    assert context["ti"].pushed[links.ResultLink().xcom_key].endswith(f"&prefix={folder}")
    assert len(name) <= 63
    fake_aws.on_finish = lambda job: fake_aws.put(
        job["request"]["TransformOutput"]["S3OutputPath"] + "part-0.csv.out", b""
    )
    dataset = {"data_prefix": f"{B}in/attempt=1/"}
    result = BatchTransformOperator(task_id="t", model=name, dataset=dataset, **common).execute(context)
    assert result["transform_uri"].endswith(f"/{result['job']}/")
    assert "/s3/buckets/" in context["ti"].pushed[links.ResultLink().xcom_key], "a folder, not an object"


def test_a_run_that_did_nothing_leaves_the_summary_of_its_date_alone(common, context, fake_aws) -> None:
    from airflow.sdk import DAG

    with DAG("d", schedule=None):
        PackageCodeOperator(task_id="prepare", **common) >> (s := RunSummaryOperator(task_id="summary", **common))
    context["ti"].get_task_breadcrumbs = lambda dag_id, run_id: [{"task_id": "prepare", "state": "skipped"}]
    with pytest.raises(AirflowSkipException, match="No task of this run has done anything"):
        s.execute(context)
    assert not fake_aws.objects


@pytest.mark.parametrize("state", ["success", "failed", "upstream_failed", "skipped", None])
def test_a_run_whose_work_was_never_done_is_failed(common, context, state) -> None:
    from airflow.sdk import DAG

    with DAG("d", schedule=None):
        confirm = ConfirmWorkOperator(task_id="confirm", work="score.publish", **common)
    run_id = context["dag_run"].run_id
    context["ti"].get_task_states = lambda **_: {run_id: {"score.publish": state}}
    if state in ("skipped", None):
        with pytest.raises(RunEnded, match=r"ended before score\.publish was done"):
            confirm.execute(context)
    else:  # whose state says enough
        confirm.execute(context)


def test_the_summary_tells_the_run(common, context, fake_aws, evidence) -> None:
    from airflow.sdk import DAG

    package = register(common, context, fake_aws)
    with DAG("d", schedule=None):
        prepare = PackageCodeOperator(task_id="prepare", **common)
        gate = PackageCodeOperator(task_id="gate", **common)
        summary = RunSummaryOperator(task_id="summarize_run", **common)
        prepare >> gate >> summary
    fake_aws.put(PANEL["manifest_uri"], b'{"rows": 9, "counts": {}}')
    context["ti"].xcoms = {"prepare": PANEL | {"seconds": 12.5}, "gate": PASSED | package}
    context["ti"].get_task_breadcrumbs = lambda dag_id, run_id: [
        {"task_id": "prepare", "state": "success", "duration": 3.0},
        {"task_id": "gate", "state": "failed", "duration": 1.0},
    ]
    uri = summary.execute(context)["summary_uri"]
    assert uri == f"{B}run-summaries/d/source=canonical/date=2019-12-31.json"
    written = json.loads(fake_aws.objects[uri.removeprefix(B)][0])
    assert written["tasks"]["prepare"]["seconds"] == 12.5
    assert written["tasks"]["gate"]["state"] == "failed"
    assert written["data"]["prepare"]["rows"] == 9
    assert written["model"]["status"] == "PendingManualApproval"
    assert written["gate"]["passed"] is True
