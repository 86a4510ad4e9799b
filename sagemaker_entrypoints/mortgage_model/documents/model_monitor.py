"""SageMaker Model Monitor's statistics.json, constraints.json and constraint_violations.json.

Schemas: Amazon SageMaker Developer Guide, "Schema for Statistics", "… Constraints", "… Violations".
"""

from typing import NotRequired, TypedDict


class Common(TypedDict):
    num_present: int
    num_missing: int


class Bucket(TypedDict):
    lower_bound: float
    upper_bound: float
    count: float


class Sketch(TypedDict):
    """`data`: levels of the compactor, values on the last."""

    parameters: dict[str, float]
    data: list[list[float]]


class Kll(TypedDict):
    buckets: list[Bucket]
    sketch: Sketch


class NumericDistribution(TypedDict):
    kll: Kll


class NumericalStatistics(TypedDict):
    """Without a value, `common` alone."""

    common: Common
    mean: NotRequired[float]
    sum: NotRequired[float]
    std_dev: NotRequired[float]
    min: NotRequired[float]
    max: NotRequired[float]
    distribution: NotRequired[NumericDistribution]


class Level(TypedDict):
    value: str
    count: int


class Levels(TypedDict):
    buckets: list[Level]


class CategoricalDistribution(TypedDict):
    categorical: Levels


class StringStatistics(TypedDict):
    common: Common
    distinct_count: int
    distribution: CategoricalDistribution


class FeatureStatistics(TypedDict):
    """One of the two kinds of statistics."""

    name: str
    inferred_type: str
    numerical_statistics: NotRequired[NumericalStatistics]
    string_statistics: NotRequired[StringStatistics]


class Dataset(TypedDict):
    item_count: int


class Statistics(TypedDict):
    version: int
    dataset: Dataset
    features: list[FeatureStatistics]


class NumConstraints(TypedDict):
    is_non_negative: bool


class StringConstraints(TypedDict):
    domains: list[str]


class FeatureConstraint(TypedDict):
    """One of the two kinds of constraints."""

    name: str
    inferred_type: str
    completeness: float
    num_constraints: NotRequired[NumConstraints]
    string_constraints: NotRequired[StringConstraints]


class DistributionConstraints(TypedDict):
    perform_comparison: str
    comparison_threshold: float
    comparison_method: str
    categorical_comparison_threshold: float
    categorical_drift_method: str


class MonitoringConfig(TypedDict):
    evaluate_constraints: str
    emit_metrics: str
    datatype_check_threshold: float
    domain_content_threshold: float
    distribution_constraints: DistributionConstraints


class Constraints(TypedDict):
    version: int
    features: list[FeatureConstraint]
    monitoring_config: MonitoringConfig


class Violation(TypedDict):
    feature_name: str
    constraint_check_type: str
    description: str


class Violations(TypedDict):
    violations: list[Violation]
