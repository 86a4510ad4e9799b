"""The files of model.tar.gz that make a model, each as JSON; metadata.json and the profile have files of their own."""

from collections.abc import Sequence
from typing import Any, TypedDict


class DerivedFeatureRecord(TypedDict):
    """A feature that the model computes, see contracts.model.DerivedFeature."""

    name: str
    formula: str
    label: str
    description: str
    unit: str | None
    monotone: int
    replaces: Sequence[str]


class FeatureSpecRecord(TypedDict):
    """feature_spec.json, see scoring/features.py."""

    inputs: Sequence[str]
    levels: dict[str, Sequence[str]]
    engineered: Sequence[DerivedFeatureRecord]
    names: Sequence[str]
    constraints: Sequence[int]
    reference: Sequence[float | None]


class CalibrationRecord(TypedDict):
    """calibration.json, see scoring/calibration.py."""

    intercept: float
    slope: float
    method: str
    margins: Sequence[float]
    log_odds: Sequence[float]
    reason: str
    log_loss: dict[str, float]


class Band(TypedDict):
    """A grade of master_scale.json, a list: pd_from <= PD < pd_to."""

    grade: str
    pd_from: float
    pd_to: float


class BinsRecord(TypedDict):
    edges: Sequence[float]
    weights: Sequence[float]
    missing: float


class ChallengerRecord(TypedDict):
    """challenger.json, see scoring/challenger.py."""

    intercept: float
    coefficients: dict[str, float]
    bins: dict[str, BinsRecord]


class ContractRecord(TypedDict):
    """contract.json: the contract's features. Columns, derived features and factors by the fields of contracts/model.py
    as they were when the model was trained.
    """

    name: str
    version: str
    description: str
    grain: str
    columns: list[dict[str, Any]]
    derived: list[dict[str, Any]]
    factors: list[dict[str, Any]]
