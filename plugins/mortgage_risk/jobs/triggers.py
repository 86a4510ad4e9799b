"""The triggerer's side of waiting for an AWS job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Unpack

from airflow.triggers.base import BaseTrigger, TriggerEvent

from mortgage_risk.jobs.watch import JobWatch, WatchArguments, WatchEvent

# Airflow 3.3.1 fails a task that is resumed before its scheduler has read that the worker, which deferred it,
# is done ("finished with state success, but the task instance's state attribute is queued").
SETTLE_SECONDS = 10


class PauseTrigger(BaseTrigger):
    """Fires once, after `seconds`, with `since`: a Unix time, from when on the task has waited."""

    def __init__(self, seconds: float, since: float) -> None:
        super().__init__()
        self.seconds, self.since = seconds, since

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__qualname__}", {"seconds": self.seconds, "since": self.since}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(self.seconds)
        yield TriggerEvent({"since": self.since})


class AwsJobTrigger(BaseTrigger):
    """Fires once: the job ended, is overdue, or AWS stayed silent too long. Arguments: JobWatch's."""

    def __init__(self, **watch: Unpack[WatchArguments]) -> None:
        super().__init__()
        self.watch: WatchArguments = watch

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__qualname__}", dict(self.watch)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(SETTLE_SECONDS)
        watch = JobWatch(**self.watch)
        while (outcome := await asyncio.to_thread(watch.poll)) is None:
            await asyncio.sleep(watch.pause_s)
        event: WatchEvent = {"job_id": watch.job_id, "outcome": outcome}
        yield TriggerEvent(event)

    async def on_kill(self) -> None:
        """The task was cleared or marked by a user: the job would be paid for and used by nobody."""
        await asyncio.to_thread(JobWatch(**self.watch).stop)
