"""The model card in SageMaker's own shape, so that the registry shows it beside the model.

The schema is SageMaker's "Model package model card schema" (Developer Guide, View the Details of a Model Version): it
takes no other keys, texts of 2,048 characters, observations of 2,096, and 100,000 in all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

PENDING = "PendingReview"
LONGEST_TEXT = 2048


def content(card: Mapping[str, Any], *, model_uri: str, evidence_uris: Mapping[str, str]) -> str:
    """ModelCardContent from card.json. The lender sets the risk rating: a tier is not one of SageMaker's words."""
    data = card["data"]
    document = {
        "model_overview": {"model_creator": _text(card["owner"]), "model_artifact": [model_uri]},
        "intended_uses": {
            "purpose_of_model": _text(card["purpose"]),
            "intended_uses": _lines(card["conditions"]),
            "factors_affecting_model_efficiency": _lines(card["limits"]),
            "explanations_for_risk_rating": _text(f"Tier {card['tier']}"),
        },
        "evaluation_details": [
            {
                "name": "Out of time",
                "evaluation_observation": _text(f"The model {card['verdict']}."),
                "datasets": [evidence_uris["evaluation.json"]],
                "metric_groups": [{"name": "Out of time", "metric_data": _metrics(card["performance"])}],
            }
        ],
        "additional_information": {
            "caveats_and_recommendations": _text(f"Not for: {card['not_for']}"),
            "custom_details": {
                "tier": card["tier"],
                "next_review_date": card["next_review_date"],
                **{name: str(data[name]) for name in ("source", "as_of_date", "horizon_months")},
                "report": evidence_uris["report.html"],
            },
        },
    }
    return json.dumps(document, sort_keys=True)


def status(approval: str) -> str:
    """ModelCardStatus beside a ModelApprovalStatus.

    A rejected model's card stays open to changes: an archived one would not.
    """
    return "Approved" if approval == "Approved" else "Draft"


def _metrics(performance: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A metric without a value is left out: the schema has no empty number."""
    found = []
    for name, metric in performance.items():
        if metric["value"] is not None:
            interval = metric["interval"]
            notes = {"notes": "95 % interval {:.4f} to {:.4f}".format(*interval)} if interval else {}
            found.append({"name": name, "type": "number", "value": metric["value"], **notes})
    return found


def _lines(texts: Sequence[str]) -> str:
    return _text("\n".join(texts))


def _text(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
