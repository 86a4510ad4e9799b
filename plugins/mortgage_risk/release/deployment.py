"""Makes a SageMaker model of the model in force, puts it behind the real-time endpoint, and asks the endpoint whether
it scores as the batch did.
"""

from __future__ import annotations

import csv
import hashlib
import json
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from mortgage_risk import aws
from mortgage_risk.documents import ScoresManifest
from mortgage_risk.jobs import links
from mortgage_risk.jobs.base import MortgageRiskOperator, skip
from mortgage_risk.jobs.kinds.endpoint import EndpointUpdate
from mortgage_risk.jobs.operator import AwsJobOperator
from mortgage_risk.jobs.requests import Request, RunTags
from mortgage_risk.jobs.state import NAME, JobState
from mortgage_risk.release import model_requests
from mortgage_risk.xcoms import EndpointCheck, SelectedModel, ServedModel, rendered

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg

TOLERANCE = 1e-6  # between two PDs of the same model and loan


class EndpointDisagrees(AirflowFailException):
    """The endpoint does not give the PD that the batch gave: it must not be relied on."""


class CreateModelOperator(MortgageRiskOperator):
    """Makes the SageMaker model of a model package (XCom of SelectModelOperator), once per package. XCom: its
    name. Its link leads to the artifact that the model is made of.
    """

    template_fields = (*MortgageRiskOperator.template_fields, "package")
    operator_extra_links = (links.ResultLink(),)

    def __init__(self, *, package: XComArg | SelectedModel, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.package = rendered(package)

    def execute(self, context: Context) -> str:
        client = self.client("sagemaker")
        arn = self.package["model_package_arn"]
        request = model_requests.model(self.settings, name="", model_package_arn=arn, tags=self.run_tags(context))
        content = json.dumps({key: value for key, value in request.items() if key != "Tags"}, sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()[:10]
        name = f"{arn.split('/')[-2][:45]}-v{self.package['version']}-{digest}"

        def create() -> bool:
            return aws.create_once(lambda: client.create_model(**{**request, "ModelName": name}))

        new = self.retry_through_outage(create)
        folder = self.package["model_uri"].rpartition("/")[0] + "/"
        links.store(self, context, {links.ResultLink: self.object_url(folder)})
        self.log.info("Model %s of %s is %s", name, arn, "created" if new else "there already")
        return name


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

    kind = EndpointUpdate()
    template_fields = (*AwsJobOperator.template_fields, "endpoint", "model", "package")

    def __init__(
        self, *, endpoint: XComArg | str, model: XComArg | str, package: XComArg | SelectedModel, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = rendered(endpoint)
        self.model = rendered(model)
        self.package = rendered(package)

    def build_request(self, tags: RunTags) -> Request:
        return self.kind.request(self.settings, name=NAME, endpoint=self.endpoint, model=self.model, tags=tags)

    def reads(self) -> list[str]:
        return [self.package["model_package_arn"]]

    def result_is_there(self, state: JobState) -> bool:
        return True  # to have succeeded is to serve

    def result(self, state: JobState) -> ServedModel:
        return {"endpoint": self.endpoint}


class CheckEndpointOperator(MortgageRiskOperator):
    """Asks the endpoint for one loan of the newest scored night; EndpointDisagrees where the same model's batch gave
    another PD.

    XCom: xcoms.EndpointCheck.
    """

    template_fields = (*MortgageRiskOperator.template_fields, "endpoint", "package")
    operator_extra_links = (links.JobLink(),)

    def __init__(self, *, endpoint: XComArg | str, package: XComArg | SelectedModel, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint = rendered(endpoint)
        self.package = rendered(package)

    def execute(self, context: Context) -> EndpointCheck:
        region = self.client("sagemaker").meta.region_name
        url = links.job_url(self.settings, EndpointUpdate(), self.endpoint, region)
        links.store(self, context, {links.JobLink: url})
        answer = self.retry_through_outage(self._ask)
        self.log.info("Endpoint %s: %s", self.endpoint, answer)
        if _differ(answer["pd"], answer["batch_pd"]):
            raise EndpointDisagrees(
                f"Endpoint {self.endpoint} gives loan {answer['loan_id']} a PD of {answer['pd']}; the batch of "
                f"{answer['score_date']} gave {answer['batch_pd']}, by the same model. The endpoint goes on serving: "
                "keep its callers away, then compare the logs of the endpoint and of batch_transform."
            )
        return answer

    def _ask(self) -> EndpointCheck:
        s3 = self.client("s3")
        nights = aws.manifests(s3, self.layout.scores_root(self.source), "score_date")
        answer = EndpointCheck(score_date=None, loan_id=None, pd=None, batch_pd=None, reason="")
        if not nights:
            return {**answer, "reason": f"no {self.source} loan was scored yet"}
        score_date, uri = nights[-1]
        night: ScoresManifest = aws.read_json(s3, uri)
        loan_id, _, features = _first_line(s3, night["input_prefix"]).partition(",")
        batch = next(csv.reader([_first_line(s3, night["transform_uri"])]))
        given = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.endpoint, ContentType="text/csv", Accept="text/csv", Body=features.encode()
        )
        answer |= {"score_date": score_date, "loan_id": loan_id, "pd": float(given["Body"].read().split(b",")[0])}
        if night["model_package_arn"] != self.package["model_package_arn"]:
            return {**answer, "reason": f"{score_date} was scored by {night['model_package_arn']}"}
        if batch[0] != loan_id:
            return {**answer, "reason": "the batch's output is in another order than its input"}
        return {**answer, "batch_pd": float(batch[1])}


def _differ(asked: float | None, batch: float | None) -> bool:
    return asked is not None and batch is not None and abs(asked - batch) > TOLERANCE


def _first_line(s3: Any, prefix: str) -> str:
    """The first line of the first object below `prefix`."""
    return aws.read_bytes(s3, aws.list_uris(s3, prefix)[0], first=2**16).split(b"\n")[0].decode().rstrip("\r")
