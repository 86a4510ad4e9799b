"""What the page's charts are made of, from index rows: columns by night, so that three years are a small answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from mortgage_risk.monitoring.index import Figures, Finding, IndexRow
from mortgage_risk.monitoring.operations import Operations
from mortgage_risk.release.registry import ModelPackage

FEATURE_FIGURES = ("psi_training", "psi_recent", "effect", "missing")
Version = dict[str, str | int | bool | None]


class Overview(TypedDict):
    """Columns over `dates`; `findings` by date, `grades` by grade."""

    dates: list[str]
    verdict: list[str]
    model_version: list[str | None]
    rows: list[int]
    mean_pd: Figures
    psi_training: Figures
    psi_recent: Figures
    grades: dict[str, list[int | None]]
    findings: dict[str, list[Finding]]
    ops: list[Operations]
    dimensions: list[str]


class Features(TypedDict):
    """Feature → FEATURE_FIGURES → column over `dates`."""

    dates: list[str]
    features: dict[str, dict[str, Figures]]


class Level(TypedDict):
    n: Figures
    mean_pd: Figures


class Segments(TypedDict):
    dates: list[str]
    levels: dict[str, Level]


class Alarm(TypedDict):
    name: str
    state: str
    reason: str
    since: str | None
    description: str


def overview(rows: Sequence[IndexRow]) -> Overview:
    """Figures by night, aligned with "dates"; null where a night has none. Findings only of nights that have some."""
    grades = list(next((row["grades"] for row in reversed(rows) if row.get("grades")), {}))
    return {
        "dates": [row["date"] for row in rows],
        "verdict": [row["verdict"] for row in rows],
        "model_version": [row.get("model_version") for row in rows],
        "rows": [row["rows"] for row in rows],
        "mean_pd": [row.get("mean_pd") for row in rows],
        "psi_training": [row.get("psi_training") for row in rows],
        "psi_recent": [row.get("psi_recent") for row in rows],
        "grades": {grade: [(row.get("grades") or {}).get(grade) for row in rows] for grade in grades},
        "findings": {row["date"]: row["findings"] for row in rows if row["findings"]},
        "ops": [row["ops"] for row in rows],
        "dimensions": sorted({name for row in rows[-31:] for name in row.get("segments", {})}),
    }


def features(rows: Sequence[IndexRow]) -> Features:
    """Per feature and FEATURE_FIGURES a column over "dates"."""
    names = list(dict.fromkeys(name for row in reversed(rows) for name in row.get("features", {})))
    empty: Figures = [None] * len(FEATURE_FIGURES)
    columns = {
        name: dict(
            zip(
                FEATURE_FIGURES,
                map(list, zip(*(row.get("features", {}).get(name, empty) for row in rows), strict=True)),
                strict=True,
            )
        )
        for name in names
    }
    return {"dates": [row["date"] for row in rows], "features": columns}


def segments(rows: Sequence[IndexRow], dimension: str) -> Segments:
    """Loans and mean PD per level of a dimension, columns over "dates"."""
    found = [row.get("segments", {}).get(dimension, {}) for row in rows]
    levels = sorted({level for night in found for level in night})
    return {
        "dates": [row["date"] for row in rows],
        "levels": {
            level: {
                "n": [night.get(level, [None, None])[0] for night in found],
                "mean_pd": [night.get(level, [None, None])[1] for night in found],
            }
            for level in levels
        },
    }


def versions(packages: Sequence[ModelPackage]) -> list[Version]:
    """The registry's packages, newest first, with what approvers and auditors ask for."""
    kept = (
        "training_job",
        "as_of_date",
        "gate",
        "gate_reasons",
        "oot_auc",
        "report_uri",
        "approved_by",
        "approved_at",
        "effective_from",
        "override_by",
        "override_reason",
        "withdrawn_from",
        "withdrawn_by",
        "withdrawn_reason",
        "git_commit",
    )
    return [
        {
            "version": int(package["ModelPackageVersion"]),
            "status": package["ModelApprovalStatus"],
            "created": package["CreationTime"].isoformat(timespec="seconds"),
            **{name: package.get("CustomerMetadataProperties", {}).get(name) for name in kept},
        }
        for package in packages
    ]


def alarms(described: Sequence[Mapping[str, Any]]) -> list[Alarm]:
    """CloudWatch's alarms, those that ring first."""
    order = {"ALARM": 0, "INSUFFICIENT_DATA": 1, "OK": 2}
    found: list[Alarm] = [
        {
            "name": alarm["AlarmName"],
            "state": alarm["StateValue"],
            "reason": alarm.get("StateReason", ""),
            "since": alarm["StateUpdatedTimestamp"].isoformat(timespec="seconds")
            if alarm.get("StateUpdatedTimestamp")
            else None,
            "description": alarm.get("AlarmDescription", ""),
        }
        for alarm in described
    ]
    return sorted(found, key=lambda alarm: (order.get(alarm["state"], 3), alarm["name"]))
