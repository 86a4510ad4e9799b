"""Maps the booster's margin to PD; fitted on the validation sample, strictly increasing, stored as JSON.

Logistic calibration (Platt 1999): logit(PD) = intercept + slope * margin, slope > 0.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from mortgage_model.statistics import NotComputable
from mortgage_model.statistics.calibration import recalibrate


class CalibrationError(ValueError):
    """The validation sample cannot calibrate the model."""


@dataclass(frozen=True)
class Calibration:
    """logit(PD) = intercept + slope * margin."""

    intercept: float
    slope: float
    method: str = "logistic"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Calibration:
        if document["method"] != "logistic":
            raise CalibrationError(f"calibration method {document['method']!r} is unknown here")
        return cls(**document)


def fit(margins: np.ndarray, labels: np.ndarray) -> Calibration:
    """Maximum likelihood on `margins` (n,) and `labels` (n, 0 or 1).

    Raises CalibrationError where the best slope is not positive: the scores then do not rank the validation
    sample.
    """
    try:
        best = recalibrate(labels, expit(margins))
    except NotComputable as error:
        raise CalibrationError(f"the model cannot be calibrated on the validation sample: {error}") from error
    if not best.slope.value > 0:
        raise CalibrationError(
            f"the calibration slope on the validation sample is {best.slope.value:.3f}; it must be "
            "positive: higher scores do not mean more defaults there"
        )
    return Calibration(best.intercept.value, best.slope.value)


def apply(calibration: Calibration, margins: np.ndarray) -> np.ndarray:
    """PD per margin, float64 in (0, 1)."""
    return expit(calibration.intercept + calibration.slope * margins)
