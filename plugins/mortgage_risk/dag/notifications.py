"""Tells people what they must know: what happened, what to do, where to look. By SNS, and by any notifier of Airflow.

Settings: sns_topic_arn; notifier, the path of a notifier's class, with notifier_arguments, JSON in which {subject} and
{text} stand for the message. Neither set: the message is in the task's log alone. A channel that fails harms nobody.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from airflow.sdk import AsyncCallback, BaseNotifier, DeadlineAlert, DeadlineReference

from mortgage_risk import aws
from mortgage_risk.jobs import retries
from mortgage_risk.release.registry import ApprovedModel
from mortgage_risk.settings import Settings, load_settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Message:
    subject: str
    happened: str
    todo: str
    link: str

    @property
    def text(self) -> str:
        return f"What happened: {self.happened}\n\nWhat to do: {self.todo}\n\nWhere: {self.link}\n"


def send(settings: Settings, message: Message) -> None:
    log.info("%s\n%s", message.subject, message.text)
    for channel in (_by_sns, _by_notifier):
        try:
            channel(settings, message)
        except Exception:
            log.exception("The notification '%s' could not be sent", message.subject)


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


class ApprovalNeeded(BaseNotifier):
    """A model waits for a person; it waits, told or not."""

    def notify(self, context: Any) -> None:
        try:
            send(context["task"].settings, approval_message(context))
        except Exception:
            log.exception("Nobody was told that a model waits for approval")


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


def approval_message(context: Mapping[str, Any]) -> Message:
    task = context["task"]
    return Message(
        subject=f"Approval needed: {task.subject}",
        happened=f"A model passed the gate. {task.subject}",
        todo=f"Read the report and answer within {task.settings.approval_hours} hours; without an answer the model is "
        "rejected and the one in force stays.",
        link=task.generate_link_to_ui_from_context(context=context),
    )


def withdrawal_message(context: Mapping[str, Any], happened: str, in_force: ApprovedModel | None) -> Message:
    tonight = f"Version {in_force.version} is in force." if in_force else "No model is in force now."
    return Message(
        subject=f"Model withdrawn: {happened.partition(' is withdrawn')[0]}",
        happened=f"{happened}. {tonight}",
        todo="Nothing, where a model is in force. Else train and approve one in mortgage_training: until then the "
        "nightly scoring fails, and an endpoint goes on serving the model that was withdrawn.",
        link=context["ti"].log_url,
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


def _by_sns(settings: Settings, message: Message) -> None:
    if settings.sns_topic_arn:
        subject = re.sub(r"[^\x20-\x7e]", "?", message.subject)[:100]  # what SNS takes
        client = aws.client("sns", settings.aws_conn_id)
        client.publish(TopicArn=settings.sns_topic_arn, Subject=subject, Message=message.text)


def _by_notifier(settings: Settings, message: Message) -> None:
    if settings.notifier:
        from airflow.sdk.module_loading import import_string

        values = {"{subject}": message.subject, "{text}": message.text}
        given: dict[str, Any] = json.loads(settings.notifier_arguments or "{}")
        import_string(settings.notifier)(**{key: _filled(value, values) for key, value in given.items()})({})


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    for mark, text in values.items():
        value = value.replace(mark, text) if isinstance(value, str) else value
    return value


def _airflow_url() -> str:
    from airflow.configuration import conf

    return conf.get("api", "base_url", fallback="").rstrip("/")
