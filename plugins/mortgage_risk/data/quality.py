"""Checks data by a Glue job (Great Expectations on Spark) and stops the run when a check of severity error
fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from mortgage_risk import aws
from mortgage_risk.data.glue_script import GlueJobOperator
from mortgage_risk.documents import DataCheck, DataQualityResult
from mortgage_risk.jobs.state import JobState
from mortgage_risk.layout import Layout, manifest
from mortgage_risk.settings import Settings

if TYPE_CHECKING:
    from airflow.sdk import Context


class DataQualityError(AirflowFailException):
    """Checks of severity error failed: a re-run cannot help, the data must change. `result` is the whole
    outcome.
    """

    def __init__(self, message: str, result: DataQualityResult) -> None:
        super().__init__(message)
        self.result = result


class DataQualityOperator(GlueJobOperator):
    """Runs the suite `suite` (raw | loan_panel | scoring_input) on `data_root`.

    XCom: xcoms.CheckedData.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        suite: str,
        source: str,
        business_date: str,
        data_root: str,
        horizon_months: str | int,
        **kwargs: Any,
    ) -> None:
        layout = Layout(settings.bucket, settings.model_name)
        super().__init__(
            settings=settings,
            source=source,
            business_date=business_date,
            script="check_data_quality.py",
            arguments={
                "suite": suite,
                "source": source,
                "run_date": business_date,
                "data_root": data_root,
                "horizon_months": str(horizon_months),
                "result_root": layout.data_quality_root,
                "report_age_warning_days": str(settings.report_age_warning_days),
                "report_age_error_days": str(settings.report_age_error_days),
                "ingest_age_warning_days": str(settings.ingest_age_warning_days),
                "ingest_age_error_days": str(settings.ingest_age_error_days),
            },
            inputs=[manifest(data_root)],
            result_object=layout.data_quality_result(suite, source, business_date),
            **kwargs,
        )

    def result(self, state: JobState) -> Mapping[str, Any]:
        return {"result_uri": self.result_object, **self._outcome()["statistics"]}

    def after_success(self, context: Context, state: JobState, result: Mapping[str, Any]) -> None:
        """The job has done its work; whether the data may go on is said here."""
        outcome = self._outcome()
        failed = [check for check in outcome["expectations"] if not check["success"]]
        for check in failed:
            level = self.log.error if check["severity"] == "error" else self.log.warning
            level("%s: %s", check["severity"].upper(), in_words(check))
        statistics = outcome["statistics"]
        self.log.info("Suite %s: %s", outcome["suite"], ", ".join(f"{n} {what}" for what, n in statistics.items()))
        if not outcome["success"]:
            errors = [in_words(check) for check in failed if check["severity"] == "error"]
            shown = "\n".join(f"  {number}. {text}" for number, text in enumerate(errors[:20], 1))
            raise DataQualityError(
                f"{len(errors)} data checks of suite {outcome['suite']} failed for {self.source}, "
                f"{self.business_date}:\n{shown}\nWhole result: {self.result_object}",
                outcome,
            )

    def _outcome(self) -> DataQualityResult:
        outcome: DataQualityResult = aws.read_json(self.client("s3"), self.result_object)
        return outcome


def in_words(check: DataCheck) -> str:
    """A failed expectation as one sentence with its place."""
    place = ".".join(part for part in (check.get("table"), check.get("column")) if part)
    return f"{place}: {check['message']}" if place else check["message"]
