"""The booster, read: its margins, its features' names and gains, its fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xgboost as xgb


def known_as(name: str) -> str:
    """A feature's name in the booster: XGBoost refuses [, ] and <, which columns of a lender's table may have."""
    for refused in "%[]<":  # % first, so that no two names become one
        name = name.replace(refused, f"%{ord(refused):02X}")
    return name


def rows_of(features: pd.DataFrame) -> pd.DataFrame:
    """The same rows under the booster's names."""
    return features.set_axis([known_as(name) for name in features.columns], axis=1, copy=False)


def margin(booster: xgb.Booster, features: pd.DataFrame) -> np.ndarray:
    """Uncalibrated logit of PD per row, float64 (n,)."""
    if not len(features):  # which XGBoost refuses
        return np.array([])
    values: np.ndarray = booster.inplace_predict(
        features.to_numpy(dtype=np.float32, copy=False), predict_type="margin", validate_features=False
    )
    return values.astype(np.float64)


def gains(booster: xgb.Booster, names: Sequence[str]) -> dict[str, float]:
    """Feature of `names` -> its total gain over all trees; only those that a tree splits on."""
    found = booster.get_score(importance_type="total_gain")
    return {name: float(np.sum(found[known_as(name)])) for name in names if known_as(name) in found}


def fingerprint(booster: xgb.Booster) -> str:
    """SHA-256 of the booster as booster.ubj stores it."""
    return hashlib.sha256(booster.save_raw("ubj")).hexdigest()
