"""Monitors scored nights: which ones, the job on each, the index that the dashboard reads, metrics, retraining."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from mortgage_risk import aws
from mortgage_risk.dag import assets
from mortgage_risk.jobs import links, requests
from mortgage_risk.jobs.operator import AwsJobOperator, MortgageRiskOperator, skip
from mortgage_risk.jobs.requests import RunTags
from mortgage_risk.jobs.state import NAME, JobState
from mortgage_risk.layout import manifest
from mortgage_risk.monitoring import cloudwatch, index

if TYPE_CHECKING:
    from airflow.sdk import Context

SCORING_DAG = "mortgage_nightly_scoring"


class FindNightsOperator(MortgageRiskOperator):
    """The nights of this run: those whose scores started it, else the one of the form, the schedule or the backfill.

    XCom: [{"source", "business_date"}], oldest first.
    """

    def execute(self, context: Context) -> list[dict[str, str]]:
        events = [e for found in (context.get("triggering_asset_events") or {}).values() for e in found]
        nights = {(e.extra["source"], e.extra["score_date"]) for e in events if "score_date" in e.extra}
        nights = nights or {(self.source, self.business_date)}
        return [{"source": source, "business_date": day} for source, day in sorted(nights, key=lambda n: n[::-1])]


class MonitorNightOperator(AwsJobOperator):
    """Monitors one scored night and enters it into the index. A night without scores is entered as missing.

    XCom: {"job", "seconds", "source", "score_date", "verdict", "monitoring_uri", "report_uri", "retrain" (why, or
    null)}.
    """

    kind = "processing"
    operator_extra_links = (*AwsJobOperator.operator_extra_links, links.ReportLink())
    template_fields = (*AwsJobOperator.template_fields, "code")
    template_fields_renderers: ClassVar[dict[str, str]] = {"code": "json"}

    def __init__(self, *, code: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.code = code

    def execute(self, context: Context) -> dict[str, Any] | None:
        if self._is_scored():
            return super().execute(context)
        self._enter(index.missing_row(self.business_date, self._failed_check()))
        self._tell_cloudwatch(cloudwatch.missing_metric(self.source, datetime.now(UTC)))
        self.log.error("No scores of %s were published for %s", self.source, self.business_date)
        return {"verdict": "breach", "retrain": None}

    def build_request(self, tags: RunTags) -> dict[str, Any]:
        s3 = self.client("s3")
        scores = aws.read_json(s3, self._scores_manifest(self.business_date))
        nights = self._scored_nights()
        inputs = {
            "model": self._model_uri(scores["model_package_arn"]),
            "input": self._scoring_input()["data_prefix"],
            "scores": scores["data_prefix"],
        }
        last = self._last_row()
        if last:
            inputs["previous"] = f"{last['prefix']}monitoring.json"
        if earlier := index.month_before(self.business_date, nights):
            inputs["before"] = aws.read_json(s3, self._scores_manifest(earlier))["data_prefix"]
        vintages = panel_as_of = ""
        panel = self._newest_panel()
        if panel and not (last and last["outcomes"] and last["outcomes"]["panel_as_of"] == panel["as_of_date"]):
            inputs["panel"], panel_as_of = panel["data_prefix"], panel["as_of_date"]
            vintages = self._list_vintages(index.vintage_dates(nights, self.business_date))
        return requests.monitoring_job(
            self.settings,
            name=NAME,
            code_prefix=self.code["prefix"],
            inputs=inputs,
            vintages_manifest=vintages,
            output_prefix=self.layout.monitoring(self.source, self.business_date, NAME),
            arguments={
                "source": self.source,
                "score_date": self.business_date,
                "model_version": scores["model_package_version"],
                **({"panel_as_of": panel_as_of} if panel_as_of else {}),
            },
            tags=tags,
        )

    def result_is_there(self, state: JobState) -> bool:
        return aws.exists(self.client("s3"), self.result_uri(state))

    def result_uri(self, state: JobState) -> str:
        return f"{self._prefix(state)}monitoring.json"

    def result(self, state: JobState) -> dict[str, Any]:
        s3 = self.client("s3")
        document = aws.read_json(s3, self.result_uri(state))
        summary_uri = self.layout.run_summary(SCORING_DAG, self.source, self.business_date)
        summary = aws.read_json(s3, summary_uri) if aws.exists(s3, summary_uri) else None
        ops = index.operational_facts(self._scoring_input(), summary)
        document = index.with_ages(document, ops, self.settings)
        self._enter(index.index_row(document, self._prefix(state), ops, self._last_row()))
        self._tell_cloudwatch(cloudwatch.metric_data(document, ops, datetime.now(UTC)))
        rows = [row for row in self._rows() if row["date"] <= self.business_date and row["prefix"]]
        for finding in document["findings"]:
            self.log.warning("%s: %s", finding["severity"], finding["message"])
        return {
            "source": self.source,
            "score_date": self.business_date,
            "verdict": document["verdict"],
            "monitoring_uri": self.result_uri(state),
            "report_uri": f"{self._prefix(state)}report.html",
            "retrain": index.retraining_reason(rows, last_request(self)),
        }

    def _finish(self, context: Context, state: JobState) -> dict[str, Any]:
        result = super()._finish(context, state)
        links.store(self, context, {links.ReportLink: self.object_url(result["report_uri"])})
        return result

    # --- what there is ---

    def _prefix(self, state: JobState) -> str:
        return self.layout.monitoring(self.source, self.business_date, state.job_id)

    def _scores_manifest(self, day: str) -> str:
        return manifest(self.layout.scores(self.source, day))

    def _is_scored(self) -> bool:
        return aws.patiently(
            lambda: aws.exists(self.client("s3"), self._scores_manifest(self.business_date)),
            self.settings.outage_minutes * 60,
        )

    def _failed_check(self) -> str:
        """The first check of severity error that the night's scoring input failed; '' where there is none."""
        s3, uri = self.client("s3"), self.layout.data_quality_result("scoring_input", self.source, self.business_date)
        if not aws.exists(s3, uri):
            return ""
        checks = aws.read_json(s3, uri)["expectations"]
        return next((c["message"] for c in checks if c["severity"] == "error" and not c["success"]), "")

    def _scored_nights(self) -> list[str]:
        return [day for day, _ in aws.manifests(self.client("s3"), self.layout.scores_root(self.source), "score_date")]

    def _scoring_input(self) -> dict[str, Any]:
        uri = manifest(self.layout.scoring_input(self.source, self.business_date))
        return aws.read_json(self.client("s3"), uri)

    def _model_uri(self, package_arn: str) -> str:
        package = self.client("sagemaker").describe_model_package(ModelPackageName=package_arn)
        return package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]

    def _newest_panel(self) -> dict[str, Any] | None:
        """as_of_date and data prefix of the newest loan panel known on the business date."""
        s3 = self.client("s3")
        dated = aws.manifests(s3, self.layout.panels_root(self.source), "as_of_date")
        known = [(day, uri) for day, uri in dated if day <= self.business_date]
        if not known:
            return None
        day, uri = known[-1]
        return {"as_of_date": day, "data_prefix": aws.read_json(s3, uri)["data_prefix"]}

    def _list_vintages(self, days: list[str]) -> str:
        """Write the manifest of the past scores and return its URI: the same list, the same object."""
        s3, root = self.client("s3"), self.layout.scores_root(self.source)
        files = []
        for day in days:
            prefix = self.layout.scores(self.source, day)
            content = aws.read_json(s3, self._scores_manifest(day))
            files += [prefix.removeprefix(root) + file["key"] for file in content["files"]]
        listing = [{"prefix": root}, *files]
        digest = hashlib.sha256(json.dumps(listing).encode()).hexdigest()[:16]
        uri = f"{self.layout.monitoring_inputs(self.source)}vintages-{digest}.manifest"
        aws.write_json(s3, uri, listing, self.settings.kms_key_id)
        return uri

    # --- the index ---

    def _rows(self) -> list[dict[str, Any]]:
        """The index's rows of this month and the one before, oldest first."""
        s3, root = self.client("s3"), self.layout.monitoring_index(self.source)
        uris = sorted(aws.list_uris(s3, root))
        tonight = index.month_file(root, self.business_date)
        return [row for uri in [uri for uri in uris if uri <= tonight][-2:] for row in aws.read_json(s3, uri)["nights"]]

    def _last_row(self) -> dict[str, Any] | None:
        """The row of the last monitored night before this one."""
        before = [row for row in self._rows() if row["date"] < self.business_date and row["prefix"]]
        return before[-1] if before else None

    def _enter(self, row: Mapping[str, Any]) -> None:
        s3 = self.client("s3")
        uri = index.month_file(self.layout.monitoring_index(self.source), self.business_date)
        month = aws.read_json(s3, uri) if aws.exists(s3, uri) else None
        aws.write_json(s3, uri, index.with_row(month, row), self.settings.kms_key_id)

    def _tell_cloudwatch(self, data: list[dict[str, Any]]) -> None:
        """Metrics, and the alarms and the dashboard on them. Of the newest night alone: an old one rings no alarm."""
        s3, root = self.client("s3"), self.layout.monitoring_index(self.source)
        newest = aws.read_json(s3, aws.list_uris(s3, root)[-1])["nights"][-1]["date"]
        if newest > self.business_date:
            self.log.info("No metrics: %s is monitored already", newest)
            return
        client = self.client("cloudwatch")
        for request in cloudwatch.alarm_requests(self.settings, self.source):
            client.put_metric_alarm(**request)
        client.put_dashboard(**cloudwatch.dashboard(self.settings, self.source, client.meta.region_name))
        for start in range(0, len(data), 500):
            client.put_metric_data(Namespace=cloudwatch.NAMESPACE, MetricData=data[start : start + 500])


class RequestRetrainingOperator(MortgageRiskOperator):
    """Asks for a new training where a monitored night gave a reason; skipped where none did.

    The training DAG runs on the asset's event, which says why. XCom: {"reason"}.
    """

    template_fields = (*MortgageRiskOperator.template_fields, "nights")
    operator_extra_links = (links.ResultLink(),)

    def __init__(self, *, nights: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.nights = nights

    def execute(self, context: Context) -> dict[str, str]:
        asking = [night for night in self.nights if night and night["retrain"]]
        if not asking:
            skip(self, "No monitored night gives a reason to train again.")
        # The newest that asks, which need not be of the source and date that this run is named for.
        self.source, self.business_date, reason = (asking[-1][key] for key in ("source", "score_date", "retrain"))
        request = {"score_date": self.business_date, "source": self.source, "reason": reason}
        uri = self.layout.retraining_request(self.source)
        aws.write_json(self.client("s3"), uri, request, self.settings.kms_key_id)
        links.store(self, context, {links.ResultLink: self.object_url(uri)})
        assets.announce(self, context, reason=reason)
        self.log.warning("Retraining is asked for: %s", reason)
        return {"reason": reason}


def last_request(operator: MortgageRiskOperator) -> dict[str, Any] | None:
    """The last retraining that monitoring asked for, whose cool-down may still run."""
    s3, uri = operator.client("s3"), operator.layout.retraining_request(operator.source)
    return aws.read_json(s3, uri) if aws.exists(s3, uri) else None
