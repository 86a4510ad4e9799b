"""Does the PD rise when the economy turns, and by how much? What-if calculations, not forecasts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from mortgage_model.documents.battery import Scenario
from mortgage_model.statistics import NotComputable
from mortgage_model.validation.battery.robustness import rescore
from mortgage_model.validation.checks import Evidence, Outcome, check, measured
from mortgage_model.validation.samples import DrawnRows

REPLAY_YEARS = (2007, 2008, 2009, 2010)
Shock = Callable[[pd.DataFrame], pd.DataFrame]


def house_prices(share: float) -> Shock:
    """House prices change by `share` (-0.2 = a fifth down) within the last year."""

    def apply(frame: pd.DataFrame) -> pd.DataFrame:
        growth = 100 * ((1 + frame["house_price_index_growth_12m"] / 100) * (1 + share) - 1)
        return frame.assign(
            house_price_index_ratio=frame["house_price_index_ratio"] * (1 + share), house_price_index_growth_12m=growth
        )

    return apply


def unemployment(points: float) -> Shock:
    """Unemployment rises by `points` percentage points within the last year."""
    columns = ("unemployment_rate", "unemployment_change_12m")
    return lambda frame: frame.assign(**{name: frame[name] + points for name in columns})


def rates(points: float) -> Shock:
    """Mortgage rates rise by `points`; loans with an adjustable rate follow."""

    def apply(frame: pd.DataFrame) -> pd.DataFrame:
        adjustable = (frame["product_type"].astype(object) == "ARM").to_numpy()
        return frame.assign(
            mortgage_rate_30y=frame["mortgage_rate_30y"] + points,
            current_interest_rate=frame["current_interest_rate"] + points * adjustable,
        )

    return apply


SCENARIOS: dict[str, Shock] = {
    "House prices −20 %": house_prices(-0.2),
    "Unemployment +4 points": unemployment(4.0),
    "Mortgage rates +300 bp": rates(3.0),
    "All three": lambda frame: rates(3.0)(unemployment(4.0)(house_prices(-0.2)(frame))),
}
# What rates do to a fixed-rate portfolio has no agreed sign: it stops prepayment and spares the borrower.
SIGNED = ("House prices −20 %", "Unemployment +4 points")


@check("stress.direction")
def direction(evidence: Evidence) -> Outcome:
    """Does the PD rise when house prices fall or unemployment rises?

    A PD that is blind to the economy is too low exactly when it matters.
    """
    rows = _rows(evidence)
    table = [_portfolio(evidence, rows, name, shock) for name, shock in SCENARIOS.items()]
    base = _portfolio(evidence, rows, "As observed", lambda frame: frame)
    rise = {row["scenario"]: row["mean_pd"] / base["mean_pd"] - 1 for row in table}
    smallest = min(SIGNED, key=lambda name: rise[name])
    told = ", ".join(f"{name} {100 * value:+.0f} %" for name, value in rise.items())
    return measured(
        rise[smallest],
        f"The portfolio's mean PD of {100 * base['mean_pd']:.3g} % changes: {told}",
        n=len(rows.frame),
        detail={"scenarios": [base, *table]},
    )


@check("stress.replay")
def replay(evidence: Evidence) -> Outcome:
    """What would 2007 to 2010 do to today's portfolio? (reported, not judged)

    The last crisis, as this panel's own economic columns saw it, laid over the loans of the out-of-time sample.
    """
    rows, economy = _rows(evidence), evidence.economy
    if absent := [year for year in REPLAY_YEARS if year not in economy]:
        raise NotComputable(f"the panel does not cover {', '.join(map(str, absent))}")
    path, prices = [], 1.0
    first = economy[REPLAY_YEARS[0]]
    for year in REPLAY_YEARS:
        now = economy[year]
        prices *= 1 + now["house_price_index_growth_12m"] / 100
        path.append(
            _portfolio(
                evidence, rows, str(year), _history(now, now["unemployment_rate"] - first["unemployment_rate"], prices)
            )
        )
    peak = max(path, key=lambda row: row["mean_pd"])
    base = float(rows.probabilities.mean())
    return measured(
        peak["mean_pd"] / base,
        f"Replaying 2007 to 2010 the mean PD peaks in {peak['scenario']} at {100 * peak['mean_pd']:.3g} %, "
        f"{peak['mean_pd'] / base:.1f} times today's {100 * base:.3g} %",
        n=len(rows.frame),
        detail={"years": path},
    )


def _history(economy: Mapping[str, float], points: float, prices: float) -> Shock:
    """A past year's growth and change, prices and unemployment moved as far as they had by then."""
    return lambda frame: frame.assign(
        unemployment_rate=frame["unemployment_rate"] + points,
        unemployment_change_12m=economy["unemployment_change_12m"],
        house_price_index_growth_12m=economy["house_price_index_growth_12m"],
        house_price_index_ratio=frame["house_price_index_ratio"] * prices,
    )


def _rows(evidence: Evidence) -> DrawnRows:
    rows = evidence.drawn.get("oot")
    if rows is None:
        raise NotComputable("the out-of-time sample has no rows")
    needed = {"house_price_index_ratio", "house_price_index_growth_12m", "unemployment_rate", "mortgage_rate_30y"}
    if absent := sorted(needed - set(rows.frame.columns)):
        raise NotComputable(f"the panel has no {', '.join(absent)}")
    return rows


def _portfolio(evidence: Evidence, rows: DrawnRows, name: str, shock: Shock) -> Scenario:
    """Mean PD of the portfolio and, by the grade each loan has today, of its parts under a scenario."""
    probabilities = rescore(evidence.model, shock(rows.frame))
    grades = evidence.model.scale.assign(rows.probabilities)
    of_grade = {grade: grades == grade for grade in evidence.model.scale.grades}
    by_grade = {grade: float(probabilities[chosen].mean()) for grade, chosen in of_grade.items() if chosen.sum() >= 5}
    return {"scenario": name, "mean_pd": float(probabilities.mean()), "by_grade": by_grade}
