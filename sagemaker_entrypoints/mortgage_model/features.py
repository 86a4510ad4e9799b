"""From contract columns to the model's matrix: a fitted, serialised spec that training and serving share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from contracts.model import Contract

OTHER = "OTHER"
# A level needs this share of the training rows, or it is pooled into OTHER.
MINIMUM_LEVEL_SHARE = 0.005
# Rows of average default rate added to a level before levels are ordered, so that a small one stays near the
# middle.
LEVEL_PRIOR_ROWS = 500.0


class FeatureError(ValueError):
    """The rows given do not hold what the feature spec needs."""


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """numerator / denominator, NaN where the denominator is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


@dataclass(frozen=True)
class EngineeredFeature:
    """A feature computed from one row's contract columns.

    `replaces` names inputs that the model sees only through this feature: an appraised value means little
    beside the loan's current LTV, and a national series such as the mortgage rate would let trees learn the
    calendar.
    """

    name: str
    inputs: tuple[str, ...]
    formula: Callable[..., np.ndarray]
    monotone: int
    unit: str
    description: str
    replaces: tuple[str, ...] = ()


ENGINEERED: tuple[EngineeredFeature, ...] = (
    EngineeredFeature(
        name="current_ltv",
        inputs=("current_upb", "appraised_value", "house_price_index_ratio"),
        formula=lambda upb, value, index_ratio: 100.0 * _ratio(upb, value * index_ratio),
        monotone=1,
        unit="percent",
        description="Unpaid balance over the appraised value carried forward by the house-price index",
        replaces=("appraised_value", "house_price_index_ratio"),
    ),
    EngineeredFeature(
        name="current_cltv",
        inputs=("current_upb", "appraised_value", "house_price_index_ratio", "cltv", "ltv"),
        formula=lambda upb, value, index_ratio, cltv, ltv: 100.0 * _ratio(upb, value * index_ratio) * _ratio(cltv, ltv),
        monotone=1,
        unit="percent",
        description="Current LTV with second liens in the proportion they had at origination",
    ),
    EngineeredFeature(
        name="rate_incentive",
        inputs=("current_interest_rate", "mortgage_rate_30y"),
        formula=lambda rate, market: rate - market,
        monotone=0,
        unit="percentage points",
        description="The loan's rate above the 30-year mortgage rate: what refinancing would save",
        replaces=("mortgage_rate_30y",),
    ),
    EngineeredFeature(
        name="payment_shock",
        inputs=("current_interest_rate", "interest_rate"),
        formula=lambda rate, note_rate: rate - note_rate,
        monotone=1,
        unit="percentage points",
        description="Rise of the loan's rate since origination",
        replaces=("current_interest_rate",),
    ),
    EngineeredFeature(
        name="paydown_ratio",
        inputs=("current_upb", "original_upb"),
        formula=_ratio,
        monotone=0,
        unit="ratio",
        description="Unpaid balance over the original balance",
        replaces=("current_upb",),
    ),
)


@dataclass(frozen=True)
class FeatureSpec:
    """What the model is fed, in order: numeric columns, categorical codes, engineered features.

    `inputs` are the contract's feature columns in the contract's order. `levels` gives each categorical
    column's levels by rising default rate in training; a level's code is its place. A level not listed takes
    OTHER's code, or counts as missing where no level was pooled. `constraints` holds PD's direction (-1, 0,
    1) per model feature.
    """

    inputs: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    engineered: tuple[str, ...]
    names: tuple[str, ...]
    constraints: tuple[int, ...]

    @classmethod
    def fit(cls, frame: pd.DataFrame, labels: np.ndarray, contract: Contract) -> FeatureSpec:
        """Fit on training rows: `frame` (n rows, contract feature columns), `labels` (n, 0 or 1)."""
        columns = contract.with_role("feature")
        untyped = [column.name for column in columns if column.type not in ("string", "integer", "number")]
        if untyped:
            raise FeatureError(f"features must be string, integer or number columns: {', '.join(untyped)}")
        inputs = tuple(column.name for column in columns)
        engineered = [feature for feature in ENGINEERED if set(feature.inputs) <= set(inputs)]
        replaced = {name for feature in engineered for name in feature.replaces}
        kept = [column for column in columns if column.name not in replaced]
        return cls(
            inputs=inputs,
            levels={c.name: _fit_levels(_column(frame, c.name), labels) for c in columns if c.categorical},
            engineered=tuple(feature.name for feature in engineered),
            names=tuple(column.name for column in kept) + tuple(feature.name for feature in engineered),
            constraints=tuple(0 if column.categorical else column.monotone for column in kept)
            + tuple(feature.monotone for feature in engineered),
        )

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The model's features, float32, columns `names`, one row per row of `frame`; missing values are NaN.

        Inputs are rounded to float32 before anything is computed from them, so that rows read from float32
        storage, Parquet doubles, CSV text or JSON give identical features. Raises FeatureError for a missing
        column.
        """
        matrix = np.empty((len(frame), len(self.names)), dtype=np.float32)
        formulas = {feature.name: feature for feature in ENGINEERED if feature.name in self.engineered}
        for position, name in enumerate(self.names):
            if name in formulas:
                inputs = [_numbers(frame, column).astype(np.float64) for column in formulas[name].inputs]
                matrix[:, position] = formulas[name].formula(*inputs)
            elif name in self.levels:
                matrix[:, position] = _encode(_column(frame, name), self.levels[name])
            else:
                matrix[:, position] = _numbers(frame, name)
        return pd.DataFrame(matrix, columns=list(self.names), index=frame.index, copy=False)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> FeatureSpec:
        """Inverse of to_json. Raises FeatureError for an engineered feature that this code does not know."""
        unknown = set(document["engineered"]) - {feature.name for feature in ENGINEERED}
        if unknown:
            raise FeatureError(f"the model needs engineered features unknown here: {', '.join(sorted(unknown))}")
        values = {name: tuple(document[name]) for name in ("inputs", "engineered", "names", "constraints")}
        return cls(levels={name: tuple(levels) for name, levels in document["levels"].items()}, **values)


def describe_features(spec: FeatureSpec, contract: Contract) -> dict[str, dict[str, Any]]:
    """Model feature -> {"inputs", "unit", "description", "monotone"}, for the report and the model card."""
    declared: dict[str, tuple[tuple[str, ...], str | None, str]] = {
        feature.name: (feature.inputs, feature.unit, feature.description) for feature in ENGINEERED
    }
    described: dict[str, dict[str, Any]] = {}
    for name, monotone in zip(spec.names, spec.constraints, strict=True):
        if name in spec.engineered:
            inputs, unit, description = declared[name]
        else:
            column = contract.column(name)
            inputs, unit, description = (name,), column.unit, column.description
        described[name] = {
            "inputs": list(inputs),
            "unit": unit,
            "description": description,
            "monotone": monotone,
        }
    return described


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    try:
        return frame[name]
    except KeyError:
        raise FeatureError(f"column {name} is missing; the model needs it") from None


def _numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    column = _column(frame, name)
    try:
        return column.to_numpy(dtype=np.float32, na_value=np.nan)
    except (TypeError, ValueError):
        raise FeatureError(f"column {name} must hold numbers") from None


def _fit_levels(values: pd.Series, labels: np.ndarray) -> tuple[str, ...]:
    """Levels by rising smoothed default rate, rare ones pooled into OTHER; ties by name."""
    present = values.notna().to_numpy()
    counts = (
        pd.DataFrame({"level": values[present].astype(str), "label": labels[present]})
        .groupby("level")["label"]
        .agg(["size", "sum"])
    )
    rare = counts["size"] < MINIMUM_LEVEL_SHARE * len(values)
    counts = counts.groupby(counts.index.where(~rare, OTHER)).sum()
    rate = (counts["sum"] + LEVEL_PRIOR_ROWS * labels.mean()) / (counts["size"] + LEVEL_PRIOR_ROWS)
    return tuple(sorted(counts.index, key=lambda level: (rate[level], level)))


def _encode(values: pd.Series, levels: tuple[str, ...]) -> np.ndarray:
    codes = pd.Categorical(values, categories=list(levels)).codes
    encoded = np.where(codes < 0, np.nan, codes).astype(np.float32)
    if OTHER in levels:
        encoded[(codes < 0) & values.notna().to_numpy()] = levels.index(OTHER)
    return encoded
