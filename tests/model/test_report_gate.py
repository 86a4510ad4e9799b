"""The gate's decision (mortgage_model/validation/gate.py) and the thresholds that ship with the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mortgage_model.validation.gate import ThresholdError, checked_thresholds, evaluate_gate

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = json.loads((ROOT / "sagemaker_entrypoints" / "thresholds.json").read_text())


def threshold(**changes: Any) -> dict[str, Any]:
    entry = {
        "metric": "auc",
        "sample": "oot",
        "min": 0.65,
        "severity": "error",
        "source": "rule",
        "why": "because",
    }
    return entry | changes


def record(**found: Any) -> dict[str, Any]:
    """A test of the battery as evaluation.json holds it."""
    empty = dict.fromkeys(("verdict", "missing", "value", "interval", "p_value", "n", "events"))
    return empty | {"question": "Is it?", "why": "", "detail": {}} | found


def evaluation(value: Any, checks: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    metric = {"value": value, "n": 5000, "events": 120, "interval": [0.5, 0.7], **more}
    return {"mortgage": {"metrics": {"oot": {"auc": metric}}, "checks": list(checks)}}


def test_the_shipped_thresholds_are_complete_and_are_the_agreed_ones():
    checked_thresholds(SHIPPED)
    blocking = {(t["sample"], t["metric"]): {k: t[k] for k in ("min", "above", "max") if k in t}
                for t in SHIPPED if t["severity"] == "error" and "metric" in t}  # fmt: skip
    assert blocking == {
        ("oot", "auc"): {"min": 0.65},
        ("oot", "ks"): {"min": 0.2},
        ("oot", "calibration_slope"): {"min": 0.8, "max": 1.25},
        ("oot", "brier_skill"): {"above": 0.0},
        ("oot", "defaulted_loans"): {"min": 100},
        ("train_to_oot", "auc_drop"): {"max": 0.1},
        ("train_to_oot", "psi"): {"max": 0.25},
    }


def test_a_value_on_the_bound_passes():
    result = evaluate_gate(evaluation(0.65), [threshold()])
    assert result.passed
    assert result.reasons == []
    assert result.checks[0]["verdict"] == "pass"


def test_a_miss_blocks_in_words_with_its_evidence():
    result = evaluate_gate(evaluation(0.6), [threshold()])
    assert not result.passed
    assert result.reasons == [
        "Out-of-time AUC is 0.600 (95 % interval 0.500 to 0.700, 5,000 observations, 120 defaults); "
        "the gate asks for at least 0.65."
    ]


@pytest.mark.parametrize(
    ("value", "bounds", "verdict"),
    [
        (0.0, {"above": 0.0}, "fail"),
        (1e-9, {"above": 0.0}, "pass"),
        (1.3, {"min": 0.8, "max": 1.25}, "fail"),
        (0.79, {"min": 0.8, "max": 1.25}, "fail"),
        (1.25, {"min": 0.8, "max": 1.25}, "pass"),
        (-5, {"max": 0.1}, "pass"),
    ],
)
def test_bounds(value, bounds, verdict):
    entry = {k: v for k, v in threshold().items() if k != "min"} | bounds
    assert evaluate_gate(evaluation(value), [entry]).checks[0]["verdict"] == verdict


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "0.9", True])
@pytest.mark.parametrize("severity", ["error", "warning"])
def test_a_metric_without_a_number_blocks_whatever_its_severity(value, severity):
    result = evaluate_gate(evaluation(value, reason="all 12 observations defaulted"), [threshold(severity=severity)])
    assert not result.passed
    assert result.reasons == ["Out-of-time AUC could not be computed: all 12 observations defaulted."]


def test_a_metric_that_the_evaluation_does_not_hold_blocks():
    result = evaluate_gate(evaluation(0.9), [threshold(metric="ks")])
    assert result.reasons == ["Out-of-time KS could not be computed: the evaluation does not hold it."]


def test_a_warning_does_not_block():
    result = evaluate_gate(evaluation(0.6), [threshold(severity="warning")])
    assert result.passed
    assert result.warnings[0].endswith("it should be at least 0.65.")


@pytest.mark.parametrize(
    ("value", "verdict", "bounds", "severity"),
    [
        (0.5, "fail", {"min": 0.65}, "error"),
        (0.68, "warn", {"min": 0.7}, "warning"),
        (0.9, "pass", {"min": 0.65}, "error"),
        (None, "not_computable", {"min": 0.65}, "error"),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_a_figure_with_two_thresholds_is_one_check_with_the_worst_verdict(value, verdict, bounds, severity, reverse):
    settings = [threshold(), threshold(severity="warning", min=0.7)]
    result = evaluate_gate(evaluation(value), settings[::-1] if reverse else settings)
    (check,) = result.checks
    assert (check["verdict"], check["bounds"], check["severity"]) == (verdict, bounds, severity)
    assert result.reasons == ([check["reason"]] if verdict in ("fail", "not_computable") else [])
    assert result.warnings == ([check["reason"]] if verdict == "warn" else [])


def test_a_test_with_two_thresholds_gives_one_reason():
    found = record(id="t", reason="It is 0.5", value=0.5)
    given = ((0.7, "warning"), (0.6, "error"))
    settings = [{"test": "t", "min": low, "severity": severity, "source": "rule"} for low, severity in given]
    result = evaluate_gate(evaluation(0.9, (found,)), settings)
    assert result.reasons == ["It is 0.5; the gate asks for at least 0.6."]
    assert result.warnings == []


def test_the_validators_own_checks_are_judged_too():
    checks = (
        record(id="a", verdict="fail", reason="Other rows."),
        record(id="b", verdict="not_computable", reason="No hash."),
    )
    result = evaluate_gate(evaluation(0.9, checks), [threshold()])
    assert not result.passed
    assert result.reasons == ["Other rows.", "No hash."]


@pytest.mark.parametrize(
    ("thresholds", "problem"),
    [
        ([], "at least one threshold"),
        ({}, "at least one threshold"),
        (["auc"], "threshold 1 is not an object"),
        (
            [threshold(), {"metric": "ks", "sample": "oot", "min": 1}],
            r"threshold 2 \(oot ks\) lacks severity, source, why",
        ),
        ([threshold(minimum=3)], "unknown entries minimum"),
        ([{k: v for k, v in threshold().items() if k != "min"}], "needs a number"),
        ([threshold(min="0.6")], "needs a number"),
        ([threshold(min=None)], "needs a number"),
        ([threshold(severity="fatal")], "must be error or warning"),
    ],
)
def test_a_wrong_thresholds_file_is_refused_by_name(thresholds, problem):
    with pytest.raises(ThresholdError, match=problem):
        evaluate_gate(evaluation(0.9), thresholds)
