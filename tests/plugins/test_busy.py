"""A limit of the account that is used up is a wait with an end, not a failed night: whatever job, wherever it waits."""

from __future__ import annotations

import asyncio
import functools
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from fake_aws import FakeAws, client_error
from test_aws_job import BOTH, deferred, glue, training, world  # noqa: F401  (the fixture of the world they run in)

from mortgage_risk.jobs.failures import AwsJobLost
from mortgage_risk.jobs.retries import cause_of
from mortgage_risk.jobs.triggers import PauseTrigger

QUOTA = (
    "The account-level service limit 'ml.m5.4xlarge for training job usage' is {limit} Instances, with current "
    "utilization of {used} Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request an "
    "increase for this quota."
)
FULL = client_error("ResourceLimitExceeded", QUOTA.format(limit=2, used=2))
NEVER = client_error("ResourceLimitExceeded", QUOTA.format(limit=0, used=0))
LIMITS = [
    (training, "create_training_job", FULL),
    (glue, "start_job_run", client_error("ConcurrentRunsExceededException", "Concurrent runs exceeded for m-prepare")),
    (glue, "start_job_run", client_error("ResourceNumberLimitExceededException", "Max concurrent job runs exceeded")),
    (glue, "create_job", client_error("ResourceNumberLimitExceededException", "The account has 2000 jobs already")),
]
EVERY = pytest.mark.parametrize(("operator", "call", "full"), LIMITS, ids=["instances", "runs", "account", "jobs"])


@EVERY
def test_a_task_on_a_worker_waits_for_room_and_says_so(
    settings, context, fake_aws: FakeAws, capsys, operator, call, full
) -> None:
    fake_aws.faults[call] = [full] * 90  # far longer than an outage may be
    operator(settings).execute(context)
    assert len(fake_aws.jobs) == 1
    assert capsys.readouterr().out.count("AWS has no room for this") == 90


@EVERY
def test_a_deferred_task_leaves_its_worker_while_it_waits(
    settings, context, fake_aws: FakeAws, monkeypatch, operator, call, full
) -> None:
    fake_aws.outcome = None
    fake_aws.faults[call] = [full] * 2
    task = deferred(operator(settings))
    with pytest.raises(TaskDeferred) as first:
        task.execute(context)
    with pytest.raises(TaskDeferred) as second:
        task.execute_again(context, event_of(first.value.trigger, monkeypatch))
    assert first.value.method_name == second.value.method_name == "execute_again"
    assert second.value.trigger.since == first.value.trigger.since, "it is one wait"
    assert fake_aws.jobs == {}
    with pytest.raises(TaskDeferred) as third:
        task.execute_again(context, event_of(second.value.trigger, monkeypatch))
    assert third.value.method_name == "execute_complete"
    assert len(fake_aws.jobs) == 1


def event_of(trigger: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Of the trigger as Airflow makes it anew in its triggerer."""
    path, arguments = trigger.serialize()
    assert path == "mortgage_risk.jobs.triggers.PauseTrigger"
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def first() -> dict[str, Any]:
        async for event in PauseTrigger(**arguments).run():
            return event.payload
        raise AssertionError("no event")

    monkeypatch.setattr("asyncio.sleep", sleep)
    payload = asyncio.run(first())
    assert sum(slept) >= 60
    return payload


@EVERY
@pytest.mark.parametrize("waits", ["on the worker", "deferred"])
def test_the_wait_has_an_end_that_no_failure_is_counted_for(
    settings, context, fake_aws: FakeAws, monkeypatch, operator, call, full, waits
) -> None:
    start = float(int(time.time()))  # sums of minutes are exact
    monkeypatch.setattr("time.time", lambda: start + (fake_aws.now - began).total_seconds())
    began = fake_aws.now
    fake_aws.faults[call] = [full] * 10_000
    task = operator(replace(settings, busy_minutes=30, poll_seconds=60))
    wait = task.execute
    if waits == "deferred":
        wait = functools.partial(deferred(task).execute_again, event={"since": start - 30 * 60 - 1})
    with pytest.raises(AwsJobLost, match=r"no room for .* job for 3[01] minutes .*busy_minutes") as lost:
        wait(context)
    assert cause_of(lost.value) == "outage"
    assert fake_aws.jobs == {}


def test_the_execution_timeout_ends_the_wait_too(settings, context, fake_aws: FakeAws) -> None:
    fake_aws.faults["create_training_job"] = [FULL]
    task = training(settings)
    task.execution_timeout = timedelta(minutes=5)
    with pytest.raises(AwsJobLost, match="for 6 minutes"):
        task.execute_again(context, {"since": time.time() - 360})


def test_what_is_more_than_the_quota_is_not_waited_for(settings, context, fake_aws: FakeAws) -> None:
    """As in an account that has never trained on such an instance: its quota is 0."""
    fake_aws.faults["create_training_job"] = [NEVER]
    with pytest.raises(AirflowFailException, match=r"is 0 Instances[\s\S]*Ask for a higher quota"):
        training(settings).execute(context)
    assert fake_aws.count("create_training_job") == 1


@BOTH
def test_a_task_killed_while_it_waits_for_room_submits_nothing(
    settings, context, fake_aws: FakeAws, monkeypatch, operator, create
) -> None:
    fake_aws.faults[create] = [FULL]
    task = operator(settings)
    monkeypatch.setattr("time.sleep", lambda seconds: task.on_kill())
    with pytest.raises(AwsJobLost, match="killed"):
        task.execute(context)
    assert fake_aws.jobs == {}


def test_a_refused_start_is_no_start_that_the_next_try_waits_for(settings, context, fake_aws: FakeAws) -> None:
    """The claim says that nothing was started: another task need not wait whether there was."""
    fake_aws.faults["start_job_run"] = [LIMITS[1][2]]
    began = fake_aws.now
    glue(replace(settings, poll_seconds=5)).execute(context)
    (job,) = fake_aws.jobs.values()
    assert (job["started"] - began).total_seconds() <= 5
