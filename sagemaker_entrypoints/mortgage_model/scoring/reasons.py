"""Why a loan's PD is above the usual: exact SHAP contributions by factor, and up to four reason codes.

A factor is a feature, or features that the contract declares as one reason (`Contract.factors`). Contributions are
TreeSHAP's (Lundberg et al. 2020), exact for the booster: a row's contributions and `base_margin` add up to the
booster's margin, the log-odds of default before calibration, which keeps their order.

A reason code is `factor:direction`, direction one of DIRECTIONS: `credit_score:low`. A factor is a reason only where
it raises the PD twice over: its contribution is positive, and moving its features to their usual values in training
lowers the margin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xgboost as xgb

from contracts.model import Contract, Factor
from mortgage_model.scoring import booster as boosting
from mortgage_model.scoring.artifact import MortgageModel

TOP = 4
DIRECTIONS = ("high", "low", "missing", "category")
# Log-odds below which an effect is no reason to name: 1 % of the odds.
SMALLEST_EFFECT = 0.01


def factors(contract: Contract, names: Sequence[str]) -> tuple[Factor, ...]:
    """The factors of a model with features `names`: the declared ones first, then every other feature alone."""
    declared = [
        Factor(factor.name, factor.label, tuple(name for name in factor.features if name in names))
        for factor in contract.factors
    ]
    grouped = {name for factor in declared for name in factor.features}
    labels = contract.feature_labels
    alone = [Factor(name, labels[name], (name,)) for name in names if name not in grouped]
    return (*(factor for factor in declared if factor.features), *alone)


def contributions(model: MortgageModel, frame: pd.DataFrame) -> pd.DataFrame:
    """Log-odds (n rows of contract columns, a column per factor) that each factor adds to `base_margin`."""
    known = factors(model.contract, model.spec.names)
    per_feature = by_feature(model, model.spec.transform(frame))
    return pd.DataFrame(_by_factor(model, per_feature, known), columns=[f.name for f in known], index=frame.index)


def base_margin(model: MortgageModel) -> float:
    """The booster's margin averaged over its training rows: what contributions start from."""
    row = _matrix(model, np.full((1, len(model.spec.names)), np.nan, np.float32))
    return float(model.booster.predict(row, pred_contribs=True)[0, -1])


def reason_codes(model: MortgageModel, frame: pd.DataFrame, top: int = TOP) -> pd.DataFrame:
    """Columns reason_1 … reason_`top`: codes of the factors that raise a loan's PD most, then None."""
    features = model.spec.transform(frame)
    matrix = features.to_numpy()
    known = factors(model.contract, model.spec.names)
    per_feature = by_feature(model, features)
    ranked = _by_factor(model, per_feature, known)
    order = np.argsort(-ranked, axis=1, kind="stable")
    margins = boosting.margin(model.booster, features)
    chosen = np.full((len(matrix), top), -1)
    found = np.zeros(len(matrix), dtype=int)
    rows = np.arange(len(matrix))
    for rank in range(len(known)):
        rows = rows[(found[rows] < top) & (ranked[rows, order[rows, rank]] > SMALLEST_EFFECT)]
        if not len(rows):
            break
        candidates = order[rows, rank]
        moved = matrix[rows]
        for position in np.unique(candidates):
            _to_reference(model, moved, known[position], candidates == position)
        lowered = margins[rows] - boosting.margin(model.booster, pd.DataFrame(moved, copy=False)) > SMALLEST_EFFECT
        raising = rows[lowered]
        chosen[raising, found[raising]] = candidates[lowered]
        found[raising] += 1
    codes = np.full(chosen.shape, None, dtype=object)
    for position, factor in enumerate(known):
        told, place = np.nonzero(chosen == position)
        directions = _directions(model, factor, matrix[told], per_feature[told])
        codes[told, place] = [f"{factor.name}:{direction}" for direction in directions]
    return pd.DataFrame(codes, columns=[f"reason_{i + 1}" for i in range(top)], index=frame.index)


def at_reference(model: MortgageModel, features: pd.DataFrame, factor: str) -> pd.DataFrame:
    """The transformed rows with one factor's features at their usual values."""
    (found,) = (known for known in factors(model.contract, model.spec.names) if known.name == factor)
    matrix = features.to_numpy(copy=True)
    _to_reference(model, matrix, found, np.ones(len(matrix), dtype=bool))
    return pd.DataFrame(matrix, columns=features.columns, index=features.index)


def explain(contract: Contract, code: str) -> str:
    """A reason code in plain words. ValueError for a code that the contract cannot mean."""
    name, _, direction = code.rpartition(":")
    labels = {factor.name: factor.label for factor in factors(contract, list(contract.feature_labels))}
    if name not in labels or direction not in DIRECTIONS:
        raise ValueError(f"{code!r} is no reason code of contract {contract.name} {contract.version}")
    return labels[name] if direction == "category" else f"{labels[name]} is {direction}"


def by_feature(model: MortgageModel, features: pd.DataFrame) -> np.ndarray:
    """Contribution per transformed row and model feature, log-odds, float32."""
    rows = _matrix(model, features.to_numpy())
    return model.booster.predict(rows, pred_contribs=True)[:, :-1]


def _matrix(model: MortgageModel, values: np.ndarray) -> xgb.DMatrix:
    return xgb.DMatrix(values, feature_names=[boosting.known_as(name) for name in model.spec.names])


def _by_factor(model: MortgageModel, per_feature: np.ndarray, known: Sequence[Factor]) -> np.ndarray:
    return np.column_stack([per_feature[:, _places(model, factor)].sum(axis=1) for factor in known])


def _places(model: MortgageModel, factor: Factor) -> list[int]:
    return [model.spec.names.index(name) for name in factor.features]


def _to_reference(model: MortgageModel, matrix: np.ndarray, factor: Factor, rows: np.ndarray) -> None:
    for place in _places(model, factor):
        usual = model.spec.reference[place]
        matrix[rows, place] = np.nan if usual is None else usual


def _directions(model: MortgageModel, factor: Factor, matrix: np.ndarray, per_feature: np.ndarray) -> list[str]:
    """Direction per row: of the factor's first feature where it speaks against the loan, else of its strongest.

    A feature speaks against a loan where it differs from its usual value, and to the side that raises the PD where
    the contract says which. A later feature's direction is told in the first one's terms: few months since the last
    late payment make the delinquency high.
    """
    places = _places(model, factor)
    reference = np.array([np.nan if usual is None else usual for usual in model.spec.reference], dtype=np.float32)
    monotone = np.array(model.spec.constraints)[places]
    values, usual = matrix[:, places], reference[places]
    side = np.sign(np.where(np.isnan(usual), np.where(monotone == 0, 1, monotone), values - usual))
    adverse = np.where(monotone == 0, np.isnan(values) | (side != 0), side == monotone) & ~(
        np.isnan(values) & np.isnan(usual)
    )
    adverse[:, 0] |= np.isnan(values[:, 0]) & ~np.isnan(usual[0])
    strength = np.where(adverse, per_feature[:, places], -np.inf)
    strength[adverse[:, 0], 0] = np.inf
    told = strength.argmax(axis=1)
    rows = np.arange(len(values))
    flipped = monotone[told] * monotone[0] < 0
    words = np.where((side[rows, told] > 0) != flipped, "high", "low")
    words = np.where(np.isnan(values[rows, told]), "missing", words)
    categorical = np.array([name in model.spec.levels for name in factor.features])[told]
    return np.where(categorical & (words != "missing"), "category", words).tolist()
