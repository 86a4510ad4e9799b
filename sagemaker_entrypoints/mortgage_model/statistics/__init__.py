"""Statistics of a PD model as pure functions on numpy arrays: no pandas, no I/O, no thresholds.

discrimination  AUC, DeLong, Gini, KS, average precision, ROC / CAP / precision-recall curves
calibration     Brier, skill, log loss, recalibration slope and intercept, Jeffreys, calibration by band, ECE
calibration_tests  Spiegelhalter, Hosmer-Lemeshow, binomial per grade, traffic light, Murphy
stability       PSI and CSI, with the critical value of sampling
drift           intervals and tests of a shift
many_tests      p-values of many tests at once: Holm, Benjamini-Hochberg
portfolio       concentration on grades, migration between them
fairness        differences between groups
label_free      expected performance of calibrated PDs before labels mature
bootstrap       percentile intervals that draw whole loans

A statistic that has no value on a sample raises `NotComputable` with the reason; it never returns a default.
"""

from mortgage_model.statistics.common import NotComputable, finite

__all__ = ["NotComputable", "finite"]
