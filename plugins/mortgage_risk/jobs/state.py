"""What an AWS job is to this platform, whatever its kind: its state, its name, its attempts, its log."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from mortgage_risk import aws

Phase = Literal["running", "succeeded", "failed", "stopped"]


# How AWS says that it was its own fault, or that it had no machines.
_OF_AWS = re.compile(
    r"^(InternalServerError|CapacityError)|internal service (error|exception)|resource unavailable", re.IGNORECASE
)


# The failures of contracts/faults.py, which lie in the data or the settings: the same job fails the same way again.
FINAL_FAILURES = (
    *("ArtifactError", "CalibrationError", "CardError", "ContractError", "FeatureError", "HyperparameterError"),
    *("MonitoringError", "MonthError", "NoExtractYet", "NotComputable", "PanelError", "RequestError", "ScoresError"),
    *("SettingError", "SourceError", "SplitError", "TableError", "ThresholdError"),
)
# As a script's last words, alone or in what SageMaker and Glue make of them.
_FINAL = re.compile(rf"(?:^|[\s\"'.])({'|'.join(FINAL_FAILURES)}): ")


def is_final(words: str) -> bool:
    """Whether a job's reason or a line of its log says that trying again cannot help."""
    return bool(_FINAL.search(words))


@dataclass(frozen=True)
class JobState:
    """What AWS says of a job; `response` is its whole answer."""

    job_id: str
    phase: Phase
    status: str
    reason: str
    started_at: datetime | None
    ended_at: datetime | None
    response: Mapping[str, Any]

    @property
    def stopping(self) -> bool:
        """Still running, and about to end as stopped: not a job to wait for a result of."""
        return self.status.lower() == "stopping"

    @property
    def interrupted(self) -> bool:
        """It ended through no fault of its own: the same job may succeed next time."""
        return self.phase == "stopped" or (self.phase == "failed" and bool(_OF_AWS.search(self.reason)))

    @property
    def seconds(self) -> float | None:
        if self.started_at and self.ended_at:
            return max(0.0, round((self.ended_at - self.started_at).total_seconds(), 1))  # of two clocks, at times
        return None


@dataclass(frozen=True)
class LogPlace:
    group: str
    stream: str  # name or, for SageMaker, beginning of the name


class BeingStarted(aws.Busy):
    """Another worker has claimed the request and may still start it: look again, in `seconds` at the latest."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


NAME = "{job}"  # stands for the attempt's name in a request
REQUEST = "{request}"  # stands for the request's name, which its attempts share


def fill_in_name(request: Any, name: str) -> Any:
    """`request` with every NAME and REQUEST in its strings replaced, at any depth."""
    if isinstance(request, dict):
        return {key: fill_in_name(value, name) for key, value in request.items()}
    if isinstance(request, list):
        return [fill_in_name(value, name) for value in request]
    if isinstance(request, str):
        return request.replace(NAME, name).replace(REQUEST, name.rpartition("-")[0])
    return request


def job_name(readable: str, digest: str, length: int = 63) -> str:
    """`<readable>-<10 hex>`, letters, digits and single dashes, leaving 3 of `length` characters for '-<attempt>'."""
    prefix = re.sub(r"[^a-zA-Z0-9]+", "-", readable).strip("-")[: length - 14].rstrip("-")
    return f"{prefix}-{digest[:10]}"


def log_tail(client: Any, places: list[LogPlace], lines: int = 20) -> list[str]:
    """The last lines of the first place that has any."""
    for place in places:
        try:
            streams = client.describe_log_streams(logGroupName=place.group, logStreamNamePrefix=place.stream)
            for stream in streams["logStreams"]:
                events = client.get_log_events(
                    logGroupName=place.group,
                    logStreamName=stream["logStreamName"],
                    limit=lines,
                    startFromHead=False,
                )["events"]
                if events:
                    return [event["message"].rstrip() for event in events[-lines:]]
        except Exception as error:
            if not aws.is_not_found(error):
                raise
    return []


def newest_attempt(describe: Callable[[str], JobState], name: str) -> JobState | None:
    found = None
    for attempt in itertools.count(1):
        try:
            found = describe(f"{name}-{attempt}")
        except Exception as error:
            if not aws.is_not_found(error):
                raise
            break
    return found


def next_attempt(name: str, previous: JobState | None) -> str:
    return f"{name}-{int(previous.job_id.rpartition('-')[2]) + 1 if previous else 1}"
