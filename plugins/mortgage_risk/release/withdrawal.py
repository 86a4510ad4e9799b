"""Takes a model out of force, by a person, from a date on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk.exceptions import AirflowFailException

from mortgage_risk import assets, aws, messages
from mortgage_risk.jobs.base import MortgageRiskOperator, skip
from mortgage_risk.release import decisions, model_requests, registry
from mortgage_risk.xcoms import Withdrawal

if TYPE_CHECKING:
    from airflow.sdk import Context


class WithdrawalRefused(AirflowFailException):
    """The form does not say enough, or what it asks for is not to be done. Nothing was changed."""


class WithdrawModelOperator(MortgageRiskOperator):
    """Withdraws `version` from `withdrawn_from` on ('': today), by the user who started the run.

    With an empty form it says what is in force, and is skipped. XCom: xcoms.Withdrawal.
    """

    template_fields: Sequence[str] = (*MortgageRiskOperator.template_fields, "version", "reason", "withdrawn_from")

    def __init__(self, *, version: str, reason: str, withdrawn_from: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.version = version
        self.reason = reason
        self.withdrawn_from = withdrawn_from

    def execute(self, context: Context) -> Withdrawal:
        models = self.retry_through_outage(self._models)
        version, reason, start = self.version.strip(), self.reason.strip(), self.withdrawn_from or self.business_date
        if not (version or reason or self.withdrawn_from):
            skip(self, f"Nothing is withdrawn: the form is empty.\n{self._in_words(models)}")
        by = context["dag_run"].triggering_user_name or ""
        if problem := form_problem(version, reason, by, self.source, [model.version for model in models]):
            raise WithdrawalRefused(f"Nothing is withdrawn: {problem}\n{self._in_words(models)}")
        try:
            changed = self.retry_through_outage(lambda: self._withdraw(int(version), by, reason, start))
        except decisions.DecisionStands as error:
            raise WithdrawalRefused(f"Nothing is withdrawn: {error}") from error
        text = f"Version {version} of {self.source} loans is withdrawn from {start} by {by}: {reason}"
        in_force = self._tell(context, text, changed)
        self._warn_of_scores(int(version), start)
        assets.announce(self, context, withdrawn_version=int(version), withdrawn_from=start)
        return {"version": int(version), "by": by, "withdrawn_from": start, "in_force": in_force}

    def _tell(self, context: Context, text: str, changed: bool) -> int | None:
        """The log, and people where something `changed`, of what is withdrawn; the version that is in force now."""
        models = self.retry_through_outage(self._models)
        now = registry.effective_model(models, self.business_date)
        self.log.warning("%s%s\n%s", text, "" if changed else " (it was before)", self._in_words(models))
        if changed:
            messages.send(self.settings, withdrawal_message(context, text, now))
        return now.version if now else None

    def _warn_of_scores(self, version: int, start: str) -> None:
        if scored := self._nights_scored(version, start):
            self.log.warning(
                "%d nights since %s carry its scores (%s to %s); they stay. Run them again to score them with the "
                "model that is in force on them now.",
                *(len(scored), start, scored[0], scored[-1]),
            )

    @property
    def _group(self) -> str:
        return self.layout.model_package_group(self.source)

    def _models(self) -> list[registry.ApprovedModel]:
        return registry.approved_models(self.client("sagemaker"), self._group, self.settings.timezone)

    def _withdraw(self, version: int, by: str, reason: str, start: str) -> bool:
        """False where it was withdrawn so already."""
        model = next(model for model in self._models() if model.version == version)
        now = datetime.now(ZoneInfo(self.settings.timezone))
        change = decisions.withdraw(model, by=by, reason=reason, withdrawn_from=start, now=now)
        if change:
            client = self.client("sagemaker")
            package = client.describe_model_package(ModelPackageName=model.arn)
            client.update_model_package(**model_requests.package_update(package, change))
        return change is not None

    def _nights_scored(self, version: int, start: str) -> list[str]:
        """Score dates from `start` on whose published scores are this version's."""
        s3 = self.client("s3")
        dated = aws.manifests(s3, self.layout.scores_root(self.source), "score_date")
        nights = [(day, uri) for day, uri in dated if day >= start]
        return [day for day, uri in nights if int(aws.read_json(s3, uri)["model_package_version"]) == version]

    def _in_words(self, models: Sequence[registry.ApprovedModel]) -> str:
        return in_words(models, self.source, self.business_date)


def form_problem(version: str, reason: str, by: str, source: str, approved: Collection[int]) -> str | None:
    """Why nothing can be withdrawn by what the form says; None if it can. `by`: who started the run, '' for nobody."""
    if not (version and reason):
        return f"the form lacks {'the version' if reason else 'the reason'}."
    if not by:
        return "Airflow does not know who started this run."
    if int(version) not in approved:
        return f"version {version} of {source} loans was never approved."
    return None


def in_words(models: Sequence[registry.ApprovedModel], source: str, day: str) -> str:
    """Every version that was approved, when it scores, and which one scores on `day`."""

    def periods(model: registry.ApprovedModel) -> str:
        return " and ".join(period.words for period in model.periods)

    lines = [
        f"  version {model.version}: in force {periods(model)}, approved by {decisions.approver(model)}"
        for model in sorted(models, key=lambda model: model.version)
    ]
    today = registry.effective_model(models, day)
    tonight = f"Version {today.version} scores {day}." if today else "No model is in force today."
    return "\n".join([f"Approved versions of {source} loans:", *(lines or ["  none"]), tonight])


def withdrawal_message(
    context: Mapping[str, Any], happened: str, in_force: registry.ApprovedModel | None
) -> messages.Message:
    tonight = f"Version {in_force.version} is in force." if in_force else "No model is in force now."
    return messages.Message(
        subject=f"Model withdrawn: {happened.partition(' is withdrawn')[0]}",
        happened=f"{happened}. {tonight}",
        todo="Nothing, where a model is in force. Else train and approve one in mortgage_training: until then the "
        "nightly scoring fails, and an endpoint goes on serving the model that was withdrawn.",
        link=context["ti"].log_url,
    )
