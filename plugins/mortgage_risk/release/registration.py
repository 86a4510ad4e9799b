"""Registers the trained model with its evidence; selects the model that scores a given night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

from airflow.sdk.exceptions import AirflowFailException

from mortgage_risk import aws
from mortgage_risk.documents import GateDocument, ModelCard
from mortgage_risk.jobs import links
from mortgage_risk.jobs.base import MortgageRiskOperator
from mortgage_risk.release import model_requests, registry
from mortgage_risk.release.decisions import WITHDRAWAL_DAG, approver
from mortgage_risk.release.verdict import card_problem, evidence_problem
from mortgage_risk.xcoms import (
    Dataset,
    PackagedCode,
    RegisteredModel,
    SelectedModel,
    TrainedModel,
    ValidatedModel,
    Verdict,
    rendered,
)

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg


class NoApprovedModel(AirflowFailException):
    """No model may score this date."""


class EvidenceMismatch(AirflowFailException):
    """The evidence pack is incomplete, or not the one that the verdict was given on."""


class Evidence(TypedDict):
    """What stands in a version's metadata beside its figures: from what it was made, what judged it, who owns it."""

    training_job: str
    as_of_date: str
    source: str
    horizon_months: int
    panel_manifest_uri: str
    panel_fingerprint: str
    panel_rows: int
    code_sha256: str
    git_commit: str
    evaluation_uri: str
    evaluation_sha256: str
    report_uri: str
    report_sha256: str
    card_uri: str
    card_sha256: str
    model_owner: str
    model_tier: str
    next_review_date: str
    gate: Literal["pass", "fail"]
    gate_reasons: str
    thresholds_sha256: str


class RegisterModelOperator(MortgageRiskOperator):
    """Registers the model of a training job once, waiting for approval, with its evidence as metadata.

    XCom: xcoms.RegisteredModel.
    """

    template_fields = (
        *MortgageRiskOperator.template_fields,
        "horizon_months",
        "training",
        "validation",
        "panel",
        "code",
        "gate",
    )
    operator_extra_links = (links.ReportLink(),)

    def __init__(
        self,
        *,
        horizon_months: str | int,
        training: XComArg | TrainedModel,
        validation: XComArg | ValidatedModel,
        panel: XComArg | Dataset,
        code: XComArg | PackagedCode,
        gate: XComArg | Verdict,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.horizon_months = horizon_months
        self.training = rendered(training)
        self.validation = rendered(validation)
        self.panel = rendered(panel)
        self.code = rendered(code)
        self.gate = rendered(gate)

    def execute(self, context: Context) -> RegisteredModel:
        client, job = self.client("sagemaker"), self.training["job"]
        verdict, card = self._checked_pack()

        def register() -> tuple[str, bool]:
            group = self.layout.model_package_group(self.source)
            registry.ensure_group(client, model_requests.model_package_group(name=group, source=self.source))
            created = client.describe_training_job(TrainingJobName=job)["CreationTime"]
            if found := registry.find_by_training_job(client, group, job, created):
                return found["ModelPackageArn"], False
            request = model_requests.model_package(
                self.settings,
                group=group,
                model_uri=self.training["model_uri"],
                evidence_uris={name: self._pack_uri(name) for name in verdict["evidence"]},
                card=card,
                description=f"{self.horizon_months}-month PD, {self.source}, as of {self.business_date}.",
                metadata={**self._evidence(verdict, card), **headline_figures(verdict)},
                client_token=registry.client_token(job),
            )
            return client.create_model_package(**request)["ModelPackageArn"], True

        arn, new = self.retry_through_outage(register)
        version = int(arn.rpartition("/")[2])
        self.log.info("%s %s (version %d)", "Registered" if new else "Registered before:", arn, version)
        links.store(self, context, {links.ReportLink: self.object_url(self.validation["report_uri"])})
        return {"model_package_arn": arn, "version": version}

    def _checked_pack(self) -> tuple[GateDocument, ModelCard]:
        """gate.json and card.json, once the evidence pack has been found complete and unchanged."""
        s3 = self.client("s3")
        verdict: GateDocument = aws.read_json(s3, self.gate["gate_uri"])

        def read(name: str) -> bytes | None:
            uri = self._pack_uri(name)
            return aws.read_bytes(s3, uri) if aws.exists(s3, uri) else None

        self._refuse_for(evidence_problem(verdict, read))
        card: ModelCard = aws.read_json(s3, self._pack_uri("card.json"))
        self._refuse_for(card_problem(card))
        return verdict, card

    def _refuse_for(self, problem: str | None) -> None:
        if problem:
            raise EvidenceMismatch(
                f"The model is not registered: {problem} ({self.gate['gate_uri']}). Run the validation again."
            )

    def _pack_uri(self, name: str) -> str:
        return f"{self.gate['gate_uri'].rpartition('/')[0]}/{name}"

    def _evidence(self, verdict: GateDocument, card: ModelCard) -> Evidence:
        hashes = verdict["evidence"]
        return {
            "training_job": self.training["job"],
            "as_of_date": self.business_date,
            "source": self.source,
            "horizon_months": int(self.horizon_months),
            "panel_manifest_uri": self.panel["manifest_uri"],
            "panel_fingerprint": self.panel["fingerprint"],
            "panel_rows": self.panel["rows"],
            "code_sha256": self.code["sha256"],
            "git_commit": self.code["git_commit"],
            "evaluation_uri": self.validation["evaluation_uri"],
            "evaluation_sha256": hashes["evaluation.json"],
            "report_uri": self.validation["report_uri"],
            "report_sha256": hashes["report.html"],
            "card_uri": self._pack_uri("card.json"),
            "card_sha256": hashes["card.json"],
            "model_owner": card["owner"],
            "model_tier": card["tier"],
            "next_review_date": card["next_review_date"],
            "gate": "pass" if self.gate["passed"] else "fail",
            "gate_reasons": self.gate["reasons"],
            "thresholds_sha256": self.gate["thresholds_sha256"],
        }


def headline_figures(verdict: GateDocument) -> dict[str, str]:
    """`<sample>_<metric>` → value, of every metric that the gate has judged; those without a value are left out.

    A file that is not whole may hold no check: its model is registered with what there is.
    """
    metrics = {f"{c['sample']}_{c['metric']}": c["value"] for c in verdict.get("checks", []) if c["metric"]}
    return {name: f"{value:.6g}" for name, value in metrics.items() if isinstance(value, (int, float))}


class SelectModelOperator(MortgageRiskOperator):
    """The model approved as of the business date. XCom: xcoms.SelectedModel."""

    operator_extra_links = (links.ReportLink(),)

    def execute(self, context: Context) -> SelectedModel:
        client, group = self.client("sagemaker"), self.layout.model_package_group(self.source)
        candidates = self.retry_through_outage(lambda: registry.approved_models(client, group, self.settings.timezone))
        model = registry.effective_model(candidates, self.business_date)
        if model is None:
            raise NoApprovedModel(self._nothing_in_force(group, candidates))
        self._say_what_changed_outside(candidates)
        if model.status != "Approved":
            raise NoApprovedModel(
                f"{model.arn} was in force on {self.business_date}, but is {model.status} in the registry since "
                f"{model.withdrawn_from}, not by this pipeline: SageMaker does not deploy it, and another model must "
                "not score its nights unsaid. Set it to Approved again (update-model-package), then take it out of "
                f"force by the DAG {WITHDRAWAL_DAG} from {model.withdrawn_from} on: the nights before keep it."
            )
        since = model.in_force_since(self.business_date)
        self.log.info("%s is in force since %s, approved by %s", model.arn, since, approver(model))
        if report := model.metadata.get("report_uri"):
            links.store(self, context, {links.ReportLink: self.object_url(report)})
        return {
            "model_package_arn": model.arn,
            "version": model.version,
            "effective_from": since,
            "model_uri": model.model_uri,
            "training_job": model.metadata.get("training_job", ""),
            "horizon_months": int(model.metadata.get("horizon_months", 12)),
        }

    def _nothing_in_force(self, group: str, candidates: list[registry.ApprovedModel]) -> str:
        starts = [period.start for model in candidates for period in model.periods]
        later = min((start for start in starts if start > self.business_date), default="")
        gone = [model for model in candidates if model.withdrawn_from and model.withdrawn_from <= self.business_date]
        history = "None was approved yet. " if not candidates else ""
        if later:
            history = f"The earliest approved one is effective from {later}. "
        for model in sorted(gone, key=lambda gone: gone.withdrawn_from)[-1:]:
            by = model.metadata.get("withdrawn_by", registry.OUTSIDE)
            history += f"Version {model.version} was withdrawn from {model.withdrawn_from} by {by}. "
        return (
            f"No approved model for {self.source} loans on {self.business_date} in group {group}. {history}"
            "Run the DAG mortgage_training for this source and approve its model; to score past dates, "
            "start it with effective_from on or before the first of them."
        )

    def _say_what_changed_outside(self, candidates: list[registry.ApprovedModel]) -> None:
        for model in candidates:
            if model.status != "Approved":
                self.log.warning(
                    "Version %d was approved here and is %s in the registry since %s, not by this pipeline: it scores "
                    "no night from then on, and its nights before cannot be scored again.",
                    *(model.version, model.status, model.withdrawn_from),
                )
