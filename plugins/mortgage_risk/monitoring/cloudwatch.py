"""What CloudWatch gets of a monitored night: metrics, the alarms on them, a dashboard. Pure functions; golden files
test the requests.

Metrics carry the source alone (for alarms), source and model version, or source and segment (for charts). Their time
is when the night was monitored: CloudWatch takes nothing older than two weeks, and an alarm is about now.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any

from mortgage_risk.documents import MonitoringDocument
from mortgage_risk.jobs.requests import Request
from mortgage_risk.monitoring.operations import Operations
from mortgage_risk.settings import Settings

NAMESPACE = "MortgageRisk/Monitoring"
DAY = 86400

# metric, at or above which it rings, days looked at, days needed, what it means and what to do
ALARMS = (
    ("Breaches", 1.0, 1, 1, "The night's data or scores break a rule. Read the report of mortgage_model_monitoring."),
    ("NightMissing", 1.0, 1, 1, "A night has no scores. Look at mortgage_nightly_scoring."),
    ("ScorePSITraining", 0.25, 7, 5, "The PD distribution has left training's for days. Review the model."),
    ("ChecksFailed", 1.0, 1, 1, "Data checks failed. Look at the check's log; ask for a corrected extract."),
)


def metric_data(document: MonitoringDocument, ops: Operations, when: datetime) -> list[Request]:
    """The night as PutMetricData's MetricData: by source for alarms, by model version and segment for charts."""
    source = {"Name": "Source", "Value": document["source"]}
    version = {"Name": "ModelVersion", "Value": str(document["model_version"])}
    data = [
        {"MetricName": name, "Dimensions": dimensions, "Timestamp": when, "Value": float(value)}
        for dimensions in ([source], [source, version])
        for name, value in _figures(document, ops).items()
        if value is not None
    ]
    segments = [
        ({"Name": "Segment", "Value": f"{dimension}={level}"}, found["mean_pd"])
        for dimension, levels in document["segments"].items()
        for level, found in levels.items()
    ]
    return data + [
        {"MetricName": "MeanPD", "Dimensions": [source, segment], "Timestamp": when, "Value": float(mean_pd)}
        for segment, mean_pd in segments
    ]


def _figures(document: MonitoringDocument, ops: Operations) -> dict[str, float | None]:
    """Metric → value; null is what is not known."""
    score = document["score"]
    findings = Counter(finding["severity"] for finding in document["findings"])
    steps = [feature["recent"]["psi"] if feature["recent"] else 0.0 for feature in document["features"]]
    return {
        "Loans": document["rows"],
        "MeanPD": score["mean_pd"],
        "ScorePSITraining": score["training"]["psi"],
        "ScorePSIRecent": score["recent"]["psi"] if score["recent"] else None,
        "LargestFeaturePSIRecent": max(steps, default=None),
        "Attention": findings["attention"],
        "Breaches": findings["breach"],
        "NightMissing": 0,
        "Quarantined": ops.get("quarantined"),
        "DaysSinceReport": ops.get("days_since_report"),
        "DaysSinceIngest": ops.get("days_since_ingest"),
        "RunSeconds": ops.get("seconds"),
        "RunCost": ops.get("cost"),
        "ChecksFailed": ops.get("checks_failed"),
    }


def missing_metric(source: str, when: datetime) -> list[Request]:
    dimensions = [{"Name": "Source", "Value": source}]
    return [{"MetricName": "NightMissing", "Dimensions": dimensions, "Timestamp": when, "Value": 1.0}]


def alarm_requests(settings: Settings, source: str) -> list[Request]:
    """PutMetricAlarm: ALARMS and the ages that the settings bound; to the topic of setting sns_topic_arn, if any."""
    topics = [settings.sns_topic_arn] if settings.sns_topic_arn else []
    late = "A delivery is late: ask for it. The night was scored on what there was."
    ages = (
        ("DaysSinceReport", settings.report_age_warning_days + 1.0, 1, 1, late),
        ("DaysSinceIngest", settings.ingest_age_warning_days + 1.0, 1, 1, late),
    )
    return [
        {
            "AlarmName": f"mortgage-{source}-{metric}",
            "AlarmDescription": words,
            "Namespace": NAMESPACE,
            "MetricName": metric,
            "Dimensions": [{"Name": "Source", "Value": source}],
            "Statistic": "Maximum",
            "Period": DAY,
            "EvaluationPeriods": days,
            "DatapointsToAlarm": needed,
            "Threshold": threshold,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": topics,
            "OKActions": topics,
        }
        for metric, threshold, days, needed, words in (*ALARMS, *ages)
    ]


# title, metrics, whether they are by model version too
WIDGETS = (
    ("Mean PD", ("MeanPD",), True),
    ("PSI of the PD", ("ScorePSITraining", "ScorePSIRecent"), True),
    ("Largest feature PSI against the last nights", ("LargestFeaturePSIRecent",), False),
    ("Findings", ("Breaches", "Attention", "NightMissing"), False),
    ("Loans and quarantined rows", ("Loans", "Quarantined"), False),
    ("Run time (seconds)", ("RunSeconds",), False),
    ("Cost of the scoring run (USD)", ("RunCost",), False),
    ("Age of the tapes (days)", ("DaysSinceReport", "DaysSinceIngest"), False),
)


def dashboard(settings: Settings, source: str, region: str) -> Request:
    """PutDashboard: the page's figures for those who live in CloudWatch; new segments and versions appear by search."""
    widgets = []
    for i, (title, metrics, by_version) in enumerate(WIDGETS):
        lines: list[Any] = [[NAMESPACE, metric, "Source", source] for metric in metrics]
        if by_version:
            lines += [[_search(metric, source, "ModelVersion")] for metric in metrics]
        widgets.append(_widget(i, title, lines, region))
    widgets.append(_widget(len(WIDGETS), "Mean PD by segment", [[_search("MeanPD", source, "Segment")]], region))
    return {
        "DashboardName": f"{settings.model_name}-{source}".replace("_", "-"),
        "DashboardBody": json.dumps({"widgets": widgets}, sort_keys=True),
    }


def _search(metric: str, source: str, dimension: str) -> Request:
    schema = f'{{{NAMESPACE},Source,{dimension}}} MetricName="{metric}" Source="{source}"'
    return {"expression": f"SEARCH('{schema}', 'Maximum', {DAY})"}


def _widget(place: int, title: str, metrics: list[Any], region: str) -> Request:
    return {
        "type": "metric",
        "x": 12 * (place % 2),
        "y": 6 * (place // 2),
        "width": 12,
        "height": 6,
        "properties": {
            "title": title,
            "metrics": metrics,
            "view": "timeSeries",
            "stat": "Maximum",
            "period": DAY,
            "region": region,
        },
    }
