"""One night's monitoring document (monitoring.json): aggregates only, and what the next night needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from contracts.model import Contract
from mortgage_model.documents.monitoring import (
    FeatureRow,
    Migration,
    MonitoringDocument,
    Performance,
    ScorePart,
    Severity,
)
from mortgage_model.documents.profile import ReferenceProfile
from mortgage_model.monitoring import features as data
from mortgage_model.monitoring import rules, scores
from mortgage_model.monitoring.performance import outcome_findings
from mortgage_model.monitoring.recent import Recent, carried
from mortgage_model.monitoring.rules import Finding
from mortgage_model.statistics import NotComputable
from mortgage_model.statistics.stability import numeric_bin_counts

FORMAT = 1
SCORE = "(score)"


@dataclass(frozen=True)
class Night:
    """What is looked at: n loans with contract feature columns, their PDs and grades, the inputs' effects.

    loan_ids and before (columns loan_id, grade, of the night a month earlier) serve the migration and are not kept.
    """

    source: str
    score_date: str
    model_version: str
    frame: pd.DataFrame
    probabilities: np.ndarray
    grades: np.ndarray
    effects: Mapping[str, float]
    loan_ids: np.ndarray | None = None
    before: pd.DataFrame | None = None


def monitor(
    night: Night,
    profile: ReferenceProfile,
    contract: Contract,
    grade_order: Sequence[str],
    previous: MonitoringDocument | None = None,
    outcomes: Performance | None = None,
) -> MonitoringDocument:
    """The night's document. `previous`: an earlier night's document, of which only `carry` is read; `outcomes`: those
    of earlier nights, where they were read tonight.
    """
    if not len(night.frame):
        raise NotComputable(f"no loan was scored on {night.score_date}")
    digest = profile_digest(profile)
    carry = _carry(previous, digest)
    measured, absent = data.measure(night.frame, profile, contract, night.effects)
    training = data.shifts_to_training(measured)
    adjusted = data.adjusted(training)
    findings = rules.missing_columns(absent)
    rows: list[FeatureRow] = []
    next_carry: dict[str, Recent] = {}
    for feature in measured:
        recent = carry.get(feature.name)
        step = data.shift(recent.counts, feature.counts, feature.ordered) if recent else None
        found = rules.feature_findings(feature, training.get(feature.name), step, recent)
        findings += found
        in_breach = rules.verdict(found) == rules.BREACH
        next_carry[feature.name] = carried(recent, Recent.of(feature.counts, feature.effect), in_breach)
        rows.append(_feature_row(feature, training, adjusted, step, recent, rules.verdict(found)))
    score, found, next_carry[SCORE] = _score(night, profile, grade_order, carry.get(SCORE))
    findings += [*found, *(outcome_findings(outcomes["vintages"]) if outcomes else [])]
    rows.sort(key=lambda row: (-rules.SEVERITIES.index(row["verdict"]), -abs(row["effect"] or 0.0)))
    return {
        "format": FORMAT,
        "source": night.source,
        "score_date": night.score_date,
        "model_version": night.model_version,
        "rows": len(night.frame),
        "verdict": rules.verdict(findings),
        "findings": [f.to_json() for f in sorted(findings, key=lambda f: -rules.SEVERITIES.index(f.severity))],
        "features": rows,
        "score": score,
        "migration": _migration(night, grade_order),
        "labels": contract.level_labels,
        "segments": scores.segments(night.frame, night.probabilities, night.grades, grade_order),
        "performance": outcomes,
        "carry": {"profile": digest, "recent": {name: kept.to_json() for name, kept in next_carry.items()}},
    }


def profile_digest(profile: ReferenceProfile) -> str:
    """Names the bins: references over other bins cannot be compared with."""
    return hashlib.sha256(json.dumps(profile, sort_keys=True).encode()).hexdigest()[:16]


def _carry(previous: MonitoringDocument | None, digest: str) -> dict[str, Recent]:
    if previous is None or previous["carry"]["profile"] != digest:
        return {}
    return {name: Recent.from_json(kept) for name, kept in previous["carry"]["recent"].items()}


def _feature_row(
    night: data.FeatureNight,
    training: Mapping[str, data.Shift],
    adjusted: Mapping[str, tuple[float, float]],
    step: data.Shift | None,
    recent: Recent | None,
    verdict: Severity,
) -> FeatureRow:
    before = recent.effect if recent else None
    against = training.get(night.name)
    return {
        "feature": night.name,
        "table": night.table,
        "verdict": verdict,
        "missing": round(night.missing, 6),
        "new_levels": round(night.new_levels, 6),
        "out_of_range": round(night.out_of_range, 6),
        "mean": night.mean,
        "effect": None if night.effect is None else round(night.effect, 5),
        "effect_change": None if night.effect is None or before is None else round(night.effect - before, 5),
        "training": against.to_json(adjusted[night.name]) if against else None,
        "recent": step.to_json() if step else None,
        "recent_reason": None if step else "the first night of this model has no earlier night to compare with",
        "labels": night.labels,
        "counts": night.counts.astype(int).tolist(),
        "training_counts": [round(count, 1) for count in night.reference],
    }


def _score(
    night: Night, profile: ReferenceProfile, grade_order: Sequence[str], recent: Recent | None
) -> tuple[ScorePart, list[Finding], Recent]:
    """The PD's distribution; its Recent keeps the mean PD where a feature keeps its effect."""
    reference = profile["score"]
    counts = numeric_bin_counts(night.probabilities, np.asarray(reference["edges"])).astype(float)
    expected = np.append(np.asarray(reference["shares"]) * profile["rows"], 0.0)
    training = data.shift(expected, counts, ordered=True)
    step = data.shift(recent.counts, counts, ordered=True) if recent else None
    mean = float(night.probabilities.mean())
    before = (recent.rows, recent.effect) if recent and recent.effect is not None else None
    found = rules.portfolio_findings(len(night.probabilities), mean, training, step, before)
    document: ScorePart = {
        "mean_pd": mean,
        "training_mean_pd": reference["mean"],
        "quantiles": scores.quantiles(night.probabilities),
        "training": training.to_json(),
        "recent": step.to_json() if step else None,
        "edges": reference["edges"],
        "counts": counts[:-1].astype(int).tolist(),
        "training_counts": [round(count, 1) for count in expected[:-1]],
        "grades": dict(zip(grade_order, scores.grade_counts(night.grades, grade_order), strict=True)),
    }
    return document, found, carried(recent, Recent.of(counts, mean), rules.verdict(found) == rules.BREACH)


def _migration(night: Night, grade_order: Sequence[str]) -> Migration | None:
    if night.before is None or night.loan_ids is None:
        return None
    now = pd.DataFrame({"loan_id": night.loan_ids, "grade": night.grades})
    return scores.migration(night.before, now, grade_order)
