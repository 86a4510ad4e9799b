"""model_card.json: what the lender writes of a model. card.json: the model card, filled in from the evidence."""

from typing import TypedDict

from mortgage_model.documents.training import ContractName


class CardTexts(TypedDict):
    """What both have, word for word."""

    purpose: str
    not_for: str
    owner: str
    tier: str
    limits: list[str]
    conditions: list[str]


class CardSettings(CardTexts):
    """model_card.json; the next review is due `review_months` after the as-of date."""

    review_months: int


class CardSample(TypedDict):
    first_month: str
    last_month: str
    n: int
    events: int
    loans: int


class CardData(TypedDict):
    source: str
    as_of_date: str
    horizon_months: int
    contract: ContractName | None
    samples: dict[str, CardSample]


class CardMetric(TypedDict):
    value: float | None
    interval: list[float] | None


class Card(CardTexts):
    """card.json. `performance` is out of time; what the gate warns of is among the conditions."""

    format: int
    model: str
    model_sha256: str
    data: CardData
    performance: dict[str, CardMetric]
    verdict: str
    next_review_date: str
