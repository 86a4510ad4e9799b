"""The assets that link the DAGs. A run that makes one says for which source and date, and where its manifest is.

A DAG scheduled on an asset gets both from the event, by the templates of `dag_arguments`.
The panel starts no DAG: a model is trained on the panel of its own run, with that run's code and parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset

from mortgage_risk.layout import Layout

# asset name -> what its business date is called in an event's extra
DATE_NAMES = {
    "mortgage_loan_panel": "as_of_date",
    "mortgage_approved_model": "as_of_date",
    "mortgage_scores": "score_date",
    "mortgage_retraining": "as_of_date",
}


def loan_panel(paths: Layout) -> Asset:
    return Asset(name="mortgage_loan_panel", uri=f"{paths.root}processed-data/loan_panel")


def approved_model(paths: Layout) -> Asset:
    return Asset(name="mortgage_approved_model", uri=paths.models.rstrip("/"))


def scores(paths: Layout) -> Asset:
    return Asset(name="mortgage_scores", uri=f"{paths.root}inference-data/output")


def retraining(paths: Layout) -> Asset:
    return Asset(name="mortgage_retraining", uri=f"{paths.root}validation-results/monitoring")


def announce(operator: Any, context: Mapping[str, Any], **facts: Any) -> None:
    """What the operator's assets say of this run: {"source", "score_date" or "as_of_date", …facts}."""
    for asset in operator.outlets:
        date = {DATE_NAMES[asset.name]: operator.business_date}
        context["outlet_events"][asset].extra = {"source": operator.source, **date, **facts}
