"""The triggerer's side of waiting for an AWS job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from mortgage_risk.jobs.watch import JobWatch

# Airflow 3.3.1 fails a task that is resumed before its scheduler has read that the worker, which deferred it,
# is done ("finished with state success, but the task instance's state attribute is queued").
SETTLE_SECONDS = 10


class AwsJobTrigger(BaseTrigger):
    """Fires once: the job ended, is overdue, or AWS stayed silent too long. Arguments: JobWatch's."""

    def __init__(self, **watch: Any) -> None:
        super().__init__()
        self.watch = watch

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__qualname__}", self.watch

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(SETTLE_SECONDS)
        watch = JobWatch(**self.watch)
        while (outcome := await asyncio.to_thread(watch.poll)) is None:
            await asyncio.sleep(watch.pause_s)
        yield TriggerEvent({"job_id": watch.job_id, "outcome": outcome})

    async def on_kill(self) -> None:
        """The task was cleared or marked by a user: the job would be paid for and used by nobody."""
        await asyncio.to_thread(JobWatch(**self.watch).stop)
