"""The gate: does the evidence meet the thresholds in force? The only place where that is decided.

The validation job calls `evaluate_gate` and writes the result as gate.json beside evaluation.json. Airflow reads it
(plugins/mortgage_risk/release), checks that it was made with the thresholds in force, and acts on it. The formats of
gate.json and of a thresholds file are in mortgage_model/documents/gate.py. Nothing but the standard library and
contracts.

A thresholds file is a JSON list. Several thresholds for one figure make one check, with the worst of their verdicts. A
figure that has no value blocks, whatever the severity: silence is not evidence. A test with "optional": true is left
out where its own input was not delivered, and listed as not run. A test without a threshold is reported only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeGuard

from contracts.faults import DataFault
from mortgage_model.documents.battery import CheckRecord, Verdict
from mortgage_model.documents.evaluation import METRIC_NAMES, Evaluation, Metric, Metrics
from mortgage_model.documents.gate import (
    Bounds,
    CheckThreshold,
    GateCheck,
    GateResult,
    MetricThreshold,
    NotRun,
    Threshold,
)

VERDICTS: tuple[Verdict, ...] = ("pass", "warn", "fail", "not_computable")  # ever worse
BOUNDS = {"min": "at least", "above": "more than", "max": "at most"}
REQUIRED = {"metric", "sample", "severity", "source", "why"}
REQUIRED_OF_TEST = {"test", "severity", "source"}
SAMPLE_NAMES = {
    "train": "Training",
    "validation": "Validation",
    "oot": "Out-of-time",
    "train_to_oot": "Training to out-of-time",
}
QUESTIONS = {
    "auc": "Does the model rank defaulters above the rest?",
    "ks": "Is there a cut-off that separates defaulters from the rest?",
    "calibration_slope": "Are high PDs as high, and low PDs as low, as they should be?",
    "brier_skill": "Is the PD of a loan more accurate than the portfolio's average?",
    "defaulted_loans": "Are there enough defaulters to judge by?",
    "auc_drop": "Does the ranking hold after development?",
    "psi": "Is it the population the model was built on?",
}


class ThresholdError(DataFault):
    """The thresholds file is not usable; the message names the entry."""


def evaluate_gate(evaluation: Evaluation, thresholds: Sequence[Threshold]) -> GateResult:
    """Judge the content of evaluation.json by a list of thresholds.

    Every metric with a threshold is a check, and so is every test of evaluation["mortgage"]["checks"]. Raises
    ThresholdError for a thresholds list that is empty or wrong.
    """
    evidence = evaluation["mortgage"]
    by_metric: dict[tuple[str, str], list[MetricThreshold]] = {}
    by_test: dict[str, list[CheckThreshold]] = {}
    for entry in checked_thresholds(thresholds):
        if "test" in entry:
            by_test.setdefault(entry["test"], []).append(entry)
        else:
            by_metric.setdefault((entry["sample"], entry["metric"]), []).append(entry)
    checks = [_worst([_judge(evidence["metrics"], entry) for entry in entries]) for entries in by_metric.values()]
    not_run: list[NotRun] = []
    for test in evidence["checks"]:
        settings = by_test.pop(test["id"], [])
        if reason := _left_out(test, settings):
            not_run.append({"id": test["id"], "question": test["question"], "reason": reason})
        else:
            judged_by: Sequence[CheckThreshold | None] = settings or (None,)
            checks.append(_worst([_judge_test(test, entry) for entry in judged_by]))
    for name, settings in by_test.items():
        checks.append(_worst([_judge_test(_not_made(name), entry) for entry in settings]))
    reasons, warnings = (
        [check["reason"] for check in checks if check["verdict"] in verdicts]
        for verdicts in (("fail", "not_computable"), ("warn",))
    )
    return GateResult(not reasons, reasons, warnings, checks, not_run)


def _worst(judged: Sequence[GateCheck]) -> GateCheck:
    """Of one figure judged by each of its thresholds: the worst verdict; among equals that of severity error."""
    return max(judged, key=lambda check: (VERDICTS.index(check["verdict"]), check["severity"] == "error"))


def _left_out(test: CheckRecord, settings: Sequence[CheckThreshold]) -> str | None:
    """Why a test does not count: its input was not delivered and it is optional, or nobody asks for its figure."""
    if test["missing"] and all(entry.get("optional") for entry in settings):
        return test["missing"]
    if not settings and test["verdict"] is None and test["value"] is None:
        return test["reason"]
    return None


def _not_made(name: str) -> CheckRecord:
    """The record of a test that has a threshold and that nobody made."""
    return {
        "id": name,
        "question": "Was every test of the settings made?",
        "why": "",
        "verdict": None,
        "reason": "the evaluation does not hold it",
        "missing": None,
        "value": None,
        "interval": None,
        "p_value": None,
        "n": None,
        "events": None,
        "detail": {},
    }


def _judge_test(test: CheckRecord, entry: CheckThreshold | None) -> GateCheck:
    """A test of the battery as a check: its own verdict, or its figure held against a threshold (None for none)."""
    verdict, reason = test["verdict"], test["reason"]
    value = test["value"] if _is_number(test["value"]) else None
    bounds = _bounds(entry)
    severity = entry["severity"] if entry else "error" if verdict else "information"
    if verdict is None and value is None:
        verdict, reason = "not_computable", f"{test['question']} This could not be computed: {reason}."
    elif verdict is None and value is not None:
        verdict, reason = _verdict(value, bounds, severity), f"{reason}{_wish(bounds, severity)}."
    assert verdict is not None
    return {
        "id": test["id"],
        "question": test["question"],
        "metric": None,
        "sample": None,
        "value": value,
        "interval": test["interval"],
        "p_value": test["p_value"],
        "n": test["n"],
        "events": test["events"],
        "bounds": bounds,
        "severity": severity,
        "verdict": verdict,
        "reason": reason,
        "source": entry["source"] if entry else "The validator's own test.",
        "why": test["why"],
    }


def checked_thresholds(thresholds: Any) -> list[Threshold]:
    """The same list, once every entry has been found complete. Raises ThresholdError."""
    if not isinstance(thresholds, list) or not thresholds:
        raise ThresholdError("the thresholds file must hold a list of at least one threshold")
    for position, entry in enumerate(thresholds, 1):
        if not isinstance(entry, dict):
            raise ThresholdError(f"threshold {position} is not an object")
        of_test = "test" in entry
        subject = entry["test"] if of_test else f"{entry.get('sample')} {entry.get('metric')}"
        name = f"threshold {position} ({subject})"
        required = REQUIRED_OF_TEST if of_test else REQUIRED
        if missing := sorted(required - entry.keys()):
            raise ThresholdError(f"{name} lacks {', '.join(missing)}")
        if unknown := sorted(entry.keys() - required - BOUNDS.keys() - ({"optional"} if of_test else set())):
            raise ThresholdError(f"{name} has unknown entries {', '.join(unknown)}")
        bounds = [entry[bound] for bound in BOUNDS if bound in entry]
        if not bounds or not all(_is_number(bound) for bound in bounds):
            raise ThresholdError(f"{name} needs a number for one of {', '.join(BOUNDS)}")
        if entry["severity"] not in ("error", "warning"):
            raise ThresholdError(f"{name} has severity {entry['severity']!r}; it must be error or warning")
    return thresholds


def _judge(metrics: Metrics, entry: MetricThreshold) -> GateCheck:
    metric, sample = entry["metric"], entry["sample"]
    found = metrics.get(sample, {}).get(metric)
    value = found["value"] if found and _is_number(found["value"]) else None
    bounds = _bounds(entry)
    name = f"{SAMPLE_NAMES.get(sample, sample)} {METRIC_NAMES.get(metric, metric)}"
    verdict: Verdict
    if found is None or value is None:
        why = found.get("reason", "no reason was given") if found else "the evaluation does not hold it"
        verdict, reason = "not_computable", f"{name} could not be computed: {why}."
    else:
        verdict = _verdict(value, bounds, entry["severity"])
        reason = f"{name} is {_figure(value)}{_evidence(found)}{_wish(bounds, entry['severity'])}."
    return {
        "id": f"{sample}.{metric}",
        "question": QUESTIONS.get(metric, f"Is the {METRIC_NAMES.get(metric, metric)} within its bounds?"),
        "metric": metric,
        "sample": sample,
        "value": value,
        "interval": found["interval"] if found else None,
        "p_value": None,
        "n": found["n"] if found else None,
        "events": found["events"] if found else None,
        "bounds": bounds,
        "severity": entry["severity"],
        "verdict": verdict,
        "reason": reason,
        "source": entry["source"],
        "why": entry["why"],
    }


def _bounds(entry: Threshold | None) -> Bounds:
    """The bounds that the threshold has, without the rest of it."""
    bounds: Bounds = {}
    if entry and "min" in entry:
        bounds["min"] = entry["min"]
    if entry and "above" in entry:
        bounds["above"] = entry["above"]
    if entry and "max" in entry:
        bounds["max"] = entry["max"]
    return bounds


def _verdict(value: float, bounds: Bounds, severity: str) -> Verdict:
    above_floor = value >= bounds.get("min", -math.inf) and value > bounds.get("above", -math.inf)
    if above_floor and value <= bounds.get("max", math.inf):
        return "pass"
    return "warn" if severity == "warning" else "fail"


def _wish(bounds: Bounds, severity: str) -> str:
    """What is asked for, in words; nothing where there is no bound."""
    if not bounds:
        return ""
    asked = " and ".join(f"{BOUNDS[bound]} {limit:g}" for bound, limit in bounds.items())
    return f"; {'the gate asks for' if severity == 'error' else 'it should be'} {asked}"


def _evidence(found: Metric) -> str:
    interval = found["interval"]
    parts = [f"95 % interval {_figure(interval[0])} to {_figure(interval[1])}"] if interval else []
    parts += [f"{found['n']:,} observations", f"{found['events']:,} defaults"]
    return f" ({', '.join(parts)})"


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
