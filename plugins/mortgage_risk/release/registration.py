"""Registers the trained model with its evidence; selects the model that scores a given night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from mortgage_risk import aws
from mortgage_risk.jobs import links
from mortgage_risk.jobs.operator import MortgageRiskOperator
from mortgage_risk.release import model_requests, registry
from mortgage_risk.release import verdict as gate
from mortgage_risk.release.decisions import WITHDRAWAL_DAG, approver

if TYPE_CHECKING:
    from airflow.sdk import Context


class NoApprovedModel(AirflowFailException):
    """No model may score this date."""


class EvidenceMismatch(AirflowFailException):
    """The evidence pack is incomplete, or not the one that the verdict was given on."""


class RegisterModelOperator(MortgageRiskOperator):
    """Registers the model of a training job once, waiting for approval, with its evidence as metadata.

    training, validation, panel, code, gate: XComs of the tasks before. XCom: {"model_package_arn",
    "version"}.
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
        training: Any,
        validation: Any,
        panel: Any,
        code: Any,
        gate: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.horizon_months = horizon_months
        self.training = training
        self.validation = validation
        self.panel = panel
        self.code = code
        self.gate = gate

    def execute(self, context: Context) -> dict[str, Any]:
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
                metadata=self._metadata(verdict, card),
                client_token=registry.client_token(job),
            )
            return client.create_model_package(**request)["ModelPackageArn"], True

        arn, new = aws.patiently(register, self.settings.outage_minutes * 60)
        version = int(arn.rpartition("/")[2])
        self.log.info("%s %s (version %d)", "Registered" if new else "Registered before:", arn, version)
        links.store(self, context, {links.ReportLink: self.object_url(self.validation["report_uri"])})
        return {"model_package_arn": arn, "version": version}

    def _checked_pack(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """gate.json and card.json, once the evidence pack has been found complete and unchanged."""
        s3 = self.client("s3")
        verdict = aws.read_json(s3, self.gate["gate_uri"])

        def read(name: str) -> bytes | None:
            uri = self._pack_uri(name)
            return aws.read_bytes(s3, uri) if aws.exists(s3, uri) else None

        card: dict[str, Any] = {}
        problem = gate.evidence_problem(verdict, read)
        if problem is None:
            card = aws.read_json(s3, self._pack_uri("card.json"))
            problem = gate.card_problem(card)
        if problem:
            raise EvidenceMismatch(
                f"The model is not registered: {problem} ({self.gate['gate_uri']}). Run the validation again."
            )
        return verdict, card

    def _pack_uri(self, name: str) -> str:
        return f"{self.gate['gate_uri'].rpartition('/')[0]}/{name}"

    def _metadata(self, verdict: dict[str, Any], card: dict[str, Any]) -> dict[str, Any]:
        hashes = verdict["evidence"]
        metrics = {f"{c['sample']}_{c['metric']}": c["value"] for c in verdict.get("checks", []) if c["metric"]}
        return {
            "training_job": self.training["job"],
            "as_of_date": self.business_date,
            "source": self.source,
            "horizon_months": self.horizon_months,
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
            **{name: f"{value:.6g}" for name, value in metrics.items() if isinstance(value, (int, float))},
        }


class SelectModelOperator(MortgageRiskOperator):
    """The model approved as of the business date. XCom: {"model_package_arn", "version", "effective_from",
    …}.
    """

    operator_extra_links = (links.ReportLink(),)

    def execute(self, context: Context) -> dict[str, Any]:
        client, group = self.client("sagemaker"), self.layout.model_package_group(self.source)
        candidates = aws.patiently(
            lambda: registry.approved_models(client, group, self.settings.timezone), self.settings.outage_minutes * 60
        )
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
