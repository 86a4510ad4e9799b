"""From contract columns to the model's matrix: a fitted, serialised spec that training and serving share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from contracts.faults import DataFault
from contracts.model import Contract, DerivedFeature
from mortgage_model.scoring.formulas import evaluate

OTHER = "OTHER"
# A level needs this share of the training rows, or it is pooled into OTHER.
MINIMUM_LEVEL_SHARE = 0.005
# Rows of average default rate added to a level before levels are ordered, so that a small one stays near the
# middle.
LEVEL_PRIOR_ROWS = 500.0
# The reference is taken from about this many rows, evenly spaced.
REFERENCE_ROWS = 200_000


class FeatureError(DataFault):
    """The rows given do not hold what the feature spec needs."""


@dataclass(frozen=True)
class FeatureSpec:
    """What the model is fed, in order: numeric columns, categorical codes, the contract's derived features.

    `inputs` are the contract's feature columns in the contract's order. `levels` gives each categorical
    column's levels by rising default rate in training; a level's code is its place. A level not listed takes
    OTHER's code, or counts as missing where no level was pooled. `constraints` holds PD's direction (-1, 0,
    1) per model feature, `reference` its usual value in training: the median, the most frequent level.
    """

    inputs: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    engineered: tuple[DerivedFeature, ...]
    names: tuple[str, ...]
    constraints: tuple[int, ...]
    reference: tuple[float | None, ...] = ()

    @classmethod
    def fit(cls, frame: pd.DataFrame, labels: np.ndarray, contract: Contract) -> FeatureSpec:
        """Fit on training rows: `frame` (n rows, contract feature columns), `labels` (n, 0 or 1)."""
        columns = contract.with_role("feature")
        untyped = [column.name for column in columns if column.type == "date"]
        if untyped:
            raise FeatureError(f"a date cannot be a feature: {', '.join(untyped)}")
        inputs = tuple(column.name for column in columns)
        replaced = {name for feature in contract.derived for name in feature.replaces}
        kept = [column for column in columns if column.name not in replaced]
        spec = cls(
            inputs=inputs,
            levels={c.name: _fit_levels(_column(frame, c.name), labels) for c in columns if c.categorical},
            engineered=contract.derived,
            names=tuple(column.name for column in kept) + tuple(feature.name for feature in contract.derived),
            constraints=tuple(0 if column.categorical else column.monotone for column in kept)
            + tuple(feature.monotone for feature in contract.derived),
        )
        some = spec.transform(frame.iloc[:: max(1, len(frame) // REFERENCE_ROWS)])
        return replace(spec, reference=tuple(_usual(some[name], name in spec.levels) for name in spec.names))

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The model's features, float32, columns `names`, one row per row of `frame`; missing values are NaN.

        Inputs are rounded to float32 before anything is computed from them, so that rows read from float32
        storage, Parquet doubles, CSV text or JSON give identical features. Raises FeatureError for a missing
        column.
        """
        matrix = np.empty((len(frame), len(self.names)), dtype=np.float32)
        formulas = {feature.name: feature.formula for feature in self.engineered}
        for position, name in enumerate(self.names):
            if name in formulas:
                matrix[:, position] = evaluate(
                    formulas[name],
                    lambda column: _numbers(frame, column).astype(np.float64),
                    lambda column: _column(frame, column).isna().to_numpy(),
                )
            elif name in self.levels:
                matrix[:, position] = _encode(_column(frame, name), self.levels[name])
            else:
                matrix[:, position] = _numbers(frame, name)
        return pd.DataFrame(matrix, columns=list(self.names), index=frame.index, copy=False)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> FeatureSpec:
        """Inverse of to_json."""
        derived = tuple(DerivedFeature(**{**one, "replaces": tuple(one["replaces"])}) for one in document["engineered"])
        values = {name: tuple(document[name]) for name in ("inputs", "names", "constraints", "reference")}
        levels = {name: tuple(levels) for name, levels in document["levels"].items()}
        return cls(levels=levels, engineered=derived, **values)


def describe_features(spec: FeatureSpec, contract: Contract) -> dict[str, dict[str, Any]]:
    """Model feature -> {"inputs", "unit", "label", "description", "monotone"}, for the report and the model card."""
    derived = {feature.name: feature for feature in spec.engineered}
    described: dict[str, dict[str, Any]] = {}
    for name, monotone in zip(spec.names, spec.constraints, strict=True):
        declared = derived.get(name) or contract.column(name)
        described[name] = {
            "inputs": list(derived[name].inputs) if name in derived else [name],
            "unit": declared.unit,
            "label": declared.label,
            "description": declared.description,
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


def _usual(values: pd.Series, categorical: bool) -> float | None:
    """Median, or most frequent level, of the values that are there; None where most are missing."""
    present = values.dropna()
    if 2 * len(present) < len(values) or not len(present):
        return None
    # The lower median is a value that occurs; between two, a count would have none.
    return float(present.mode().iloc[0] if categorical else present.quantile(0.5, interpolation="lower"))


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
