"""One test of the battery: a question, a function of the evidence that answers it, and its outcome.

A test is a function registered with `@check`; its docstring's first line is the question, the rest says why it
matters. Most measure: the gate (validation/gate.py) compares the figure with the thresholds file and gives the verdict;
a figure without a threshold is reported only. A test whose answer is yes or no gives its verdict itself.
`NotComputable` means that the figure does not exist on these rows, `InputMissing` that the test's own input (a
challenger, a demographics table) was not delivered.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from contracts import Contract
from mortgage_model.development.splits import SplitBounds
from mortgage_model.documents.battery import CheckRecord, Verdict
from mortgage_model.documents.evaluation import FeatureShift, Metric, Metrics
from mortgage_model.documents.training import TrainingRecord
from mortgage_model.scoring.artifact import MortgageModel
from mortgage_model.statistics import NotComputable, finite
from mortgage_model.validation.replicates import Replicates
from mortgage_model.validation.samples import DrawnRows, Portfolio, ScoredSample


class InputMissing(ValueError):
    """What the test compares with was not delivered; the message names it."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a test may look at. `drawn` holds rows of training and out of time for tests that score again; `csi`
    the feature shift of evaluation.json; `feature_counts` those out of time per bin of the reference profile;
    `portfolio` the loans to score; `demographics` has protected columns, indexed by loan hash; `retrain` trains again
    as recorded and gives the new model's metadata; `economy` is that of the panel's years.
    """

    model: MortgageModel
    contract: Contract
    bounds: SplitBounds
    samples: dict[str, ScoredSample]
    metrics: Metrics
    replicates: Replicates
    drawn: Mapping[str, DrawnRows]
    csi: list[FeatureShift]
    feature_counts: Mapping[str, np.ndarray]
    portfolio: Portfolio
    seed: int
    demographics: pd.DataFrame | None = None
    retrain: Callable[[], TrainingRecord] | None = None
    economy: Mapping[int, Mapping[str, float]] = field(default_factory=dict)

    @property
    def oot(self) -> ScoredSample:
        return self.samples["oot"]

    @property
    def train_was_sampled(self) -> bool:
        """True where training drew only a part of its rows (max_train_rows)."""
        limit = int(self.model.metadata["hyperparameters"].get("max_train_rows", 0))
        return 0 < limit < self.samples["train"].n


@dataclass(frozen=True)
class Outcome:
    """A test's answer in one sentence. `verdict` is None where the settings decide on `value`."""

    verdict: Verdict | None
    reason: str
    value: float | None = None
    interval: tuple[float, float] | None = None
    p_value: float | None = None
    n: int | None = None
    events: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def measured(
    value: float,
    reason: str,
    *,
    interval: tuple[float, float] | None = None,
    p_value: float | None = None,
    n: int | None = None,
    events: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Outcome:
    """An outcome that the settings judge. NotComputable for a value that is no finite number."""
    return Outcome(None, reason, finite(float(value), "the figure"), interval, p_value, n, events, detail or {})


def answered(holds: bool, yes: str, no: str, value: float | None = None) -> Outcome:
    """An outcome that needs no settings: passes in the words `yes` where it holds, else fails in the words `no`."""
    return Outcome("pass", f"{yes}.", value) if holds else Outcome("fail", f"{no}.", value)


@dataclass(frozen=True)
class Check:
    """`id` is `<section>.<name>`; the question in words; `why` it matters; `run` answers it."""

    id: str
    question: str
    why: str
    run: Callable[[Evidence], Outcome]


CHECKS: list[Check] = []


def check(id: str) -> Callable[[Callable[[Evidence], Outcome]], Callable[[Evidence], Outcome]]:
    """Register a function as a test."""

    def register(function: Callable[[Evidence], Outcome]) -> Callable[[Evidence], Outcome]:
        question, why = (inspect.getdoc(function) or "").split("\n\n")
        CHECKS.append(Check(id, question, " ".join(why.split()), function))
        return function

    return register


def run_checks(evidence: Evidence, tests: Sequence[Check] = CHECKS) -> list[CheckRecord]:
    """Every test as evaluation.json holds it, in the order of registration.

    `missing` says which input was not delivered; `verdict` is null where the gate has yet to judge.
    """
    results: list[CheckRecord] = []
    for registered in tests:
        missing = None
        try:
            outcome = registered.run(evidence)
        except InputMissing as absent:
            missing = str(absent)
            outcome = Outcome(None, missing)
        except NotComputable as reason:
            outcome = Outcome(None, str(reason))
        except KeyError as absent:
            outcome = Outcome("not_computable", f"The model's metadata does not record {absent}.")
        results.append(
            {
                "id": registered.id,
                "question": registered.question,
                "why": registered.why,
                "verdict": outcome.verdict,
                "reason": outcome.reason,
                "missing": missing,
                "value": outcome.value,
                "interval": None if outcome.interval is None else list(outcome.interval),
                "p_value": outcome.p_value,
                "n": outcome.n,
                "events": outcome.events,
                "detail": outcome.detail,
            }
        )
    return results


def known_auc(evidence: Evidence, sample: str) -> tuple[float, Metric]:
    """The AUC of a sample, and as evaluation.json holds it. Raises NotComputable where it has no value."""
    metric = evidence.metrics[sample]["auc"]
    if metric["value"] is None:
        raise NotComputable(f"the AUC of {sample} has no value: {metric['reason']}")
    return metric["value"], metric


def one_row_per_loan(sample: ScoredSample) -> np.ndarray:
    """Positions of each loan's first month in the sample: the months of one loan are not independent."""
    return np.unique(sample.loan, return_index=True)[1]
