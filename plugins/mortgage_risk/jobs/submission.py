"""A request becomes one job: found again where it was submitted before, submitted where it was not. Knows no Airflow.

A job is named by its request: the same task, business key, arguments, code and input data give the same name,
whichever DAG asks. So before anything is submitted, AWS is asked for that name, and a job that

* still runs is attached to (the worker died, the answer was lost, or a second run of the same date asks for
  the same thing);
* has succeeded, and whose result is still there, is used again;
* has failed or was stopped gives way to the next attempt; one that is stopping is waited for first.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mortgage_risk.aws import Clients
from mortgage_risk.jobs.kinds.kind import JobKind
from mortgage_risk.jobs.requests import QUEUE_SECONDS, Request
from mortgage_risk.jobs.state import BeingStarted, JobState, job_name

log = logging.getLogger(__name__)


class Cancelled(RuntimeError):
    """Whoever asked for the job is gone; nothing was submitted."""


class StillStopping(RuntimeError):
    """An earlier attempt does not come to its end."""


@dataclass(frozen=True)
class Submission:
    """May be repeated: by an outage, by the next try of a task, by two tasks at once.

    `usable`: whether the result of a job that has succeeded is still there. `permit`: raises where nothing more may be
    submitted. `cancelled`: whether the job is still wanted. `pause_s`: between two looks at a job that is stopping.
    """

    kind: JobKind
    clients: Clients
    request: Request
    name: str
    usable: Callable[[JobState], bool]
    permit: Callable[[], None]
    cancelled: Callable[[], bool]
    pause_s: float

    def find_or_submit(self) -> JobState:
        until = time.monotonic() + QUEUE_SECONDS
        while True:
            try:
                return self._find_or_submit()
            except BeingStarted as other:
                if time.monotonic() > until:
                    raise
                log.info("%s: waiting for it", other)
                time.sleep(min(self.pause_s, other.seconds))

    def _find_or_submit(self) -> JobState:
        kind = self.kind
        found = self._settled(kind.latest(self.clients, self.request, self.name))
        if self.cancelled():
            raise Cancelled(f"before it submitted its {kind.name} job")
        if found and found.phase == "running":
            log.info("Found %s job %s (%s): waiting for it", kind.name, found.job_id, found.status)
            return found
        if found and found.phase == "succeeded" and self.usable(found):
            log.info("%s job %s has done exactly this already: using its result", kind.name, found.job_id)
            return found
        self.permit()
        job_id = kind.submit(self.clients, self.request, self.name, found)
        log.info("Submitted %s job %s", kind.name, job_id)
        return kind.describe(self.clients, job_id)

    def _settled(self, found: JobState | None) -> JobState | None:
        """A task that is cleared starts again while its job is still being stopped."""
        until = time.monotonic() + QUEUE_SECONDS
        while found and found.stopping and not self.cancelled():
            if time.monotonic() > until:
                raise StillStopping(
                    f"{self.kind.name} job {found.job_id} is Stopping since {QUEUE_SECONDS // 60} minutes."
                )
            log.info("%s job %s is stopping: waiting for its end", self.kind.name, found.job_id)
            time.sleep(self.pause_s)
            found = self.kind.describe(self.clients, found.job_id)
        return found


def request_name(
    *,
    task_id: str,
    source: str,
    business_date: str,
    request: Request,
    inputs: Mapping[str, str],
    length: int,
) -> str:
    """The request's name, of `length` characters at most with its attempt. `inputs`: fingerprints of the data that the
    request names.
    """
    key = {
        "task": task_id,
        "source": source,
        "date": business_date,
        "request": _without_tags(request),
        "inputs": inputs,
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    readable = f"{task_id.rpartition('.')[2]}-{source}-{business_date.replace('-', '')}"
    return job_name(readable, digest, length)


def _without_tags(request: Any) -> Any:
    """Who asks for a job is not part of what is asked for."""
    if isinstance(request, dict):
        return {key: _without_tags(value) for key, value in request.items() if key != "Tags"}
    return request
