"""Are the reasons given for a PD there, and are they true?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mortgage_model.scoring import reasons
from mortgage_model.statistics import NotComputable
from mortgage_model.validation.battery.benchmark import FLAGGED_SHARE
from mortgage_model.validation.checks import Evidence, Outcome, check, measured

# Exact contributions of this many of the riskiest loans drawn out of time.
EXPLAINED_ROWS = 1_000


@check("reasons.coverage")
def coverage(evidence: Evidence) -> Outcome:
    """Does every loan with a high PD have a reason?

    Whoever acts on a PD, or answers for it to a customer, has to be able to say why (12 CFR 1002.9 for decisions).
    """
    frame = _riskiest(evidence)
    codes = reasons.reason_codes(evidence.model, frame)
    share = float(codes["reason_1"].notna().mean())
    counted = codes.notna().sum(axis=1).value_counts()
    return measured(
        share,
        f"{100 * share:.1f} % of the {len(frame):,} riskiest loans drawn have a reason, "
        f"{100 * float(counted.get(reasons.TOP, 0)) / len(frame):.0f} % have {reasons.TOP}",
        n=len(frame),
        detail={"reasons_per_loan": {str(number): int(rows) for number, rows in counted.sort_index().items()}},
    )


@check("reasons.fidelity")
def fidelity(evidence: Evidence) -> Outcome:
    """Does moving a named factor to its usual value lower the PD?

    A reason that would not have helped the customer is not the reason.
    """
    model, frame = evidence.model, _riskiest(evidence)
    features = model.spec.transform(frame)
    before = model.score(features)
    named = true = 0
    by_factor: dict[str, int] = {}
    for factor, rows in _loans_by_factor(reasons.reason_codes(model, frame)):
        after = model.score(reasons.at_reference(model, features.iloc[rows], factor))
        lower = int((after < before[rows]).sum())
        named, true = named + rows.size, true + lower
        by_factor[factor] = by_factor.get(factor, 0) + int(rows.size)
    if not named:
        raise NotComputable("no loan has a reason")
    most = max(by_factor, key=lambda factor: by_factor[factor])
    return measured(
        true / named,
        f"{true:,} of {named:,} reasons hold: with the named factor at its usual value the PD is lower. The most "
        f"frequent reason is {most}",
        n=named,
        detail={"factors": dict(sorted(by_factor.items(), key=lambda item: -item[1]))},
    )


def _riskiest(evidence: Evidence) -> pd.DataFrame:
    """The riskiest FLAGGED_SHARE of the rows drawn out of time, EXPLAINED_ROWS at most."""
    rows = evidence.drawn.get("oot")
    if rows is None:
        raise NotComputable("the out-of-time sample has no rows")
    size = min(EXPLAINED_ROWS, max(1, round(FLAGGED_SHARE * rows.probabilities.size)))
    return rows.frame.iloc[np.argsort(-rows.probabilities, kind="stable")[:size]].reset_index(drop=True)


def _loans_by_factor(codes: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Every factor named in a place of the list, with the positions of the loans that it is named for."""
    for place in codes.columns:
        factors = codes[place].str.rpartition(":")[0] if codes[place].notna().any() else codes[place]
        for factor in factors.dropna().unique():
            yield str(factor), np.flatnonzero((factors == factor).to_numpy())
