"""A test of the validation's battery as evaluation.json holds it, and the rows that its `detail` may hold."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from mortgage_model.documents.bands import BandRow

Verdict = Literal["pass", "warn", "fail", "not_computable"]


class CheckRecord(TypedDict):
    """`verdict` is null where the gate has yet to judge `value`; `missing` says which input was not delivered.

    `detail` holds what the report draws, by the test's own keys; its rows have the types below.
    """

    id: str
    question: str
    why: str
    verdict: Verdict | None
    reason: str
    missing: str | None
    value: float | None
    interval: list[float] | None
    p_value: float | None
    n: int | None
    events: int | None
    detail: Mapping[str, Any]


class Segment(TypedDict):
    """discrimination.segments: a part of the out-of-time sample. Too few rows leave the first three keys alone."""

    segmentation: str
    segment: str
    judged: bool
    n: NotRequired[int]
    events: NotRequired[int]
    mean_pd: NotRequired[float]
    auc: NotRequired[float | None]
    interval: NotRequired[list[float] | None]
    reason: NotRequired[str]


class GradeTest(BandRow):
    """calibration.grades: is the PD of a grade too low, one month of each loan?"""

    jeffreys_p: float
    binomial_p: float
    holm_p: float


class YearLight(TypedDict):
    """calibration.traffic_light: a year of a sample; colour is green, yellow or red."""

    year: str
    sample: str
    n: int
    events: int
    mean_pd: float
    p_value: float
    colour: str


class FeatureAuc(TypedDict):
    """data.single_feature: how well one feature alone ranks the defaults of training."""

    feature: str
    auc: float


class FeatureStability(TypedDict):
    """stability.features: the CSI beside what sampling alone stays below."""

    feature: str
    csi: float
    critical_value: float


class PortfolioShift(TypedDict):
    """stability.representativeness: a feature, out of time against the loans to score. Economic ones are not judged."""

    feature: str
    psi: float
    critical_value: float
    judged: bool


class BandChange(TypedDict):
    """stability.score_bands: a decile of the training PDs, its defaults and expected defaults then and now."""

    band: int
    train_events: int
    train_expected: float
    oot_events: int
    oot_expected: float


class Criterion(TypedDict):
    """benchmark.*: the model's advantage over the other model, its interval, and how much worse is not yet worse."""

    criterion: str
    difference: float
    interval: list[float]
    margin: float


class Swap(TypedDict):
    """benchmark.*: the loans flagged by both models, by one of them or by none."""

    flagged_by: str
    n: int
    events: int
    observed_rate: float | None


class SourceLoss(TypedDict):
    """robustness.missing_block: what a source that is not delivered does to the ranking."""

    source: str
    columns: int
    auc: float
    mean_pd: float


class TwoSamples(TypedDict):
    """explanation.importance and .shap_ranks: a feature's figure in training and out of time."""

    feature: str
    train: float
    oot: float


class Profile(TypedDict):
    """explanation.profiles: the PD over a grid of one input; quantiles are the 10th, 50th and 90th percentile."""

    feature: str
    grid: list[float]
    mean: list[float]
    quantiles: list[list[float]]


# explanation.monotone_trees: a pair of leaves through which a feature moves the margin the wrong way. A row whose value
# rises past `threshold` goes from the leaf value `from` to `to`.
Violation = TypedDict(
    "Violation", {"tree": int, "feature": str, "direction": int, "from": float, "to": float, "threshold": float}
)


class Scenario(TypedDict):
    """stress.*: mean PD of the portfolio and of the loans of each of today's grades."""

    scenario: str
    mean_pd: float
    by_grade: dict[str, float]


class GroupRow(TypedDict):
    """fairness.impact: a group of a protected attribute against the group of it that is flagged least."""

    attribute: str
    group: str
    reference: str
    n: int
    events: int
    mean_pd: float
    observed_rate: float
    impact_ratio: float
    score_difference: float
    outcome_difference: float
    false_positive_rate: float | None
    false_negative_rate: float | None
    false_positive_gap: float | None


class Proxy(TypedDict):
    """fairness.proxy: how well a feature tells a group."""

    attribute: str
    group: str
    feature: str
    auc: float
