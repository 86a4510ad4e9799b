"""When people are told, and what: failures, outages, late scores. `messages` sends it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from airflow.sdk import AsyncCallback, BaseNotifier, DeadlineAlert, DeadlineReference

from mortgage_risk.jobs import retries
from mortgage_risk.messages import Message, send
from mortgage_risk.settings import Settings, load_settings


class TaskFailed(BaseNotifier):
    """on_failure_callback: a task failed for good. What to do is what the DAG's manual says of the task."""

    def notify(self, context: Any) -> None:
        send(load_settings(), failure_message(context))


class TriesLost(BaseNotifier):
    """on_retry_callback: a task is tried again and again, and nothing is wrong with it but an outage."""

    def notify(self, context: Any) -> None:
        if message := tries_lost_message(context):
            send(load_settings(), message)


class TriesUsedUp(BaseNotifier):
    """on_failure_callback of a run: its task's process died at every try, so that no callback of the task ran."""

    def notify(self, context: Any) -> None:
        if (ti := context.get("ti")) and ti.try_number > ti.task.retries:
            send(load_settings(), failure_message({**context, "task": None}))


class DeadlineMissed(BaseNotifier):
    """Runs on the triggerer when a run is not done in time."""

    def __init__(self, *, hours: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hours = hours

    async def async_notify(self, context: Any) -> None:
        await asyncio.to_thread(lambda: send(load_settings(), deadline_message(context, self.hours)))


def scores_due(settings: Settings) -> DeadlineAlert:
    """Scores are due `scores_due_hours` after the night's run was queued: 02:00 and 4 hours is 06:00.

    Counted from the queueing, not from the logical date, which would declare every night of a backfill late.
    """
    hours = settings.scores_due_hours
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=hours),
        callback=AsyncCallback(DeadlineMissed, kwargs={"hours": hours}),
        name="scores due",
    )


def failure_message(context: Mapping[str, Any]) -> Message:
    ti, date = context["ti"], _date(context)
    reason = str(context.get("exception") or "The task's process died or was killed.").partition("\n")[0]
    rejected = "ModelRejected" in type(context.get("exception")).__name__
    return Message(
        subject=f"{'Model rejected' if rejected else 'Failed'}: {ti.dag_id} {ti.task_id} {date}".strip(),
        happened=reason,
        todo=advice(getattr(context.get("dag"), "doc_md", "") or "", ti.task_id)
        or "Read the task's log; clear the task when the cause is gone.",
        link=ti.log_url,
    )


def tries_lost_message(context: Mapping[str, Any]) -> Message | None:
    """After the TOLD_AFTER-th try that ended without a failure of the task; None after the others."""
    ti, reason = context["ti"], context.get("exception")
    lost = ti.try_number - retries.first_try(ti) + 1
    if retries.cause_of(reason) != "outage" or lost not in retries.TOLD_AFTER:
        return None
    return Message(
        subject=f"Outage: {ti.dag_id} {ti.task_id} {_date(context)}".strip(),
        happened=f"Try {lost} of the task came to no end: " + str(reason or "its process is gone.").partition("\n")[0],
        todo="Look whether Airflow's API server, workers and AWS are well. The task is tried again by itself, every "
        f"{retries.MAX_PAUSE.seconds // 60} minutes, up to {retries.TRIES} times; its job is found again, not doubled.",
        link=ti.log_url,
    )


def deadline_message(context: Mapping[str, Any], hours: int) -> Message:
    run = context.get("dag_run") or {}
    dag_id, run_id = run.get("dag_id", ""), run.get("dag_run_id") or run.get("run_id", "")
    return Message(
        subject=f"Late: {dag_id} {run_id}",
        happened=f"The run is not done {hours} hours after it was queued.",
        todo="See which task it waits in. The scores of the date before stay in place until it is done.",
        link=f"{_airflow_url()}/dags/{dag_id}/runs/{quote(run_id, safe='')}",
    )


def advice(manual: str, task_id: str) -> str:
    """What a DAG's manual says of a task, under 'When it fails': the item that names it."""
    items = re.findall(r"^\* (`.+?`):(.+?)(?=^\*|^\S|\n\s*\n|\Z)", manual, re.MULTILINE | re.DOTALL)
    name = task_id.rpartition(".")[2]
    return next((" ".join(text.split()) for names, text in items if f"`{name}`" in names), "")


def _date(context: Mapping[str, Any]) -> str:
    """The task's business date; '' where its template was not rendered, because its process never ran."""
    date = getattr(context.get("task"), "business_date", "")
    return "" if "{{" in date else date


def _airflow_url() -> str:
    from airflow.configuration import conf

    return str(conf.get("api", "base_url", fallback="")).rstrip("/")
