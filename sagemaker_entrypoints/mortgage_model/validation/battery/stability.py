"""Is it still the population, and the relation, that the model was built on?"""

from __future__ import annotations

import numpy as np

from mortgage_model.documents.battery import BandChange, FeatureStability, PortfolioShift
from mortgage_model.statistics import NotComputable, portfolio, stability
from mortgage_model.validation.checks import Evidence, Outcome, check, measured, one_row_per_loan
from mortgage_model.validation.evaluation import score_table
from mortgage_model.validation.samples import ScoredSample

ECONOMY = "economic_indicators"
# A band's defaults before its ratio of observed to expected says anything.
BAND_EVENTS = 20


@check("stability.sampling")
def sampling(evidence: Evidence) -> Outcome:
    """Is the PSI of the PD more than two samples of one population would show?

    With few loans a PSI of 0.10 can be chance; with many, 0.01 can be a shift.
    """
    labels, train, oot = score_table(evidence.samples)
    loans = evidence.samples["train"].loans, evidence.oot.loans
    critical = stability.psi_critical_value(*loans, len(labels))
    found = stability.psi(train, oot)
    return measured(
        found / critical,
        f"The PSI of the PD is {found:.4f}, {found / critical:.1f} times what sampling alone stays below 95 times in "
        f"100 ({critical:.4f} for {loans[0]:,} and {loans[1]:,} loans)",
        n=evidence.oot.n,
        detail={"psi": found, "critical_value": critical},
    )


@check("stability.features")
def features(evidence: Evidence) -> Outcome:
    """Which features have moved since development?

    A feature outside what training saw is extrapolated, and its part of the PD is untested.
    """
    loans = evidence.samples["train"].loans, evidence.oot.loans
    rows: list[FeatureStability] = [
        {
            "feature": row["feature"],
            "csi": row["csi"],
            "critical_value": stability.psi_critical_value(*loans, max(2, len(row["bins"]))),
        }
        for row in evidence.csi
        if row["csi"] is not None
    ]
    if not rows:
        raise NotComputable("no feature could be compared")
    moved = [row for row in rows if row["csi"] > 0.25]
    named = ", ".join(f"{row['feature']} {row['csi']:.2f}" for row in (moved or rows)[:5])
    return measured(
        rows[0]["csi"],
        f"{len(moved)} of {len(rows)} features have a CSI above 0.25; the largest: {named}",
        n=evidence.oot.n,
        detail={"features": rows},
    )


@check("stability.representativeness")
def representativeness(evidence: Evidence) -> Outcome:
    """Are the loans out of time like those that the model is to score?

    All evidence here is about the former; where the portfolio has become another, it says less.
    """
    rows = portfolio_shift(evidence)
    judged = [row for row in rows if row["judged"]]
    if not judged:
        raise NotComputable("no feature of a loan could be compared")
    moved = [row for row in judged if row["psi"] > row["critical_value"]]
    named = ", ".join(f"{row['feature']} {row['psi']:.3f}" for row in moved[:5])
    told = f" ({named})" if named else ""
    return measured(
        moved[0]["psi"] if moved else 0.0,
        f"Against the {evidence.portfolio.loans:,} loans of the panel's newest month, {evidence.portfolio.month}, the "
        f"PSI of {len(moved)} of {len(judged)} features of loans is more than sampling explains{told}. Economic "
        "features are the same for all loans of a state: shown, not judged",
        n=evidence.portfolio.loans,
        detail={"features": rows, "month": evidence.portfolio.month},
    )


def portfolio_shift(evidence: Evidence) -> list[PortfolioShift]:
    """PSI per input, out of time against the portfolio, with its critical value, largest first; the features of loans
    are judged, as loans are what sampling draws.
    """
    found: list[PortfolioShift] = []
    for name, then in evidence.feature_counts.items():
        now = evidence.portfolio.feature_counts[name]
        used = (then > 0) | (now > 0)
        if used.sum() < 2:
            continue
        tables = {source.partition(".")[0] for source in evidence.contract.column(name).sources}
        found.append(
            {
                "feature": name,
                "psi": stability.psi(then[used], now[used]),
                "critical_value": stability.psi_critical_value(
                    evidence.oot.loans, evidence.portfolio.loans, int(used.sum())
                ),
                "judged": ECONOMY not in tables,
            }
        )
    return sorted(found, key=lambda row: -row["psi"])


@check("stability.migration")
def migration(evidence: Evidence) -> Outcome:
    """How far do loans move between grades in a year? (reported, not judged)

    Grades that jump about cannot be managed by; grades that never move do not follow the loan.
    """
    oot, grades = evidence.oot, list(evidence.model.scale.grades)
    if not oot.n:
        raise NotComputable("the out-of-time sample has no rows")
    code = {grade: position for position, grade in enumerate(grades)}
    months = np.unique(oot.month)
    first, last = oot.month == months[0], oot.month == months[-1]
    both, at_first, at_last = np.intersect1d(oot.loan[first], oot.loan[last], return_indices=True)
    if both.size == 0 or months.size == 1:
        raise NotComputable("no loan is there in both the first and the last month out of time")
    before, after = (
        np.array([code[grade] for grade in oot.grade[chosen][position]])
        for chosen, position in ((first, at_first), (last, at_last))
    )
    matrix = portfolio.migration_matrix(before, after, len(grades))
    worse, better = portfolio.bandwidths(matrix)
    stayed = float(np.trace(matrix) / matrix.sum())
    return measured(
        stayed,
        f"Of {both.size:,} loans seen in {months[0]} and {months[-1]}, {100 * stayed:.1f} % kept their grade; "
        f"bandwidth {worse:.3f} to worse and {better:.3f} to better grades",
        n=int(both.size),
        detail={"grades": grades, "matrix": matrix.tolist(), "bandwidths": [worse, better]},
    )


@check("stability.concentration")
def concentration(evidence: Evidence) -> Outcome:
    """Do the grades spread the portfolio?

    A scale with nearly all loans in one grade tells nobody anything.
    """
    grades = list(evidence.model.scale.grades)
    then, now = (_loans_by_grade(evidence.samples[name], grades) for name in ("train", "oot"))
    index = portfolio.herfindahl(now)
    p_value = portfolio.concentration_p_value(then, now)
    return measured(
        index,
        f"The Herfindahl index over {len(grades)} grades is {index:.3f} out of time and "
        f"{portfolio.herfindahl(then):.3f} in training (p = {p_value:.3g} that it has not risen)",
        p_value=p_value,
        n=int(now.sum()),
        detail={"grades": grades, "train": then.tolist(), "oot": now.tolist()},
    )


def _loans_by_grade(sample: ScoredSample, grades: list[str]) -> np.ndarray:
    grade = sample.grade[one_row_per_loan(sample)]
    return np.array([int((grade == name).sum()) for name in grades])


@check("stability.score_bands")
def score_bands(evidence: Evidence) -> Outcome:
    """Does a score still mean the default rate that it meant?

    The population may stay the same while the relation changes; then only the outcome shows it.
    """
    train, oot = evidence.samples["train"], evidence.oot
    edges = stability.quantile_edges(train.probabilities)
    rows = [_band_change(band, edges, train, oot) for band in range(edges.size + 1)]
    known = [row for row in rows if min(row["train_events"], row["oot_events"]) >= BAND_EVENTS]
    if not known:
        raise NotComputable(f"no decile of PD has {BAND_EVENTS} defaults in training and out of time")

    def change(row: BandChange) -> float:
        then, now = row["train_events"] / row["train_expected"], row["oot_events"] / row["oot_expected"]
        return now / then

    worst = max(known, key=lambda row: abs(np.log(change(row))))
    factor = float(np.exp(abs(np.log(change(worst)))))
    return measured(
        factor,
        f"Defaults per expected default changed most in decile {worst['band']} of the training PDs, by a factor of "
        f"{change(worst):.2f} from training to out of time ({worst['oot_events']:,} defaults out of time)",
        n=oot.n,
        events=oot.events,
        detail={"bands": rows},
    )


def _band_change(band: int, edges: np.ndarray, train: ScoredSample, oot: ScoredSample) -> BandChange:
    def defaults(sample: ScoredSample) -> tuple[int, float]:
        chosen = np.searchsorted(edges, sample.probabilities, side="left") == band
        return int(sample.labels[chosen].sum()), float(sample.probabilities[chosen].sum())

    (train_events, train_expected), (oot_events, oot_expected) = defaults(train), defaults(oot)
    return {
        "band": band + 1,
        "train_events": train_events,
        "train_expected": train_expected,
        "oot_events": oot_events,
        "oot_expected": oot_expected,
    }
