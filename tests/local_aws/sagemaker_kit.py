"""What the SageMaker tests share: requests, waiting, logs, archives."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import wait_for

if TYPE_CHECKING:
    from tests.local_aws.conftest import LocalAws

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"
ENDED = ("Completed", "Failed", "Stopped")


@cache
def client(aws: LocalAws, service: str) -> Any:
    """A client that is made once: making one takes longer than a request."""
    return aws.client(service)


def finished(aws: LocalAws, kind: str, name: str) -> dict[str, Any]:
    """The description of a job ("training", "processing", "transform") once it ended."""
    describe = getattr(client(aws, "sagemaker"), f"describe_{kind}_job")
    prefix = f"{kind.title()}Job"

    def ended() -> dict[str, Any] | None:
        job = describe(**{f"{prefix}Name": name})
        return job if job[f"{prefix}Status"] in ENDED else None

    return wait_for(ended)


def log_lines(aws: LocalAws, group: str, name: str) -> list[str]:
    """All messages of a job's streams, for example of the group "TrainingJobs"."""
    logs, group = client(aws, "logs"), f"/aws/sagemaker/{group}"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    return [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    ]


def read(aws: LocalAws, uri: str) -> bytes:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    return client(aws, "s3").get_object(Bucket=bucket, Key=key)["Body"].read()


def unpack(body: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}  # type: ignore[union-attr]


def pack(files: Mapping[str, str]) -> bytes:
    """A tar.gz of the files that are not empty."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            if text:
                info = tarfile.TarInfo(name)
                info.size = len(text.encode())
                archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def error_of(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    """Code and message of the error that a call ends in."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def alive(pid: int) -> bool:
    """Whether a process is still there after two seconds."""
    for _ in range(40):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return False
        except (FileNotFoundError, ProcessLookupError):
            return False
        time.sleep(0.05)
    return True
