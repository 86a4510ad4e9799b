"""From the verdict to a decision in the registry: ask a human where one is wanted, record who decided what
and why.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk import BaseBranchOperator, BaseNotifier, Param
from airflow.sdk.exceptions import AirflowFailException

from mortgage_risk import assets, aws, messages
from mortgage_risk.jobs import links
from mortgage_risk.jobs.base import MortgageRiskOperator, skip
from mortgage_risk.layout import Layout
from mortgage_risk.release import decisions, model_requests, question, registry
from mortgage_risk.release.verdict import read_verdict
from mortgage_risk.settings import Settings
from mortgage_risk.xcoms import Answer, RecordedDecision, RegisteredModel, ValidatedModel, Verdict, rendered

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg

log = logging.getLogger(__name__)

# May be left empty: Airflow's form would not let anybody answer without a string that it takes for required.
COMMENT = "Recorded in the model registry with your name."


class ApprovalNeeded(BaseNotifier):
    """A model waits for a person; it waits, told or not."""

    def notify(self, context: Any) -> None:
        try:
            messages.send(context["task"].settings, approval_message(context))
        except Exception:
            log.exception("Nobody was told that a model waits for approval")


def approval_message(context: Mapping[str, Any]) -> messages.Message:
    task = context["task"]
    return messages.Message(
        subject=f"Approval needed: {task.subject}",
        happened=f"A model passed the gate. {task.subject}",
        todo=f"Read the report and answer within {task.settings.approval_hours} hours; without an answer the model is "
        "rejected and the one in force stays.",
        link=task.generate_link_to_ui_from_context(context=context),
    )


class ModelRejected(AirflowFailException):
    """The model was not approved; scoring goes on with the model in force."""


class DecisionRefused(AirflowFailException):
    """The decision is not one that may change what was decided before: nothing is changed."""


class ChooseApprovalOperator(MortgageRiskOperator, BaseBranchOperator):
    """Goes to `ask_task_id` if a human must be asked, else straight to `record_task_id`."""

    template_fields = (*MortgageRiskOperator.template_fields, "gate", "approval_mode")

    def __init__(
        self, *, gate: XComArg | Verdict, approval_mode: str, ask_task_id: str, record_task_id: str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.gate = rendered(gate)
        self.approval_mode = approval_mode
        self.ask_task_id = ask_task_id
        self.record_task_id = record_task_id

    def choose_branch(self, context: Context) -> str:
        return self.ask_task_id if decisions.needs_a_human(self.gate, self.approval_mode) else self.record_task_id


class AskForApprovalOperator(ApprovalOperator):
    """Asks in the Airflow UI, with the verdict, the report and how the model compares with the one in force.

    Skipped where the version is in force already. No answer in time is a rejection, by nobody.
    XCom: xcoms.Answer.
    """

    template_fields = (
        "subject", "body", "source", "business_date", "gate", "package", "validation", "effective_from"
    )  # fmt: skip
    operator_extra_links = (links.ReportLink(),)

    def __init__(
        self,
        *,
        settings: Settings,
        source: str,
        business_date: str,
        gate: XComArg | Verdict,
        package: XComArg | RegisteredModel,
        validation: XComArg | ValidatedModel,
        effective_from: str,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("params", None)  # the DAG's; this form has its own
        super().__init__(
            subject=f"Approve the {source} model trained as of {business_date}?",
            body="",
            # Airflow 3.3.1's form asks for a plain string, and answers a null default with the parameter's definition.
            params={"comment": Param("", type=["null", "string"], description=COMMENT)},
            defaults=decisions.REJECT,
            response_timeout=timedelta(hours=settings.approval_hours),
            notifiers=[ApprovalNeeded()],
            assigned_users=[{"id": name, "name": name} for name in settings.approvers] or None,
            **kwargs,
        )
        self.settings = settings
        self.source = source
        self.business_date = business_date
        self.gate = rendered(gate)
        self.package = rendered(package)
        self.validation = rendered(validation)
        self.effective_from = effective_from

    def execute(self, context: Context) -> Any:
        versions = aws.retry_through_outage(self._versions, self.settings.outage_s)
        this = next((model for model in versions if model.version == self.package["version"]), None)
        if this and this.in_force:
            skip(self, f"Version {this.version} is approved, in force from {this.effective_from}: nobody is asked.")
        s3 = aws.client("s3", self.settings.aws_conn_id)
        content = aws.read_json(s3, self.gate["gate_uri"])
        verdict = read_verdict(content, self.gate["thresholds_sha256"])
        report = links.object_url(self.settings, self.validation["report_uri"], s3.meta.region_name)
        links.store(self, context, {links.ReportLink: report})
        self.body = question.approval_text(
            source=self.source,
            as_of_date=self.business_date,
            package=self.package,
            verdict=verdict.in_words(),
            checks=verdict.checks,
            report_url=report,
            effective_from=self.effective_from,
            champion=registry.effective_model(versions, self.settings.today()),
            before=this,
        )
        # Where the task was cleared, Airflow 3.3.1 shows the words of the first time: today's are in the log.
        self.log.info("%s", self.body)
        return super().execute(context)

    def _versions(self) -> list[registry.ApprovedModel]:
        group = Layout(self.settings.bucket, self.settings.model_name).model_package_group(self.source)
        client = aws.client("sagemaker", self.settings.aws_conn_id)
        return registry.approved_models(client, group, self.settings.timezone)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Answer:
        # Not ApprovalOperator's: it would skip the task that records a rejection.
        answer = HITLOperator.execute_complete(self, context, event)
        user = answer["responded_by_user"] or {}
        return {
            "option": answer["chosen_options"][0],
            "by": decisions.NOBODY if event.get("timedout") else user.get("name") or user.get("id") or "unknown",
            "at": answer["responded_at"].isoformat(),
            "comment": (answer["params_input"].get("comment") or "").strip(),
        }


class RecordDecisionOperator(MortgageRiskOperator):
    """Approves or rejects the package and records by whom, why and from which business date on.

    Fails, in words, for a rejected model. What was decided before stands, as `approval.settle` has it.
    XCom: xcoms.RecordedDecision.
    """

    template_fields: Sequence[str] = (
        *MortgageRiskOperator.template_fields,
        "gate",
        "package",
        "answer_task_id",
        "approval_mode",
        "effective_from",
        "override_by",
        "override_reason",
    )

    def __init__(
        self,
        *,
        gate: XComArg | Verdict,
        package: XComArg | RegisteredModel,
        answer_task_id: str,
        approval_mode: str,
        effective_from: str,
        override_by: str,
        override_reason: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.gate = rendered(gate)
        self.package = rendered(package)
        self.answer_task_id = answer_task_id
        self.approval_mode = approval_mode
        self.effective_from = effective_from
        self.override_by = override_by
        self.override_reason = override_reason

    def execute(self, context: Context) -> RecordedDecision:
        answer = context["ti"].xcom_pull(task_ids=self.answer_task_id)
        started_by = context["dag_run"].triggering_user_name or "a run by the clock"
        try:
            decision, in_force_from = self.retry_through_outage(lambda: self._record(answer, started_by))
        except decisions.OverrideError as error:
            raise AirflowFailException(str(error)) from error
        except decisions.DecisionStands as error:
            raise DecisionRefused(str(error)) from error
        arn = self.package["model_package_arn"]
        if not decision.approved:
            raise ModelRejected(
                f"Model package {arn} is rejected by {decision.by}: {decision.reason}\n"
                "Nightly scoring goes on with the model in force. To release this model all the same, start "
                "the DAG again for the same date with override_by and override_reason; finished jobs are "
                "used again."
            )
        self.log.info("%s is approved by %s, in force from %s. %s", arn, decision.by, in_force_from, decision.reason)
        assets.announce(self, context, model_package_arn=arn, effective_from=in_force_from)
        return {"status": decision.status, "by": decision.by, "effective_from": in_force_from}

    def _record(self, answer: Answer | None, started_by: str) -> tuple[decisions.Decision, str]:
        """The decision, written to the registry, and from which date on the version is in force."""
        client, zone = self.client("sagemaker"), self.settings.timezone
        versions = registry.approved_models(client, self.layout.model_package_group(self.source), zone)
        package = client.describe_model_package(ModelPackageName=self.package["model_package_arn"])
        this = registry.approved_model(package, zone) if registry.was_approved(package) else None
        decision = decisions.decide(
            self.gate,
            mode=self.approval_mode,
            answer=answer,
            override_by=self.override_by.strip(),
            override_reason=self.override_reason.strip(),
            approved_by=decisions.approver(this) if this and this.in_force else None,
        )
        change = decisions.settle(
            decision,
            package,
            this,
            [model for model in versions if model.version != package["ModelPackageVersion"]],
            effective_from=self.effective_from,
            started_by=started_by,
            now=datetime.now(ZoneInfo(zone)),
        )
        if change:
            client.update_model_package(**model_requests.package_update(package, change))
            return decision, change.metadata.get("effective_from", "")
        if this and decision.approved:
            self.log.info("Approved before, by %s at %s", decisions.approver(this), this.approved_at)
        return decision, this.effective_from if this else ""
