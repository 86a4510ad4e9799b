"""An approved model behind the endpoint: found again, never doubled, and the old one serves until the new one does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from fake_aws import LOST_ANSWER, FakeAws

from mortgage_risk.jobs.ledger import Ledger
from mortgage_risk.jobs.operator import AwsJobFailed
from mortgage_risk.jobs.requests import RunTags
from mortgage_risk.release.deployment import (
    CheckEndpointOperator,
    DeployModelOperator,
    EndpointDisagrees,
    FindEndpointOperator,
)

B = "s3://mortgage-loan-ml/"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/mortgage-default-risk-canonical/"
ENDPOINT = "pd-canonical"


@pytest.fixture
def common(settings) -> dict[str, Any]:
    short = replace(settings, deferrable=False, endpoint_name="pd")
    return {"settings": short, "source": "canonical", "business_date": "2019-12-31"}


def deploy(common: dict[str, Any], version: int = 1) -> DeployModelOperator:
    package = {"model_package_arn": f"{ARN}{version}", "version": version}
    model = f"model-v{version}"
    return DeployModelOperator(task_id="update_endpoint", endpoint=ENDPOINT, model=model, package=package, **common)


def served(fake: FakeAws) -> str:
    config = fake.endpoints[ENDPOINT]["EndpointConfigName"]
    return fake.endpoint_configs[config]["ProductionVariants"][0]["ModelName"]


def test_without_the_setting_there_is_no_endpoint_and_the_run_says_so(common, context) -> None:
    assert FindEndpointOperator(task_id="find", **common | {"source": "freddie_mac"}).execute(context) == (
        "pd-freddie-mac"
    )
    none = common | {"settings": replace(common["settings"], endpoint_name="")}
    with pytest.raises(AirflowSkipException, match="endpoint_name is empty"):
        FindEndpointOperator(task_id="find", **none).execute(context)


def test_the_endpoint_is_created_then_updated_and_left_alone_where_it_serves_the_model(
    common, context, fake_aws
) -> None:
    first = deploy(common).execute(context)
    assert (first["endpoint"], served(fake_aws)) == (ENDPOINT, "model-v1")
    assert deploy(common).execute(context) == first
    deploy(common, 2).execute(context)
    assert served(fake_aws) == "model-v2"
    assert (fake_aws.count("create_endpoint"), fake_aws.count("update_endpoint")) == (1, 1)


def test_going_back_to_a_former_model_is_an_update_too(common, context, fake_aws) -> None:
    for version in (1, 2, 1):
        deploy(common, version).execute(context)
    assert served(fake_aws) == "model-v1"
    assert [name[-2:] for name in fake_aws.updates] == ["-1", "-1", "-2"]


def test_a_failed_update_says_why_and_the_old_model_serves_on(common, context, fake_aws) -> None:
    deploy(common).execute(context)
    fake_aws.outcome = ("Failed", "The container did not pass the ping health check")
    fake_aws.logs[f"/aws/sagemaker/Endpoints/{ENDPOINT}", "AllTraffic/i-1"] = ["ImportError: no xgboost"]
    with pytest.raises(AwsJobFailed, match="ping health check") as failure:
        deploy(common, 2).execute(context)
    assert "ImportError: no xgboost" in str(failure.value)
    assert served(fake_aws) == "model-v1"
    fake_aws.outcome = ("Completed", "")
    deploy(common, 2).execute(context)
    assert served(fake_aws) == "model-v2"


def test_an_endpoint_that_never_came_up_gives_way_to_the_next_attempt(common, context, fake_aws) -> None:
    fake_aws.outcome = ("Failed", "no capacity")
    with pytest.raises(AwsJobFailed, match="ended Failed: no capacity"):
        deploy(common).execute(context)
    fake_aws.outcome = ("Completed", "")
    deploy(common).execute(context)
    assert served(fake_aws) == "model-v1"
    assert (fake_aws.count("create_endpoint"), fake_aws.count("delete_endpoint")) == (2, 1)


def test_a_worker_that_died_after_the_submit_finds_the_update(common, context, fake_aws) -> None:
    class WorkerDied(BaseException):
        pass

    deploy(common).execute(context)
    fake_aws.faults["after:update_endpoint"] = [WorkerDied()]  # type: ignore[list-item]
    with pytest.raises(WorkerDied):
        deploy(common, 2).execute(context)
    deploy(common, 2).execute(context)
    assert len(fake_aws.updates) == 2
    assert served(fake_aws) == "model-v2"


def test_another_update_on_its_way_is_waited_for(common, context, fake_aws) -> None:
    """That of another release, or the same one by a faster worker."""
    deploy(common).execute(context)
    fake_aws.outcome = None
    fake_aws.client("sagemaker").update_endpoint(EndpointName=ENDPOINT, EndpointConfigName="by-hand")
    before = set(fake_aws.endpoint_configs)

    def finish(call: str, enter: Any = fake_aws.enter) -> None:
        fake_aws.outcome = ("Completed", "") if fake_aws.count("describe_endpoint") > 8 else None
        enter(call)

    fake_aws.enter = finish  # type: ignore[method-assign]
    deploy(common, 2).execute(context)
    assert served(fake_aws) == "model-v2"
    assert len(set(fake_aws.endpoint_configs) - before) == 1, "waiting leaves no configurations behind"


def test_of_two_workers_at_once_the_second_finds_the_firsts_update(common, context, fake_aws, monkeypatch) -> None:
    deploy(common).execute(context)
    sagemaker = type(fake_aws.client("sagemaker"))
    update = sagemaker.update_endpoint

    def update_twice(self: Any, **request: Any) -> None:
        update(self, **request)
        update(self, **request)

    monkeypatch.setattr(sagemaker, "update_endpoint", update_twice)
    deploy(common, 2).execute(context)
    assert len(fake_aws.updates) == 2


def test_an_update_cannot_be_stopped_and_the_task_says_so(common, context, fake_aws, monkeypatch) -> None:
    deploy(common).execute(context)
    task = deploy(common, 2)
    enter = fake_aws.enter
    monkeypatch.setattr(
        fake_aws, "enter", lambda call: (task.on_kill() if call == "update_endpoint" else None, enter(call))
    )
    with pytest.raises(AwsJobFailed, match="was not stopped: an endpoint's update goes on to its end"):
        task.execute(context)
    assert len(fake_aws.updates) == 2, "nothing is rolled back"


def test_the_ledger_has_no_price_for_an_endpoint_and_says_why(common, context, fake_aws) -> None:
    deploy(common).execute(context)
    (entry,) = [json.loads(body) for key, (body, _) in fake_aws.objects.items() if key.startswith("cost-ledger/")]
    assert (entry["kind"], entry["usd"], entry["instance"]) == ("endpoint", None, "ml.m5.xlarge")
    assert "by the hour" in entry["reason"]
    tags = RunTags("d", "t", "r", "2019-12-31", "x")
    Ledger(replace(common["settings"], run_budget_usd=1.0), fake_aws.client).refuse_beyond_budget(tags, fake_aws.now)


# --- the question after it ---


@pytest.fixture
def night(fake_aws: FakeAws) -> dict[str, Any]:
    """A scored night of two loans, and an endpoint that answers for the first."""
    manifest = {"model_package_arn": f"{ARN}1", "input_prefix": f"{B}in/", "transform_uri": f"{B}out/"}
    put_night(fake_aws, manifest)
    fake_aws.put(f"{B}in/part-0.csv", b"7,720,80\n8,640,95\n")
    fake_aws.put(f"{B}out/part-0.csv.out", b"7,0.0123456,M05,,,,\n8,0.2,M09,,,,\n")
    fake_aws.answers[b"720,80"] = b"0.01234561,M05,,,,\n"
    return manifest


def put_night(fake: FakeAws, manifest: dict[str, Any]) -> None:
    for day in ("2019-12-30", "2019-12-29"):
        content = manifest if day == "2019-12-30" else manifest | {"input_prefix": f"{B}nowhere/"}
        uri = f"{B}inference-data/output/source=canonical/score_date={day}/_manifest.json"
        fake.put(uri, json.dumps(content).encode())


def check(common: dict[str, Any]) -> CheckEndpointOperator:
    package = {"model_package_arn": f"{ARN}1"}
    return CheckEndpointOperator(task_id="check", endpoint=ENDPOINT, package=package, **common)


def test_the_endpoint_gives_the_batchs_pd(common, context, fake_aws, night) -> None:
    fake_aws.faults["invoke_endpoint"] = [LOST_ANSWER]
    assert check(common).execute(context) == {
        "score_date": "2019-12-30",
        "loan_id": "7",
        "pd": 0.01234561,
        "batch_pd": 0.0123456,
        "reason": "",
    }


def test_another_pd_than_the_batchs_is_an_error(common, context, fake_aws, night) -> None:
    fake_aws.answers[b"720,80"] = b"0.0124,M05,,,,\n"
    with pytest.raises(EndpointDisagrees, match=r"loan 7 a PD of 0\.0124; the batch of 2019-12-30 gave 0\.0123456"):
        check(common).execute(context)


def test_what_cannot_be_compared_is_null_with_the_reason(common, context, fake_aws, night) -> None:
    put_night(fake_aws, night | {"model_package_arn": f"{ARN}0"})
    answer = check(common).execute(context)
    assert (answer["pd"], answer["batch_pd"]) == (0.01234561, None)
    assert f"was scored by {ARN}0" in answer["reason"]
    fake_aws.put(f"{B}out/part-0.csv.out", b"8,0.2,M09,,,,\n")
    put_night(fake_aws, night)
    assert "another order" in check(common).execute(context)["reason"]
    for key in [key for key in fake_aws.objects if key.startswith("inference-data/output")]:
        del fake_aws.objects[key]
    answer = check(common).execute(context)
    assert (answer["pd"], answer["batch_pd"], answer["reason"]) == (None, None, "no canonical loan was scored yet")
