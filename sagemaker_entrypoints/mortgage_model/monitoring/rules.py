"""When a figure is a finding: `breach` raises an alarm, `attention` is for the morning's reader.

The limits hold for any book of a thousand loans or more; each says where it comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mortgage_model.documents.monitoring import FindingRow, Severity
from mortgage_model.monitoring.features import ECONOMY, FeatureNight, Shift
from mortgage_model.monitoring.recent import Recent
from mortgage_model.statistics import drift

OK: Severity = "ok"
ATTENTION: Severity = "attention"
BREACH: Severity = "breach"
SEVERITIES = (OK, ATTENTION, BREACH)  # ever worse

# PSI: the industry's reading (Siddiqi 2006), held against the interval's lower end so that chance is no finding.
STEP_PSI = 0.10
TRAINING_PSI = 0.25
# Change of the mean contribution to the log-odds in one night's step: 0.25 moves a PD by about a quarter.
STEP_EFFECT = 0.25
MISSING_STEP = 0.05
MISSING_Z = 4.0
# Values that the contract forbids or training never saw: any is worth a look, one in a hundred is a fault.
FEW, MANY = 0.0, 0.01
ROWS_STEP = 0.20
MEAN_PD_STEP = 0.25


@dataclass(frozen=True)
class Finding:
    """kind: one of missing_column, rows, missing, new_level, range, step, effect, training, score_step, mean_pd,
    score_training, outcome. feature is '' where the finding is about the whole night.
    """

    kind: str
    feature: str
    severity: Severity
    figure: float | None
    limit: float | None
    message: str

    def to_json(self) -> FindingRow:
        return {
            "kind": self.kind,
            "feature": self.feature,
            "severity": self.severity,
            "figure": self.figure,
            "limit": self.limit,
            "message": self.message,
        }


def verdict(findings: Sequence[Finding]) -> Severity:
    """The worst severity; ok where nothing was found."""
    return max((finding.severity for finding in findings), key=SEVERITIES.index, default=OK)


def missing_columns(names: list[str]) -> list[Finding]:
    return [
        Finding("missing_column", name, BREACH, None, None, f"{name} is not in the scoring input") for name in names
    ]


def feature_findings(
    night: FeatureNight, training: Shift | None, step: Shift | None, recent: Recent | None
) -> list[Finding]:
    """Everything about one feature tonight; `step` and `recent` are None on the first night of a model."""
    name, found = night.name, []
    for kind, share, what in (
        ("range", night.out_of_range, "outside the contract's range"),
        ("new_level", night.new_levels, "of a category that training did not have"),
    ):
        if share > FEW:
            severity = BREACH if share > MANY else ATTENTION
            found.append(Finding(kind, name, severity, share, MANY, f"{name}: {share:.2%} of the values are {what}"))
    found += _missing(night, recent)
    if step is not None and night.table != ECONOMY and step.interval[0] > STEP_PSI:
        words = f"{name}: PSI {step.psi:.2f} against the last nights, at least {step.interval[0]:.2f}"
        found.append(Finding("step", name, BREACH, step.psi, STEP_PSI, words))
    if recent is not None and recent.effect is not None and night.effect is not None:
        change = night.effect - recent.effect
        if abs(change) > STEP_EFFECT:
            words = f"{name} moves the log-odds by {change:+.2f} against the last nights"
            found.append(Finding("effect", name, BREACH, change, STEP_EFFECT, words))
    if training is not None and training.interval[0] > TRAINING_PSI:
        words = f"{name}: PSI {training.psi:.2f} against training"
        found.append(Finding("training", name, ATTENTION, training.psi, TRAINING_PSI, words))
    return found


def _missing(night: FeatureNight, recent: Recent | None) -> list[Finding]:
    reference, against = (night.reference, "training") if recent is None else (recent.counts, "the last nights")
    if not night.rows or not reference.sum():
        return []
    before, now = float(reference[-1]), float(night.counts[-1])
    change = night.missing - before / float(reference.sum())
    z = drift.share_difference_z(now, night.rows, before, float(reference.sum()))
    if change <= MISSING_STEP or z <= MISSING_Z:
        return []
    # Against training a gap may be old news of the source; against last week it is tonight's.
    severity = BREACH if recent is not None else ATTENTION
    words = f"{night.name}: {night.missing:.1%} missing, {100 * change:+.1f} points against {against}"
    return [Finding("missing", night.name, severity, night.missing, MISSING_STEP, words)]


def portfolio_findings(
    rows: int, mean_pd: float, training: Shift | None, step: Shift | None, before: tuple[float, float] | None
) -> list[Finding]:
    """About the night as a whole. before: rows and mean PD of the last nights."""
    found = []
    if before is not None:
        usual, usual_pd = before
        change = rows / usual - 1 if usual else 0.0
        if abs(change) > ROWS_STEP:
            found.append(
                Finding("rows", "", BREACH, change, ROWS_STEP, f"{rows:,} loans, {change:+.0%} against the last nights")
            )
        moved = mean_pd / usual_pd - 1 if usual_pd else 0.0
        if abs(moved) > MEAN_PD_STEP:
            words = f"mean PD {mean_pd:.2%}, {moved:+.0%} against the last nights"
            found.append(Finding("mean_pd", "", BREACH, moved, MEAN_PD_STEP, words))
    if step is not None and step.interval[0] > STEP_PSI:
        words = f"PD distribution: PSI {step.psi:.2f} against the last nights"
        found.append(Finding("score_step", "", BREACH, step.psi, STEP_PSI, words))
    if training is not None and training.interval[0] > TRAINING_PSI:
        words = f"PD distribution: PSI {training.psi:.2f} against training"
        found.append(Finding("score_training", "", ATTENTION, training.psi, TRAINING_PSI, words))
    return found
