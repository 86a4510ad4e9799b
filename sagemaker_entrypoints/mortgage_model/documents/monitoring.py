"""monitoring.json: a scored night, aggregates only, and what the next night needs."""

from typing import Literal, NotRequired, TypedDict

from mortgage_model.documents.bands import BandRow

Severity = Literal["ok", "attention", "breach"]


class FindingRow(TypedDict):
    """A figure beyond its limit. `kind`: see monitoring/rules.py; `feature` is '' for the whole night."""

    kind: str
    feature: str
    severity: Severity
    figure: float | None
    limit: float | None
    message: str


class ShiftFigures(TypedDict):
    """A distribution against a reference: PSI with its interval, chi-square p (alone and adjusted for all features),
    and for ordered bins KS with its p.
    """

    psi: float
    interval: list[float]
    p_value: float
    p_holm: NotRequired[float]
    p_bh: NotRequired[float]
    ks: float | None
    ks_p: float | None


class FeatureRow(TypedDict):
    """An input tonight: shares of rows that are missing, of new levels, out of range; mean contribution to the log-odds
    (`effect`) and its change against the last nights; counts per bin of the reference profile, missing last.
    """

    feature: str
    table: str
    verdict: Severity
    missing: float
    new_levels: float
    out_of_range: float
    mean: float | None
    effect: float | None
    effect_change: float | None
    training: ShiftFigures | None
    recent: ShiftFigures | None
    recent_reason: str | None
    labels: list[str]
    counts: list[int]
    training_counts: list[float]


class ScorePart(TypedDict):
    """The PD's distribution; `edges` are the inner edges of the bins that are counted, `grades` loans by grade."""

    mean_pd: float
    training_mean_pd: float | None
    quantiles: dict[str, float | None]
    training: ShiftFigures
    recent: ShiftFigures | None
    edges: list[float]
    counts: list[int]
    training_counts: list[float]
    grades: dict[str, int]


class Migration(TypedDict):
    """Loans by grade a month before (rows) and tonight (columns); up is towards a lower PD. `doubled` rows repeat a
    loan, `other_grade` loans have a grade of another scale: neither is in the matrix.
    """

    grades: list[str]
    matrix: list[list[int]]
    new: int
    gone: int
    upgraded: int
    downgraded: int
    doubled: NotRequired[int]
    other_grade: NotRequired[int]


class SegmentFigures(TypedDict):
    """Loans of a segment, their mean PD, and their number by grade."""

    n: int
    mean_pd: float
    grades: list[int]


# dimension -> level -> figures
Segments = dict[str, dict[str, SegmentFigures]]


class RecentFigures(TypedDict):
    """A reference of the last nights as it is carried from night to night."""

    shares: list[float]
    rows: float
    effect: float | None
    breaches: int


class Carry(TypedDict):
    """`profile` names the bins; references over other bins are not compared with."""

    profile: str
    recent: dict[str, RecentFigures]


class LightRow(BandRow):
    """A grade of a matured vintage; `light` is green, amber or red."""

    light: str


class EstimateFigures(TypedDict):
    value: float
    standard_error: float
    interval: list[float]


class ReadFigures(TypedDict):
    """An outcome of a vintage. Before its window has ended: `matured` false and the reason. After: loans with a known
    outcome (n), lost from sight, with the event; the ranking; and for the final read, calibration by slope, level and
    grade.
    """

    matured: bool
    reason: NotRequired[str]
    event: NotRequired[str]
    n: NotRequired[int]
    lost: NotRequired[int]
    events: NotRequired[int]
    expected_defaults: NotRequired[float]
    auc: NotRequired[float | None]
    auc_interval: NotRequired[list[float] | None]
    auc_reason: NotRequired[str]
    slope: NotRequired[float | None]
    in_the_large: NotRequired[EstimateFigures | None]
    brier: NotRequired[float | None]
    calibration_reason: NotRequired[str]
    grades: NotRequired[list[LightRow]]


class ExpectedFigures(TypedDict):
    """What the PDs themselves expect. `auc_range` is the interval widened by `auc_error`, the back-test's; null before
    a vintage has matured.
    """

    is_estimate: bool
    auc: float | None
    reason: NotRequired[str]
    n: NotRequired[int]
    defaults: NotRequired[float]
    defaults_interval: NotRequired[list[float]]
    auc_interval: NotRequired[list[float]]
    brier: NotRequired[float]
    auc_range: NotRequired[list[float] | None]
    auc_error: NotRequired[float | None]


class Vintage(TypedDict):
    """The scores of a month. reads: early_3m, early_6m and final_12m."""

    month: str
    n: int
    mean_pd: float | None
    reads: dict[str, ReadFigures]
    estimate: ExpectedFigures


class Backtest(TypedDict):
    """How the estimate did on the vintages that have matured; nothing but the reason where none has."""

    vintages: int
    reason: NotRequired[str]
    auc_mean_error: NotRequired[float]
    auc_root_mean_square_error: NotRequired[float]
    auc_inside_interval: NotRequired[float]
    observed_over_expected: NotRequired[float | None]


class Performance(TypedDict):
    """Outcomes of earlier nights, read once per loan panel."""

    panel_as_of: NotRequired[str | None]
    panel_until: str
    vintages: list[Vintage]
    estimate_backtest: Backtest


class MonitoringDocument(TypedDict):
    """The whole file. `labels`: column -> level -> words; `performance` is null on a night without a new panel."""

    format: int
    source: str
    score_date: str
    model_version: str
    rows: int
    verdict: Severity
    findings: list[FindingRow]
    features: list[FeatureRow]
    score: ScorePart
    migration: Migration | None
    labels: dict[str, dict[str, str]]
    segments: Segments
    performance: Performance | None
    carry: Carry
    not_finite: NotRequired[dict[str, str]]
