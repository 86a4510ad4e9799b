"""What a monitored night becomes outside its job: a row of the index, a reason to retrain.

Pure functions of monitoring.json (see mortgage_model/monitoring/night.py) and standard library alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from mortgage_risk.settings import Settings

Json = dict[str, Any]

GRAVITY = ("breach", "attention", "ok")

# A vintage is the scores of a month's last night; its final read comes a year later.
VINTAGES = 36
# Retraining: a population that stays away from training's this long, or outcomes that have changed.
SHIFTED_NIGHTS, OF_NIGHTS = 20, 30
COOL_DOWN_DAYS = 90


def month_file(index_root: str, score_date: str) -> str:
    return f"{index_root}month={score_date[:7]}.json"


def index_row(
    document: Mapping[str, Any], prefix: str, ops: Mapping[str, Any], before: Mapping[str, Any] | None
) -> Json:
    """One night in the index: what charts over time need, nothing else. `prefix`: where the night's files are.

    `before`: the row of the night before. Outcomes are read once per loan panel; the nights until the next point back.
    """
    score, read = document["score"], document["performance"]
    outcomes = {"prefix": prefix, "panel_as_of": read["panel_as_of"]} if read else (before or {}).get("outcomes")
    return {
        "date": document["score_date"],
        "prefix": prefix,
        "model_version": document["model_version"],
        "rows": document["rows"],
        "verdict": document["verdict"],
        "mean_pd": round(score["mean_pd"], 7),
        "psi_training": score["training"]["psi"],
        "psi_recent": (score["recent"] or {}).get("psi"),
        "grades": score["grades"],
        "features": {
            row["feature"]: [
                _rounded((row["training"] or {}).get("psi"), 3),
                _rounded((row["recent"] or {}).get("psi"), 3),
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
        "ops": dict(ops),
    }


def missing_row(score_date: str, why: str = "") -> Json:
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


def with_row(month: Mapping[str, Any] | None, row: Mapping[str, Any]) -> Json:
    """A month file (None: not there yet) with the night's row in its place."""
    rows = {old["date"]: old for old in (month or {"nights": []})["nights"]} | {row["date"]: dict(row)}
    return {"format": 1, "nights": [rows[day] for day in sorted(rows)]}


def operational_facts(scoring_input: Mapping[str, Any], summary: Mapping[str, Any] | None) -> Json:
    """Rows in, out and quarantined, freshness, run time, cost and failed checks of the night's scoring run.

    scoring_input: its manifest. summary: the run's summary; null figures, with the reason, where it is not there.
    """
    counts = scoring_input["counts"]
    ingested = [day for e in scoring_input.get("extracts", {}).values() if (day := e["ingest_date"])]
    month, night = scoring_input.get("newest_month"), scoring_input["score_date"]
    facts: Json = {
        "rows_in": counts["scoring"]["loans_on_tape"],
        "rows_out": scoring_input["rows"],
        "quarantined": None,
        "newest_month": month,
        "days_since_report": max(0, _days(_last_day(month), night)) if month else None,
        "days_since_ingest": _days(min(ingested), night) if ingested else None,
        "seconds": None,
        "cost": None,
        "checks_failed": None,
        "run_id": None,
    }
    if summary is None:
        return facts | {"reason": "the scoring run has written no summary"}
    checks = [task["statistics"] for task in summary["data"].values() if "statistics" in task]
    tables = [t for task in summary["data"].values() for t in task.get("counts", {}).get("tables", {}).values()]
    return facts | {
        "quarantined": sum(table["quarantined"] for table in tables) if tables else None,
        "seconds": round(sum(task.get("seconds") or 0 for task in summary["tasks"].values()), 1),
        "cost": (summary.get("cost") or {}).get("usd"),
        "checks_failed": sum(found["failed"] for found in checks),
        "run_id": summary["run_id"],
    }


def with_ages(document: Mapping[str, Any], ops: Mapping[str, Any], settings: Settings) -> Json:
    """The night's document with findings for tapes that are older than the settings allow, and their verdict."""
    reported, ingested = ops["days_since_report"], ops["days_since_ingest"]
    found = []
    if reported is not None and reported > settings.report_age_warning_days:
        too_old = reported > settings.report_age_error_days
        message = f"the newest reporting month, {ops['newest_month']}, ended {reported:,} days before the score date"
        found.append({"severity": "breach" if too_old else "attention", "kind": "stale_report", "message": message})
    if ingested is not None and ingested > settings.ingest_age_warning_days:
        message = f"the oldest of its tapes was delivered {ingested:,} days before the score date"
        found.append({"severity": "attention", "kind": "stale_ingest", "message": message})
    findings = [*document["findings"], *({"feature": "", **finding} for finding in found)]
    findings.sort(key=lambda finding: GRAVITY.index(finding["severity"]))
    worst = min([document["verdict"], *(finding["severity"] for finding in found)], key=GRAVITY.index)
    return {**document, "findings": findings, "verdict": worst}


def _last_day(month: str) -> str:
    first = date.fromisoformat(f"{month}-01")
    return ((first + timedelta(days=31)).replace(day=1) - timedelta(days=1)).isoformat()


def _days(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def vintage_dates(score_dates: Sequence[str], until: str) -> list[str]:
    """Of the nights that were scored up to `until`, the last of each of the newest VINTAGES months."""
    last: dict[str, str] = {}
    for day in sorted(day for day in score_dates if day <= until):
        last[day[:7]] = day
    return sorted(last.values())[-VINTAGES:]


def month_before(day: str, score_dates: Sequence[str]) -> str | None:
    """The last scored night at least 28 and at most 45 days before `day`."""
    today = date.fromisoformat(day)
    low, high = ((today - timedelta(days=n)).isoformat() for n in (45, 28))
    return max((found for found in score_dates if low <= found <= high), default=None)


def retraining_reason(rows: Sequence[Mapping[str, Any]], last_request: Mapping[str, Any] | None) -> str | None:
    """Why the model should be trained again as of the last of `rows` (index rows, oldest first); None if it should not.

    Nothing is asked again within COOL_DOWN_DAYS of the last request.
    """
    tonight = rows[-1]
    if last_request and _days(last_request["score_date"], tonight["date"]) < COOL_DOWN_DAYS:
        return None
    outcomes = [
        message for severity, kind, _, message in tonight["findings"] if (severity, kind) == ("breach", "outcome")
    ]
    if outcomes:
        return f"Outcomes have changed: {outcomes[0]}."
    window = rows[-OF_NIGHTS:]
    shifted = sum(any(kind == "score_training" for _, kind, _, _ in row["findings"]) for row in window)
    if shifted >= SHIFTED_NIGHTS:
        return (
            f"The PD distribution was away from training's on {shifted} of the last {len(window)} nights "
            f"(PSI {tonight['psi_training']:.2f} tonight)."
        )
    return None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
