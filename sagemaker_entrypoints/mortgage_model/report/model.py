"""What the model is and what it is for: its card, its features, its hyperparameters."""

from __future__ import annotations

from html import escape

from mortgage_model.documents.card import Card
from mortgage_model.documents.evaluation import ModelFacts
from mortgage_model.report.parts import table

DIRECTIONS = {1: "PD rises with it", -1: "PD falls with it", 0: "free"}


def card(card: Card) -> str:
    def items(texts: list[str]) -> str:
        return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"

    facts = {
        "Purpose": escape(card["purpose"]),
        "Not for": escape(card["not_for"]),
        "Owner": escape(card["owner"]),
        "Tier": escape(card["tier"]),
        "Next review": escape(card["next_review_date"]),
        "Limits": items(card["limits"]),
        "Conditions of use": items(card["conditions"]),
    }
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts.items())
    return f"<h2>Model card</h2><dl>{listed}</dl>"


def facts(model: ModelFacts) -> str:
    """What the model is: features with their direction, hyperparameters."""
    features = model["features"] or {}
    rows = [
        [
            f"<code>{escape(name)}</code>",
            escape(str(f["description"])),
            escape(str(f["unit"] or "")),
            DIRECTIONS[f["monotone"]],
        ]
        for name, f in features.items()
    ]
    settings = "".join(
        f"<dt>{escape(k)}</dt><dd>{escape(str(v))}</dd>" for k, v in (model["hyperparameters"] or {}).items()
    )
    return (
        "<h2>The model</h2>"
        f"<p>Gradient-boosted trees (XGBoost, {model['trees']} trees) with monotone constraints, "
        f"{len(features)} features, PDs recalibrated on the validation sample.</p>"
        "<details><summary>Features and their "
        f"direction</summary>{table(['Feature', 'Meaning', 'Unit', 'Constraint'], rows)}</details>"
        f"<details><summary>Hyperparameters</summary><dl>{settings}</dl></details>"
    )
