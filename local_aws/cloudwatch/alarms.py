"""CloudWatch alarms that ring: moto keeps alarms and metrics but never compares them.

Evaluated whenever CloudWatch has answered a request, and every few seconds, because time alone can end an alarm. A
change of state goes to the alarm's actions; SNS topics are the ones that are delivered to. Alarms on a metric's
statistic are evaluated; composite ones and metric math keep the state they have.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any

from moto.cloudwatch.models import Alarm, MetricDatum, cloudwatch_backends
from moto.sns.models import sns_backends

from local_aws.kernel.config import ACCOUNT_ID, Config
from local_aws.kernel.state import Record

log = logging.getLogger("local_aws")

EVERY_SECONDS = 10.0
STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Average": fmean,
    "Sum": sum,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": len,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


@dataclass(frozen=True)
class Rule:
    """What of an alarm decides its state. Missing data: breaching, notBreaching, ignore or missing."""

    statistic: str
    comparison: str
    threshold: float
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int
    missing: str


def evaluate(rule: Rule, points: Sequence[tuple[datetime, float]], now: datetime) -> tuple[str, str] | None:
    """(state, reason) by the last `evaluation_periods` periods up to `now`; None where the state stays what it is.

    points: (time with zone, value). A period without points counts as the rule's `missing` says.
    """
    breaching = present = 0
    worst = None
    for k in range(rule.evaluation_periods):
        end = now - timedelta(seconds=k * rule.period)
        start = end - timedelta(seconds=rule.period)
        values = [value for when, value in points if start < when <= end]
        if values:
            present += 1
            value = float(STATISTICS[rule.statistic](values))
            if COMPARISONS[rule.comparison](value, rule.threshold):
                breaching += 1
                worst = value if worst is None else worst
        elif rule.missing == "breaching":
            breaching += 1
    if not present and rule.missing == "ignore":
        return None
    if not present and rule.missing == "missing":
        return "INSUFFICIENT_DATA", f"no data points in {rule.evaluation_periods} period(s) of {rule.period} s"
    counted = f"{breaching} of the last {rule.evaluation_periods} period(s) of {rule.period} s breach the threshold"
    if breaching >= rule.datapoints_to_alarm:
        newest = "no data points" if worst is None else f"newest {worst:g}"
        return "ALARM", f"Threshold Crossed: {counted} ({rule.comparison} {rule.threshold:g}; {newest})"
    return "OK", f"Threshold not crossed: {counted} ({rule.comparison} {rule.threshold:g})"


class Alarms:
    """Keeps every alarm's state what its metric says it is."""

    def __init__(self, config: Config) -> None:
        self._region = config.region
        self._evaluating = threading.Lock()
        self._closed = threading.Event()
        self._clock = threading.Thread(target=self._run, name="alarms", daemon=True)
        self._clock.start()

    def evaluate_all(self) -> None:
        with self._evaluating:
            backend = cloudwatch_backends[ACCOUNT_ID][self._region]
            now = datetime.now(UTC)
            for alarm in list(backend.alarms.values()):
                rule = rule_of(alarm)
                if rule is None:
                    continue
                found = evaluate(rule, _points(alarm, backend.metric_data), now)
                if found and found[0] != alarm.state_value:
                    self._change(alarm, *found)

    def close(self) -> None:
        self._closed.set()
        self._clock.join(EVERY_SECONDS)

    def _run(self) -> None:
        while not self._closed.wait(EVERY_SECONDS):
            try:
                self.evaluate_all()
            except Exception:
                log.exception("while evaluating alarms")

    def _change(self, alarm: Alarm, state: str, reason: str) -> None:
        before = alarm.state_value
        alarm.update_state(reason, "{}", state)
        log.info("alarm %s: %s -> %s (%s)", alarm.name, before, state, reason)
        actions = {
            "ALARM": alarm.alarm_actions,
            "OK": alarm.ok_actions,
            "INSUFFICIENT_DATA": alarm.insufficient_data_actions,
        }
        if alarm.actions_enabled:
            for arn in actions[state]:
                self._deliver(arn, alarm, before)

    def _deliver(self, arn: str, alarm: Alarm, before: str) -> None:
        if ":sns:" not in arn:
            log.warning("alarm %s: action %s is not carried out here, only SNS topics are", alarm.name, arn)
            return
        sns = sns_backends[ACCOUNT_ID][arn.split(":")[3]]
        if arn not in sns.topics:
            log.warning("alarm %s: there is no topic %s", alarm.name, arn)
            return
        subject = f'{alarm.state_value}: "{alarm.name}" in {self._region}'[:100]
        sns.publish(json.dumps(message(alarm, before, self._region)), arn=arn, subject=subject)


def rule_of(alarm: Alarm) -> Rule | None:
    """The alarm's rule; None for composite alarms, metric math and percentiles."""
    if alarm.rule or alarm.metric_data_queries or alarm.statistic not in STATISTICS:
        return None
    if alarm.comparison_operator not in COMPARISONS:
        return None
    periods = int(alarm.evaluation_periods)
    return Rule(
        statistic=alarm.statistic,
        comparison=alarm.comparison_operator,
        threshold=float(alarm.threshold),
        period=int(alarm.period),
        evaluation_periods=periods,
        datapoints_to_alarm=int(alarm.datapoints_to_alarm or periods),
        missing=alarm.treat_missing_data or "missing",
    )


def message(alarm: Alarm, before: str, region: str) -> Record:
    """What CloudWatch sends to a topic."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": ACCOUNT_ID,
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": alarm.state_updated_timestamp.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        "Region": region,
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": before,
        "Trigger": {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "Statistic": alarm.statistic,
            "Dimensions": [{"name": d.name, "value": d.value} for d in alarm.dimensions],
            "Period": int(alarm.period),
            "EvaluationPeriods": int(alarm.evaluation_periods),
            "ComparisonOperator": alarm.comparison_operator,
            "Threshold": float(alarm.threshold),
            "TreatMissingData": alarm.treat_missing_data,
        },
    }


def _points(alarm: Alarm, data: Sequence[Any]) -> list[tuple[datetime, float]]:
    """The single values of exactly the alarm's metric: same dimensions, no more and no fewer."""
    wanted = sorted((d.name, d.value) for d in alarm.dimensions)
    return [
        (_with_zone(datum.timestamp), datum.value)
        for datum in data
        if isinstance(datum, MetricDatum)
        and (datum.namespace, datum.name) == (alarm.namespace, alarm.metric_name)
        and sorted((d.name, d.value) for d in datum.dimensions) == wanted
    ]


def _with_zone(when: datetime | str) -> datetime:
    moment = datetime.fromisoformat(when) if isinstance(when, str) else when
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def install(config: Config) -> None:
    """Evaluate the alarms of this server."""
    alarms = Alarms(config)
    config.after_moto["monitoring"] = lambda target, region: alarms.evaluate_all()
    config.on_shutdown.append(alarms.close)
