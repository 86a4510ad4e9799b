"""metadata.json of a model: how it came about. metrics.json and trials.json: what a training writes beside it.
search_space.json: what its search, and SageMaker's tuning, may try.
"""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from mortgage_model.documents.model import CalibrationRecord


class SampleMetric(TypedDict):
    """A figure of n rows, `events` of them defaults; without a value there is a `reason`."""

    value: float | None
    n: int
    events: int
    reason: NotRequired[str]


# "<sample>-<metric>" -> figure, as metrics.json has them
SampleMetrics = dict[str, SampleMetric]


class SampleCounts(TypedDict):
    """Rows of a sample's months, those with a known label, and those of them that default."""

    rows: int
    labelled: int
    events: int


class Split(TypedDict):
    """First and last observation month (inclusive, 'YYYY-MM') of each sample."""

    train_start: str
    train_end: str
    validation_start: str
    validation_end: str
    oot_start: str
    oot_end: str


class RangeRecord(TypedDict):
    """Limits of a hyperparameter: `type` is integer or number, `log` draws evenly in the logarithm."""

    type: str
    min: float
    max: float
    log: NotRequired[bool]


class TrialRecord(TypedDict):
    """Hyperparameters tried, their mean log loss over the folds, and the rounds kept per fold."""

    parameters: dict[str, int | float]
    log_loss: float
    rounds: list[int]


class SearchRecord(TypedDict):
    """`best` is a place in `trials`; `ended_by` trials or seconds."""

    best: int
    ended_by: str
    trials: list[TrialRecord]


class LongRunRate(TypedDict):
    """The plain average over calendar years of the year's default rate, null without rows."""

    n: int
    events: int
    years: int
    rate: float | None


class GradeRate(LongRunRate):
    grade: str


class ThroughTheCycle(TypedDict):
    years: list[str]
    portfolio: LongRunRate
    grades: list[GradeRate]


class PanelFacts(TypedDict):
    rows: int
    files: int
    first_month: str
    last_month: str


class FeatureDescription(TypedDict):
    """A model feature: its inputs, and PD's direction in it (-1, 0, 1)."""

    inputs: list[str]
    unit: str | None
    label: str
    description: str
    monotone: int


class ContractName(TypedDict):
    name: str
    version: str


class TrainingRecord(TypedDict, total=False):
    """metadata.json: what the training knew to record; a validator says what is missing.

    Every model has the first five. `rows` and `events` are those of a model of any table (mortgage_model/table), the
    others those of a model of the loan panel: `matrix_sha256` by sample, `challenger` like `metrics`.
    """

    hyperparameters: Mapping[str, int | float]
    search: SearchRecord | None
    trees: int
    booster_sha256: str
    contract: ContractName
    rows: int
    events: int
    split: Split
    samples: dict[str, SampleCounts]
    metrics: SampleMetrics
    challenger: SampleMetrics
    stopped_by: str
    calibration: CalibrationRecord
    through_the_cycle: ThroughTheCycle
    matrix_sha256: dict[str, str]
    panel: PanelFacts
    features: dict[str, FeatureDescription]
    libraries: dict[str, str]
