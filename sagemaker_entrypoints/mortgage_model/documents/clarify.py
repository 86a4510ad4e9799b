"""explainability.json and bias.json: the parts of SageMaker Clarify's analysis.json that we write.

Layout: AWS, SageMaker developer guide, "Analysis results".
"""

from typing import NotRequired, TypedDict


class GlobalShap(TypedDict):
    global_shap_values: dict[str, float]
    reason: NotRequired[str]


class Explainability(TypedDict):
    """method -> label -> values"""

    version: str
    explanations: dict[str, dict[str, GlobalShap]]


class BiasMetric(TypedDict):
    name: str
    description: str
    value: float


class Facet(TypedDict):
    value_or_threshold: str
    metrics: list[BiasMetric]


class PostTrainingBias(TypedDict):
    label: str
    label_value_or_threshold: str
    facets: dict[str, list[Facet]]


class Bias(TypedDict):
    version: str
    post_training_bias_metrics: PostTrainingBias
