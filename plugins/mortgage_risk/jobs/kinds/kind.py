"""What the platform must know of a kind of AWS job. A new kind is one class below this one, named in KINDS."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, TypedDict

from mortgage_risk.aws import Clients
from mortgage_risk.jobs.cost import Cost, Prices
from mortgage_risk.jobs.requests import Request
from mortgage_risk.jobs.state import JobState, LogPlace
from mortgage_risk.settings import Settings

CONSOLE = "https://{region}.console.aws.amazon.com"


class CannotBeStopped(RuntimeError):
    """AWS has no way to stop this job."""


class Address(TypedDict):
    """Where a job's page is: the placeholders of the settings job_link and log_link, beside the region."""

    service: str
    kind: str
    name: str


@dataclass(frozen=True)
class RunningJob:
    job_id: str
    started_at: datetime
    tags: Mapping[str, str]


class JobKind(ABC):
    """All that is known of one kind. It holds no state: a job is its id, a string that the kind can read."""

    name: ClassVar[str]  # in messages, in the cost ledger, in a trigger
    service: ClassVar[str]  # of boto3
    name_length: ClassVar[int] = 63  # of a request's name with its attempt
    console_page: ClassVar[str]  # of the AWS console, with the placeholders of an Address and {region}

    # --- the life of a job ---

    @abstractmethod
    def latest(self, clients: Clients, request: Request, name: str) -> JobState | None:
        """The newest attempt of the request `name`."""

    @abstractmethod
    def submit(self, clients: Clients, request: Request, name: str, previous: JobState | None) -> str:
        """Start the attempt that follows `previous`, or come upon one that somebody else has started: the job's id.

        May be asked again after an answer that was lost: it is the same attempt.
        """

    @abstractmethod
    def describe(self, clients: Clients, job_id: str) -> JobState: ...

    @abstractmethod
    def stop(self, clients: Clients, job_id: str) -> None:
        """Ask for its stop; CannotBeStopped where AWS has none."""

    @abstractmethod
    def running(self, clients: Clients, settings: Settings) -> Iterator[RunningJob]:
        """The running jobs of this kind, of this platform and perhaps of others: their tags say whose they are."""

    # --- where to look, what to pay ---

    @abstractmethod
    def address(self, job_id: str) -> Address: ...

    @abstractmethod
    def log_places(self, job_id: str) -> list[LogPlace]:
        """Where it logs, the most telling place first."""

    @abstractmethod
    def cost(self, state: JobState, prices: Prices, now: datetime | None = None) -> Cost:
        """What a job that has ended costs, or one that runs has cost up to `now`."""
