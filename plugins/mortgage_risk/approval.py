"""Who decides on a model, and what is recorded. Pure rules; the operators carry them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mortgage_risk.registry import ApprovedModel

APPROVE, REJECT = "Approve", "Reject"
NOBODY = "nobody - the time was up"  # who rejected a model that nobody answered about


@dataclass(frozen=True)
class Decision:
    """`status` is SageMaker's ModelApprovalStatus; `reason` a sentence for the registry and the log."""

    status: str
    by: str
    reason: str
    override: bool = False

    @property
    def approved(self) -> bool:
        return self.status == "Approved"


class OverrideError(ValueError):
    """An override without a reason."""


def needs_a_human(gate: Mapping[str, Any], mode: str) -> bool:
    """Nobody is asked about a model that did not pass the gate: only a named override releases that."""
    return gate["passed"] and mode == "manual"


def decide(
    gate: Mapping[str, Any],
    *,
    mode: str,
    answer: Mapping[str, Any] | None,
    override_by: str,
    override_reason: str,
) -> Decision:
    """The decision on a model.

    gate: XCom of GateOperator. mode: auto | manual. answer: XCom of AskForApprovalOperator, None if nobody
    was asked.
    """
    if override_by and not override_reason:
        raise OverrideError("override_by is given without override_reason: an override is recorded with its reason.")
    if not gate["passed"]:
        if override_by:
            return Decision("Approved", override_by, f"Override: {override_reason}", override=True)
        return Decision("Rejected", "gate", gate["reasons"])
    if mode == "auto":
        return Decision("Approved", "gate - auto", "The gate passed and approval_mode is auto.")
    if answer is None:
        raise ValueError("approval_mode is manual, the gate passed, and there is no answer of an approver")
    comment = answer["comment"] or "no comment given"
    status = "Approved" if answer["option"] == APPROVE else "Rejected"
    return Decision(status, answer["by"], f"{status} by {answer['by']}: {comment}")


def metadata_update(decision: Decision, *, now: str, effective_from: str) -> dict[str, str]:
    """What the decision adds to the package's metadata."""
    if not decision.approved:
        return {"rejected_by": decision.by, "rejected_at": now, "rejected_reason": decision.reason}
    update = {"approved_by": decision.by, "approved_at": now, "effective_from": effective_from}
    if decision.override:
        update |= {"override_by": decision.by, "override_reason": decision.reason.removeprefix("Override: ")}
    return update


def approval_text(
    *,
    source: str,
    as_of_date: str,
    package: Mapping[str, Any],
    verdict: str,
    checks: list[Mapping[str, Any]],
    report_url: str,
    champion: ApprovedModel | None,
) -> str:
    """Markdown for the approver: what is to be decided, the headline figures, where to read on.

    The headline figures are those that the gate holds a metric of the evaluation against; what else the validator
    looked into is in the verdict's warnings and in the report.
    """
    figures = "\n".join(
        f"| {check['question']} ({check['sample']}) | {_figure(check['value'])} | {_in_force(check, champion)} "
        f"| {_bounds(check['bounds'])} | {check['verdict']} |"
        for check in checks
        if check.get("metric")
    )
    return (
        f"Probability-of-default model for **{source}** loans, trained as of **{as_of_date}**: version "
        f"{package['version']} of its model package group.\n\n"
        f"{_listed(verdict)}\n\n"
        f"{_champion(champion, package)}\n\n"
        f"| Question (sample) | This model | In force | Threshold | Verdict |\n|---|---|---|---|---|\n{figures}\n\n"
        f"[Validation report, with its charts]({report_url})\n\n"
        "Approve: nightly scoring uses this model from its effective date on. "
        "Reject: the model in force stays.\n\n"
        f"`{package['model_package_arn']}`"
    )


def _listed(verdict: str) -> str:
    """A log's lines as Markdown: those set in are a list."""
    return "\n".join(f"* {line.strip()}" if line.startswith(" ") else f"\n{line}\n" for line in verdict.splitlines())


def _champion(champion: ApprovedModel | None, package: Mapping[str, Any]) -> str:
    """What the column of the model in force shows: its figures on its own out-of-time sample."""
    if champion is None:
        return "No model is in force: nothing to compare with."
    if champion.version == package["version"]:
        return "This very version is in force already."
    as_of = champion.metadata.get("as_of_date", "an unknown date")
    return (
        f"**In force** since {champion.effective_from}: version {champion.version}, trained as of {as_of}. Its figures "
        "are of its own out-of-time sample; how the two do on the same loans is in the report."
    )


def _in_force(check: Mapping[str, Any], champion: ApprovedModel | None) -> str:
    text = champion.metadata.get(f"{check['sample']}_{check['metric']}", "-") if champion else "-"
    try:
        return _figure(float(text))
    except ValueError:  # a version registered by someone else
        return text


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else "not computable"


def _bounds(bounds: Mapping[str, float]) -> str:
    words = {"min": "at least", "above": "more than", "max": "at most"}
    return " and ".join(f"{words[name]} {value:g}" for name, value in bounds.items())
