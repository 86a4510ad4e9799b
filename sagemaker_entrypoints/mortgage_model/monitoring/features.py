"""Data drift of a night's scoring input: against the model's training sample and against the last nights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from contracts.model import Column, Contract
from mortgage_model.development.profile import profile_bins, reference_counts
from mortgage_model.documents.monitoring import ShiftFigures
from mortgage_model.documents.profile import ReferenceProfile
from mortgage_model.statistics import NotComputable, drift
from mortgage_model.statistics.many_tests import benjamini_hochberg, holm
from mortgage_model.statistics.stability import psi

# Features from this table move for all loans of a state on the day of a release: a step is their nature.
ECONOMY = "economic_indicators"


@dataclass(frozen=True)
class Shift:
    """One distribution against a reference. p_value: chi-square over all bins; ks and ks_p: numeric features only."""

    psi: float
    interval: tuple[float, float]
    p_value: float
    ks: float | None
    ks_p: float | None

    def to_json(self, adjusted: tuple[float, float] | None = None) -> ShiftFigures:
        figures: ShiftFigures = {
            "psi": _short(self.psi),
            "interval": [_short(end) for end in self.interval],
            "p_value": self.p_value,
            "ks": None if self.ks is None else _short(self.ks),
            "ks_p": self.ks_p,
        }
        if adjusted:
            figures["p_holm"], figures["p_bh"] = adjusted
        return figures


def shift(reference: np.ndarray, tonight: np.ndarray, ordered: bool) -> Shift:
    """Compare counts over the same bins, missing last; raises NotComputable. `ordered`: bins rise, so KS is defined."""
    used = (reference > 0) | (tonight > 0)
    ks = ks_p = None
    if ordered and reference[:-1].sum() > 0 and tonight[:-1].sum() > 0:
        ks, ks_p = drift.binned_ks(reference[:-1], tonight[:-1])
    before, now = reference[used], tonight[used]
    return Shift(psi(before, now), drift.psi_interval(before, now), drift.chi_square_p(before, now), ks, ks_p)


@dataclass(frozen=True)
class FeatureNight:
    """One input feature tonight. `counts`: over the reference profile's bins, the missing ones last."""

    name: str
    table: str
    ordered: bool
    labels: list[str]
    counts: np.ndarray
    reference: np.ndarray
    mean: float | None
    new_levels: float
    out_of_range: float
    effect: float | None

    @property
    def rows(self) -> int:
        return int(self.counts.sum())

    @property
    def missing(self) -> float:
        return float(self.counts[-1] / self.counts.sum()) if self.counts.sum() else 0.0


def measure(
    frame: pd.DataFrame, profile: ReferenceProfile, contract: Contract, effects: Mapping[str, float]
) -> tuple[list[FeatureNight], list[str]]:
    """Every feature of `profile` in `frame` (contract feature columns); and the names of columns that are not there.

    effects: feature -> mean contribution to the log-odds, those that are known.
    """
    nights, absent = [], []
    for name, reference in profile["features"].items():
        if name not in frame:
            absent.append(name)
            continue
        values, column = frame[name], contract.column(name)
        counts = profile_bins(values, reference)
        labels, expected = reference_counts(reference, profile["rows"])
        numeric = reference["type"] == "numeric"
        present = values.dropna()
        nights.append(
            FeatureNight(
                name=name,
                table=column.sources[0].partition(".")[0] if column.sources else "",
                ordered=numeric,
                labels=labels,
                counts=counts.astype(float),
                reference=expected,
                mean=float(present.mean()) if numeric and len(present) else None,
                new_levels=0.0 if numeric or not len(values) else float(counts[-2] / len(values)),
                out_of_range=_out_of_range(present, column),
                effect=effects.get(name),
            )
        )
    return nights, absent


def _out_of_range(present: pd.Series, column: Column) -> float:
    """Share of the present values outside what the contract allows."""
    if not len(present):
        return 0.0
    if column.allowed is not None:
        return float((~present.isin(column.allowed)).mean())
    low = -np.inf if column.minimum is None else column.minimum
    high = np.inf if column.maximum is None else column.maximum
    return 0.0 if column.categorical else float((~present.between(low, high)).mean())


def adjusted(shifts: Mapping[str, Shift]) -> dict[str, tuple[float, float]]:
    """Feature -> p of its chi-square test adjusted for all features together: by Holm, by Benjamini-Hochberg."""
    p = np.array([found.p_value for found in shifts.values()])
    return dict(zip(shifts, zip(holm(p).tolist(), benjamini_hochberg(p).tolist(), strict=True), strict=True))


def shifts_to_training(nights: list[FeatureNight]) -> dict[str, Shift]:
    """Feature -> shift against the training sample; features without rows are left out."""
    found = {}
    for night in nights:
        try:
            found[night.name] = shift(night.reference, night.counts, night.ordered)
        except NotComputable:
            continue
    return found


def _short(value: float) -> float:
    return round(value, 6)
