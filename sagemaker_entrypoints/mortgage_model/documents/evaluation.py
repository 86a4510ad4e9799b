"""evaluation.json: SageMaker's model-quality layout with our own evidence beside it, under `mortgage`."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from mortgage_model.documents.bands import BandRow
from mortgage_model.documents.battery import CheckRecord
from mortgage_model.documents.gate import Threshold
from mortgage_model.documents.training import ContractName, FeatureDescription, PanelFacts

# Metrics in words, for the gate's reasons and the report.
METRIC_NAMES = {
    "auc": "AUC",
    "auc_delong": "AUC, DeLong interval",
    "gini": "Gini",
    "ks": "KS",
    "average_precision": "PR-AUC",
    "brier": "Brier score",
    "brier_skill": "Brier skill",
    "log_loss": "log loss",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
    "calibration_in_the_large": "calibration in the large",
    "expected_calibration_error": "expected calibration error",
    "default_rate": "default rate",
    "mean_pd": "mean PD",
    "defaulted_loans": "number of loans that default",
    "auc_drop": "drop of AUC",
    "psi": "PSI of the PD",
}


class Metric(TypedDict):
    """A figure of n rows, `events` of them defaults. Without a value there is a `reason`, without an interval there may
    be an `interval_reason`. `interval_method` is there where it is not the loan bootstrap.
    """

    value: float | None
    n: int
    events: int
    interval: list[float] | None
    standard_deviation: float | None
    reason: NotRequired[str]
    interval_reason: NotRequired[str]
    interval_method: NotRequired[str]


# sample ("train", "validation", "oot", "train_to_oot") -> metric -> figure
Metrics = dict[str, dict[str, Metric]]


class SampleFacts(TypedDict):
    """First and last month are the split's bounds, inclusive; the hash is that of the rows as the booster saw them."""

    first_month: str
    last_month: str
    n: int
    events: int
    loans: int
    matrix_sha256: str


class GradeRow(BandRow):
    """A grade of the master scale, from `pd_from` up to `pd_to`."""

    pd_from: float
    pd_to: float
    jeffreys_p: float


class ShiftRow(TypedDict):
    """A bin's share of training and of out-of-time rows, and its part of the PSI."""

    bin: str
    train: float
    oot: float
    contribution: float


class FeatureShift(TypedDict):
    """CSI of an input; null with a reason, and without the rest, where it has no value."""

    feature: str
    csi: float | None
    missing_train: NotRequired[float]
    missing_oot: NotRequired[float]
    bins: NotRequired[list[ShiftRow]]
    reason: NotRequired[str]


class BreakdownRow(TypedDict):
    """A year's or vintage's figures; a cell of too few rows is suppressed: key and sample, nothing else."""

    key: str
    sample: str
    suppressed: bool
    n: NotRequired[int]
    events: NotRequired[int]
    observed_rate: NotRequired[float]
    mean_pd: NotRequired[float]
    interval: NotRequired[list[float]]
    auc: NotRequired[Metric]


class MonthRow(TypedDict):
    month: str
    sample: str
    n: int
    events: int
    observed_rate: float
    mean_pd: float


class CapCurve(TypedDict):
    """Share of loans taken riskiest first, share of defaults found so far."""

    population: list[float]
    defaults: list[float]


class ScoreHistogram(TypedDict):
    """Shares of defaults and of other loans between `edges` (PDs), one fewer than edges."""

    edges: list[float]
    defaults: list[float]
    others: list[float]


class BootstrapFacts(TypedDict):
    replicates: int
    seed: int
    unit: str
    interval: str


class ModelFacts(TypedDict):
    """What the model's metadata says of it; null where it does not."""

    hyperparameters: Mapping[str, int | float] | None
    trees: int | None
    booster_sha256: str | None
    features: dict[str, FeatureDescription] | None
    panel: PanelFacts | None


class RunFacts(TypedDict):
    """What the pipeline said about the run."""

    as_of_date: str
    source: str
    training_job: str
    model_uri: str
    panel_manifest_uri: str
    git_commit: str
    seed: int
    retrain: bool


class Provenance(RunFacts):
    created_at: str
    contract: ContractName | None
    training_libraries: dict[str, str] | None
    libraries: dict[str, str]
    model_sha256: NotRequired[str]
    thresholds_sha256: NotRequired[str]


class ModelEvidence(TypedDict):
    """The part under `mortgage`. `psi`: the PD's shift bin by bin, empty where it has none; `csi`: features, largest
    first; `thresholds` are added when the gate judges.
    """

    format: int
    as_of_date: str
    source: str
    horizon_months: int
    samples: dict[str, SampleFacts]
    metrics: Metrics
    bootstrap: BootstrapFacts
    deciles: dict[str, list[BandRow]]
    grades: dict[str, list[GradeRow]]
    cap: CapCurve
    score_histogram: ScoreHistogram
    psi: list[ShiftRow]
    csi: list[FeatureShift]
    by_year: list[BreakdownRow]
    by_vintage: list[BreakdownRow]
    by_month: list[MonthRow]
    checks: list[CheckRecord]
    model: ModelFacts
    provenance: Provenance
    thresholds: NotRequired[list[Threshold]]


class QualityFigure(TypedDict):
    """SageMaker's metric: a standard deviation that does not exist is the text "NaN"."""

    value: float | None
    standard_deviation: float | str
    reason: NotRequired[str]


class RocCurve(TypedDict):
    false_positive_rates: list[float]
    true_positive_rates: list[float]


class PrecisionRecallCurve(TypedDict):
    precisions: list[float]
    recalls: list[float]


class ModelQuality(TypedDict):
    """SageMaker's `binary_classification_metrics`; the cut-off and its figures are not there where it has no value."""

    decision_threshold: float | None
    reason: NotRequired[str]
    confusion_matrix: NotRequired[dict[str, dict[str, int]]]
    recall: NotRequired[QualityFigure]
    precision: NotRequired[QualityFigure]
    accuracy: NotRequired[QualityFigure]
    recall_best_constant_classifier: NotRequired[QualityFigure]
    precision_best_constant_classifier: NotRequired[QualityFigure]
    accuracy_best_constant_classifier: NotRequired[QualityFigure]
    true_positive_rate: NotRequired[QualityFigure]
    true_negative_rate: NotRequired[QualityFigure]
    false_positive_rate: NotRequired[QualityFigure]
    false_negative_rate: NotRequired[QualityFigure]
    f0_5: NotRequired[QualityFigure]
    f1: NotRequired[QualityFigure]
    f2: NotRequired[QualityFigure]
    receiver_operating_characteristic_curve: NotRequired[RocCurve]
    precision_recall_curve: NotRequired[PrecisionRecallCurve]
    auc: QualityFigure
    au_prc: QualityFigure
    brier: QualityFigure
    log_loss: QualityFigure
    ks: QualityFigure
    gini: QualityFigure


class Evaluation(TypedDict):
    """The whole file. `not_finite`: path -> text of every number that JSON does not have, null at its place."""

    binary_classification_metrics: ModelQuality
    mortgage: ModelEvidence
    not_finite: NotRequired[dict[str, str]]
