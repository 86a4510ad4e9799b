"""The model card: what the model is for, on what data, with which limits, who owns it and when it is due again.

The lender writes model_card.json beside the validation script; the rest is filled in from the evidence. The card is
written as card.json, shown in the report and named in the model registry.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any, cast

from contracts.faults import DataFault
from mortgage_model.documents.card import Card, CardMetric, CardSample, CardSettings
from mortgage_model.documents.evaluation import Evaluation, Metric, SampleFacts
from mortgage_model.documents.gate import GateResult

TEXTS = ("purpose", "not_for", "owner", "tier")
LISTS = ("limits", "conditions")
PERFORMANCE = ("auc", "ks", "brier", "calibration_slope")


class CardError(DataFault):
    """The card's settings lack a mandatory field; the message names it."""


def read_card(file: Path) -> CardSettings:
    """The settings of the card. Raises CardError for a file that is no JSON or lacks a field."""
    try:
        return checked_card(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, json.JSONDecodeError) as error:
        raise CardError(f"{file.name} cannot be read: {error}") from error


def checked_card(settings: Any) -> CardSettings:
    """The same settings, once every mandatory field has been found filled in. Raises CardError."""
    if not isinstance(settings, dict):
        raise CardError("model_card.json must hold an object")
    empty = [name for name in TEXTS if not isinstance(settings.get(name), str) or not settings[name].strip()]
    empty += [name for name in LISTS if not isinstance(settings.get(name), list) or not settings[name]]
    months = settings.get("review_months")
    if not isinstance(months, int) or isinstance(months, bool) or months < 1:
        empty.append("review_months")
    if empty:
        raise CardError(f"model_card.json lacks {', '.join(empty)}; every field is mandatory")
    return cast(CardSettings, settings)


def model_card(settings: CardSettings, evaluation: Evaluation, gate: GateResult) -> Card:
    """The content of card.json. What the gate warns of becomes a condition of use."""
    evidence = evaluation["mortgage"]
    run, out_of_time = evidence["provenance"], evidence["metrics"]["oot"]
    return {
        "format": 1,
        "model": run["training_job"],
        "model_sha256": run["model_sha256"],
        "purpose": settings["purpose"],
        "not_for": settings["not_for"],
        "owner": settings["owner"],
        "tier": settings["tier"],
        "data": {
            "source": evidence["source"],
            "as_of_date": evidence["as_of_date"],
            "horizon_months": evidence["horizon_months"],
            "contract": run["contract"],
            "samples": {name: _sample(facts) for name, facts in evidence["samples"].items()},
        },
        "performance": {name: _metric(out_of_time[name]) for name in PERFORMANCE},
        "verdict": "passes the gate" if gate.passed else "does not pass the gate",
        "limits": settings["limits"],
        "conditions": [*settings["conditions"], *gate.warnings],
        "next_review_date": _months_later(dt.date.fromisoformat(evidence["as_of_date"]), settings["review_months"]),
    }


def _sample(facts: SampleFacts) -> CardSample:
    return {
        "first_month": facts["first_month"],
        "last_month": facts["last_month"],
        "n": facts["n"],
        "events": facts["events"],
        "loans": facts["loans"],
    }


def _metric(metric: Metric) -> CardMetric:
    return {"value": metric["value"], "interval": metric["interval"]}


def _months_later(day: dt.date, months: int) -> str:
    """The last day of the month that lies `months` after `day`'s, ISO."""
    number = day.year * 12 + day.month + months
    return (dt.date(number // 12, number % 12 + 1, 1) - dt.timedelta(days=1)).isoformat()
