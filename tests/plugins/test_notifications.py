"""What people are told, when, and that a broken channel stops nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseNotifier

from mortgage_risk import aws
from mortgage_risk.dag import notifications
from mortgage_risk.dag.notifications import DeadlineMissed, Message, advice, failure_message, send
from mortgage_risk.jobs.operator import AwsJobFailed
from mortgage_risk.release.approval import ModelRejected

TOPIC = "arn:aws:sns:us-east-1:123456789012:mortgage-risk"
MESSAGE = Message("Failed: d t 2019-12-31", "It broke.", "Mend it.", "http://airflow/x")
MANUAL = """
**When it fails (on call).** Read on.

* `check_raw_data`, `check_loan_panel`: data broke a rule; the log names rule and figure. Get a corrected
  extract, clear the task.
* `train_model`: too few
  defaults.

No night waits for this.
"""
sent: list[tuple[Any, ...]] = []


class Recorder(BaseNotifier):
    def __init__(self, *, text: str, channel: str) -> None:
        super().__init__()
        self.text, self.channel = text, channel

    def notify(self, context: Any) -> None:
        sent.append((self.channel, self.text))


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    client = SimpleNamespace(publish=lambda **message: found.append(message))
    monkeypatch.setattr(aws, "client", lambda service, conn: client)
    sent.clear()
    return found


def test_a_message_goes_to_the_topic_and_to_any_notifier(settings, published) -> None:
    told = replace(
        settings,
        sns_topic_arn=TOPIC,
        notifier=f"{__name__}.Recorder",
        notifier_arguments='{"channel": "#risk", "text": "{subject}: {text}"}',
    )
    send(told, MESSAGE)
    assert published == [{"TopicArn": TOPIC, "Subject": MESSAGE.subject, "Message": MESSAGE.text}]
    assert sent == [("#risk", f"{MESSAGE.subject}: {MESSAGE.text}")]
    assert "What happened: It broke.\n\nWhat to do: Mend it.\n\nWhere: http://airflow/x" in MESSAGE.text


def test_without_a_channel_nothing_is_sent(settings, published) -> None:
    send(settings, MESSAGE)
    assert published == sent == []


def test_a_broken_channel_keeps_no_other_from_being_used(settings, published, monkeypatch) -> None:
    def refuse(*_: Any) -> Any:
        raise OSError("no way out")

    monkeypatch.setattr(aws, "client", refuse)
    told = replace(
        settings,
        sns_topic_arn=TOPIC,
        notifier=f"{__name__}.Recorder",
        notifier_arguments='{"channel": "#risk", "text": "{text}"}',
    )
    send(told, MESSAGE)
    assert sent == [("#risk", MESSAGE.text)]


def test_a_subject_is_what_sns_takes(settings, published) -> None:
    send(replace(settings, sns_topic_arn=TOPIC), replace(MESSAGE, subject="Größe\n" + "x" * 200))
    assert published[0]["Subject"] == "Gr??e?" + "x" * 94


def context(exception: Exception | None, task_id: str = "prepare_data.check_raw_data") -> dict[str, Any]:
    return {
        "ti": SimpleNamespace(dag_id="mortgage_training", task_id=task_id, log_url="http://airflow/log"),
        "task": SimpleNamespace(business_date="2019-12-31"),
        "dag": SimpleNamespace(doc_md=MANUAL),
        "exception": exception,
    }


def test_a_failure_says_what_happened_and_what_the_manual_advises() -> None:
    message = failure_message(context(AwsJobFailed("glue job x ended FAILED: no extract\n    loan 4711 of the log")))
    assert message.subject == "Failed: mortgage_training prepare_data.check_raw_data 2019-12-31"
    assert message.happened == "glue job x ended FAILED: no extract"  # lines of a job's log stay in Airflow's
    assert message.todo == (
        "data broke a rule; the log names rule and figure. Get a corrected extract, clear the task."
    )
    assert message.link == "http://airflow/log"


def test_a_rejection_is_told_as_one_and_a_killed_process_too() -> None:
    assert failure_message(context(ModelRejected("AUC 0.5"))).subject.startswith("Model rejected: mortgage_training")
    assert "killed" in failure_message(context(None)).happened


def test_advice_ends_with_its_item() -> None:
    assert advice(MANUAL, "build_model.train_model") == "too few defaults."
    assert advice(MANUAL, "summarize_run") == ""


def test_late_scores_are_told_from_the_triggerer(monkeypatch: pytest.MonkeyPatch, settings) -> None:
    told: list[Message] = []
    monkeypatch.setattr(notifications, "load_settings", lambda: settings)
    monkeypatch.setattr(notifications, "send", lambda _, message: told.append(message))
    run = {"dag_id": "mortgage_nightly_scoring", "dag_run_id": "scheduled__2020-01-15T07:00:00+00:00"}

    async def call() -> None:
        await DeadlineMissed(hours=4, context={"dag_run": run})

    asyncio.run(call())
    assert told[0].happened == "The run is not done 4 hours after it was queued."
    assert told[0].link.endswith("/dags/mortgage_nightly_scoring/runs/scheduled__2020-01-15T07%3A00%3A00%2B00%3A00")
