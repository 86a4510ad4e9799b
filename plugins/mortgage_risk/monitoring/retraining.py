"""When a model should be trained again, and how that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from mortgage_risk import assets, aws
from mortgage_risk.jobs import links
from mortgage_risk.jobs.base import MortgageRiskOperator, skip
from mortgage_risk.monitoring.index import IndexRow
from mortgage_risk.monitoring.operations import days_between
from mortgage_risk.xcoms import MonitoredNight, RetrainingAsked, rendered

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg

# A population that stays away from training's this long, or outcomes that have changed.
SHIFTED_NIGHTS, OF_NIGHTS = 20, 30
COOL_DOWN_DAYS = 90


class RetrainingRequest(TypedDict):
    """The last one, in S3: its cool-down may still run."""

    score_date: str
    source: str
    reason: str


def retraining_reason(rows: Sequence[IndexRow], last_request: RetrainingRequest | None) -> str | None:
    """Why the model should be trained again as of the last of `rows` (index rows, oldest first); None if it should not.

    Nothing is asked again within COOL_DOWN_DAYS of the last request.
    """
    tonight = rows[-1]
    if last_request and days_between(last_request["score_date"], tonight["date"]) < COOL_DOWN_DAYS:
        return None
    outcomes = [
        message for severity, kind, _, message in tonight["findings"] if (severity, kind) == ("breach", "outcome")
    ]
    if outcomes:
        return f"Outcomes have changed: {outcomes[0]}."
    window = rows[-OF_NIGHTS:]
    shifted = sum(any(kind == "score_training" for _, kind, _, _ in row["findings"]) for row in window)
    if shifted >= SHIFTED_NIGHTS:
        return (
            f"The PD distribution was away from training's on {shifted} of the last {len(window)} nights "
            f"(PSI {tonight['psi_training']:.2f} tonight)."
        )
    return None


class RequestRetrainingOperator(MortgageRiskOperator):
    """Asks for a new training where a monitored night gave a reason; skipped where none did.

    The training DAG runs on the asset's event, which says why. XCom: xcoms.RetrainingAsked.
    """

    template_fields = (*MortgageRiskOperator.template_fields, "nights")
    operator_extra_links = (links.ResultLink(),)

    def __init__(self, *, nights: XComArg | Sequence[MonitoredNight | None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.nights = rendered(nights)

    def execute(self, context: Context) -> RetrainingAsked:
        asking = [(night, reason) for night in self.nights if night and (reason := night["retrain"])]
        if not asking:
            skip(self, "No monitored night gives a reason to train again.")
        # The newest that asks, which need not be of the source and date that this run is named for.
        night, reason = asking[-1]
        self.source, self.business_date = night["source"], night["score_date"]
        request: RetrainingRequest = {"score_date": self.business_date, "source": self.source, "reason": reason}
        uri = self.layout.retraining_request(self.source)
        aws.write_json(self.client("s3"), uri, request, self.settings.kms_key_id)
        links.store(self, context, {links.ResultLink: self.object_url(uri)})
        assets.announce(self, context, reason=reason)
        self.log.warning("Retraining is asked for: %s", reason)
        return {"reason": reason}


def last_request(s3: Any, uri: str) -> RetrainingRequest | None:
    """What monitoring asked for last; None if it never did."""
    content: RetrainingRequest | None = aws.read_json(s3, uri) if aws.exists(s3, uri) else None
    return content
