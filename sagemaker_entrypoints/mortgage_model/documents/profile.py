"""reference_profile.json: shares of the training sample, which later portfolios are compared with."""

from typing import Literal, TypedDict


class NumericProfile(TypedDict):
    """`edges` are the interior bin edges (k), bins closed on the right; `shares` (k + 1) are of non-missing rows."""

    type: Literal["numeric"]
    missing: float
    edges: list[float]
    shares: list[float]
    mean: float | None


class CategoricalProfile(TypedDict):
    """`shares` are of non-missing rows, by level."""

    type: Literal["categorical"]
    missing: float
    shares: dict[str, float]


FeatureProfile = NumericProfile | CategoricalProfile


class ReferenceProfile(TypedDict):
    rows: int
    features: dict[str, FeatureProfile]
    score: NumericProfile
