"""Is the model better than something simpler, and no worse than the model in force? Same rows, same loans drawn."""

from __future__ import annotations

import numpy as np

from mortgage_model.documents.battery import Criterion, Swap
from mortgage_model.statistics import calibration, discrimination
from mortgage_model.statistics.bootstrap import SampleBootstrap, loan_weights, percentile_interval
from mortgage_model.validation.checks import Evidence, InputMissing, Outcome, check, measured

REPLICATES = 200
# By how much the model may be worse, per criterion, before it counts as worse. House rule: half a point of AUC,
# one percent of the log loss, a tenth of calibration slope.
MARGINS = {"auc": 0.005, "log_loss": 0.01, "calibration": 0.1}
# Share of the riskiest loans that the swap set compares.
FLAGGED_SHARE = 0.1


@check("benchmark.challenger")
def challenger(evidence: Evidence) -> Outcome:
    """Is the model no worse than the logistic scorecard on any criterion, and better on one?

    Complexity has to pay for itself; a scorecard is easier to explain and to run.
    """
    return _compare(evidence, "challenger", "the logistic challenger of the same training rows")


@check("benchmark.champion")
def champion(evidence: Evidence) -> Outcome:
    """Is the model no worse than the one in force on any criterion, and better on one?

    A change of model costs; it has to bring something.
    """
    return _compare(evidence, "champion", "the champion, the model in force")


def _compare(evidence: Evidence, other: str, words: str) -> Outcome:
    """1 if shown non-inferior on every criterion and superior on one, -1 if shown worse on one, else 0: undecided."""
    oot = evidence.oot
    if other not in oot.benchmarks:
        raise InputMissing(f"there is no {other} to compare with")
    rows = criteria(evidence, oot.benchmarks[other])
    worse = [row["criterion"] for row in rows if row["interval"][1] < 0]
    undecided = [row["criterion"] for row in rows if row["interval"][0] < -row["margin"]]
    superior = [row["criterion"] for row in rows if row["interval"][0] > 0]
    advantages = "; ".join(
        f"{row['criterion']} {row['difference']:+.4f} (95 % {row['interval'][0]:+.4f} to {row['interval'][1]:+.4f})"
        for row in rows
    )
    if worse:
        value, answer = -1, f"worse in {', '.join(worse)}"
    elif undecided:
        value, answer = 0, f"not shown to be no worse in {', '.join(undecided)}"
    elif superior:
        value, answer = 1, f"no worse in anything and better in {', '.join(superior)}"
    else:
        value, answer = 0, "no worse, but better in nothing"
    return measured(
        value,
        f"Against {words} the model is {answer}. Advantage on the same rows: {advantages}",
        n=oot.n,
        events=oot.events,
        detail={"criteria": rows, "swap_set": swap_set(oot.labels, oot.probabilities, oot.benchmarks[other])},
    )


def criteria(evidence: Evidence, other: np.ndarray) -> list[Criterion]:
    """The model's advantage (positive = better) in AUC, log loss and calibration, with paired loan-bootstrap interval
    and the margin of non-inferiority in the same unit.
    """
    oot = evidence.oot
    codes = np.unique(oot.loan, return_inverse=True)[1]
    loans = int(codes.max()) + 1
    boots = [SampleBootstrap(oot.labels, scores, codes, loans) for scores in (oot.probabilities, other)]
    drawn = []
    for weights in loan_weights(loans, REPLICATES, evidence.seed):
        ours, theirs = (boot.replicate(weights) for boot in boots)
        drawn.append(_advantage(ours, theirs))
    found = _advantage(*(_figures(oot.labels, scores) for scores in (oot.probabilities, other)))
    margins = MARGINS | {"log_loss": MARGINS["log_loss"] * calibration.log_loss(oot.labels, other)}
    return [
        {
            "criterion": name.replace("_", " ") if name != "auc" else "AUC",
            "difference": value,
            "interval": list(percentile_interval(np.array([d[name] for d in drawn]))),
            "margin": margins[name],
        }
        for name, value in found.items()
    ]


def swap_set(labels: np.ndarray, probabilities: np.ndarray, other: np.ndarray) -> list[Swap]:
    """Who is flagged by whom when each model flags its riskiest FLAGGED_SHARE: rows, defaults and their rate."""
    size = max(1, round(FLAGGED_SHARE * labels.size))
    ours, theirs = (
        np.isin(np.arange(labels.size), np.argsort(-score, kind="stable")[:size]) for score in (probabilities, other)
    )
    parts = {
        "both": ours & theirs,
        "model only": ours & ~theirs,
        "rival only": ~ours & theirs,
        "neither": ~ours & ~theirs,
    }
    return [
        {
            "flagged_by": name,
            "n": int(part.sum()),
            "events": int(labels[part].sum()),
            "observed_rate": float(labels[part].mean()) if part.any() else None,
        }
        for name, part in parts.items()
    ]


def _figures(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    return {
        "auc": discrimination.auc(labels, probabilities),
        "log_loss": calibration.log_loss(labels, probabilities),
        "calibration_slope": calibration.recalibrate(labels, probabilities).slope.value,
    }


def _advantage(ours: dict[str, float], theirs: dict[str, float]) -> dict[str, float]:
    """Positive where the model is better: higher AUC, lower log loss, slope nearer to 1; nan where a draw has none."""
    return {
        "auc": ours["auc"] - theirs["auc"],
        "log_loss": theirs["log_loss"] - ours["log_loss"],
        "calibration": abs(theirs["calibration_slope"] - 1) - abs(ours["calibration_slope"] - 1),
    }
