"""The run's summary: one JSON object that says what went in, what came out, how good it is and how long it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from airflow.sdk.exceptions import AirflowFailException

from mortgage_risk import aws
from mortgage_risk.dag.arguments import RunArguments
from mortgage_risk.documents import DataSummary, ModelVersion, RunCost, RunSummary
from mortgage_risk.jobs import ledger, links
from mortgage_risk.jobs.base import MortgageRiskOperator, skip
from mortgage_risk.jobs.cost import load_prices
from mortgage_risk.release.registry import ModelPackage
from mortgage_risk.xcoms import RunSummarized

if TYPE_CHECKING:
    from airflow.sdk import Context


class RunSummaryOperator(MortgageRiskOperator):
    """Collects the run's XComs, manifests, verdict and registry entry into run-summaries/ (documents.RunSummary).

    Runs whatever happened before. XCom: xcoms.RunSummarized.
    """

    operator_extra_links = (links.ResultLink(),)

    def execute(self, context: Context) -> RunSummarized:
        summary = self.retry_through_outage(lambda: self._collect(context))
        if all(task["state"] in ("None", "skipped") for task in summary["tasks"].values()):
            skip(self, "No task of this run has done anything: the summary of another run stays.")
        self._publish_cost(summary["cost"])
        uri = self.layout.run_summary(self.dag_id, self.source, self.business_date)
        aws.write_json(self.client("s3"), uri, summary, self.settings.kms_key_id)
        links.store(self, context, {links.ResultLink: self.object_url(uri)})
        for task_id, task in summary["tasks"].items():
            seconds = f"{task['seconds']:8.1f} s" if task.get("seconds") is not None else " " * 10
            rows = summary["data"].get(task_id, {}).get("rows")
            self.log.info(
                "%-36s %-16s %s %s",
                task_id,
                task["state"],
                seconds,
                f"{rows} rows" if rows is not None else "",
            )
        self.log.info("Summary: %s", self.object_url(uri))
        return {"summary_uri": uri}

    def _collect(self, context: Context) -> RunSummary:
        ti, run = context["ti"], context["dag_run"]
        crumbs = {crumb["task_id"]: crumb for crumb in ti.get_task_breadcrumbs(self.dag_id, run.run_id)}
        tasks: dict[str, Any] = {}
        for task_id in (task.task_id for task in self.dag.topological_sort() if task.task_id != self.task_id):
            crumb = crumbs.get(task_id, {})
            xcom = ti.xcom_pull(task_ids=task_id)
            found = xcom if isinstance(xcom, dict) else {"value": xcom} if xcom is not None else {}
            tasks[task_id] = {"state": str(crumb.get("state")), "seconds": crumb.get("duration"), **found}
        found = {key: value for task in tasks.values() for key, value in task.items()}
        s3 = self.client("s3")
        uris = {key: found[key] for key in ("report_uri", "evaluation_uri", "model_uri", "gate_uri") if key in found}
        return {
            "dag_id": self.dag_id,
            "run_id": run.run_id,
            "source": self.source,
            "business_date": self.business_date,
            "tasks": tasks,
            "data": {
                task_id: _brief(aws.read_json(s3, task.get("result_uri") or task["manifest_uri"]))
                for task_id, task in tasks.items()
                if "manifest_uri" in task or "result_uri" in task
            },
            "gate": aws.read_json(s3, found["gate_uri"]) if "gate_uri" in found else None,
            "model": self._model(found.get("model_package_arn")),
            "cost": ledger.summary(
                self.ledger.of_run(self.dag_id, run.run_id, run.start_date), load_prices(self.settings.price_table)
            ),
            "urls": {key.removesuffix("_uri"): self.object_url(uri) for key, uri in uris.items()},
        }

    def _publish_cost(self, cost: RunCost) -> None:
        """The run's cost as metric RunCost of namespace MortgageRisk. The run is what it is without it."""
        self.log.info("Cost: %s USD%s", cost["usd"], f" ({cost['reason']})" if cost["reason"] else "")
        if cost["usd"] is None:
            return
        dimensions = [{"Name": "Dag", "Value": self.dag_id}, {"Name": "Source", "Value": self.source}]
        metric = {"MetricName": "RunCost", "Unit": "None", "Value": cost["usd"], "Dimensions": dimensions}
        try:
            self.client("cloudwatch").put_metric_data(Namespace="MortgageRisk", MetricData=[metric])
        except Exception as error:  # noqa: BLE001
            self.log.warning("CloudWatch did not take the run's cost: %s", error)

    def _model(self, arn: str | None) -> ModelVersion | None:
        if arn is None:
            return None
        package: ModelPackage = self.client("sagemaker").describe_model_package(ModelPackageName=arn)
        return {
            "arn": arn,
            "version": package["ModelPackageVersion"],
            "status": package["ModelApprovalStatus"],
            "metadata": package.get("CustomerMetadataProperties", {}),
        }


class RunEnded(AirflowFailException):
    """Somebody ended the run before its work was done."""


class ConfirmWorkOperator(MortgageRiskOperator):
    """Fails the run whose last task of work, `work`, was never done.

    Where a run is marked failed while none of its tasks runs (it is queued, or between two of them), Airflow skips them
    all, runs the teardowns, and by their success and the skipped tasks takes the run for a success.
    """

    def __init__(self, *, work: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.work = work

    def execute(self, context: Context) -> None:
        run_id = context["dag_run"].run_id
        states = context["ti"].get_task_states(dag_id=self.dag_id, task_ids=[self.work], run_ids=[run_id])
        state = states.get(run_id, {}).get(self.work)
        if state in (None, "skipped", "removed"):
            raise RunEnded(f"The run was ended before {self.work} was done. Clear the run to do it.")
        self.log.info("%s: %s", self.work, state)


def summarized(work: MortgageRiskOperator) -> None:
    """The end of a DAG whose last task of work is `work`.

    Teardowns run whatever happened before them. The first leaves the run's state to the tasks that do the work; the
    second fails a run that was ended before they did.
    """
    run = RunArguments(settings=work.settings, source=work.source, business_date=work.business_date)
    summary = RunSummaryOperator(task_id="summarize_run", **run).as_teardown()
    confirm = ConfirmWorkOperator(task_id="confirm_work", work=work.task_id, **run)
    work >> summary >> confirm.as_teardown(on_failure_fail_dagrun=True)


def _brief(content: dict[str, Any]) -> DataSummary:
    """A manifest or check result without its long lists."""
    return cast("DataSummary", {key: value for key, value in content.items() if key not in ("files", "expectations")})
