"""Maps the booster's margin to PD; fitted on the validation sample, strictly increasing, stored as JSON.

Logistic (Platt 1999): logit(PD) = intercept + slope * margin. Isotonic: logit(PD) linear between knots, from
isotonic regression (Zadrozny & Elkan 2002) of the bins' log-odds; it is kept where it loses less than the logistic
one by more than a standard error, on rows neither was fitted on. A sample that can calibrate nothing does not stop
the training: the model keeps its margins, says why, and the gate judges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import expit, logit
from sklearn.isotonic import isotonic_regression

from contracts.faults import DataFault
from mortgage_model.development.splits import Fold
from mortgage_model.statistics import NotComputable
from mortgage_model.statistics.calibration import calibration_in_the_large, log_loss_terms, recalibrate

METHODS = ("logistic", "isotonic", "intercept", "identity")
# Cross-fitting blocks, of whole loans: a loan's months tell nearly the same story.
BLOCKS = 5
# Defaults a bin of the isotonic calibration holds on average, and how many bins there are at most.
EVENTS_PER_BIN, LARGEST_BINS = 20, 50
# Least slope between knots, and the slope outside them. Without a floor, distinct scores would share a PD.
SLOPE_FLOOR, OUTER_SLOPE = 0.05, 1.0
OUTER_REACH = 30.0


class CalibrationError(DataFault):
    """A stored calibration cannot be read."""


@dataclass(frozen=True)
class Calibration:
    """logit(PD) = intercept + slope * margin; for `isotonic`, linear between (margins, log_odds).

    `reason` says why the method was taken; `log_loss` has each compared method's on rows it was not fitted on.
    """

    intercept: float
    slope: float
    method: str = "logistic"
    margins: tuple[float, ...] = ()
    log_odds: tuple[float, ...] = ()
    reason: str = ""
    log_loss: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Calibration:
        if document["method"] not in METHODS:
            raise CalibrationError(f"calibration method {document['method']!r} is unknown here")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
        }
        return cls(**values)


def fit(
    margins: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None, folds: Sequence[Fold] | None = None
) -> Calibration:
    """Logistic or isotonic on `margins` (n,) and `labels` (n, 0 or 1), by log loss out of fold.

    `groups` (n,) numbers the loan of each row, by default every row is one of its own: the standard error counts
    loans, not rows. `folds`: default BLOCKS blocks of whole groups. Where the sample holds one class only, the
    margins are kept (`identity`); where its best slope is not positive, they are shifted to its default rate
    (`intercept`).
    """
    groups = np.arange(len(labels)) if groups is None else groups
    try:
        logistic = _fit_logistic(margins, labels)
    except NotComputable as error:
        return Calibration(0.0, 1.0, "identity", reason=f"nothing can be calibrated on the sample: {error}")
    if not logistic.slope > 0:
        shift = calibration_in_the_large(labels, expit(margins)).value
        reason = (
            f"the calibration slope on the sample is {logistic.slope:.3f}: higher scores do not mean more defaults "
            "there, so only the level is fitted"
        )
        return Calibration(shift, 1.0, "intercept", reason=reason)
    try:
        terms = {
            method: _cross_fitted_terms(fitter, margins, labels, folds or _blocks(groups))
            for method, fitter in (("logistic", _fit_logistic), ("isotonic", _fit_isotonic))
        }
    except NotComputable as error:
        return replace(logistic, reason=f"an isotonic calibration cannot be compared: {error}")
    gain = terms["logistic"] - terms["isotonic"]
    losses = {method: float(values.mean()) for method, values in terms.items()}
    if gain.mean() > _clustered_error(gain, groups):
        reason = "it loses less on rows it was not fitted on, by more than a standard error"
        return replace(_fit_isotonic(margins, labels), reason=reason, log_loss=losses)
    reason = "the isotonic one is not better by more than a standard error on rows it was not fitted on"
    return replace(logistic, reason=reason, log_loss=losses)


def apply(calibration: Calibration, margins: np.ndarray) -> np.ndarray:
    """PD per margin, float64 in (0, 1)."""
    if calibration.method == "isotonic":
        return expit(np.interp(margins, calibration.margins, calibration.log_odds))
    return expit(calibration.intercept + calibration.slope * margins)


def _fit_logistic(margins: np.ndarray, labels: np.ndarray) -> Calibration:
    best = recalibrate(labels, expit(margins))
    return Calibration(best.intercept.value, best.slope.value)


def _fit_isotonic(margins: np.ndarray, labels: np.ndarray) -> Calibration:
    """Knots at the mean margins of bins with equally many rows; raises NotComputable for too few defaults.

    Isotonic regression of log-odds minus SLOPE_FLOOR times margin keeps every slope at or above the floor. The
    level is then shifted to the sample's default rate.
    """
    count = int(min(labels.sum(), (1 - labels).sum()) // EVENTS_PER_BIN)
    edges = np.unique(np.quantile(margins, np.linspace(0, 1, max(1, min(count, LARGEST_BINS)) + 1)[1:-1]))
    if not len(edges):
        raise NotComputable(f"an isotonic calibration needs {2 * EVENTS_PER_BIN} defaults and distinct scores")
    bins = np.searchsorted(edges, margins, side="right")
    rows = np.bincount(bins)
    used = rows > 0
    rows, events = rows[used], np.bincount(bins, labels)[used]
    centres = np.bincount(bins, margins)[used] / rows
    rates = (events + 0.5) / (rows + 1)
    above = isotonic_regression(logit(rates) - SLOPE_FLOOR * centres, sample_weight=rows * rates * (1 - rates))
    knots = above + SLOPE_FLOOR * centres
    centres = np.concatenate([[centres[0] - OUTER_REACH], centres, [centres[-1] + OUTER_REACH]])
    reach = OUTER_SLOPE * OUTER_REACH
    knots = np.concatenate([[knots[0] - reach], knots, [knots[-1] + reach]])
    shift = calibration_in_the_large(labels, expit(np.interp(margins, centres, knots))).value
    return Calibration(0.0, 1.0, "isotonic", tuple(centres.tolist()), tuple((knots + shift).tolist()))


def _cross_fitted_terms(fitter: Any, margins: np.ndarray, labels: np.ndarray, folds: Sequence[Fold]) -> np.ndarray:
    """Log loss per row, calibrated without its fold; NotComputable where a fold's rest cannot calibrate."""
    terms = np.zeros(len(labels))
    for rest, held_out in folds:
        fitted = fitter(margins[rest], labels[rest])
        terms[held_out] = log_loss_terms(labels[held_out], apply(fitted, margins[held_out]))
    return terms


def _clustered_error(values: np.ndarray, groups: np.ndarray) -> float:
    """Standard error of the mean of `values` (n,) whose rows are independent between groups only."""
    _, codes = np.unique(groups, return_inverse=True)
    return float(np.sqrt(np.sum(np.bincount(codes, values - values.mean()) ** 2)) / len(values))


def _blocks(groups: np.ndarray) -> list[Fold]:
    _, codes = np.unique(groups, return_inverse=True)
    held_out = [np.flatnonzero(codes % BLOCKS == block) for block in range(BLOCKS)]
    return [(np.setdiff1d(np.arange(len(groups)), rows, assume_unique=True), rows) for rows in held_out if len(rows)]
