"""Performance of past nights as their labels mature: early reads at 3 and 6 months, the final one at 12.

A vintage is a month's scores. A read is only made when its window lies fully before the panel's end; before that the
answer is null with the reason, and beside it stands what the PDs themselves expect (an estimate, so marked).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mortgage_model.documents.monitoring import (
    Backtest,
    ExpectedFigures,
    LightRow,
    Performance,
    ReadFigures,
    Vintage,
)
from mortgage_model.monitoring.rules import ATTENTION, BREACH, Finding
from mortgage_model.months import month_number, month_text
from mortgage_model.statistics import NotComputable, calibration, discrimination
from mortgage_model.statistics.label_free import expected_performance

PANEL_COLUMNS = ("loan_id", "default_in_horizon", "worst_delinquency_3m", "worst_delinquency_6m")


@dataclass(frozen=True)
class Read:
    """An outcome of the window's first `months`: past due `column` >= `level` at its end, or the label itself."""

    name: str
    months: int
    column: str
    level: int
    words: str


EARLY_3M = Read("early_3m", 3, "worst_delinquency_3m", 1, "30+ days past due within 3 months")
EARLY_6M = Read("early_6m", 6, "worst_delinquency_6m", 2, "60+ days past due within 6 months")
FINAL = Read("final_12m", 12, "default_in_horizon", 1, "default within 12 months")
READS = (EARLY_3M, EARLY_6M, FINAL)

# Traffic light of a grade: posterior probability that its true default rate is no higher than its mean PD.
RED, AMBER = 0.01, 0.05
# A vintage is compared with those before it: this many at least, at most; this unlikely, this far off.
FEWEST, MOST = 3, 12
OUTCOME_P, OUTCOME_RATIO = 0.001, 1.3


def outcomes(panel: Mapping[str, pd.DataFrame], month: str, read: Read) -> pd.DataFrame:
    """loan_id and event (0, 1 or NaN) of the loans observed at `month`. panel: month -> PANEL_COLUMNS.

    A loan that has left the panel by the window's end has defaulted (label 1: an event of every read) or paid off
    (label 0: none); one with no label then is lost from sight, NaN.
    """
    start = panel[month][["loan_id", "default_in_horizon"]].drop_duplicates("loan_id", keep="last")
    label = start["default_in_horizon"].astype(float)
    if read is FINAL:
        return pd.DataFrame({"loan_id": start["loan_id"], "event": label})
    end = panel.get(month_text(month_number(month) + read.months))
    later = (
        start[["loan_id"]].merge(
            end[["loan_id", read.column]].drop_duplicates("loan_id", keep="last"), on="loan_id", how="left"
        )
        if end is not None
        else None
    )
    if later is None:
        return pd.DataFrame({"loan_id": start["loan_id"], "event": np.nan})
    reached = later[read.column].astype(float).to_numpy()
    event = np.where(np.isnan(reached), label.to_numpy(), reached >= read.level)
    return pd.DataFrame({"loan_id": start["loan_id"], "event": event})


def vintage(scored: pd.DataFrame, month: str, panel: Mapping[str, pd.DataFrame], grade_order: Sequence[str]) -> Vintage:
    """One vintage's reads. scored: loan_id, pd, grade of the scores of `month`; panel as in `outcomes`. Every loan
    counts once, by its last row.
    """
    scored = scored.drop_duplicates("loan_id", keep="last")
    last = max(panel)
    reads: dict[str, ReadFigures] = {}
    for read in READS:
        if month not in panel or month_number(last) < month_number(month) + read.months:
            due = month_text(month_number(month) + read.months)
            reads[read.name] = {"matured": False, "reason": f"its window ends with {due}, the panel with {last}"}
        else:
            joined = scored.merge(outcomes(panel, month, read), on="loan_id")
            reads[read.name] = _realised(joined, read, grade_order)
    return {
        "month": month,
        "n": len(scored),
        "mean_pd": float(scored["pd"].mean()) if len(scored) else None,
        "reads": reads,
        "estimate": _estimate(scored["pd"].to_numpy(float)),
    }


def _realised(joined: pd.DataFrame, read: Read, grade_order: Sequence[str]) -> ReadFigures:
    """A matured read: the loans with a known outcome, how they were ranked, and for the final read calibration."""
    known = joined[joined["event"].notna()]
    y, p = known["event"].to_numpy(float), known["pd"].to_numpy(float)
    found: ReadFigures = {
        "matured": True,
        "event": read.words,
        "n": len(known),
        "lost": len(joined) - len(known),
        "events": int(y.sum()),
        "expected_defaults": float(p.sum()),
        "auc": None,
        "auc_interval": None,
    }
    try:
        ranked = discrimination.delong(y, p)
        found["auc"], found["auc_interval"] = ranked.value, list(ranked.interval)
    except NotComputable as reason:
        found["auc_reason"] = str(reason)
    # The PD is of default in 12 months; an early event ranks the loans but has no PD of its own.
    return _calibrated(found, y, p, known["grade"].to_numpy(), grade_order) if read is FINAL else found


def _calibrated(
    found: ReadFigures, y: np.ndarray, p: np.ndarray, grades: np.ndarray, grade_order: Sequence[str]
) -> ReadFigures:
    """The final read with slope, level, Brier score and the grades' traffic lights."""
    lights: list[LightRow] = [
        {**band.to_json(), "light": traffic_light(band)} for band in _bands(y, p, grades, grade_order)
    ]
    try:
        slope, level = calibration.recalibrate(y, p).slope.value, calibration.calibration_in_the_large(y, p)
        brier = calibration.brier(y, p)
    except NotComputable as reason:
        missing: ReadFigures = {**found, "slope": None, "in_the_large": None, "brier": None, "grades": lights}
        return {**missing, "calibration_reason": str(reason)}
    return {
        **found,
        "slope": slope,
        "in_the_large": {
            "value": level.value,
            "standard_error": level.standard_error,
            "interval": list(level.interval),
        },
        "brier": brier,
        "grades": lights,
    }


def _bands(y: np.ndarray, p: np.ndarray, grades: np.ndarray, order: Sequence[str]) -> list[calibration.Band]:
    return calibration.by_group(y, p, grades, list(order)) if y.size else []


def traffic_light(band: calibration.Band) -> str:
    """green, amber or red: is the grade's PD too low? (Jeffreys test, ECB 2019, section 2.5.3.1)"""
    p = calibration.jeffreys_p_value(band.events, band.n, band.mean_pd)
    return "red" if p < RED else "amber" if p < AMBER else "green"


def _estimate(probabilities: np.ndarray) -> ExpectedFigures:
    try:
        found = expected_performance(probabilities)
    except NotComputable as reason:
        return {"is_estimate": True, "auc": None, "reason": str(reason)}
    return {
        "is_estimate": True,
        "n": found.n,
        "defaults": found.defaults,
        "defaults_interval": list(found.defaults_interval),
        "auc": found.auc,
        "auc_interval": list(found.auc_interval),
        "brier": found.brier,
    }


def backtest(vintages: Sequence[Vintage]) -> Backtest:
    """How the label-free estimate did on the vintages that have matured since: error of AUC and of defaults."""
    finals = [(vintage["estimate"], vintage["reads"]["final_12m"]) for vintage in vintages]
    done = [
        (estimate, estimate["auc"], final, area)
        for estimate, final in finals
        if estimate["auc"] is not None and (area := final.get("auc")) is not None
    ]
    if not done:
        return {"vintages": 0, "reason": "no vintage has matured yet"}
    errors = [expected - area for _, expected, _, area in done]
    inside = [estimate["auc_interval"][0] <= area <= estimate["auc_interval"][1] for estimate, _, _, area in done]
    expected = sum(final["expected_defaults"] for _, _, final, _ in done)
    return {
        "vintages": len(done),
        "auc_mean_error": float(np.mean(errors)),
        "auc_root_mean_square_error": float(np.sqrt(np.mean(np.square(errors)))),
        "auc_inside_interval": float(np.mean(inside)),
        "observed_over_expected": sum(final["events"] for _, _, final, _ in done) / expected if expected else None,
    }


def with_range(estimate: ExpectedFigures, backtested: Backtest) -> ExpectedFigures:
    """The estimate with `auc_range`: its interval, which trusts the PDs, widened by how far off it was in the past.

    Half-widths are added in quadrature with the back-test's error `auc_error`; both are null where nothing has matured.
    """
    area, error = estimate["auc"], backtested.get("auc_root_mean_square_error")
    if area is None or error is None:
        return {**estimate, "auc_range": None, "auc_error": error}
    below, above = (float(np.hypot(end - area, error)) for end in estimate["auc_interval"])
    return {**estimate, "auc_range": [max(0.0, area - below), min(1.0, area + above)], "auc_error": error}


def outcome_findings(vintages: Sequence[Vintage]) -> list[Finding]:
    """Has the relation of PD and outcome changed? The newest matured vintage of each read against those before it.

    Events are compared by PD: under an unchanged relation, the newest vintage's share of all events is its share of
    all expected defaults (exact conditional test of two Poisson rates).
    """
    found = []
    for read in READS:
        matured = [v for v in vintages if v["reads"][read.name]["matured"] and v["reads"][read.name]["n"]]
        before, newest = matured[-1 - MOST : -1], matured[-1:]
        if len(before) < FEWEST:
            continue
        events, expected = _totals(before, read)
        new_events, new_expected = _totals(newest, read)
        if not events or not expected or not new_expected:
            continue
        ratio = (new_events / new_expected) / (events / expected)
        p = binomtest(new_events, new_events + events, new_expected / (new_expected + expected)).pvalue
        if p < OUTCOME_P and not 1 / OUTCOME_RATIO < ratio < OUTCOME_RATIO:
            worse = ratio > 1
            words = (
                f"vintage {newest[0]['month']}: {ratio:.2f} times the usual events per expected default "
                f"({read.words}; {new_events:,} events)"
            )
            found.append(Finding("outcome", "", BREACH if worse else ATTENTION, ratio, OUTCOME_RATIO, words))
    return found


def _totals(vintages: Sequence[Vintage], read: Read) -> tuple[int, float]:
    reads = [v["reads"][read.name] for v in vintages]
    return sum(r["events"] for r in reads), sum(r["expected_defaults"] for r in reads)


def performance(
    scored: Mapping[str, pd.DataFrame],
    panel: Mapping[str, pd.DataFrame],
    grade_order: Sequence[str],
    panel_as_of: str | None,
) -> Performance:
    """The document's performance part. scored: vintage month -> loan_id, pd, grade; panel as in `outcomes`, of the date
    `panel_as_of`.
    """
    vintages = [vintage(scored[month], month, panel, grade_order) for month in sorted(scored)]
    backtested = backtest(vintages)
    return {
        "panel_as_of": panel_as_of,
        "panel_until": max(panel),
        "vintages": [{**found, "estimate": with_range(found["estimate"], backtested)} for found in vintages],
        "estimate_backtest": backtested,
    }
