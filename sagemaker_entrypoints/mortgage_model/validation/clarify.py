"""Explainability and bias in the layouts of SageMaker Clarify's analysis.json, which the model registry shows.

Layout: AWS, SageMaker developer guide, "Analysis results". Clarify's key `kernel_shap` names the place, not our
method: values are mean absolute exact TreeSHAP contributions in log-odds.
"""

from __future__ import annotations

from collections.abc import Sequence

from mortgage_model.documents.battery import CheckRecord, GroupRow, TwoSamples
from mortgage_model.documents.clarify import Bias, BiasMetric, Explainability, Facet, GlobalShap


def explainability_report(checks: Sequence[CheckRecord]) -> Explainability:
    """Global SHAP values out of time; none, with a reason, where the test could not be computed."""
    test = _by_id(checks)["explanation.shap_ranks"]
    features: list[TwoSamples] = test["detail"].get("features", [])
    found: GlobalShap = {"global_shap_values": {row["feature"]: row["oot"] for row in features}}
    if not features:
        found["reason"] = test["reason"]
    return {"version": "1.0", "explanations": {"kernel_shap": {"label0": found}}}


def bias_report(checks: Sequence[CheckRecord], label: str) -> Bias | None:
    """Disparate impact per group, None where no demographics table was delivered."""
    groups: list[GroupRow] = _by_id(checks)["fairness.impact"]["detail"].get("groups", [])
    if not groups:
        return None
    facets: dict[str, list[Facet]] = {}
    for row in groups:
        impact: BiasMetric = {"name": "DI", "description": "Disparate Impact (DI)", "value": row["impact_ratio"]}
        facets.setdefault(row["attribute"], []).append({"value_or_threshold": row["group"], "metrics": [impact]})
    return {
        "version": "1.0",
        "post_training_bias_metrics": {"label": label, "label_value_or_threshold": "0", "facets": facets},
    }


def _by_id(checks: Sequence[CheckRecord]) -> dict[str, CheckRecord]:
    return {check["id"]: check for check in checks}
