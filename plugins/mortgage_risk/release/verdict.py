"""What Airflow makes of gate.json: trust it only if it is whole and was made with the thresholds in force.

The thresholds are applied in one place, the validation job (sagemaker_entrypoints/mortgage_model/validation/gate.py;
the format is in mortgage_model/documents/gate.py); this module does not judge again. Standard library only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

from mortgage_risk.documents import GateCheck, GateDocument

FORMAT = 1
BLOCKING = frozenset({"fail", "not_computable"})
VERDICTS = BLOCKING | {"pass", "warn"}
# Without any one of these a model cannot be judged later. bias.json is there only with a demographics table.
EVIDENCE_PACK = ("evaluation.json", "report.html", "card.json", "explainability.json")
CARD_FIELDS = (
    "purpose", "not_for", "data", "performance", "verdict", "limits", "owner", "tier", "next_review_date", "conditions"
)  # fmt: skip


@dataclass(frozen=True)
class GateVerdict:
    """The gate's answer. `reasons` are sentences, empty exactly when it passed; `checks` as in gate.json."""

    passed: bool
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    checks: tuple[GateCheck, ...] = ()

    def in_words(self) -> str:
        """The verdict for a task log: a line each for the answer, the reasons, the warnings and the checks together."""
        count = _count(len(self.reasons), "reason")
        lines = ["The gate passes." if self.passed else f"The gate does not pass, for {count}:"]
        lines += [f"  {number}. {reason}" for number, reason in enumerate(self.reasons, 1)]
        lines += [f"  Warning: {warning}" for warning in self.warnings]
        passed = sum(check["verdict"] == "pass" for check in self.checks)
        return "\n".join([*lines, f"{passed} of {_count(len(self.checks), 'check')} passed."])

    def short_reasons(self, limit: int = 256) -> str:
        """The reasons in one line of at most `limit` characters, for the model registry."""
        text = " ".join(self.reasons)
        return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def read_verdict(gate_json: object, thresholds_sha256: str) -> GateVerdict:
    """The verdict of gate.json's content, given the SHA-256 of the bytes of the thresholds file in force.

    A file that is damaged, contradicts itself or was made with other thresholds is a verdict that does not
    pass, with the reason; nothing is raised, so that the reason reaches the person who has to act.
    """
    if not _is_whole(gate_json):
        problem = _damage(gate_json)
        return GateVerdict(False, (f"gate.json cannot be relied on: {problem}. Run the validation again.",))
    checks = tuple(gate_json["checks"])
    reasons, warnings = tuple(gate_json["reasons"]), tuple(gate_json["warnings"])
    if gate_json["thresholds_sha256"] != thresholds_sha256:
        judged, in_force = gate_json["thresholds_sha256"][:12], thresholds_sha256[:12]
        stale = f"The thresholds it was judged by ({judged}…) are not those in force ({in_force}…)."
        return GateVerdict(False, (f"{stale} Validate again.", *reasons), warnings, checks)
    return GateVerdict(gate_json["passed"], reasons, warnings, checks)


def evidence_problem(gate_json: GateDocument, read: Callable[[str], bytes | None]) -> str | None:
    """Why a model may not be registered with this evidence, or None.

    `read` gives a file of the pack by name, None where it is not there. The pack must hold EVIDENCE_PACK and be, byte
    for byte, what the verdict was given on.
    """
    recorded = gate_json.get("evidence")
    if not isinstance(recorded, dict):
        return "gate.json does not list the files that the verdict was given on"
    if absent := [name for name in EVIDENCE_PACK if name not in recorded]:
        return f"the evidence pack is incomplete: the validation wrote no {', '.join(absent)}"
    for name, sha256 in recorded.items():
        content = read(name)
        if content is None:
            return f"the evidence pack is incomplete: {name} is gone"
        if (found := hashlib.sha256(content).hexdigest()) != sha256:
            return f"{name} is not the file the verdict was given on: its SHA-256 is {found}, gate.json says {sha256}"
    return None


def card_problem(card: object) -> str | None:
    """Which mandatory field the model card lacks, or None."""
    empty = [name for name in CARD_FIELDS if not (isinstance(card, dict) and card.get(name))]
    return f"the model card (card.json) lacks {', '.join(empty)}" if empty else None


def _is_whole(gate: object) -> TypeGuard[GateDocument]:
    return _damage(gate) is None


def _damage(gate: Any) -> str | None:
    """What is wrong with the content of gate.json, or None."""
    if not isinstance(gate, dict) or gate.get("format") != FORMAT:
        return f"it is not of format {FORMAT}"
    kinds = {"passed": bool, "reasons": list, "warnings": list, "checks": list, "thresholds_sha256": str}
    wrong = [name for name, kind in kinds.items() if not isinstance(gate.get(name), kind)]
    if wrong:
        return f"{', '.join(wrong)} is missing or of the wrong kind"
    if not all(isinstance(text, str) for text in (*gate["reasons"], *gate["warnings"])):
        return "its reasons and warnings are not all sentences"
    if not gate["checks"]:
        return "it holds no check"
    if not all(isinstance(check, dict) and check.get("verdict") in VERDICTS for check in gate["checks"]):
        return "a check has no verdict"
    blocked = any(check["verdict"] in BLOCKING for check in gate["checks"])
    if gate["passed"] == blocked or gate["passed"] == bool(gate["reasons"]):
        return "its verdict contradicts its checks or reasons"
    return None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
