"""Performance of past nights as their labels mature: early reads at 3 and 6 months, the final one at 12.

A vintage is a month's scores. A read is only made when its window lies fully before the panel's end; before that the
answer is null with the reason, and beside it stands what the PDs themselves expect (an estimate, so marked).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mortgage_model.development.splits import month_number, month_text
from mortgage_model.monitoring.rules import ATTENTION, BREACH, Finding
from mortgage_model.statistics import NotComputable, calibration, discrimination
from mortgage_model.statistics.label_free import expected_performance

PANEL_COLUMNS = ("loan_id", "default_12m", "worst_delinquency_3m", "worst_delinquency_6m")


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
FINAL = Read("final_12m", 12, "default_12m", 1, "default within 12 months")
READS = (EARLY_3M, EARLY_6M, FINAL)

# Traffic light of a grade: posterior probability that its true default rate is no higher than its mean PD.
RED, AMBER = 0.01, 0.05
# A vintage is held against those before it: this many at least, at most; this unlikely, this far off.
FEWEST, MOST = 3, 12
OUTCOME_P, OUTCOME_RATIO = 0.001, 1.3


def outcomes(panel: dict[str, pd.DataFrame], month: str, read: Read) -> pd.DataFrame:
    """loan_id and event (0, 1 or NaN) of the loans observed at `month`. panel: month -> PANEL_COLUMNS.

    A loan that has left the panel by the window's end has defaulted (label 1: an event of every read) or paid off
    (label 0: none); one with no label then is lost from sight, NaN.
    """
    start = panel[month][["loan_id", "default_12m"]].drop_duplicates("loan_id", keep="last")
    label = start["default_12m"].astype(float)
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


def vintage(
    scored: pd.DataFrame, month: str, panel: dict[str, pd.DataFrame], grade_order: Sequence[str]
) -> dict[str, Any]:
    """One vintage's reads. scored: loan_id, pd, grade of the scores of `month`; panel as in `outcomes`. Every loan
    counts once, by its last row.
    """
    scored = scored.drop_duplicates("loan_id", keep="last")
    last = max(panel)
    reads = {}
    for read in READS:
        if month not in panel or month_number(last) < month_number(month) + read.months:
            due = month_text(month_number(month) + read.months)
            reads[read.name] = {"matured": False, "reason": f"its window ends with {due}, the panel with {last}"}
        else:
            reads[read.name] = {"matured": True, "event": read.words} | _realised(
                scored.merge(outcomes(panel, month, read), on="loan_id"), read, grade_order
            )
    return {
        "month": month,
        "n": len(scored),
        "mean_pd": float(scored["pd"].mean()) if len(scored) else None,
        "reads": reads,
        "estimate": _estimate(scored["pd"].to_numpy(float)),
    }


def _realised(joined: pd.DataFrame, read: Read, grade_order: Sequence[str]) -> dict[str, Any]:
    known = joined[joined["event"].notna()]
    y, p = known["event"].to_numpy(float), known["pd"].to_numpy(float)
    found: dict[str, Any] = {
        "n": len(known),
        "lost": len(joined) - len(known),
        "events": int(y.sum()),
        "expected_defaults": float(p.sum()),
        "auc": None,
        "auc_interval": None,
    }
    try:
        ranked = discrimination.delong(y, p)
        found |= {"auc": ranked.value, "auc_interval": list(ranked.interval)}
    except NotComputable as reason:
        found["auc_reason"] = str(reason)
    if read is not FINAL:
        # The PD is of default in 12 months; an early event ranks the loans but has no PD of its own.
        return found
    try:
        fitted = calibration.recalibrate(y, p)
        found |= {
            "slope": fitted.slope.value,
            "in_the_large": asdict(calibration.calibration_in_the_large(y, p)),
            "brier": calibration.brier(y, p),
        }
    except NotComputable as reason:
        found |= {"slope": None, "in_the_large": None, "brier": None, "calibration_reason": str(reason)}
    found["grades"] = [
        asdict(band) | {"light": traffic_light(band)} for band in _bands(y, p, known["grade"].to_numpy(), grade_order)
    ]
    return found


def _bands(y: np.ndarray, p: np.ndarray, grades: np.ndarray, order: Sequence[str]) -> list[calibration.Band]:
    return calibration.by_group(y, p, grades, list(order)) if y.size else []


def traffic_light(band: calibration.Band) -> str:
    """green, amber or red: is the grade's PD too low? (Jeffreys test, ECB 2019, section 2.5.3.1)"""
    p = calibration.jeffreys_p_value(band.events, band.n, band.mean_pd)
    return "red" if p < RED else "amber" if p < AMBER else "green"


def _estimate(pd_: np.ndarray) -> dict[str, Any]:
    try:
        return {"is_estimate": True} | asdict(expected_performance(pd_))
    except NotComputable as reason:
        return {"is_estimate": True, "auc": None, "reason": str(reason)}


def backtest(vintages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How the label-free estimate did on the vintages that have matured since: error of AUC and of defaults."""
    done = [v for v in vintages if v["reads"]["final_12m"].get("auc") is not None and v["estimate"]["auc"] is not None]
    if not done:
        return {"vintages": 0, "reason": "no vintage has matured yet"}
    errors = [v["estimate"]["auc"] - v["reads"]["final_12m"]["auc"] for v in done]
    inside = [
        v["estimate"]["auc_interval"][0] <= v["reads"]["final_12m"]["auc"] <= v["estimate"]["auc_interval"][1]
        for v in done
    ]
    expected = sum(v["reads"]["final_12m"]["expected_defaults"] for v in done)
    return {
        "vintages": len(done),
        "auc_mean_error": float(np.mean(errors)),
        "auc_root_mean_square_error": float(np.sqrt(np.mean(np.square(errors)))),
        "auc_inside_interval": float(np.mean(inside)),
        "observed_over_expected": sum(v["reads"]["final_12m"]["events"] for v in done) / expected if expected else None,
    }


def with_range(estimate: dict[str, Any], backtested: dict[str, Any]) -> dict[str, Any]:
    """The estimate with `auc_range`: its interval, which trusts the PDs, widened by how far off it was in the past.

    Half-widths are added in quadrature with the back-test's error `auc_error`; both are null where nothing has matured.
    """
    error = backtested.get("auc_root_mean_square_error")
    if estimate["auc"] is None or error is None:
        return estimate | {"auc_range": None, "auc_error": error}
    below, above = (float(np.hypot(end - estimate["auc"], error)) for end in estimate["auc_interval"])
    return estimate | {
        "auc_range": [max(0.0, estimate["auc"] - below), min(1.0, estimate["auc"] + above)],
        "auc_error": error,
    }


def outcome_findings(vintages: Sequence[dict[str, Any]]) -> list[Finding]:
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


def _totals(vintages: Sequence[dict[str, Any]], read: Read) -> tuple[int, float]:
    reads = [v["reads"][read.name] for v in vintages]
    return sum(r["events"] for r in reads), sum(r["expected_defaults"] for r in reads)


def performance(
    scored: dict[str, pd.DataFrame], panel: dict[str, pd.DataFrame], grade_order: Sequence[str]
) -> dict[str, Any]:
    """The document's performance part. scored: vintage month -> loan_id, pd, grade; panel as in `outcomes`."""
    vintages = [vintage(scored[month], month, panel, grade_order) for month in sorted(scored)]
    backtested = backtest(vintages)
    vintages = [found | {"estimate": with_range(found["estimate"], backtested)} for found in vintages]
    document = {"panel_until": max(panel), "vintages": vintages, "estimate_backtest": backtested}
    return json.loads(json.dumps(document))  # lists for tuples, as the next night reads it
