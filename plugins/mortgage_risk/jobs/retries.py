"""How often a task is tried: few times for what it does wrong itself, through hours for what an outage does to it.

Airflow counts every try alike: one that a killed worker or a silent API server ended, and one whose job failed. So
tasks have tries for hours (`retries`, with pauses that grow up to MAX_PAUSE), which Airflow's scheduler spends on tries
whose process is gone, and CountedRetries ends a task sooner by what the exception says:

* an outage (Airflow's API or AWS gave no answer, the task was told to stop) is not counted;
* an interruption (its AWS job was stopped, or broken off by AWS) is counted up to `interruptions`: each costs a job;
* a failure is counted up to `failures`.

The counts lie in the task's state store, by try number: a cleared task begins anew. A job is named by its request, so
no try doubles what one before it has submitted.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import RetryDecision, RetryPolicy

from mortgage_risk import aws
from mortgage_risk.jobs.failures import AwsJobInterrupted, AwsJobLost

if TYPE_CHECKING:
    from airflow.sdk import Context

FIRST_PAUSE = timedelta(seconds=20)
MAX_PAUSE = timedelta(minutes=5)
TRIES = 40  # three hours of pauses, and what the tries themselves take
TOLD_AFTER = (3, 10, 30)  # tries without an end: somebody is told

Cause = Literal["outage", "interruption", "failure"]


class CountedRetries(RetryPolicy):
    """Tries again as often as the cause of the failure deserves."""

    def __init__(self, *, failures: int = 2, interruptions: int = 8) -> None:
        self.allowed = {"failure": failures, "interruption": interruptions}

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        cause = cause_of(exception)
        if cause == "outage":
            return RetryDecision.retry(reason="an outage: not counted")
        assert context is not None
        store: Any = context["task_state_store"]
        since = first_try(context["ti"])
        counted = [number for number in store.get(cause, []) if since <= number < try_number] + [try_number]
        store.set(cause, counted)
        told = f"{cause} {len(counted)}; tried again after {self.allowed[cause]} at most"
        if len(counted) > self.allowed[cause]:
            return RetryDecision.fail(told)
        return RetryDecision.retry(min(FIRST_PAUSE * 2 ** (len(counted) - 1), MAX_PAUSE), told)


def retry_arguments(policy: CountedRetries | None = None) -> dict[str, Any]:
    """Operator arguments."""
    return {
        "retries": TRIES,
        "retry_delay": FIRST_PAUSE,
        "retry_exponential_backoff": 2.0,  # True would be 1.0: no growth
        "max_retry_delay": MAX_PAUSE,
        "retry_policy": policy or CountedRetries(),
    }


def cause_of(exception: Any) -> Cause:
    """Who is to blame for the end of a try; an outage where there is no exception: the process was gone."""
    if not isinstance(exception, BaseException) or isinstance(exception, AwsJobLost) or _no_answer(exception):
        return "outage"
    return "interruption" if isinstance(exception, AwsJobInterrupted) else "failure"


def first_try(ti: Any) -> int:
    """Number of the first try since the task was last cleared: clearing grants `retries` more."""
    return int(ti.max_tries - ti.task.retries + 1)


def _no_answer(exception: BaseException) -> bool:
    return aws.is_transient(exception) and not isinstance(exception, aws.Busy)
