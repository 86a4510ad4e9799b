"""What jobs cost, whose run pays, and when no more is spent."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from fake_aws import FakeAws

from mortgage_risk.jobs.cost import load_prices
from mortgage_risk.jobs.kinds import KINDS
from mortgage_risk.jobs.ledger import Ledger, summary
from mortgage_risk.jobs.state import JobState
from mortgage_risk.scoring.batch import BatchTransformOperator
from mortgage_risk.settings import PLUGIN, Settings

PRICES = load_prices(PLUGIN / "prices.json")
START = datetime(2020, 1, 5, 9, tzinfo=UTC)
B = "s3://mortgage-loan-ml/"


def job(seconds: float, **response: Any) -> JobState:
    return JobState("j", "succeeded", "Completed", "", START, START + timedelta(seconds=seconds), response)


@pytest.mark.parametrize(
    ("kind", "state", "usd"),
    [
        ("training", job(9999, BillableTimeInSeconds=3600, ResourceConfig={"InstanceType": "ml.m5.4xlarge"}), 0.922),
        ("processing", job(1800, ProcessingResources={"ClusterConfig": {"InstanceType": "ml.m5.2xlarge"}}), 0.2305),
        ("transform", job(3600, TransformResources={"InstanceType": "ml.m5.xlarge", "InstanceCount": 3}), 0.69),
        ("glue", job(9999, ExecutionTime=3600, WorkerType="G.1X", NumberOfWorkers=5), 2.2),
        ("glue", job(9999, ExecutionTime=3600, WorkerType="G.2X", NumberOfWorkers=5), 4.4),
        ("glue", job(9999, ExecutionTime=3600, WorkerType="G.1X", NumberOfWorkers=5, DPUSeconds=3600.0), 0.44),
        ("glue", job(9999, ExecutionTime=10, WorkerType="G.1X", NumberOfWorkers=6), 0.044),  # a minute at least
    ],
)
def test_a_job_costs_its_instance_seconds(kind, state, usd) -> None:
    assert KINDS[kind].cost(state, PRICES).usd == pytest.approx(usd)


def test_an_endpoints_update_has_no_price_of_its_own() -> None:
    variant = {"InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 2}
    cost = KINDS["endpoint"].cost(job(300, ProductionVariants=[variant]), PRICES)
    assert (cost.usd, cost.instances, cost.seconds) == (None, 2, 300)
    assert "by the hour" in cost.reason


def test_a_running_job_costs_what_it_has_cost_so_far() -> None:
    state = replace(job(0, TransformResources={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}), ended_at=None)
    assert KINDS["transform"].cost(state, PRICES, now=START + timedelta(hours=2)).usd == pytest.approx(0.46)


def test_what_has_no_price_costs_null_with_the_reason() -> None:
    cost = KINDS["training"].cost(job(10, ResourceConfig={"InstanceType": "ml.p9.huge"}), PRICES)
    assert (cost.usd, cost.reason) == (None, "no price for instance type 'ml.p9.huge'")
    entries = [{"job": "a", "usd": 1.0}, {"job": "b", "usd": None, "reason": cost.reason}]
    assert summary(entries, PRICES)["usd"] is None
    assert summary(entries[:1], PRICES)["usd"] == 1.0


@pytest.mark.parametrize("count", [1, 7])
@pytest.mark.parametrize("more", [0.0, 0.5, 1e6])
@pytest.mark.parametrize("seconds", [0.0, 59.9, 1e5])
def test_more_time_and_more_instances_never_cost_less(seconds: float, more: float, count: int) -> None:
    def usd(length: float, instances: int) -> float:
        resources = {"InstanceType": "ml.m5.xlarge", "InstanceCount": instances}
        return KINDS["transform"].cost(job(length, TransformResources=resources), PRICES).usd or 0.0

    assert usd(seconds + more, count + 1) >= usd(seconds, count) >= 0


def test_a_price_table_that_lacks_something_is_named(tmp_path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({**PRICES, "date": ""} | {}), encoding="utf-8")
    assert load_prices(path)["currency"] == "USD"
    path.write_text(json.dumps({k: v for k, v in PRICES.items() if k != "source"}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"prices\.json: no source"):
        load_prices(path)


@pytest.fixture
def world(fake_aws: FakeAws) -> FakeAws:
    fake_aws.now = datetime.now(UTC)  # the ledger is kept by the day

    def finish(ended: dict[str, Any]) -> None:
        fake_aws.put(ended["request"]["TransformOutput"]["S3OutputPath"] + "out", b"1")

    fake_aws.on_finish = finish
    return fake_aws


def score(settings: Settings, context: Any, dataset: str) -> dict[str, Any]:
    return BatchTransformOperator(
        task_id="transform",
        settings=replace(settings, deferrable=False),
        source="canonical",
        business_date="2019-12-31",
        model="m",
        dataset={"data_prefix": f"{B}{dataset}/"},
    ).execute(context)


def run_cost(settings: Settings, fake: FakeAws, context: Any) -> dict[str, Any]:
    run = context["dag_run"]
    ledger = Ledger(settings, fake.client)
    entries = ledger.of_run("adhoc_airflow", run.run_id, datetime.now(UTC) - timedelta(days=1))
    return summary(entries, PRICES)


def another_run(context: Any) -> dict[str, Any]:
    return {**context, "dag_run": SimpleNamespace(run_id="another", start_date=datetime.now(UTC))}


def test_the_run_that_submits_a_job_pays_for_it_and_one_that_uses_it_does_not(settings, context, world) -> None:
    first = score(settings, context, "a")
    other = another_run(context)
    assert score(settings, other, "a") == first
    assert run_cost(settings, world, context)["usd"] == pytest.approx(60 / 3600 * 0.23, abs=1e-4)
    assert run_cost(settings, world, other) == {**run_cost(settings, world, other), "usd": 0, "jobs": {}}


def test_a_job_whose_task_died_is_in_the_ledger_with_what_it_cost(settings, context, world) -> None:
    class WorkerDied(BaseException):
        pass

    world.faults["after:put_object"] = [WorkerDied()]  # type: ignore[list-item]
    with pytest.raises(WorkerDied):
        score(settings, context, "a")
    assert run_cost(settings, world, context)["usd"] > 0


@pytest.mark.parametrize("limit", ["run_budget_usd", "day_budget_usd"])
def test_beyond_its_limit_nothing_is_submitted(settings, context, world, limit) -> None:
    tight = replace(settings, **{limit: 0.003})
    score(tight, context, "a")
    with pytest.raises(AirflowFailException, match=rf"has spent 0\.00 USD of the 0\.00 USD that the setting {limit}"):
        score(tight, context, "b")
    assert len(world.jobs) == 1
    assert score(tight, context, "a")["job"] in world.jobs  # what is done already may be used
    if limit == "run_budget_usd":
        assert score(tight, another_run(context), "b")["job"] in world.jobs
