"""Reads the validation job's verdict and says it in words; `approval` acts on it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from mortgage_risk import aws
from mortgage_risk.jobs import links
from mortgage_risk.jobs.base import MortgageRiskOperator
from mortgage_risk.release.verdict import read_verdict
from mortgage_risk.xcoms import PackagedCode, ValidatedModel, Verdict, rendered

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg


class GateOperator(MortgageRiskOperator):
    """Reads the verdict and says it in the log. XCom: xcoms.Verdict.

    A verdict that does not pass is no failure of this task: the model is registered with it, as evidence.
    """

    template_fields = (*MortgageRiskOperator.template_fields, "validation", "code")
    operator_extra_links = (links.ResultLink(), links.ReportLink())

    def __init__(self, *, validation: XComArg | ValidatedModel, code: XComArg | PackagedCode, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validation = rendered(validation)
        self.code = rendered(code)

    def execute(self, context: Context) -> Verdict:
        s3 = self.client("s3")
        thresholds = aws.read_bytes(s3, f"{self.code['prefix']}sourcedir/thresholds.json")
        thresholds_sha256 = hashlib.sha256(thresholds).hexdigest()
        uri = self.validation["gate_uri"]
        verdict = read_verdict(aws.read_json(s3, uri), thresholds_sha256)
        report = self.object_url(self.validation["report_uri"])
        (self.log.info if verdict.passed else self.log.error)("%s\nReport: %s", verdict.in_words(), report)
        links.store(self, context, {links.ResultLink: self.object_url(uri), links.ReportLink: report})
        return {
            "passed": verdict.passed,
            "reasons": verdict.short_reasons(),
            "gate_uri": uri,
            "thresholds_sha256": thresholds_sha256,
        }
