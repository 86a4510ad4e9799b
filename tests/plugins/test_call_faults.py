"""Every AWS call of every operator that changes something in AWS, failing in every way AWS knows: throttled, ill (5xx),
out of reach, and done with the answer lost. The work is done once, whatever call it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fake_aws import CARD, LOST_ANSWER, REFUSED, SERVER_ERROR, THROTTLED, FakeAws

from mortgage_risk import aws
from mortgage_risk.data.datasets import GlueDatasetOperator
from mortgage_risk.jobs.packaging import PackageCodeOperator
from mortgage_risk.release import verdict
from mortgage_risk.release.approval import RecordDecisionOperator
from mortgage_risk.release.deployment import CheckEndpointOperator, CreateModelOperator, DeployModelOperator
from mortgage_risk.release.registration import RegisterModelOperator, SelectModelOperator
from mortgage_risk.scoring.batch import BatchTransformOperator
from mortgage_risk.training.train import TrainModelOperator

B = "s3://mortgage-loan-ml/"
CODE = {"sha256": "c" * 64, "prefix": f"{B}code/ccc/", "git_commit": "abc"}
PANEL = {
    "data_prefix": f"{B}panel/attempt=1/",
    "manifest_uri": f"{B}panel/_manifest.json",
    "fingerprint": "f",
    "rows": 9,
}
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/mortgage-default-risk-canonical/1"
DEPLOYMENT = {"endpoint": "pd-canonical", "model": "m", "package": {"model_package_arn": ARN, "version": 1}}
CREATION, UPDATE = ("create_endpoint_config", "create_endpoint"), ("create_endpoint_config", "update_endpoint")
GATE = {"passed": True, "reasons": "", "gate_uri": f"{B}v/gate.json", "thresholds_sha256": "t"}
FILES = {"evaluation_uri": f"{B}v/evaluation.json", "report_uri": f"{B}v/report.html"}
TRIES = 3  # Airflow's, of a task with two retries


@dataclass(frozen=True)
class Work:
    """An operator's arguments, the calls it makes in this order, and how often its work is done in AWS."""

    operator: type
    arguments: dict[str, Any]
    calls: tuple[str, ...]
    done: Callable[[FakeAws], int]


def jobs(fake: FakeAws) -> int:
    assert all(job["status"] == "Completed" for job in fake.jobs.values())
    return len(fake.jobs)


WORK = {
    "glue": Work(
        GlueDatasetOperator,
        {"script": "p.py", "arguments": {}, "inputs": [f"{B}raw/"], "prefix": f"{B}p/", "code": CODE},
        (
            *("list_objects_v2", "get_object", "get_job", "create_job", "put_object_if", "start_job_run"),
            *("get_job_run", "put_object"),
        ),
        jobs,
    ),
    "training": Work(
        TrainModelOperator,
        {"panel": PANEL, "code": CODE, "horizon_months": 12, "hyperparameters": {}},
        ("get_object", "describe_training_job", "create_training_job", "list_objects_v2", "put_object"),
        jobs,
    ),
    "transform": Work(
        BatchTransformOperator,
        {"model": "m", "dataset": PANEL},
        ("describe_transform_job", "create_transform_job", "list_objects_v2", "put_object", "get_object"),
        jobs,
    ),
    "code": Work(
        PackageCodeOperator,
        {},
        ("list_objects_v2", "put_object"),
        lambda fake: sum(key.endswith("_manifest.json") and key.startswith("code/") for key in fake.objects),
    ),
    "model": Work(
        CreateModelOperator,
        {"package": {"model_package_arn": ARN, "version": 1, "model_uri": "s3://mortgage-loan-ml/models/m.tar.gz"}},
        ("create_model",),
        lambda fake: len(fake.models),
    ),
    "new endpoint": Work(
        DeployModelOperator,
        DEPLOYMENT,
        ("describe_endpoint_config", "describe_endpoint", *CREATION, "list_objects_v2", "put_object", "get_object"),
        lambda fake: len(fake.updates),
    ),
    "endpoint": Work(
        DeployModelOperator,
        DEPLOYMENT,
        ("describe_endpoint_config", "describe_endpoint", *UPDATE, "list_objects_v2", "put_object", "get_object"),
        lambda fake: len(fake.updates),
    ),
    "endpoint check": Work(
        CheckEndpointOperator,
        {"endpoint": "pd-canonical", "package": {"model_package_arn": ARN}},
        ("list_objects_v2", "get_object", "invoke_endpoint"),
        lambda fake: 1,
    ),
    "register": Work(
        RegisterModelOperator,
        {
            "horizon_months": "12",
            "training": {"job": "train-1", "model_uri": f"{B}m"},
            "validation": FILES,
            "panel": PANEL,
            "code": CODE,
            "gate": GATE,
        },
        (
            "get_object",
            "list_objects_v2",
            "describe_model_package_group",
            "create_model_package_group",
            "describe_training_job",
            "list_model_packages",
            "create_model_package",
        ),
        lambda fake: len(fake.packages),
    ),
    "decision": Work(
        RecordDecisionOperator,
        {
            "gate": GATE,
            "package": {"model_package_arn": ARN},
            "answer_task_id": "ask",
            "approval_mode": "auto",
            "effective_from": "",
            "override_by": "",
            "override_reason": "",
        },
        ("list_model_packages", "describe_model_package", "update_model_package"),
        lambda fake: sum(package["ModelApprovalStatus"] == "Approved" for package in fake.packages),
    ),
    "selection": Work(
        SelectModelOperator,
        {},
        ("list_model_packages", "describe_model_package"),
        lambda fake: 1,
    ),
}
CHANGES = ("create", "start", "put", "update")
FAULTS = {"throttled": THROTTLED, "server error": SERVER_ERROR, "out of reach": REFUSED}
CASES = [(work, call, fault) for work, facts in WORK.items() for call in facts.calls for fault in FAULTS]
LOST = [(work, call) for work, facts in WORK.items() for call in facts.calls if call.startswith(CHANGES)]


@pytest.fixture
def world(fake_aws: FakeAws, settings, tmp_path) -> FakeAws:
    """What the operators find: code, panel, a validation's files, a trained and (for two of them) registered model."""
    for folder in ("contracts", "glue_jobs", "sagemaker_entrypoints"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text(folder)
    fake_aws.put(CODE["prefix"] + "sourcedir/metric_definitions.json", b"[]")
    fake_aws.put(f"{B}raw/loans.csv", b"loan_id\n")
    pack = dict.fromkeys(verdict.EVIDENCE_PACK, b"{}") | {"card.json": json.dumps(CARD).encode()}
    for name, content in pack.items():
        fake_aws.put(f"{B}v/{name}", content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in pack.items()}
    fake_aws.put(f"{B}v/gate.json", json.dumps({"evidence": hashes}).encode())

    def finish(job: dict[str, Any]) -> None:
        manifest = {"data_prefix": f"{B}p/attempt=1/", "rows": 1, "files": [{"key": "x", "bytes": 1}]}
        fake_aws.put(f"{B}p/_manifest.json", json.dumps(manifest).encode())
        fake_aws.put(f"{B}models/m/{job['id']}/output/model.tar.gz", b"model")

    fake_aws.on_finish = finish
    return fake_aws


def do(name: str, fake: FakeAws, settings, context, folder) -> None:
    """Run the operator as Airflow would: a try that fails is followed by the next."""
    work = WORK[name]
    arguments = dict(work.arguments)
    settings = replace(settings, deferrable=False, job_code_root=folder, git_commit="1234")
    for attempt in range(TRIES):
        task = work.operator(
            task_id="work", settings=settings, source="canonical", business_date="2019-12-31", **arguments
        )
        try:
            task.execute(context)
            return
        except Exception as error:
            if attempt == TRIES - 1 or not aws.is_transient(error):
                raise


def prepare(name: str, fake: FakeAws) -> None:
    if name == "endpoint":
        served = {"EndpointConfigName": "former", "EndpointStatus": "InService", "LastModifiedTime": fake.now}
        fake.endpoints["pd-canonical"] = {"EndpointName": "pd-canonical", **served}
    if name == "endpoint check":
        night = {"model_package_arn": ARN, "input_prefix": f"{B}in/", "transform_uri": f"{B}out/"}
        scores = "inference-data/output/source=canonical/score_date=2019-12-30/_manifest.json"
        fake.put(f"{B}{scores}", json.dumps(night).encode())
        fake.put(f"{B}in/part-0.csv", b"7,720,80\n8,640,95\n")
        fake.put(f"{B}out/part-0.csv.out", b"7,0.01,M05,,,,\n8,0.2,M09,,,,\n")
        fake.answers[b"720,80"] = b"0.01,M05,,,,\n"
    if name in ("register", "decision", "selection"):
        ended = {"status": "Completed", "reason": "", "request": {}, "started": fake.now, "ended": fake.now}
        fake.jobs["train-1"] = {"id": "train-1", **ended}
        fake.pass_time(60)
    if name in ("decision", "selection"):
        fake.groups.add("mortgage-default-risk-canonical")
        status = "Approved" if name == "selection" else "PendingManualApproval"
        metadata = {"effective_from": "2019-01-01"} if name == "selection" else {}
        client = fake.client("sagemaker")
        client.create_model_package(
            ModelPackageGroupName="mortgage-default-risk-canonical",
            ModelApprovalStatus=status,
            CustomerMetadataProperties=metadata,
            InferenceSpecification={"Containers": [{"ModelDataUrl": "s3://mortgage-loan-ml/m.tar.gz"}]},
        )
    fake.calls.clear()


@pytest.mark.parametrize("name", WORK)
def test_the_calls_below_are_all_that_are_made(name, world, settings, context, tmp_path) -> None:
    prepare(name, world)
    do(name, world, settings, context, tmp_path)
    assert tuple(dict.fromkeys(world.calls)) == WORK[name].calls


@pytest.mark.parametrize(("name", "call", "fault"), CASES)
def test_a_call_that_fails_is_made_again_and_the_work_is_done_once(
    name, call, fault, world, settings, context, tmp_path
) -> None:
    prepare(name, world)
    world.faults[call] = [FAULTS[fault]] * 2
    do(name, world, settings, context, tmp_path)
    assert not world.faults[call], "the fault was met"
    assert WORK[name].done(world) == 1


@pytest.mark.parametrize(("name", "call"), LOST)
def test_a_call_whose_answer_is_lost_has_its_effect_once(name, call, world, settings, context, tmp_path) -> None:
    prepare(name, world)
    world.faults[f"after:{call}"] = [LOST_ANSWER]
    do(name, world, settings, context, tmp_path)
    assert not world.faults[f"after:{call}"], "the fault was met"
    assert WORK[name].done(world) == 1
