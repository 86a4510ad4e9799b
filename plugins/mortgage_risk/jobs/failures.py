"""How a task fails with its AWS job: the exception says whether it may be tried again, its message what to do."""

from __future__ import annotations

from collections.abc import Sequence

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from mortgage_risk.jobs.state import JobState, LogPlace, is_final


class AwsJobFailed(AirflowException):
    """An AWS job did not succeed; the message holds AWS's reason, the end of its log and where the log is."""


class AwsJobInterrupted(AwsJobFailed):
    """The job did nothing wrong: somebody stopped it, or AWS broke it off."""


class AwsJobLost(AwsJobFailed):
    """Nothing is known against the job: AWS gave no answer about it, or the task itself was told to stop."""


class AwsJobFailedForGood(AwsJobFailed, AirflowFailException):
    """The job's data or settings are at fault: Airflow does not try again. Clear the task when they are mended."""


def failure(
    kind: str, state: JobState, *, tail: Sequence[str], places: Sequence[LogPlace], remedy: str, killed: bool
) -> AwsJobFailed:
    """Of a job that ended without success. `tail`: its log's last lines; `killed`: by its own task."""
    final = state.phase == "failed" and any(map(is_final, (state.reason, *tail)))
    cause: type[AwsJobFailed] = AwsJobFailedForGood if final else AwsJobFailed
    if killed:
        cause = AwsJobLost
    elif state.interrupted:
        cause = AwsJobInterrupted
    return cause(
        f"{kind} job {state.job_id} ended {state.status}: {state.reason or 'AWS gives no reason'}\n"
        + "".join(f"    {line}\n" for line in tail)
        + (f"The same again would fail the same way: {remedy}\n" if final else "")
        + "Log: "
        + " and ".join(f"{place.group} {place.stream}" for place in places)
    )
