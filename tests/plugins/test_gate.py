"""Reading gate.json: a verdict counts only if it is whole and was made with the thresholds in force."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PLUGINS = str(Path(__file__).resolve().parents[2] / "plugins")
if PLUGINS not in sys.path:
    sys.path.insert(0, PLUGINS)

from mortgage_risk.release.verdict import read_verdict  # noqa: E402

IN_FORCE = "a" * 64


def gate_json(**changes: object) -> dict[str, object]:
    check = {
        "id": "oot.auc",
        "verdict": "pass",
        "reason": "Out-of-time AUC is 0.81; the gate asks for at least 0.65.",
    }
    return {
        "format": 1,
        "passed": True,
        "reasons": [],
        "warnings": [],
        "checks": [check],
        "thresholds_sha256": IN_FORCE,
        **changes,
    }


def failing(**changes: object) -> dict[str, object]:
    reason = "Out-of-time AUC is 0.55; the gate asks for at least 0.65."
    return gate_json(
        passed=False,
        reasons=[reason],
        checks=[{"id": "oot.auc", "verdict": "fail", "reason": reason}],
        **changes,
    )


def test_a_pass_made_with_the_thresholds_in_force_passes():
    verdict = read_verdict(gate_json(warnings=["PSI is 0.15; it should be at most 0.1."]), IN_FORCE)
    assert verdict.passed
    assert verdict.reasons == ()
    assert verdict.in_words().splitlines() == [
        "The gate passes.",
        "  Warning: PSI is 0.15; it should be at most 0.1.",
        "1 of 1 check passed.",
    ]


def test_a_fail_keeps_its_reasons_in_words():
    verdict = read_verdict(failing(), IN_FORCE)
    assert not verdict.passed
    assert verdict.reasons == ("Out-of-time AUC is 0.55; the gate asks for at least 0.65.",)
    assert verdict.in_words().startswith("The gate does not pass, for 1 reason:\n  1. Out-of-time AUC")


def test_a_pass_made_with_other_thresholds_does_not_count():
    verdict = read_verdict(gate_json(thresholds_sha256="b" * 64), IN_FORCE)
    assert not verdict.passed
    assert "judged by (bbbbbbbbbbbb…) are not those in force (aaaaaaaaaaaa…)" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ({}, "not of format 1"),
        ([], "not of format 1"),
        (gate_json(format=2), "not of format 1"),
        (gate_json(passed="true"), "passed is missing or of the wrong kind"),
        (gate_json(thresholds_sha256=None), "thresholds_sha256 is missing"),
        (gate_json(checks=[]), "no check"),
        (gate_json(checks=[{"id": "x"}]), "no verdict"),
        (gate_json(checks=[{"verdict": "not_computable"}]), "contradicts"),
        (gate_json(checks=[{"verdict": "fail"}]), "contradicts"),
        (gate_json(reasons=["no"]), "contradicts"),
        (gate_json(warnings=[3]), "not all sentences"),
        (failing() | {"reasons": []}, "contradicts"),
        (failing() | {"checks": [{"verdict": "pass"}]}, "contradicts"),
    ],
)
def test_a_damaged_file_never_passes_and_says_why(broken, problem):
    verdict = read_verdict(broken, IN_FORCE)
    assert not verdict.passed
    assert verdict.reasons[0].startswith("gate.json cannot be relied on")
    assert problem in verdict.reasons[0]


def test_reasons_are_cut_to_what_the_registry_takes():
    verdict = read_verdict(failing() | {"reasons": ["Long reason. " * 40]}, IN_FORCE)
    assert len(verdict.short_reasons()) <= 256
    assert verdict.short_reasons().endswith("…")
    assert read_verdict(failing(), IN_FORCE).short_reasons() == failing()["reasons"][0]


def test_the_module_needs_the_standard_library_only():
    import ast

    tree = ast.parse((Path(PLUGINS) / "mortgage_risk" / "release" / "verdict.py").read_text())
    modules = {node.module.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules <= set(sys.stdlib_module_names) | {"__future__"}
