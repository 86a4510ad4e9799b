"""Puts the model in force behind the real-time endpoint, and asks the endpoint whether it scores as the batch did."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from mortgage_risk import aws
from mortgage_risk.jobs import links
from mortgage_risk.jobs.operator import AwsJobOperator, MortgageRiskOperator, skip
from mortgage_risk.jobs.requests import RunTags
from mortgage_risk.jobs.state import NAME, JobState
from mortgage_risk.release import model_requests

if TYPE_CHECKING:
    from airflow.sdk import Context

TOLERANCE = 1e-6  # between two PDs of the same model and loan


class EndpointDisagrees(AirflowFailException):
    """The endpoint does not give the PD that the batch gave: it must not be relied on."""


class FindEndpointOperator(MortgageRiskOperator):
    """The name of the source's endpoint (XCom); skipped, and all after it, where the platform is to have none."""

    def execute(self, context: Context) -> str:
        if not self.settings.endpoint_name:
            skip(self, "The setting endpoint_name is empty: there is no endpoint to deploy to.")
        return f"{self.settings.endpoint_name}-{self.source.replace('_', '-')}"


class DeployModelOperator(AwsJobOperator):
    """Makes `endpoint` serve a SageMaker model (XCom of CreateModelOperator); creates the endpoint if there is none.

    An update that fails leaves the old model serving; so does AWS's refusal. One that runs cannot be stopped: a task
    that is killed leaves it to its end. XCom: {"job", "seconds", "endpoint"}.
    """

    kind = "endpoint"
    template_fields = (*AwsJobOperator.template_fields, "endpoint", "model", "package")

    def __init__(self, *, endpoint: Any, model: Any, package: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.model = model
        self.package = package

    def build_request(self, tags: RunTags) -> dict[str, Any]:
        return model_requests.endpoint_update(
            self.settings, name=NAME, endpoint=self.endpoint, model=self.model, tags=tags
        )

    def reads(self) -> list[str]:
        return [self.package["model_package_arn"]]

    def result_is_there(self, state: JobState) -> bool:
        return True  # to have succeeded is to serve

    def result(self, state: JobState) -> dict[str, Any]:
        return {"endpoint": self.endpoint}


class CheckEndpointOperator(MortgageRiskOperator):
    """Asks the endpoint for one loan of the newest scored night; EndpointDisagrees where the same model's batch gave
    another PD.

    XCom: {"score_date", "loan_id", "pd", "batch_pd", "reason"}; what cannot be asked or compared is null, with the
    reason.
    """

    template_fields = (*MortgageRiskOperator.template_fields, "endpoint", "package")
    operator_extra_links = (links.JobLink(),)

    def __init__(self, *, endpoint: Any, package: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.package = package

    def execute(self, context: Context) -> dict[str, Any]:
        region = self.client("sagemaker").meta.region_name
        links.store(self, context, {links.JobLink: links.job_url(self.settings, "endpoint", self.endpoint, region)})
        answer = aws.patiently(self._ask, self.settings.outage_minutes * 60)
        self.log.info("Endpoint %s: %s", self.endpoint, answer)
        if answer["batch_pd"] is not None and abs(answer["pd"] - answer["batch_pd"]) > TOLERANCE:
            raise EndpointDisagrees(
                f"Endpoint {self.endpoint} gives loan {answer['loan_id']} a PD of {answer['pd']}; the batch of "
                f"{answer['score_date']} gave {answer['batch_pd']}, by the same model. The endpoint goes on serving: "
                "keep its callers away, then compare the logs of the endpoint and of batch_transform."
            )
        return answer

    def _ask(self) -> dict[str, Any]:
        s3 = self.client("s3")
        nights = aws.manifests(s3, self.layout.scores_root(self.source), "score_date")
        nothing = dict.fromkeys(("score_date", "loan_id", "pd", "batch_pd"))
        if not nights:
            return {**nothing, "reason": f"no {self.source} loan was scored yet"}
        score_date, uri = nights[-1]
        night = aws.read_json(s3, uri)
        loan_id, _, features = _first_line(s3, night["input_prefix"]).partition(",")
        batch = next(csv.reader([_first_line(s3, night["transform_uri"])]))
        given = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.endpoint, ContentType="text/csv", Accept="text/csv", Body=features.encode()
        )
        asked = {"score_date": score_date, "loan_id": loan_id, "pd": float(given["Body"].read().split(b",")[0])}
        if night["model_package_arn"] != self.package["model_package_arn"]:
            return {**asked, "batch_pd": None, "reason": f"{score_date} was scored by {night['model_package_arn']}"}
        if batch[0] != loan_id:
            return {**asked, "batch_pd": None, "reason": "the batch's output is in another order than its input"}
        return {**asked, "batch_pd": float(batch[1]), "reason": ""}


def _first_line(s3: Any, prefix: str) -> str:
    """The first line of the first object below `prefix`."""
    return aws.read_bytes(s3, aws.list_uris(s3, prefix)[0], first=2**16).split(b"\n")[0].decode().rstrip("\r")
