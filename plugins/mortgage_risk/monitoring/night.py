"""Monitors scored nights: which ones, the job on each, its row of the index, its metrics."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from mortgage_risk import aws
from mortgage_risk.documents import (
    DataQualityResult,
    Manifest,
    MonitoringDocument,
    RunSummary,
    ScoresManifest,
    ScoringInputManifest,
)
from mortgage_risk.jobs import links
from mortgage_risk.jobs.base import MortgageRiskOperator
from mortgage_risk.jobs.kinds.processing import ProcessingJob
from mortgage_risk.jobs.operator import AwsJobOperator
from mortgage_risk.jobs.requests import Request, RunTags
from mortgage_risk.jobs.state import NAME, JobState
from mortgage_risk.layout import manifest
from mortgage_risk.monitoring import cloudwatch
from mortgage_risk.monitoring.earlier_nights import month_before, vintage_dates
from mortgage_risk.monitoring.index import Index, IndexRow, index_row, missing_row
from mortgage_risk.monitoring.job import monitoring_job
from mortgage_risk.monitoring.operations import Operations, operations, with_ages
from mortgage_risk.monitoring.retraining import last_request, retraining_reason
from mortgage_risk.release.registry import ModelPackage
from mortgage_risk.xcoms import MonitoredNight, Night, PackagedCode, rendered

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg

SCORING_DAG = "mortgage_nightly_scoring"


class FindNightsOperator(MortgageRiskOperator):
    """The nights of this run: those whose scores started it, else the one of the form, the schedule or the backfill.

    XCom: a list of xcoms.Night, oldest first.
    """

    def execute(self, context: Context) -> list[Night]:
        events = [e for found in (context.get("triggering_asset_events") or {}).values() for e in found]
        nights = {(e.extra["source"], e.extra["score_date"]) for e in events if "score_date" in e.extra}
        nights = nights or {(self.source, self.business_date)}
        return [{"source": source, "business_date": day} for source, day in sorted(nights, key=lambda n: n[::-1])]


class MonitorNightOperator(AwsJobOperator):
    """Monitors one scored night and enters it into the index. A night without scores is entered as missing.

    XCom: xcoms.MonitoredNight.
    """

    kind = ProcessingJob()
    operator_extra_links = (*AwsJobOperator.operator_extra_links, links.ReportLink())
    template_fields = (*AwsJobOperator.template_fields, "code")
    template_fields_renderers: ClassVar[dict[str, str]] = {"code": "json"}

    def __init__(self, *, code: XComArg | PackagedCode, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.code = rendered(code)

    def execute(self, context: Context) -> Mapping[str, Any] | None:
        if self._is_scored():
            return super().execute(context)
        self._index().enter(missing_row(self.business_date, self._failed_check()))
        self._tell_cloudwatch(cloudwatch.missing_metric(self.source, datetime.now(UTC)))
        self.log.error("No scores of %s were published for %s", self.source, self.business_date)
        return {"verdict": "breach", "retrain": None}

    def build_request(self, tags: RunTags) -> Request:
        s3 = self.client("s3")
        scores: ScoresManifest = aws.read_json(s3, self._scores_manifest(self.business_date))
        nights = self._scored_nights()
        inputs = {
            "model": self._model_uri(scores["model_package_arn"]),
            "input": self._scoring_input()["data_prefix"],
            "scores": scores["data_prefix"],
        }
        last = self._last_row()
        if last:
            inputs["previous"] = f"{last['prefix']}monitoring.json"
        if earlier := month_before(self.business_date, nights):
            inputs["before"] = aws.read_json(s3, self._scores_manifest(earlier))["data_prefix"]
        vintages = panel_as_of = ""
        newest, panel = self._newest_panel()
        if panel and not (last and last["outcomes"] and last["outcomes"]["panel_as_of"] == newest):
            inputs["panel"], panel_as_of = panel, newest
            vintages = self._list_vintages(vintage_dates(nights, self.business_date))
        return monitoring_job(
            self.settings,
            name=NAME,
            code_prefix=self.code["prefix"],
            inputs=inputs,
            vintages_manifest=vintages,
            output_prefix=self.layout.monitoring(self.source, self.business_date, NAME),
            arguments={
                "source": self.source,
                "score_date": self.business_date,
                "model_version": str(scores["model_package_version"]),
                **({"panel_as_of": panel_as_of} if panel_as_of else {}),
            },
            tags=tags,
        )

    def result_is_there(self, state: JobState) -> bool:
        return aws.exists(self.client("s3"), self.result_uri(state))

    def result_uri(self, state: JobState) -> str:
        return f"{self._prefix(state)}monitoring.json"

    def result(self, state: JobState) -> MonitoredNight:
        document, _, row = self._measured(state)
        asked = last_request(self.client("s3"), self.layout.retraining_request(self.source))
        return {
            "source": self.source,
            "score_date": self.business_date,
            "verdict": document["verdict"],
            "monitoring_uri": self.result_uri(state),
            "report_uri": f"{self._prefix(state)}report.html",
            "retrain": retraining_reason([*self._index().before(self.business_date), row], asked),
        }

    def after_success(self, context: Context, state: JobState, result: Mapping[str, Any]) -> None:
        document, ops, row = self._measured(state)
        self._index().enter(row)
        self._tell_cloudwatch(cloudwatch.metric_data(document, ops, datetime.now(UTC)))
        for finding in document["findings"]:
            self.log.warning("%s: %s", finding["severity"], finding["message"])
        links.store(self, context, {links.ReportLink: self.object_url(result["report_uri"])})

    def _measured(self, state: JobState) -> tuple[MonitoringDocument, Operations, IndexRow]:
        """What the job found, with what is known of the scoring run beside it, and the night's row."""
        s3 = self.client("s3")
        summary_uri = self.layout.run_summary(SCORING_DAG, self.source, self.business_date)
        summary: RunSummary | None = aws.read_json(s3, summary_uri) if aws.exists(s3, summary_uri) else None
        ops = operations(self._scoring_input(), summary)
        document = with_ages(aws.read_json(s3, self.result_uri(state)), ops, self.settings)
        return document, ops, index_row(document, self._prefix(state), ops, self._last_row())

    # --- what there is ---

    def _prefix(self, state: JobState) -> str:
        return self.layout.monitoring(self.source, self.business_date, state.job_id)

    def _scores_manifest(self, day: str) -> str:
        return manifest(self.layout.scores(self.source, day))

    def _is_scored(self) -> bool:
        uri = self._scores_manifest(self.business_date)
        return self.retry_through_outage(lambda: aws.exists(self.client("s3"), uri))

    def _failed_check(self) -> str:
        """The first check of severity error that the night's scoring input failed; '' where there is none."""
        s3, uri = self.client("s3"), self.layout.data_quality_result("scoring_input", self.source, self.business_date)
        if not aws.exists(s3, uri):
            return ""
        checked: DataQualityResult = aws.read_json(s3, uri)
        failed = (check for check in checked["expectations"] if not check["success"])
        return next((check["message"] for check in failed if check["severity"] == "error"), "")

    def _scored_nights(self) -> list[str]:
        return [day for day, _ in aws.manifests(self.client("s3"), self.layout.scores_root(self.source), "score_date")]

    def _scoring_input(self) -> ScoringInputManifest:
        uri = manifest(self.layout.scoring_input(self.source, self.business_date))
        content: ScoringInputManifest = aws.read_json(self.client("s3"), uri)
        return content

    def _model_uri(self, package_arn: str) -> str:
        package: ModelPackage = self.client("sagemaker").describe_model_package(ModelPackageName=package_arn)
        return package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]

    def _newest_panel(self) -> tuple[str, str]:
        """As-of date and data prefix of the newest loan panel known on the score date; '' where there is none."""
        s3 = self.client("s3")
        dated = aws.manifests(s3, self.layout.panels_root(self.source), "as_of_date")
        known = [(day, uri) for day, uri in dated if day <= self.business_date]
        if not known:
            return "", ""
        day, uri = known[-1]
        panel: Manifest = aws.read_json(s3, uri)
        return day, panel["data_prefix"]

    def _list_vintages(self, days: list[str]) -> str:
        """Write the manifest of the past scores and return its URI: the same list, the same object."""
        s3, root = self.client("s3"), self.layout.scores_root(self.source)
        files = []
        for day in days:
            prefix = self.layout.scores(self.source, day)
            content: ScoresManifest = aws.read_json(s3, self._scores_manifest(day))
            files += [prefix.removeprefix(root) + file["key"] for file in content["files"]]
        listing = [{"prefix": root}, *files]
        digest = hashlib.sha256(json.dumps(listing).encode()).hexdigest()[:16]
        uri = f"{self.layout.monitoring_inputs(self.source)}vintages-{digest}.manifest"
        aws.write_json(s3, uri, listing, self.settings.kms_key_id)
        return uri

    # --- what becomes of it ---

    def _index(self) -> Index:
        return Index(self.client("s3"), self.layout.monitoring_index(self.source), self.settings.kms_key_id)

    def _last_row(self) -> IndexRow | None:
        """The row of the last monitored night before this one."""
        return next(reversed(self._index().before(self.business_date)), None)

    def _tell_cloudwatch(self, data: list[dict[str, Any]]) -> None:
        """Metrics, and the alarms and the dashboard on them. Of the newest night alone: an old one rings no alarm."""
        newest = self._index().newest()
        if newest > self.business_date:
            self.log.info("No metrics: %s is monitored already", newest)
            return
        client = self.client("cloudwatch")
        for request in cloudwatch.alarm_requests(self.settings, self.source):
            client.put_metric_alarm(**request)
        client.put_dashboard(**cloudwatch.dashboard(self.settings, self.source, client.meta.region_name))
        for start in range(0, len(data), 500):
            client.put_metric_data(Namespace=cloudwatch.NAMESPACE, MetricData=data[start : start + 500])
