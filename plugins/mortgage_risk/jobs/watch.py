"""Waiting for a job: bounded by the job's own time limit, patient with outages, the same on a worker and a
triggerer.
"""

from __future__ import annotations

import logging
import time
from typing import Literal, TypedDict

from mortgage_risk import aws
from mortgage_risk.jobs.kinds import KINDS

Outcome = Literal["ended", "overdue", "unreachable"]
log = logging.getLogger(__name__)


class WatchArguments(TypedDict):
    """JobWatch's. `deadline` is a Unix time; `outage_s` is how long AWS may give no answer, from its last one on."""

    kind: str
    job_id: str
    aws_conn_id: str
    poll_s: float
    deadline: float
    outage_s: float


class WatchEvent(TypedDict):
    """What came of a watch."""

    job_id: str
    outcome: Outcome


class JobWatch:
    """Polls one job. `poll()` is None while there is nothing to tell; sleep `pause_s` between two polls."""

    def __init__(
        self, *, kind: str, job_id: str, aws_conn_id: str, poll_s: float, deadline: float, outage_s: float
    ) -> None:
        self.kind = KINDS[kind]
        self.job_id, self.deadline = job_id, deadline
        self.poll_s, self.outage_s = poll_s, outage_s
        self.pause_s = min(2.0, poll_s)  # short jobs are seen soon, long ones cost few calls
        self._clients = aws.clients(aws_conn_id)
        self._since = self._last_answer = time.monotonic()
        self._status = ""

    def poll(self) -> Outcome | None:
        if time.time() > self.deadline:
            return "overdue"
        self.pause_s = min(self.pause_s * 1.5, self.poll_s)
        try:
            state = self.kind.describe(self._clients, self.job_id)
        except Exception as error:
            if not aws.is_transient(error):
                raise
            silent = time.monotonic() - self._last_answer
            if silent > self.outage_s:
                return "unreachable"
            log.warning("No answer from AWS about %s for %.0f s: %s", self.job_id, silent, error)
            return None
        self._last_answer = time.monotonic()
        if state.status != self._status:
            self._status = state.status
            log.info("%s: %s (%.0f s)", self.job_id, state.status, self._last_answer - self._since)
        return None if state.phase == "running" else "ended"

    def stop(self) -> str:
        """Ask AWS to stop the job, and say in words what came of it; a job that has ended already is no error."""
        log.warning("Stopping %s job %s", self.kind.name, self.job_id)
        try:
            self.kind.stop(self._clients, self.job_id)
        except Exception as error:
            if aws.is_transient(error):
                raise
            log.warning("%s was not stopped: %s", self.job_id, error)
            return f"was not stopped: {error}"
        return "was stopped"
