"""Who decides on a model, and what that changes in the registry. Pure rules; the operators carry them out.

Answers may come twice, late or not at all, so a decision changes only what it is about:

* a version in force is withdrawn by `withdraw` alone: no rejection, verdict or silence does that;
* its date stays, save that it may be moved back over nights that no other model scores;
* what a person refused or withdrew, no machine brings back.

A withdrawn version keeps SageMaker's status Approved: SageMaker deploys no other, and the nights before
`withdrawn_from` still are its own. Whoever selects models by that status alone must look at `withdrawn_from` too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mortgage_risk.release.registry import APPROVAL, EARLIER, OUTSIDE, REJECTION, WITHDRAWAL, ApprovedModel

APPROVE, REJECT = "Approve", "Reject"
GATE, AUTO = "gate", "gate - auto"
NOBODY = "nobody - the time was up"  # who rejected a model that nobody answered about
LONGEST_VALUE = 256  # of a package's metadata, to SageMaker
WITHDRAWAL_DAG = "mortgage_model_withdrawal"


class OverrideError(ValueError):
    """An override without a name or without a reason."""


class DecisionStands(ValueError):
    """What was decided before is not for this decision to change; the message says what stands, and what to do."""


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

    @property
    def by_a_person(self) -> bool:
        return is_a_person(self.by)


@dataclass(frozen=True)
class Change:
    """What becomes of a package: metadata to add, fields of former decisions to take away. status None: as it is."""

    metadata: Mapping[str, str]
    description: str
    replaces: tuple[str, ...] = ()
    status: str | None = None


def is_a_person(by: str) -> bool:
    return by not in ("", GATE, AUTO, NOBODY)


def needs_a_human(gate: Mapping[str, Any], mode: str) -> bool:
    """Nobody is asked about a model that did not pass the gate: only a named override releases that."""
    return gate["passed"] and mode == "manual"


def override_problem(by: str, reason: str) -> str | None:
    """What an override lacks."""
    if bool(by.strip()) == bool(reason.strip()):
        return None
    given, missing = ("override_by", "override_reason") if by.strip() else ("override_reason", "override_by")
    return f"{given} is given without {missing}: an override is recorded with the name of who decides it and the reason"


def decide(
    gate: Mapping[str, Any],
    *,
    mode: str,
    answer: Mapping[str, Any] | None,
    override_by: str,
    override_reason: str,
    approved_by: str | None = None,
) -> Decision:
    """The decision on a model.

    gate: XCom of GateOperator. mode: auto | manual. answer: XCom of AskForApprovalOperator, None if nobody was asked.
    approved_by: of a version in force, about which nobody is asked again.
    """
    if problem := override_problem(override_by, override_reason):
        raise OverrideError(f"{problem}.")
    if not gate["passed"]:
        if override_by:
            return Decision("Approved", override_by, f"Override: {override_reason}", override=True)
        return Decision("Rejected", GATE, gate["reasons"])
    if mode == "auto":
        return Decision("Approved", AUTO, "The gate passed and approval_mode is auto.")
    if answer is None:
        if approved_by:
            return Decision("Approved", approved_by, f"Approved before, by {approved_by}.")
        raise ValueError("approval_mode is manual, the gate passed, and there is no answer of an approver")
    comment = answer["comment"] or "no comment given"
    status = "Approved" if answer["option"] == APPROVE else "Rejected"
    return Decision(status, answer["by"], f"{status} by {answer['by']}: {comment}")


def settle(
    decision: Decision,
    package: Mapping[str, Any],
    model: ApprovedModel | None,
    others: Iterable[ApprovedModel],
    *,
    effective_from: str,
    started_by: str,
    now: datetime,
) -> Change | None:
    """What the decision changes in the registry; None where that is nothing.

    package: DescribeModelPackage. model: its facts, None if it was never approved; others: the group's other approved
    models. effective_from: YYYY-MM-DD, or '' for the day of `now`, which is in the lender's time zone. started_by: who
    started the run that asks for that date.
    """
    if model and model.in_force:
        if not decision.approved:
            raise DecisionStands(
                f"Version {model.version} is approved by {approver(model)}, in force from {model.effective_from}, and "
                f"stays so: a rejection in a run of the training withdraws nothing. ({decision.reason}) If it must "
                f"not score, start the DAG {WITHDRAWAL_DAG}."
            )
        return _dated(decision, model, others, effective_from, started_by, now)
    refused_by = _refused_by(package, model)
    if not decision.approved:
        if model or (refused_by and not decision.by_a_person):
            return None  # it is out of force already, by a decision that says more
        fields = {"rejected_by": decision.by, "rejected_at": _second(now), "rejected_reason": decision.reason}
        return Change(fields, decision.reason, (*APPROVAL, *WITHDRAWAL), decision.status)
    if is_a_person(refused_by) and not decision.by_a_person:
        raise DecisionStands(
            f"Version {package['ModelPackageVersion']} was refused or withdrawn by {refused_by}: "
            f"{package.get('ApprovalDescription', 'no reason is recorded')} Only a person brings it back: start the "
            "DAG again with approval_mode manual."
        )
    fields = _approval(decision, effective_from or now.date().isoformat(), now)
    if model:  # it comes back: the nights that it scored stay its own
        fields[EARLIER] = _as_one_value(model)
    return Change(fields, decision.reason, (*REJECTION, *WITHDRAWAL, *APPROVAL), decision.status)


def withdraw(model: ApprovedModel, *, by: str, reason: str, withdrawn_from: str, now: datetime) -> Change | None:
    """What a withdrawal changes in the registry; None if the version is withdrawn from that very day already."""
    if model.status != "Approved":
        raise DecisionStands(
            f"Version {model.version} was set to {model.status} outside this pipeline and counts as withdrawn from "
            f"{model.withdrawn_from}. Set it to Approved again in the registry first, then withdraw it here."
        )
    if model.withdrawn_from == withdrawn_from:
        return None
    if model.withdrawn_from and model.withdrawn_from < withdrawn_from:
        raise DecisionStands(
            f"Version {model.version} is withdrawn from {model.withdrawn_from} already, by "
            f"{model.metadata.get('withdrawn_by')}: a later day would give it nights back. Only an approval does that: "
            "start mortgage_training for its as-of date with approval_mode manual."
        )
    fields = {
        # One approved outside the pipeline is dated by its last change, which this is: say it before it is lost.
        "effective_from": model.effective_from,
        "approved_at": model.approved_at,
        "withdrawn_by": by,
        "withdrawn_at": _second(now),
        "withdrawn_from": withdrawn_from,
        "withdrawn_reason": reason,
    }
    return Change(fields, f"Withdrawn from {withdrawn_from} by {by}: {reason}", REJECTION)


def _refused_by(package: Mapping[str, Any], model: ApprovedModel | None) -> str:
    """Who rejected or withdrew a version that is not in force; '' where nobody decided yet."""
    fields = package.get("CustomerMetadataProperties", {})
    if model and model.status == "Approved":
        return fields.get("withdrawn_by", OUTSIDE)
    if model or package["ModelApprovalStatus"] == "Rejected":
        return fields.get("rejected_by", OUTSIDE)
    return ""


def _dated(
    decision: Decision,
    model: ApprovedModel,
    others: Iterable[ApprovedModel],
    asked: str,
    started_by: str,
    now: datetime,
) -> Change | None:
    """Of a version in force: its date, moved back where that takes no night from another model."""
    start = model.effective_from
    if asked > start:
        raise DecisionStands(
            f"Version {model.version} is in force from {start}, approved by {approver(model)}; its nights from then "
            f"on keep it, so it cannot begin on {asked} instead. To take it out of force start the DAG "
            f"{WITHDRAWAL_DAG}."
        )
    if asked and asked < start:
        for other in others:
            if any(period.start < start and asked < period.end for period in other.periods):
                raise DecisionStands(
                    f"Version {model.version} is in force from {start}. Between {asked} and then version "
                    f"{other.version} is in force, and nights keep their model: give an effective_from after that, "
                    f"or withdraw version {other.version} from {asked} on by the DAG {WITHDRAWAL_DAG} first."
                )
        start = asked
    if "effective_from" not in model.metadata:  # approved outside: now there is an approval on record
        return Change(_approval(decision, start, now), decision.reason)
    if start == model.effective_from:
        return None
    return Change(
        {"effective_from": start},
        f"In force from {start} instead of {model.effective_from}, for nights that no model was in force on, by "
        f"{started_by}. Approved by {approver(model)} at {model.approved_at}.",
    )


def _as_one_value(model: ApprovedModel) -> str:
    text = " ".join(str(period) for period in model.periods if period.start < period.end)
    if len(text) > LONGEST_VALUE:
        raise DecisionStands(
            f"Version {model.version} was withdrawn {len(model.periods)} times: the registry has no room for more "
            "periods. Train a new version."
        )
    return text


def _approval(decision: Decision, start: str, now: datetime) -> dict[str, str]:
    fields = {"approved_by": decision.by, "approved_at": _second(now), "effective_from": start}
    if decision.override:
        fields |= {"override_by": decision.by, "override_reason": decision.reason.removeprefix("Override: ")}
    return fields


def approver(model: ApprovedModel) -> str:
    """Who approved it."""
    return model.metadata.get("approved_by", OUTSIDE)


def _second(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
