"""What the Glue tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.local_aws.conftest import wait_for

if TYPE_CHECKING:
    from tests.local_aws.conftest import LocalAws

BUCKET = "glue-tests"
ROLE = "arn:aws:iam::123456789012:role/GlueRole"
ENDED = {"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT"}


def create_job(aws: LocalAws, name: str, script: str, **definition: Any) -> None:
    """A job whose script is the given text."""
    s3 = aws.client("s3")
    if BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET)
    key = f"scripts/{name}.py"
    s3.put_object(Bucket=BUCKET, Key=key, Body=script.encode())
    command = {"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/{key}"}
    aws.client("glue").create_job(**{"Name": name, "Role": ROLE, "Command": command, "GlueVersion": "5.1"} | definition)


def start(aws: LocalAws, name: str, **options: Any) -> str:
    return aws.client("glue").start_job_run(JobName=name, **options)["JobRunId"]


def run_of(aws: LocalAws, name: str, run_id: str) -> dict[str, Any]:
    return aws.client("glue").get_job_run(JobName=name, RunId=run_id)["JobRun"]


def ended(aws: LocalAws, name: str, run_id: str, timeout_s: float = 120) -> dict[str, Any]:
    def check() -> dict[str, Any] | None:
        run = run_of(aws, name, run_id)
        return run if run["JobRunState"] in ENDED else None

    return wait_for(check, timeout_s)


def log(aws: LocalAws, run_id: str, kind: str = "output") -> list[str]:
    """The messages of a run's stream once there are any."""
    logs = aws.client("logs")

    def read() -> list[str]:
        try:
            events = logs.get_log_events(logGroupName=f"/aws-glue/jobs/{kind}", logStreamName=run_id)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]

    return wait_for(read, 30)
