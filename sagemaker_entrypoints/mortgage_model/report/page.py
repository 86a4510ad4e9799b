"""The validation report: one self-contained HTML file, verdict first, from evaluation.json, the verdict and the card.

It shows aggregates only, never a loan; it needs no script, font or host, and can be printed.
"""

from __future__ import annotations

from mortgage_model.documents.card import Card
from mortgage_model.documents.evaluation import Evaluation
from mortgage_model.documents.gate import GateResult
from mortgage_model.report import (
    benchmark,
    calibration,
    data,
    discrimination,
    explanation,
    fairness,
    metrics,
    model,
    stability,
    stress,
    verdict,
)
from mortgage_model.report.template import fill


def render_report(evaluation: Evaluation, gate: GateResult, card: Card) -> str:
    """The report's HTML."""
    evidence = evaluation["mortgage"]
    tests = {test["id"]: test for test in evidence["checks"]}
    return fill(
        f"Validation of {evidence['provenance']['training_job']}",
        [
            verdict.head(evidence),
            verdict.answer(gate),
            verdict.tiles(evidence["metrics"], gate),
            verdict.checks(gate),
            model.card(card),
            metrics.by_sample(evidence),
            discrimination.curves(evaluation),
            discrimination.segments(tests),
            calibration.bands(evidence),
            calibration.tests(tests),
            stability.shift(evidence),
            stability.portfolio(tests["stability.representativeness"]),
            stability.migration(tests),
            benchmark.rivals(tests),
            explanation.drivers(tests),
            stress.scenarios(tests),
            fairness.groups(tests),
            data.over_time(evidence),
            model.facts(evidence["model"]),
            data.provenance(evidence),
        ],
    )
