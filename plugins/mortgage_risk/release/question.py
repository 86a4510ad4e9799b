"""What the approver is shown. Pure text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mortgage_risk.documents import GateCheck
from mortgage_risk.release.registry import OUTSIDE, ApprovedModel
from mortgage_risk.xcoms import RegisteredModel


def approval_text(
    *,
    source: str,
    as_of_date: str,
    package: RegisteredModel,
    verdict: str,
    checks: Sequence[GateCheck],
    report_url: str,
    effective_from: str,
    champion: ApprovedModel | None,
    before: ApprovedModel | None,
) -> str:
    """Markdown for the approver: what is to be decided, the headline figures, where to read on.

    The headline figures are those that the gate holds a metric of the evaluation against; what else the validator
    looked into is in the verdict's warnings and in the report. `effective_from`: '' for the day of the approval.
    `before`: this version, where it was in force once.
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
        f"{_champion(champion)}{_before(before)}\n\n"
        f"| Question (sample) | This model | In force | Threshold | Verdict |\n|---|---|---|---|---|\n{figures}\n\n"
        f"[Validation report, with its charts]({report_url})\n\n"
        f"Approve: this model scores the nights from {effective_from or 'today'} on, also those that are run again. "
        "Reject: the model in force stays.\n\n"
        f"`{package['model_package_arn']}`"
    )


def _listed(verdict: str) -> str:
    """A log's lines as Markdown: those set in are a list."""
    return "\n".join(f"* {line.strip()}" if line.startswith(" ") else f"\n{line}\n" for line in verdict.splitlines())


def _champion(champion: ApprovedModel | None) -> str:
    """What the column of the model in force shows: its figures on its own out-of-time sample."""
    if champion is None:
        return "No model is in force: nothing to compare with."
    as_of = champion.metadata.get("as_of_date", "an unknown date")
    return (
        f"**In force** since {champion.effective_from}: version {champion.version}, trained as of {as_of}. Its figures "
        "are of its own out-of-time sample; how the two do on the same loans is in the report."
    )


def _before(model: ApprovedModel | None) -> str:
    """What became of a version that was approved once."""
    if model is None:
        return ""
    why = model.metadata.get("withdrawn_reason", "no reason is recorded")
    return (
        f"\n\n**This version was in force** from {model.effective_from} until before {model.withdrawn_from}. It was "
        f"withdrawn by {model.metadata.get('withdrawn_by', OUTSIDE)}: {why}. Approve brings it back."
    )


def _in_force(check: GateCheck, champion: ApprovedModel | None) -> str:
    text = champion.metadata.get(f"{check['sample']}_{check['metric']}", "-") if champion else "-"
    try:
        return _figure(float(text))
    except ValueError:  # a version registered by someone else
        return text


def _figure(value: float | None) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else "not computable"


def _bounds(bounds: Mapping[str, float]) -> str:
    words = {"min": "at least", "above": "more than", "max": "at most"}
    return " and ".join(f"{words[name]} {value:g}" for name, value in bounds.items())
