"""Can the data be trusted: is anything there twice, too late, or too good to be true?"""

from __future__ import annotations

import numpy as np

from mortgage_model.documents.battery import FeatureAuc
from mortgage_model.statistics import NotComputable, discrimination
from mortgage_model.validation.checks import Evidence, Outcome, answered, check, measured


@check("data.duplicates")
def duplicates(evidence: Evidence) -> Outcome:
    """Is every loan there once a month?

    A row that is there twice counts twice, in the fit and in every figure.
    """
    counts = {name: sample.duplicates for name, sample in evidence.samples.items()}
    total = sum(sample.n for sample in evidence.samples.values())
    return measured(
        sum(counts.values()),
        f"{sum(counts.values()):,} of {total:,} rows repeat a loan and month",
        n=total,
        detail=counts,
    )


@check("data.outcome_columns")
def outcome_columns(evidence: Evidence) -> Outcome:
    """Is every input of the model known before the outcome?

    A column set by the default tells the model the answer.
    """
    roles = {name: evidence.contract.column(name).role for name in evidence.model.spec.inputs}
    wrong = [f"{name} is {role}" for name, role in roles.items() if role != "feature"]
    return answered(
        not wrong,
        f"All {len(roles)} inputs are features by the contract",
        f"The model reads columns that the contract does not call features: {', '.join(wrong)}",
        len(roles),
    )


@check("data.late_dates")
def late_dates(evidence: Evidence) -> Outcome:
    """Is any date later than the month it was known in?

    A time stamp from the future shows that rows were rewritten after the outcome.
    """
    counts: dict[str, int] = {}
    for sample in evidence.samples.values():
        for name, count in sample.late_dates.items():
            counts[name] = counts.get(name, 0) + count
    if not counts:
        raise NotComputable("the panel has no date columns")
    return measured(
        sum(counts.values()),
        f"{sum(counts.values()):,} dates lie after the end of their observation month ({', '.join(sorted(counts))})",
        detail=counts,
    )


@check("data.single_feature")
def single_feature(evidence: Evidence) -> Outcome:
    """Does a single feature rank almost as well as the outcome itself?

    No honest feature of a performing loan does; one that does was set by the default.
    """
    rows = evidence.drawn.get("train")
    if rows is None or not 0 < rows.labels.sum() < rows.labels.size:
        raise NotComputable("the rows drawn of training do not hold both defaults and others")
    found: list[FeatureAuc] = []
    for name in rows.matrix.columns:
        values = rows.matrix[name].to_numpy(np.float64)
        # Missing values rank below all others, so that a gap that leaks is found too.
        lowest = np.nanmin(values, initial=0.0) - 1
        area = discrimination.auc(rows.labels, np.where(np.isnan(values), lowest, values))
        found.append({"feature": name, "auc": max(area, 1 - area)})
    found.sort(key=lambda row: -row["auc"])
    best = found[0]
    return measured(
        best["auc"],
        f"The best single feature, {best['feature']}, has an AUC of {best['auc']:.3f} in training",
        n=len(rows.matrix),
        events=int(rows.labels.sum()),
        detail={"features": found},
    )


@check("data.missing")
def missing(evidence: Evidence) -> Outcome:
    """Is more missing out of time than in development?

    A feed that dries up moves PDs without any loan having changed.
    """
    rows = [row for row in evidence.csi if row["csi"] is not None]
    if not rows:
        raise NotComputable("no feature could be compared")
    worst = max(rows, key=lambda row: abs(row["missing_oot"] - row["missing_train"]))
    change = worst["missing_oot"] - worst["missing_train"]
    return measured(
        abs(change),
        f"Of {len(rows)} inputs the share missing changed most in {worst['feature']}, by {100 * change:+.2f} points",
        n=evidence.oot.n,
    )


@check("data.cardinality")
def cardinality(evidence: Evidence) -> Outcome:
    """Is any input constant, or a category with too many levels to learn?

    A constant input says nothing, a category with hundreds of levels memorises.
    """
    rows = evidence.drawn.get("train")
    if rows is None:
        raise NotComputable("the training sample has no rows")
    levels = {name: len(kept) for name, kept in evidence.model.spec.levels.items()}
    distinct = {name: int(rows.frame[name].nunique()) for name in evidence.model.spec.inputs}
    constant = sorted(name for name, count in distinct.items() if count <= 1)
    largest = max(levels, key=lambda name: levels[name], default=None)
    named = f" ({', '.join(constant)})" if constant else ""
    told = f"; {largest} has the most levels, {levels[largest]}" if largest else ""
    return measured(
        len(constant),
        f"{len(constant)} of {len(distinct)} inputs are constant in training{named}{told}",
        detail={"distinct": distinct},
    )
