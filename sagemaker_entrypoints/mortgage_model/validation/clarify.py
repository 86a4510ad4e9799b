"""Explainability and bias in the layouts of SageMaker Clarify's analysis.json, which the model registry shows.

Layout: AWS, SageMaker developer guide, "Analysis results". Clarify's key `kernel_shap` names the place, not our
method: values are mean absolute exact TreeSHAP contributions in log-odds.
"""

from __future__ import annotations

from typing import Any


def explainability_report(checks: list[dict[str, Any]]) -> dict[str, Any]:
    """Global SHAP values out of time; null with a reason where the test could not be computed."""
    test = _by_id(checks)["explanation.shap_ranks"]
    features = test["detail"].get("features")
    found: dict[str, Any] = {"global_shap_values": {row["feature"]: row["oot"] for row in features or []}}
    if not features:
        found["reason"] = test["reason"]
    return {"version": "1.0", "explanations": {"kernel_shap": {"label0": found}}}


def bias_report(checks: list[dict[str, Any]], label: str) -> dict[str, Any] | None:
    """Disparate impact per group, None where no demographics table was delivered."""
    test = _by_id(checks)["fairness.impact"]
    groups = test["detail"].get("groups")
    if not groups:
        return None
    facets: dict[str, list[dict[str, Any]]] = {}
    for row in groups:
        impact = {"name": "DI", "description": "Disparate Impact (DI)", "value": row["impact_ratio"]}
        facets.setdefault(row["attribute"], []).append({"value_or_threshold": row["group"], "metrics": [impact]})
    return {
        "version": "1.0",
        "post_training_bias_metrics": {"label": label, "label_value_or_threshold": "0", "facets": facets},
    }


def _by_id(checks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {check["id"]: check for check in checks}
