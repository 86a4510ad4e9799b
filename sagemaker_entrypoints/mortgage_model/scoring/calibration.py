"""The calibration, from the booster's margin to PD: strictly increasing, stored as JSON.

Logistic (Platt 1999): logit(PD) = intercept + slope * margin. Isotonic: logit(PD) linear between knots. How it is
fitted: development/calibrating.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import numpy as np
from scipy.special import expit

from contracts.faults import DataFault
from mortgage_model.documents.model import CalibrationRecord

METHODS = ("logistic", "isotonic", "intercept", "identity")


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

    def to_json(self) -> CalibrationRecord:
        return cast(CalibrationRecord, asdict(self))

    @classmethod
    def from_json(cls, document: CalibrationRecord) -> Calibration:
        if document["method"] not in METHODS:
            raise CalibrationError(f"calibration method {document['method']!r} is unknown here")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
        }
        return cls(**values)


def apply(calibration: Calibration, margins: np.ndarray) -> np.ndarray:
    """PD per margin, float64 in (0, 1)."""
    if calibration.method == "isotonic":
        log_odds = np.interp(margins, calibration.margins, calibration.log_odds)
    else:
        log_odds = calibration.intercept + calibration.slope * margins
    probabilities: np.ndarray = expit(log_odds)
    return probabilities
