"""What tasks hand to tasks: URIs and small facts, as JSON of less than a kilobyte.

Airflow stores them by task, so their keys are names on the wire: templates, run summaries and tests read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict, TypeVar, cast

if TYPE_CHECKING:
    from airflow.sdk import XComArg

T = TypeVar("T")


def rendered(given: XComArg | T) -> T:
    """What a template field holds once its task runs: while a DAG file is read it is the task that will give it."""
    return cast("T", given)


class PackagedCode(TypedDict):
    """Of PackageCodeOperator. `prefix` is where the code of this hash lies in S3."""

    sha256: str
    prefix: str
    git_commit: str


class Delivery(TypedDict):
    """Of FindDeliveryOperator: the delivery date, YYYY-MM-DD."""

    delivered_by: str


class FinishedJob(TypedDict):
    """What every AWS job says of itself. Null `seconds`: AWS does not say."""

    job: str
    seconds: float | None


class Dataset(FinishedJob):
    """Of GlueDatasetOperator. `fingerprint` is `aws.fingerprint` of the data prefix when it was published."""

    prefix: str
    manifest_uri: str
    data_prefix: str
    rows: int
    fingerprint: str


class CheckedData(FinishedJob):
    """Of DataQualityOperator: the counts are documents.CheckStatistics."""

    result_uri: str
    evaluated: int
    passed: int
    failed: int
    warnings: int


class TunedHyperparameters(TypedDict):
    """Of TuneHyperparametersOperator; the rest is there where a tuning job ran."""

    hyperparameters: dict[str, float | int]
    job: NotRequired[str]
    seconds: NotRequired[float | None]
    training_job: NotRequired[str]
    objective: NotRequired[float]


class TrainedModel(FinishedJob):
    """Of TrainModelOperator. `metrics`: out of time, by name."""

    model_uri: str
    metrics: dict[str, float]


class ValidationFiles(TypedDict):
    """What the validation job wrote last, of its evidence pack."""

    evaluation_uri: str
    gate_uri: str
    report_uri: str


class ValidatedModel(FinishedJob, ValidationFiles):
    """Of ValidateModelOperator."""


class Verdict(TypedDict):
    """Of GateOperator. `reasons`: one line of 256 characters at most, '' where it passed."""

    passed: bool
    reasons: str
    gate_uri: str
    thresholds_sha256: str


class RegisteredModel(TypedDict):
    """Of RegisterModelOperator."""

    model_package_arn: str
    version: int


class Answer(TypedDict):
    """Of AskForApprovalOperator: Approve or Reject, by whom, when (ISO 8601), and what they said."""

    option: str
    by: str
    at: str
    comment: str


class RecordedDecision(TypedDict):
    """Of RecordDecisionOperator. `status` is SageMaker's ModelApprovalStatus."""

    status: str
    by: str
    effective_from: str


class SelectedModel(RegisteredModel):
    """Of SelectModelOperator: the model in force on the business date, since `effective_from`."""

    effective_from: str
    model_uri: str
    training_job: str
    horizon_months: int


class Transform(FinishedJob):
    """Of BatchTransformOperator."""

    transform_uri: str


class Withdrawal(TypedDict):
    """Of WithdrawModelOperator. `in_force`: the version that scores today, null where none does."""

    version: int
    by: str
    withdrawn_from: str
    in_force: int | None


class ServedModel(TypedDict):
    """What DeployModelOperator says beside its job."""

    endpoint: str


class EndpointCheck(TypedDict):
    """Of CheckEndpointOperator: what could not be asked or compared is null, and `reason` says why ('' if all was)."""

    score_date: str | None
    loan_id: str | None
    pd: float | None
    batch_pd: float | None
    reason: str


class Night(TypedDict):
    """Of FindNightsOperator: a list of them, the arguments of the mapped task."""

    source: str
    business_date: str


class MonitoredNight(TypedDict):
    """Of MonitorNightOperator; of a night without scores the verdict alone. `retrain`: why, null for no reason."""

    verdict: str
    retrain: str | None
    job: NotRequired[str]
    seconds: NotRequired[float | None]
    source: NotRequired[str]
    score_date: NotRequired[str]
    monitoring_uri: NotRequired[str]
    report_uri: NotRequired[str]


class RetrainingAsked(TypedDict):
    """Of RequestRetrainingOperator."""

    reason: str


class RunSummarized(TypedDict):
    """Of RunSummaryOperator."""

    summary_uri: str
