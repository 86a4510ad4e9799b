"""The index of monitored nights: a row a night, a file a month. The dashboard and the wish to train again read it.

The rows are made of monitoring.json (written by mortgage_model/monitoring/night.py) by pure functions; `Index` keeps
them in S3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from mortgage_risk import aws
from mortgage_risk.documents import MonitoringDocument, Severity
from mortgage_risk.monitoring.operations import Operations

FORMAT = 1
Finding = list[str]  # severity, kind, feature ('' for the whole night), message
Figures = list[float | None]


class Outcomes(TypedDict):
    """Where the newest reading of outcomes is, and of which panel (YYYY-MM-DD)."""

    prefix: str
    panel_as_of: str | None


class IndexRow(TypedDict):
    """A night. One without scores has no `prefix` (of its files) and no figures.

    features: PSI against training and against the last nights, effect, share missing; segments: loans and mean PD by
    dimension and level.
    """

    date: str
    prefix: str | None
    verdict: Severity
    rows: int
    findings: list[Finding]
    outcomes: Outcomes | None
    ops: Operations
    model_version: NotRequired[str]
    mean_pd: NotRequired[float]
    psi_training: NotRequired[float]
    psi_recent: NotRequired[float | None]
    grades: NotRequired[dict[str, int]]
    features: NotRequired[dict[str, Figures]]
    segments: NotRequired[dict[str, dict[str, Figures]]]


class MonthIndex(TypedDict):
    """A file: its nights by date."""

    format: int
    nights: list[IndexRow]


@dataclass(frozen=True)
class Index:
    """The rows of one source below `root`, a prefix in S3."""

    s3: Any
    root: str
    kms_key_id: str = ""

    def before(self, day: str) -> list[IndexRow]:
        """The monitored nights before `day`, oldest first: those of its month and of the newest one before that."""
        tonight = month_file(self.root, day)
        uris = [uri for uri in sorted(aws.list_uris(self.s3, self.root)) if uri <= tonight][-2:]
        rows = [row for uri in uris for row in self._month(uri)["nights"]]
        return [row for row in rows if row["date"] < day and row["prefix"]]

    def newest(self) -> str:
        """Date of the newest night that was entered."""
        return self._month(aws.list_uris(self.s3, self.root)[-1])["nights"][-1]["date"]

    def enter(self, row: IndexRow) -> None:
        uri = month_file(self.root, row["date"])
        month = self._month(uri) if aws.exists(self.s3, uri) else None
        aws.write_json(self.s3, uri, with_row(month, row), self.kms_key_id)

    def _month(self, uri: str) -> MonthIndex:
        content: MonthIndex = aws.read_json(self.s3, uri)
        return content


def month_file(index_root: str, score_date: str) -> str:
    return f"{index_root}month={score_date[:7]}.json"


def index_row(document: MonitoringDocument, prefix: str, ops: Operations, before: IndexRow | None) -> IndexRow:
    """One night in the index: what charts over time need, nothing else. `prefix`: where the night's files are.

    `before`: the row of the night before. Outcomes are read once per loan panel; the nights until the next point back.
    """
    score, read = document["score"], document["performance"]
    outcomes: Outcomes | None = before["outcomes"] if before else None
    if read:
        outcomes = {"prefix": prefix, "panel_as_of": read["panel_as_of"]}
    return {
        "date": document["score_date"],
        "prefix": prefix,
        "model_version": document["model_version"],
        "rows": document["rows"],
        "verdict": document["verdict"],
        "mean_pd": round(score["mean_pd"], 7),
        "psi_training": score["training"]["psi"],
        "psi_recent": score["recent"]["psi"] if score["recent"] else None,
        "grades": score["grades"],
        "features": {
            row["feature"]: [
                _rounded(row["training"]["psi"] if row["training"] else None, 3),
                _rounded(row["recent"]["psi"] if row["recent"] else None, 3),
                _rounded(row["effect"], 3),
                _rounded(row["missing"], 4),
            ]
            for row in document["features"]
        },
        "segments": {
            dimension: {level: [found["n"], round(found["mean_pd"], 6)] for level, found in levels.items()}
            for dimension, levels in document["segments"].items()
        },
        "findings": [[f["severity"], f["kind"], f["feature"], f["message"]] for f in document["findings"]],
        "outcomes": outcomes,
        "ops": ops,
    }


def missing_row(score_date: str, why: str = "") -> IndexRow:
    """The row of a night whose scores are not there though they are due; `why`, where a data check has said so."""
    message = f"no scores were published for {score_date}" + (f": {why}" if why else "")
    return {
        "date": score_date,
        "prefix": None,
        "verdict": "breach",
        "rows": 0,
        "findings": [["breach", "night_missing", "", message]],
        "outcomes": None,
        "ops": {},
    }


def with_row(month: MonthIndex | None, row: IndexRow) -> MonthIndex:
    """A month file (None: not there yet) with the night's row in its place."""
    rows = {old["date"]: old for old in (month["nights"] if month else [])} | {row["date"]: row}
    return {"format": FORMAT, "nights": [rows[day] for day in sorted(rows)]}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
