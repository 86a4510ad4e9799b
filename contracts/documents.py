"""The JSON documents of the ETL and of the data checks, as types: manifests, what is counted, results of checks.

A dataset is published by its ``_manifest.json``; ``result.json`` holds a suite's result. Plugins, which read both and
cannot import this, state what they read again; a test compares. The keys are on the wire: a new one is free, another
name is not.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class TableCounts(TypedDict):
    """Rows of one raw table; rows_in = rows_out + quarantined.

    ``by_reason``: reason → refused rows. ``changed``: column → what (set_to_missing, restored) → good rows; absent
    where no value was changed.
    """

    rows_in: int
    rows_out: int
    quarantined: int
    by_reason: dict[str, int]
    changed: NotRequired[dict[str, dict[str, int]]]


class YearCounts(TypedDict):
    """Performance rows of one calendar year, and the loans among them."""

    rows_in: int
    loans: int
    observations: int
    defaults: int
    non_defaults: int
    immature: int
    prepaid: int
    quarantined: int


class PanelCounts(YearCounts):
    """Performance rows in all: rows_in = observations + not_observed + quarantined; observations = defaults +
    non_defaults + immature.

    ``not_observed``: why → rows. ``by_year``: calendar year, or unknown.
    """

    loans_on_tape: int
    not_observed: dict[str, int]
    by_year: dict[str, YearCounts]


class ReconciledCounts(PanelCounts):
    """What `make reconcile` prints."""

    warnings: list[str]


class ScoringCounts(TypedDict):
    """Loans: loans_on_tape = scored + excluded. ``stale``: scored on a report older than the newest."""

    loans_on_tape: int
    scored: int
    stale: int
    excluded: dict[str, int]


class ExtractEntry(TypedDict):
    """The files of a raw table that were read. ``ingest_date``: YYYY-MM-DD; null for files of a plain folder."""

    ingest_date: str | None
    files: list[str]
    bytes: int


class DataFile(TypedDict):
    """``key`` is relative to the manifest's own prefix."""

    key: str
    bytes: int
    rows: NotRequired[int]


class Attempt(TypedDict):
    """What every manifest says of the data that it publishes."""

    data_prefix: str
    files: list[DataFile]
    job_run_id: str | None
    created_at: str


class _Dataset(TypedDict):
    dataset: str
    rows: int
    source: str
    code_sha256: str


class _FromTapes(_Dataset):
    extracts: dict[str, ExtractEntry]


class CountsByTable(TypedDict):
    tables: dict[str, TableCounts]


class CountsOfPanel(TypedDict):
    panel: PanelCounts


class CountsOfScoring(TypedDict):
    scoring: ScoringCounts


class CleanTables(_FromTapes):
    """``rows`` are those of performance. ``quarantined_by_year``: refused performance rows."""

    rows_by_table: dict[str, int]
    delivered_by: str
    counts: CountsByTable
    quarantined_by_year: dict[str, int]


class LoanPanel(_FromTapes):
    columns: list[str]
    as_of_date: str
    horizon_months: int
    counts: CountsOfPanel


class ScoringInput(_FromTapes):
    """``newest_month``: the newest month (YYYY-MM) that any loan reports on; null where none does."""

    columns: list[str]
    score_date: str
    newest_month: str | None
    counts: CountsOfScoring


class Histogram(TypedDict):
    edges: list[float]
    counts: list[int]


class Distribution(TypedDict):
    """PDs: mean and percentiles (p01 … p99), null where there are no scores; loans per grade; loans per PD band."""

    pd: dict[str, float | None]
    grades: dict[str, int]
    histogram: Histogram


class ScoresOrigin(TypedDict):
    """What the scores were made of."""

    source: str
    loans_in: int
    input_prefix: str
    transform_uri: str
    code_sha256: str
    job_run_id: str | None


class CleanTablesManifest(CleanTables, Attempt):
    pass


class LoanPanelManifest(LoanPanel, Attempt):
    pass


class ScoringInputManifest(ScoringInput, Attempt):
    pass


class ScoresManifest(_Dataset, Distribution, Attempt):
    columns: list[str]
    score_date: str
    model_package_arn: str
    model_package_version: int
    loans_in: int
    input_prefix: str
    transform_uri: str


class CheckOutcome(TypedDict):
    """One check. ``observed`` is a figure, a list of column names or null; never a row's content."""

    table: str
    column: str | None
    expectation: str
    severity: str
    success: bool
    message: str
    observed: Any


class CheckStatistics(TypedDict):
    evaluated: int
    passed: int
    failed: int
    warnings: int


class CheckResult(TypedDict):
    """result.json of a suite: failed checks first, errors before warnings. ``row_counts``: table → rows."""

    suite: str
    success: bool
    statistics: CheckStatistics
    row_counts: dict[str, int]
    expectations: list[CheckOutcome]
