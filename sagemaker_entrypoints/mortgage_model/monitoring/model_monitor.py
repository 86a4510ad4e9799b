"""The night as SageMaker Model Monitor's three files, so that what reads those reads ours.

Schemas: Amazon SageMaker Developer Guide, "Schema for Statistics", "… Constraints", "… Violations" (container contract
outputs of Model Monitor).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from contracts.model import Column, Contract
from mortgage_model.documents.model_monitor import (
    Common,
    Constraints,
    FeatureConstraint,
    FeatureStatistics,
    Kll,
    Level,
    NumericalStatistics,
    Statistics,
    Violations,
)
from mortgage_model.documents.monitoring import MonitoringDocument
from mortgage_model.documents.profile import FeatureProfile, ReferenceProfile
from mortgage_model.monitoring.rules import STEP_PSI

VERSION = 0
BUCKETS = 10  # Model Monitor's number, fixed
QUANTILES = 101
KLL = {"c": 0.64, "k": 2048.0}

# Finding kind -> Model Monitor's constraint_check_type.
CHECKS = {
    "missing_column": "missing_column_check",
    "missing": "completeness_check",
    "new_level": "categorical_values_check",
    "range": "categorical_values_check",
    "step": "baseline_drift_check",
    "effect": "baseline_drift_check",
    "training": "baseline_drift_check",
    "score_step": "baseline_drift_check",
    "score_training": "baseline_drift_check",
    "mean_pd": "baseline_drift_check",
    "rows": "completeness_check",
    "outcome": "baseline_drift_check",
}


def statistics(frame: pd.DataFrame, contract: Contract) -> Statistics:
    """statistics.json of `frame` (contract columns)."""
    return {
        "version": VERSION,
        "dataset": {"item_count": len(frame)},
        "features": [_statistics(frame[name], contract.column(name)) for name in frame.columns],
    }


def _statistics(values: pd.Series, column: Column) -> FeatureStatistics:
    present = values.dropna()
    common: Common = {"num_present": len(present), "num_missing": len(values) - len(present)}
    if column.categorical:
        counts = present.astype(str).value_counts().sort_index()
        buckets: list[Level] = [{"value": str(level), "count": int(n)} for level, n in counts.items()]
        return {
            "name": column.name,
            "inferred_type": "String",
            "string_statistics": {
                "common": common,
                "distinct_count": len(buckets),
                "distribution": {"categorical": {"buckets": buckets}},
            },
        }
    numbers = present.to_numpy(np.float64)
    described: NumericalStatistics = {"common": common}
    if numbers.size:
        described = {
            "common": common,
            "mean": float(numbers.mean()),
            "sum": float(numbers.sum()),
            "std_dev": float(numbers.std()),
            "min": float(numbers.min()),
            "max": float(numbers.max()),
            "distribution": {"kll": _kll(numbers)},
        }
    return {"name": column.name, "inferred_type": _numeric_type(column), "numerical_statistics": described}


def _numeric_type(column: Column) -> str:
    return "Integral" if column.type in ("integer", "boolean") else "Fractional"


def _kll(numbers: np.ndarray) -> Kll:
    """Ten equal-width buckets, and a sketch: quantiles on the compactor level whose items weigh about n / QUANTILES."""
    counts, edges = np.histogram(numbers, bins=BUCKETS)
    level = max(0, round(math.log2(numbers.size / QUANTILES))) if numbers.size > QUANTILES else 0
    points = np.quantile(numbers, np.linspace(0, 1, min(QUANTILES, numbers.size)), method="nearest")
    return {
        "buckets": [
            {"lower_bound": float(low), "upper_bound": float(high), "count": float(n)}
            for low, high, n in zip(edges[:-1], edges[1:], counts, strict=True)
        ],
        "sketch": {"parameters": KLL, "data": [*([[]] * level), points.tolist()]},
    }


def constraints(profile: ReferenceProfile, contract: Contract) -> Constraints:
    """constraints.json: what training had and the contract allows."""
    return {
        "version": VERSION,
        "features": [_constraint(contract.column(name), f) for name, f in profile["features"].items()],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Enabled",
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": 1.0,
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": STEP_PSI,
                "comparison_method": "Robust",
                "categorical_comparison_threshold": STEP_PSI,
                "categorical_drift_method": "LInfinity",
            },
        },
    }


def _constraint(column: Column, reference: FeatureProfile) -> FeatureConstraint:
    completeness = round(1 - reference["missing"], 6)
    if column.categorical:
        return {
            "name": column.name,
            "inferred_type": "String",
            "completeness": completeness,
            "string_constraints": {"domains": [str(level) for level in column.allowed or _levels(reference)]},
        }
    return {
        "name": column.name,
        "inferred_type": _numeric_type(column),
        "completeness": completeness,
        "num_constraints": {"is_non_negative": column.minimum is not None and column.minimum >= 0},
    }


def _levels(reference: FeatureProfile) -> list[str]:
    return list(reference["shares"]) if reference["type"] == "categorical" else []


def violations(document: MonitoringDocument) -> Violations:
    """constraint_violations.json: the night's findings."""
    return {
        "violations": [
            {
                "feature_name": finding["feature"] or "(portfolio)",
                "constraint_check_type": CHECKS[finding["kind"]],
                "description": f"{finding['severity']}: {finding['message']}",
            }
            for finding in document["findings"]
        ]
    }
