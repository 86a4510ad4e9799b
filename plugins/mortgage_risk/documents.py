"""The JSON documents in S3 that one side writes and another reads: what is read of each, by name.

A document may hold more. The tests of the Glue and SageMaker scripts hold what these really write against these types
(tests/documents.py), so that a field which is renamed there fails a test and not a night. What tasks hand to tasks is
in `xcoms`; the index of monitored nights in `monitoring.index`.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

CheckSeverity = Literal["error", "warning", "information"]  # `information` is reported and judges nothing
CheckVerdict = Literal["pass", "warn", "fail", "not_computable"]
Severity = Literal["breach", "attention", "ok"]  # of a finding; the gravest is the night's verdict

# --- datasets: `_manifest.json`, written last ---


class DatasetFile(TypedDict):
    """`key`: below the folder of the manifest."""

    key: str


class Extract(TypedDict):
    """A table's delivery; `ingest_date` is null for files that lie in no dated folder."""

    ingest_date: str | None


class Manifest(TypedDict):
    """Of any dataset. The data lies below `data_prefix`."""

    data_prefix: str
    files: list[DatasetFile]
    rows: int


class CleanTablesManifest(Manifest):
    """`rows`: of the performance table; `counts` say what became of the rows of every table."""

    counts: TablesCounts


class TablesCounts(TypedDict, total=False):
    tables: dict[str, TableCounts]


class TableCounts(TypedDict):
    """rows_in = rows_out + quarantined."""

    rows_in: int
    rows_out: int
    quarantined: int


class ScoringInputManifest(Manifest):
    """`newest_month`: YYYY-MM of the newest report on any loan, null where there is none."""

    score_date: str
    newest_month: str | None
    extracts: dict[str, Extract]
    counts: ScoringCounts


class ScoringCounts(TypedDict):
    scoring: LoanCounts


class LoanCounts(TypedDict):
    loans_on_tape: int


class ScoresManifest(Manifest):
    """A night's published scores: by which model, of which input, from which output of the transform."""

    score_date: str
    model_package_arn: str
    model_package_version: int
    input_prefix: str
    transform_uri: str
    job_run_id: str | None


# --- data checks: result.json ---


class DataCheck(TypedDict):
    table: str
    column: str | None
    severity: CheckSeverity
    success: bool
    message: str


class CheckStatistics(TypedDict):
    """`failed` counts checks of severity error, `warnings` the failed others."""

    evaluated: int
    passed: int
    failed: int
    warnings: int


class DataQualityResult(TypedDict):
    suite: str
    success: bool
    statistics: CheckStatistics
    expectations: list[DataCheck]


# --- validation: gate.json, card.json ---


class GateCheck(TypedDict):
    """A question that the gate asked. `metric` and `sample` are null where it is a test of the battery."""

    id: str
    question: str | None
    metric: str | None
    sample: str | None
    value: float | None
    bounds: dict[str, float]
    severity: CheckSeverity
    verdict: CheckVerdict
    reason: str


class GateDocument(TypedDict):
    """The verdict on a model. `evidence`: SHA-256 of every file of the evidence pack, by its name."""

    format: int
    passed: bool
    reasons: list[str]
    warnings: list[str]
    checks: list[GateCheck]
    thresholds_sha256: str
    evidence: dict[str, str]


class CardMetric(TypedDict):
    value: float | None
    interval: list[float] | None


class CardData(TypedDict):
    source: str
    as_of_date: str
    horizon_months: int


class ModelCard(TypedDict):
    purpose: str
    not_for: str
    data: CardData
    performance: dict[str, CardMetric]
    verdict: str
    limits: list[str]
    owner: str
    tier: str
    next_review_date: str
    conditions: list[str]


# --- monitoring: monitoring.json ---


class MonitoringFinding(TypedDict):
    """`feature` is '' where it is about the whole night."""

    kind: str
    feature: str
    severity: Severity
    message: str


class Shift(TypedDict):
    """One distribution against another."""

    psi: float


class FeatureNight(TypedDict):
    """`missing`: share of the loans; `effect`: mean contribution to the log-odds."""

    feature: str
    missing: float
    effect: float | None
    training: Shift | None
    recent: Shift | None


class ScoreNight(TypedDict):
    mean_pd: float
    training: Shift
    recent: Shift | None
    grades: dict[str, int]


class Segment(TypedDict):
    n: int
    mean_pd: float


class Performance(TypedDict):
    """Outcomes of earlier nights' scores, read from the panel of `panel_as_of`."""

    panel_as_of: str | None


class MonitoringDocument(TypedDict):
    source: str
    score_date: str
    model_version: str
    rows: int
    verdict: Severity
    findings: list[MonitoringFinding]
    features: list[FeatureNight]
    score: ScoreNight
    segments: dict[str, dict[str, Segment]]
    labels: dict[str, dict[str, str]]
    performance: Performance | None


# --- what the plugins themselves write for each other and for people: run-summaries/ ---


class DataSummary(TypedDict, total=False):
    """A manifest (rows, counts) or a check result (statistics) without its long lists."""

    rows: int
    counts: TablesCounts
    statistics: CheckStatistics


class RunCost(TypedDict):
    """`usd` is null, with the reason, where a job has no price; `jobs`: what each cost."""

    usd: float | None
    reason: str
    jobs: dict[str, float | None]
    prices: dict[str, str]


class ModelVersion(TypedDict):
    """What the registry says of the model of a run."""

    arn: str
    version: int
    status: str
    metadata: dict[str, str]


class RunSummary(TypedDict):
    """Of a run. `tasks`: state, seconds (null where it never ran) and XCom of each, by its id."""

    dag_id: str
    run_id: str
    source: str
    business_date: str
    tasks: dict[str, dict[str, Any]]
    data: dict[str, DataSummary]
    gate: GateDocument | None
    model: ModelVersion | None
    cost: RunCost
    urls: dict[str, str]
