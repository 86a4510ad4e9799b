"""Tells people what they must know, by SNS and by any notifier of Airflow.

Settings: sns_topic_arn; notifier, the path of a notifier's class, with notifier_arguments, JSON in which {subject} and
{text} stand for the message. Neither set: the message is in the task's log alone. A channel that fails harms nobody.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mortgage_risk import aws
from mortgage_risk.settings import Settings

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
