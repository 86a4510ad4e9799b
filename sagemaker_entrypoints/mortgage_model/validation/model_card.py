"""The model card: what the model is for, on what data, with which limits, who owns it and when it is due again.

The lender writes model_card.json beside the validation script; the rest is filled in from the evidence. The card is
written as card.json, shown in the report and named in the model registry.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from contracts.faults import DataFault
from mortgage_model.validation.gate import GateResult

TEXTS = ("purpose", "not_for", "owner", "tier")
LISTS = ("limits", "conditions")


class CardError(DataFault):
    """The card's settings lack a mandatory field; the message names it."""


def read_card(file: Path) -> dict[str, Any]:
    """The settings of the card. Raises CardError for a file that is no JSON or lacks a field."""
    try:
        return checked_card(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, json.JSONDecodeError) as error:
        raise CardError(f"{file.name} cannot be read: {error}") from error


def checked_card(settings: Any) -> dict[str, Any]:
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
    return settings


def model_card(settings: dict[str, Any], evaluation: dict[str, Any], gate: GateResult) -> dict[str, Any]:
    """The content of card.json. What the gate warns of becomes a condition of use."""
    detail = checked_card(settings) and evaluation["mortgage"]
    run, oot = detail["provenance"], detail["metrics"]["oot"]
    return {
        "format": 1,
        "model": run["training_job"],
        "model_sha256": run["model_sha256"],
        **{name: settings[name] for name in TEXTS},
        "data": {
            "source": detail["source"],
            "as_of_date": detail["as_of_date"],
            "horizon_months": detail["horizon_months"],
            "contract": run["contract"],
            "samples": {
                name: {key: facts[key] for key in ("first_month", "last_month", "n", "events", "loans")}
                for name, facts in detail["samples"].items()
            },
        },
        "performance": {
            name: {key: oot[name][key] for key in ("value", "interval")}
            for name in ("auc", "ks", "brier", "calibration_slope")
        },
        "verdict": "passes the gate" if gate.passed else "does not pass the gate",
        "limits": settings["limits"],
        "conditions": [*settings["conditions"], *gate.warnings],
        "next_review_date": _months_later(dt.date.fromisoformat(detail["as_of_date"]), settings["review_months"]),
    }


def _months_later(day: dt.date, months: int) -> str:
    """The last day of the month that lies `months` after `day`'s, ISO."""
    number = day.year * 12 + day.month + months
    return (dt.date(number // 12, number % 12 + 1, 1) - dt.timedelta(days=1)).isoformat()
