"""The gate: does the evidence meet the thresholds in force? The only place where that is decided.

The validation job calls `evaluate_gate` and writes the result as `gate.json` beside `evaluation.json`.
Airflow reads it (plugins/mortgage_risk/release/verdict.py), checks that it was made with the thresholds in force, and
acts on it. Nothing but the standard library and contracts.

gate.json
    format             1
    passed             true when no check blocks
    reasons            list of sentences: why the gate fails; empty when it passes
    warnings           list of sentences that do not block
    checks             list of {id, question, metric, sample, value, interval, p_value, n, events,
                       bounds: {min|above|max}, severity, verdict, reason, source, why}; verdict is pass, warn,
                       fail or not_computable; severity error, warning or information (reported only)
    not_run            list of {id, question, reason}: optional tests whose input was not delivered
    thresholds_sha256  SHA-256 of the bytes of the thresholds file that was used
    evidence           SHA-256 of the bytes of every file of the evidence pack, by file name
    model_sha256       SHA-256 of model.tar.gz
    training_job       name of the training job

A thresholds file is a JSON list of {metric, sample, severity: error|warning, source, why} or, for a test of the
battery (validation/battery), {test, severity, source}, with min (at least), above (greater than) or max (at
most). Several thresholds for one figure make one check, with the worst of their verdicts. A figure that has no value
blocks, whatever the severity: silence is not evidence. A test with
"optional": true is left out where its own input was not delivered, and listed as not run. A test without a
threshold is reported only.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from contracts.faults import DataFault

FORMAT = 1
VERDICTS = ("pass", "warn", "fail", "not_computable")  # ever worse
BOUNDS = {"min": "at least", "above": "more than", "max": "at most"}
REQUIRED = {"metric", "sample", "severity", "source", "why"}
REQUIRED_OF_TEST = {"test", "severity", "source"}
SAMPLE_NAMES = {
    "train": "Training",
    "validation": "Validation",
    "oot": "Out-of-time",
    "train_to_oot": "Training to out-of-time",
}
METRIC_NAMES = {
    "auc": "AUC",
    "auc_delong": "AUC, DeLong interval",
    "gini": "Gini",
    "ks": "KS",
    "average_precision": "PR-AUC",
    "brier": "Brier score",
    "brier_skill": "Brier skill",
    "log_loss": "log loss",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
    "calibration_in_the_large": "calibration in the large",
    "expected_calibration_error": "expected calibration error",
    "default_rate": "default rate",
    "mean_pd": "mean PD",
    "defaulted_loans": "number of loans that default",
    "auc_drop": "drop of AUC",
    "psi": "PSI of the PD",
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


@dataclass(frozen=True)
class GateResult:
    """What the gate decided, in data and in words."""

    passed: bool
    reasons: list[str]
    warnings: list[str]
    checks: list[dict[str, Any]]
    not_run: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self, **fingerprints: Any) -> dict[str, Any]:
        """The content of gate.json; `fingerprints` are the entries that name what was judged."""
        return {"format": FORMAT, **asdict(self), **fingerprints}


def evaluate_gate(evaluation: dict[str, Any], thresholds: list[dict[str, Any]]) -> GateResult:
    """Judge the content of evaluation.json by a list of thresholds (see the module's docstring for both).

    Every metric with a threshold is a check, and so is every test of evaluation["mortgage"]["checks"]. Raises
    ThresholdError for a thresholds list that is empty or wrong.
    """
    detail = evaluation["mortgage"]
    by_metric: dict[tuple[str, str], list[dict[str, Any]]] = {}
    by_test: dict[str, list[dict[str, Any]]] = {}
    for entry in checked_thresholds(thresholds):
        if "test" in entry:
            by_test.setdefault(entry["test"], []).append(entry)
        else:
            by_metric.setdefault((entry["sample"], entry["metric"]), []).append(entry)
    checks = [_worst([_judge(detail["metrics"], entry) for entry in entries]) for entries in by_metric.values()]
    not_run: list[dict[str, Any]] = []
    for test in detail["checks"]:
        settings = by_test.pop(test["id"], [])
        if reason := _left_out(test, settings):
            not_run.append({"id": test["id"], "question": test["question"], "reason": reason})
        else:
            checks.append(_worst([_judge_test(test, entry) for entry in settings or [{}]]))
    unknown = {"question": "Was every test of the settings made?", "reason": "the evaluation does not hold it"}
    for name, settings in by_test.items():
        checks.append(_worst([_judge_test({"id": name, **unknown}, entry) for entry in settings]))
    reasons, warnings = (
        [check["reason"] for check in checks if check["verdict"] in verdicts]
        for verdicts in (("fail", "not_computable"), ("warn",))
    )
    return GateResult(not reasons, reasons, warnings, checks, not_run)


def _worst(judged: list[dict[str, Any]]) -> dict[str, Any]:
    """Of one figure judged by each of its thresholds: the worst verdict, and the graver threshold among equals."""
    return max(judged, key=lambda check: (VERDICTS.index(check["verdict"]), check["severity"] == "error"))


def _left_out(test: dict[str, Any], settings: list[dict[str, Any]]) -> str | None:
    """Why a test does not count: its input was not delivered and it is optional, or nobody asks for its figure."""
    if test.get("missing") and all(entry.get("optional") for entry in settings):
        return test["missing"]
    if not settings and test.get("verdict") is None and test.get("value") is None:
        return test["reason"]
    return None


def _judge_test(test: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """A test of the battery as a check: its own verdict, or its figure held against a threshold ({} for none)."""
    verdict, reason = test.get("verdict"), test["reason"]
    value = test.get("value") if _is_number(test.get("value")) else None
    bounds = {bound: entry[bound] for bound in BOUNDS if bound in entry}
    severity = entry.get("severity", "error" if verdict else "information")
    if verdict is None and value is None:
        verdict, reason = "not_computable", f"{test['question']} This could not be computed: {reason}."
    elif verdict is None and value is not None:
        verdict = "pass" if _inside(value, bounds) else "warn" if severity == "warning" else "fail"
        reason = f"{reason}{_wish(bounds, severity)}."
    evidence = {name: test.get(name) for name in ("interval", "p_value", "n", "events")}
    return {
        "id": test["id"],
        "question": test.get("question"),
        "metric": None,
        "sample": None,
        "value": value,
        **evidence,
        "bounds": bounds,
        "severity": severity,
        "verdict": verdict,
        "reason": reason,
        "source": entry.get("source", "The validator's own test."),
        "why": test.get("why", ""),
    }


def checked_thresholds(thresholds: Any) -> list[dict[str, Any]]:
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


def _judge(metrics: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    metric, sample = entry["metric"], entry["sample"]
    found = metrics.get(sample, {}).get(metric) or {
        "value": None,
        "reason": "the evaluation does not hold it",
    }
    value = found["value"] if _is_number(found["value"]) else None
    bounds = {bound: entry[bound] for bound in BOUNDS if bound in entry}
    name = f"{SAMPLE_NAMES.get(sample, sample)} {METRIC_NAMES.get(metric, metric)}"
    if value is None:
        verdict = "not_computable"
        reason = f"{name} could not be computed: {found.get('reason', 'no reason was given')}."
    else:
        verdict = "pass" if _inside(value, bounds) else "warn" if entry["severity"] == "warning" else "fail"
        reason = f"{name} is {_figure(value)}{_evidence(found)}{_wish(bounds, entry['severity'])}."
    return {
        "id": f"{sample}.{metric}",
        "question": QUESTIONS.get(metric, f"Is the {METRIC_NAMES.get(metric, metric)} within its bounds?"),
        "metric": metric,
        "sample": sample,
        "value": value,
        "interval": found.get("interval"),
        "p_value": None,
        "n": found.get("n"),
        "events": found.get("events"),
        "bounds": bounds,
        "severity": entry["severity"],
        "verdict": verdict,
        "reason": reason,
        "source": entry["source"],
        "why": entry["why"],
    }


def _inside(value: float, bounds: dict[str, float]) -> bool:
    above_floor = value >= bounds.get("min", -math.inf) and value > bounds.get("above", -math.inf)
    return above_floor and value <= bounds.get("max", math.inf)


def _wish(bounds: dict[str, float], severity: str) -> str:
    if not bounds:
        return ""
    asked = " and ".join(f"{BOUNDS[bound]} {limit:g}" for bound, limit in bounds.items())
    return f"; {'the gate asks for' if severity == 'error' else 'it should be'} {asked}"


def _evidence(found: dict[str, Any]) -> str:
    parts = []
    if interval := found.get("interval"):
        parts.append(f"95 % interval {_figure(interval[0])} to {_figure(interval[1])}")
    if found.get("n") is not None:
        parts.append(f"{found['n']:,} observations")
    if found.get("events") is not None:
        parts.append(f"{found['events']:,} defaults")
    return f" ({', '.join(parts)})" if parts else ""


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
