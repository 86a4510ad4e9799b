"""What all operators of the platform share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.exceptions import AirflowSkipException

from mortgage_risk import aws
from mortgage_risk.jobs import links
from mortgage_risk.jobs.ledger import Ledger
from mortgage_risk.jobs.requests import RunTags, deployment
from mortgage_risk.layout import Layout
from mortgage_risk.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Context

T = TypeVar("T")


class MortgageRiskOperator(BaseOperator):
    """What all operators here share: settings, layout, AWS clients, a business date, links."""

    template_fields: Sequence[str] = ("source", "business_date")
    operator_extra_links: Sequence[BaseOperatorLink] = ()

    def __init__(self, *, settings: Settings, source: str, business_date: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.source = source
        self.business_date = business_date
        self.stored_links: dict[str, str] = {}

    @property
    def layout(self) -> Layout:
        return Layout(self.settings.bucket, self.settings.model_name)

    @cached_property
    def _clients(self) -> aws.Clients:
        return aws.clients(self.settings.aws_conn_id)

    def client(self, service: str, *, retries: bool = True) -> Any:
        return self._clients(service, retries=retries)

    def retry_through_outage(self, call: Callable[[], T]) -> T:
        """`call()`, again while AWS is ill, for `outage_minutes` at most. It must bear to be repeated."""
        return aws.retry_through_outage(call, self.settings.outage_s)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.settings, self.client)

    def run_tags(self, context: Context) -> RunTags:
        return RunTags(
            dag_id=self.dag_id,
            task_id=self.task_id,
            run_id=context["dag_run"].run_id,
            business_date=self.business_date,
            deployment=deployment(self.settings),
        )

    def object_url(self, uri: str) -> str:
        return links.object_url(self.settings, uri, self.client("s3").meta.region_name)


def skip(operator: BaseOperator, why: str) -> NoReturn:
    """Airflow itself logs no more than that the task is skipped."""
    operator.log.info(why)
    raise AirflowSkipException(why)
