"""How the night's scoring run went: what came in and out, how old it was, what it took and cost.

Pure functions of the scoring input's manifest and of the run's summary.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TypedDict

from mortgage_risk.documents import MonitoringDocument, MonitoringFinding, RunSummary, ScoringInputManifest, Severity
from mortgage_risk.settings import Settings

SEVERITIES: tuple[Severity, ...] = ("breach", "attention", "ok")  # the gravest first


class Operations(TypedDict, total=False):
    """Empty for a night without scores. `reason`: why figures of the run are null."""

    rows_in: int
    rows_out: int
    quarantined: int | None
    newest_month: str | None
    days_since_report: int | None
    days_since_ingest: int | None
    seconds: float | None
    cost: float | None
    checks_failed: int | None
    run_id: str | None
    reason: str


def operations(scoring_input: ScoringInputManifest, summary: RunSummary | None) -> Operations:
    """Of a night's scoring run. summary: null figures, with the reason, where it is not there."""
    month, night = scoring_input["newest_month"], scoring_input["score_date"]
    ingested = [day for extract in scoring_input["extracts"].values() if (day := extract["ingest_date"])]
    ops: Operations = {
        "rows_in": scoring_input["counts"]["scoring"]["loans_on_tape"],
        "rows_out": scoring_input["rows"],
        "quarantined": None,
        "newest_month": month,
        "days_since_report": max(0, days_between(_last_day(month), night)) if month else None,
        "days_since_ingest": days_between(min(ingested), night) if ingested else None,
        "seconds": None,
        "cost": None,
        "checks_failed": None,
        "run_id": None,
    }
    if summary is None:
        return {**ops, "reason": "the scoring run has written no summary"}
    checks = [task["statistics"] for task in summary["data"].values() if "statistics" in task]
    tables = [t for task in summary["data"].values() for t in task.get("counts", {}).get("tables", {}).values()]
    return {
        **ops,
        "quarantined": sum(table["quarantined"] for table in tables) if tables else None,
        "seconds": round(sum(task.get("seconds") or 0 for task in summary["tasks"].values()), 1),
        "cost": (summary.get("cost") or {}).get("usd"),
        "checks_failed": sum(found["failed"] for found in checks),
        "run_id": summary["run_id"],
    }


def with_ages(document: MonitoringDocument, ops: Operations, settings: Settings) -> MonitoringDocument:
    """The night's document with findings for tapes that are older than the settings allow, and their verdict."""
    found = _ages(ops, settings)
    findings = sorted([*document["findings"], *found], key=lambda finding: SEVERITIES.index(finding["severity"]))
    worst = min([document["verdict"], *(finding["severity"] for finding in found)], key=SEVERITIES.index)
    return {**document, "findings": findings, "verdict": worst}


def _ages(ops: Operations, settings: Settings) -> list[MonitoringFinding]:
    reported, ingested = ops["days_since_report"], ops["days_since_ingest"]
    found: list[MonitoringFinding] = []
    if reported is not None and reported > settings.report_age_warning_days:
        severity: Severity = "breach" if reported > settings.report_age_error_days else "attention"
        message = f"the newest reporting month, {ops['newest_month']}, ended {reported:,} days before the score date"
        found.append({"kind": "stale_report", "feature": "", "severity": severity, "message": message})
    if ingested is not None and ingested > settings.ingest_age_warning_days:
        message = f"the oldest of its tapes was delivered {ingested:,} days before the score date"
        found.append({"kind": "stale_ingest", "feature": "", "severity": "attention", "message": message})
    return found


def days_between(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def _last_day(month: str) -> str:
    first = date.fromisoformat(f"{month}-01")
    return ((first + timedelta(days=31)).replace(day=1) - timedelta(days=1)).isoformat()
