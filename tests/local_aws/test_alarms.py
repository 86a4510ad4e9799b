"""Alarms follow their metric and tell their topic; the rule by itself against CloudWatch's documented cases."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from local_aws.cloudwatch.alarms import Rule, evaluate
from tests.local_aws.conftest import LocalAws, wait_for

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
RULE = Rule("Maximum", "GreaterThanOrEqualToThreshold", 1.0, 60, 3, 2, "missing")


def points(*values: float | None) -> list[tuple[datetime, float]]:
    """One value a minute, the newest first; None: no point."""
    return [(NOW - timedelta(seconds=60 * k + 30), v) for k, v in enumerate(values) if v is not None]


@pytest.mark.parametrize(
    ("values", "missing", "state"),
    [
        ((1, 1, 0), "missing", "ALARM"),
        ((1, 0, 1), "missing", "ALARM"),
        ((1, 0, 0), "missing", "OK"),
        ((None, None, None), "missing", "INSUFFICIENT_DATA"),
        ((None, None, None), "notBreaching", "OK"),
        ((None, None, None), "breaching", "ALARM"),
        ((1, None, 0), "breaching", "ALARM"),
        ((1, None, 0), "notBreaching", "OK"),
    ],
)
def test_m_of_n_periods_and_missing_data(values, missing, state) -> None:
    rule = Rule("Maximum", "GreaterThanOrEqualToThreshold", 1.0, 60, 3, 2, missing)
    assert evaluate(rule, points(*values), NOW)[0] == state


def test_ignored_missing_data_keep_the_state() -> None:
    assert evaluate(Rule("Sum", "LessThanThreshold", 1.0, 60, 1, 1, "ignore"), [], NOW) is None


@pytest.mark.parametrize(("statistic", "alarm"), [("Sum", True), ("Average", False), ("SampleCount", True)])
def test_the_statistic_is_over_the_period(statistic, alarm) -> None:
    two = [(NOW - timedelta(seconds=s), 0.9) for s in (5, 20)]
    rule = Rule(statistic, "GreaterThanThreshold", 1.0, 60, 1, 1, "missing")
    assert evaluate(rule, two, NOW)[0] == ("ALARM" if alarm else "OK")


def test_an_alarm_rings_by_its_metric_tells_its_topic_and_ends(aws: LocalAws) -> None:
    cloudwatch, sqs, sns = aws.client("cloudwatch"), aws.client("sqs"), aws.client("sns")
    queue = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    dimensions = [{"Name": "Source", "Value": "canonical"}]
    cloudwatch.put_metric_alarm(
        AlarmName="rings",
        Namespace="T",
        MetricName="Breaches",
        Dimensions=dimensions,
        Statistic="Maximum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
        OKActions=[topic],
    )

    def state() -> str:
        return cloudwatch.describe_alarms(AlarmNames=["rings"])["MetricAlarms"][0]["StateValue"]

    assert state() == "OK"
    other = [{"Name": "Source", "Value": "other"}]
    cloudwatch.put_metric_data(Namespace="T", MetricData=[_point(other, 5)])
    assert state() == "OK", "another source's metric is another metric"
    cloudwatch.put_metric_data(Namespace="T", MetricData=[_point(dimensions, 2)])
    assert state() == "ALARM"
    told = json.loads(json.loads(_receive(sqs, queue)["Body"])["Message"])
    assert (told["AlarmName"], told["OldStateValue"], told["NewStateValue"]) == ("rings", "OK", "ALARM")
    assert told["Trigger"]["MetricName"] == "Breaches"
    cloudwatch.put_metric_data(Namespace="T", MetricData=[_point(dimensions, 3)])
    assert "Messages" not in sqs.receive_message(QueueUrl=queue), "a state that stays is told once"
    wait_for(lambda: state() == "OK", 40)
    assert json.loads(json.loads(_receive(sqs, queue)["Body"])["Message"])["NewStateValue"] == "OK"


def _point(dimensions: list[dict[str, str]], value: float) -> dict:
    now = datetime.now(UTC)
    return {"MetricName": "Breaches", "Dimensions": dimensions, "Timestamp": now, "Value": value}


def _receive(sqs, queue: str) -> dict:
    message = wait_for(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), 20)[0]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return message
