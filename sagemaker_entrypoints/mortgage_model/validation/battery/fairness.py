"""Are groups of protected attributes treated alike? A monitor that says where to look, never a legal finding.

Runs only where the lender delivered the borrower_demographics table, which no feature comes from. "Flagged" are
the FLAGGED_SHARE of loans with the highest PD. Groups below GROUP_LOANS loans are not shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mortgage_model.documents.battery import GroupRow, Proxy
from mortgage_model.statistics import NotComputable, discrimination, fairness
from mortgage_model.statistics.calibration import log_odds
from mortgage_model.validation.battery.benchmark import FLAGGED_SHARE
from mortgage_model.validation.checks import Evidence, InputMissing, Outcome, check, measured, one_row_per_loan

GROUP_LOANS = 100
NOT_STATED = {"not_provided", "not_stated", "unknown"}


@dataclass(frozen=True)
class Group:
    """A group and the one it is compared with, as masks over one month of each loan out of time."""

    attribute: str
    name: str
    reference: str
    members: np.ndarray
    others: np.ndarray


@check("fairness.impact")
def impact(evidence: Evidence) -> Outcome:
    """Is every group left unflagged about as often as the group flagged least?

    Four fifths is where US practice begins to ask for a reason; it is no proof either way.
    """
    rows = group_table(evidence)
    worst = min(rows, key=lambda row: row["impact_ratio"])
    return measured(
        worst["impact_ratio"],
        f"The lowest adverse impact ratio is {worst['impact_ratio']:.3f}: {worst['attribute']} {worst['group']} "
        f"against {worst['reference']}, when the riskiest {100 * FLAGGED_SHARE:.0f} % are flagged",
        n=worst["n"],
        detail={"groups": rows},
    )


@check("fairness.differences")
def differences(evidence: Evidence) -> Outcome:
    """Do PDs differ between groups by more than outcomes explain?

    A difference in scores that is not one in defaults comes from the model.
    """
    rows = group_table(evidence)
    worst = max(rows, key=lambda row: abs(row["score_difference"] - row["outcome_difference"]))
    value = abs(worst["score_difference"] - worst["outcome_difference"])
    return measured(
        value,
        f"{worst['attribute']} {worst['group']} against {worst['reference']}: the log-odds of the PD differ by "
        f"{worst['score_difference']:+.2f} standard deviations, the outcomes by {worst['outcome_difference']:+.2f}",
        n=worst["n"],
    )


@check("fairness.errors")
def errors(evidence: Evidence) -> Outcome:
    """Are the model's errors spread evenly?

    To be flagged without defaulting is the cost that a group carries for the model's mistakes.
    """
    gaps = [(gap, row) for row in group_table(evidence) if (gap := row["false_positive_gap"]) is not None]
    if not gaps:
        raise NotComputable("no group has loans that did not default")
    gap, worst = max(gaps, key=lambda found: abs(found[0]))
    return measured(
        abs(gap),
        f"The largest gap of false-positive rates is {100 * gap:+.1f} points: "
        f"{worst['attribute']} {worst['group']} against {worst['reference']}",
        n=worst["n"],
    )


@check("fairness.proxy")
def proxy(evidence: Evidence) -> Outcome:
    """Does any feature stand in for a protected attribute?

    A feature that tells the group tells it to the model, whether the attribute is used or not.
    """
    rows, table = evidence.drawn.get("oot"), _table(evidence)
    if rows is None:
        raise NotComputable("the out-of-time sample has no rows")
    chosen = np.unique(rows.loan_hash, return_index=True)[1]
    attributes = table.reindex(rows.loan_hash[chosen])
    found: list[Proxy] = []
    for attribute in attributes.columns:
        stated = attributes[attribute].notna() & ~attributes[attribute].isin(NOT_STATED)
        for group, size in attributes[attribute][stated].value_counts().items():
            if not GROUP_LOANS <= size <= stated.sum() - GROUP_LOANS:
                continue
            member = (attributes[attribute][stated] == group).to_numpy()
            for name in rows.matrix.columns:
                values = rows.matrix[name].to_numpy(np.float64)[chosen][stated.to_numpy()]
                present = ~np.isnan(values)
                if not 0 < member[present].sum() < present.sum():
                    continue
                area = discrimination.auc(member[present], values[present])
                found.append({"attribute": attribute, "group": group, "feature": name, "auc": max(area, 1 - area)})
    if not found:
        raise InputMissing(f"borrower_demographics holds no attribute with two groups of {GROUP_LOANS} of these loans")
    found.sort(key=lambda row: -row["auc"])
    best = found[0]
    return measured(
        best["auc"],
        f"The feature that tells a group best is {best['feature']}: AUC {best['auc']:.3f} for {best['attribute']} "
        f"{best['group']}",
        n=int(chosen.size),
        detail={"features": found[:20]},
    )


def group_table(evidence: Evidence) -> list[GroupRow]:
    """Per group: loans, defaults, mean PD, and how it compares with the group flagged least."""
    oot = evidence.oot
    chosen = one_row_per_loan(oot)
    labels, probabilities = oot.labels[chosen], oot.probabilities[chosen]
    flagged = np.zeros(chosen.size)
    flagged[np.argsort(-probabilities, kind="stable")[: max(1, round(FLAGGED_SHARE * chosen.size))]] = 1
    scores = log_odds(probabilities)
    rows: list[GroupRow] = []
    for group in _groups(evidence, chosen, flagged):
        rates, other_rates = (fairness.error_rates(labels, flagged, m) for m in (group.members, group.others))
        ours, theirs = rates["false_positive_rate"], other_rates["false_positive_rate"]
        rows.append(
            {
                "attribute": group.attribute,
                "group": group.name,
                "reference": group.reference,
                "n": int(group.members.sum()),
                "events": int(labels[group.members].sum()),
                "mean_pd": float(probabilities[group.members].mean()),
                "observed_rate": float(labels[group.members].mean()),
                "impact_ratio": fairness.adverse_impact_ratio(flagged, group.members, group.others),
                "score_difference": fairness.standardised_mean_difference(scores, group.members, group.others),
                "outcome_difference": fairness.standardised_mean_difference(labels, group.members, group.others)
                if labels[group.members | group.others].any()
                else 0.0,
                "false_positive_gap": None if ours is None or theirs is None else ours - theirs,
                "false_positive_rate": ours,
                "false_negative_rate": rates["false_negative_rate"],
            }
        )
    if not rows:
        raise InputMissing(f"borrower_demographics holds no attribute with two groups of {GROUP_LOANS} of these loans")
    return rows


def _groups(evidence: Evidence, chosen: np.ndarray, flagged: np.ndarray) -> Iterator[Group]:
    """Every group against the one of its attribute that is flagged least."""
    attributes = _table(evidence).reindex(evidence.oot.loan_hash[chosen])
    for attribute in attributes.columns:
        values = attributes[attribute].to_numpy(dtype=object)
        counts = attributes[attribute].value_counts()
        names = [name for name in counts.index if name not in NOT_STATED and counts[name] >= GROUP_LOANS]
        if len(names) < 2:
            continue
        masks = {name: values == name for name in names}
        reference = min(names, key=lambda name: flagged[masks[name]].mean())
        for name in names:
            if name != reference:
                yield Group(attribute, str(name), str(reference), masks[name], masks[reference])


def _table(evidence: Evidence) -> pd.DataFrame:
    if evidence.demographics is None:
        raise InputMissing("no borrower_demographics table was delivered")
    return evidence.demographics
