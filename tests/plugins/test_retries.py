"""An outage uses up no tries, a failure few; what is an outage is told to somebody when it lasts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse
from botocore.exceptions import ClientError, EndpointConnectionError

from mortgage_risk import aws
from mortgage_risk.dag import notifications
from mortgage_risk.jobs import retries
from mortgage_risk.jobs.operator import AwsJobFailed, AwsJobInterrupted, AwsJobLost
from mortgage_risk.jobs.retries import CountedRetries, cause_of, retry_arguments
from mortgage_risk.jobs.state import JobState


def api_error(kind: ErrorType, status: int | None) -> AirflowRuntimeError:
    return AirflowRuntimeError(ErrorResponse(error=kind, detail={"status_code": status}))


def aws_error(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Describe")


OUTAGES = [
    None,  # the process is gone
    "heartbeat",
    api_error(ErrorType.API_SERVER_ERROR, None),
    api_error(ErrorType.API_SERVER_ERROR, 502),
    api_error(ErrorType.API_SERVER_ERROR, 403),  # the task's token ran out during the outage
    api_error(ErrorType.PERMISSION_DENIED, 401),
    EndpointConnectionError(endpoint_url="http://x"),
    aws_error("ThrottlingException", 400),
    aws_error("Whatever", 503),
    AwsJobLost("no answer"),
]
FAILURES = [
    AwsJobFailed("exit code 1"),
    KeyError("column"),
    AirflowException("wrong"),
    aws_error("AccessDenied", 403),
    aws.Busy("the endpoint is Updating"),
    api_error(ErrorType.API_SERVER_ERROR, 422),
    api_error(ErrorType.XCOM_NOT_FOUND, None),
]


@pytest.mark.parametrize("exception", OUTAGES, ids=repr)
def test_an_outage_is_one(exception: Any) -> None:
    assert cause_of(exception) == "outage"


@pytest.mark.parametrize("exception", FAILURES, ids=repr)
def test_a_failure_is_one(exception: Any) -> None:
    assert cause_of(exception) == "failure"


@pytest.mark.parametrize(
    ("phase", "reason", "interrupted"),
    [
        ("stopped", "", True),
        ("failed", "InternalServerError: The local AWS stopped while this job was running", True),
        ("failed", "InternalServerError: We encountered an internal error. Please try again.", True),
        ("failed", "CapacityError: Unable to provision requested ML compute capacity.", True),
        ("failed", "Internal service error : Please try again", True),
        ("failed", "Job run failed: Resource unavailable", True),
        ("failed", "AlgorithmError: ExecuteUserScriptError: exit code 1", False),
        ("failed", "ClientError: No InternalServerError here", False),
        ("succeeded", "", False),
    ],
)
def test_a_job_is_broken_off_or_fails_by_itself(phase: Any, reason: str, interrupted: bool) -> None:
    assert JobState("j", phase, "Failed", reason, None, None, {}).interrupted is interrupted


class Task:
    """A task under Airflow's rules: its tries, its state store, one exception a try."""

    def __init__(self, policy: CountedRetries) -> None:
        self.policy, self.store, self.number = policy, {}, 0
        self.task = SimpleNamespace(retries=retries.TRIES)
        self.clear()

    def clear(self) -> None:
        self.max_tries = self.number + self.task.retries

    def fails(self, exception: BaseException) -> Any:
        self.number += 1
        self.try_number = self.number
        store = SimpleNamespace(get=self.store.get, set=self.store.__setitem__)
        context: Any = {"ti": self, "task_state_store": store}
        decision = self.policy.evaluate(exception, self.number, self.max_tries, context)
        return decision.retry_delay.total_seconds() if decision.retry_delay else decision.action


def test_a_failure_is_tried_again_twice_whatever_outages_lie_between() -> None:
    task, lost = Task(CountedRetries()), AwsJobLost("x")
    assert [task.fails(AwsJobFailed("x")), *(task.fails(lost) for _ in range(20)), task.fails(KeyError("x"))] == [
        20,
        *[RetryAction.RETRY] * 20,  # Airflow's own pauses, which grow with the number of the try
        40,
    ]
    assert task.fails(AwsJobFailed("x")) is RetryAction.FAIL


def test_a_cleared_task_begins_anew() -> None:
    task = Task(CountedRetries())
    assert [task.fails(KeyError("x")) for _ in range(3)] == [20, 40, RetryAction.FAIL]
    task.clear()
    assert [task.fails(KeyError("x")) for _ in range(3)] == [20, 40, RetryAction.FAIL]


def test_a_job_that_is_broken_off_is_started_again_eight_times() -> None:
    task = Task(CountedRetries())
    assert [task.fails(AwsJobInterrupted("x")) for _ in range(9)] == [20, 40, 80, 160, *[300] * 4, RetryAction.FAIL]


def test_a_verdict_is_not_asked_for_twice_but_an_outage_is_no_verdict() -> None:
    task = Task(CountedRetries(failures=0))
    assert [task.fails(AwsJobLost("x")), task.fails(ValueError("x"))] == [RetryAction.RETRY, RetryAction.FAIL]


def test_the_pauses_of_an_outage_grow_and_reach_over_hours() -> None:
    arguments = retry_arguments()
    first, longest = arguments["retry_delay"].seconds, arguments["max_retry_delay"].seconds
    assert arguments["retry_exponential_backoff"] > 1, "True is 1.0 to Airflow 3.3.1: every pause the same"
    pauses = [min(first * arguments["retry_exponential_backoff"] ** n, longest) for n in range(arguments["retries"])]
    assert sum(pauses) > 3 * 3600


def lost(number: int, exception: Any = None, max_tries: int = retries.TRIES) -> dict[str, Any]:
    task = SimpleNamespace(retries=retries.TRIES, business_date="{{ score_date(params) }}")
    ti = SimpleNamespace(
        dag_id="d", task_id="t", log_url="http://airflow/log", try_number=number, max_tries=max_tries, task=task
    )
    return {"ti": ti, "task": task, "exception": exception}


def test_somebody_is_told_of_an_outage_that_lasts() -> None:
    told = [number for number in range(1, 41) if notifications.tries_lost_message(lost(number))]
    assert told == [3, 10, 30]
    assert notifications.tries_lost_message(lost(45, max_tries=82)) is not None, "the third since it was cleared"
    assert notifications.tries_lost_message(lost(3, KeyError("x"))) is None, "failures are told when the last is over"
    message = notifications.tries_lost_message(lost(3))
    assert message
    assert message.subject == "Outage: d t"
    assert message.happened == "Try 3 of the task came to no end: its process is gone."


def test_a_task_whose_process_died_at_every_try_is_told_of_with_its_run(monkeypatch, settings) -> None:
    told: list[notifications.Message] = []
    monkeypatch.setattr(notifications, "load_settings", lambda: settings)
    monkeypatch.setattr(notifications, "send", lambda _, message: told.append(message))
    notifications.TriesUsedUp().notify(lost(4))
    assert not told, "it has told so itself"
    notifications.TriesUsedUp().notify(lost(retries.TRIES + 1))
    assert [message.subject for message in told] == ["Failed: d t"]
    assert "died or was killed" in told[0].happened
