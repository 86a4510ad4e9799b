"""Statistics of a PD model as pure functions on numpy arrays: no pandas, no I/O, no thresholds.

discrimination  AUC, DeLong, Gini, KS, average precision, ROC / CAP / precision-recall curves
calibration     Brier, skill, log loss, recalibration slope and intercept, Jeffreys, calibration by band, ECE
stability       PSI and CSI
drift           intervals and tests of a shift, many tests at once
label_free      expected performance of calibrated PDs before labels mature
bootstrap       percentile intervals that draw whole loans

A statistic that has no value on a sample raises `NotComputable` with the reason; it never returns a default.
"""

from .common import NotComputable

__all__ = ["NotComputable"]
