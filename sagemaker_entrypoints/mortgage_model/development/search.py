"""Random search over hyperparameters (Bergstra & Bengio 2012): seeded, bounded, every trial recorded."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from mortgage_model.development import boosting
from mortgage_model.development.checkpoint import Checkpoint, Trial
from mortgage_model.development.hyperparameters import Hyperparameters
from mortgage_model.development.splits import Fold
from mortgage_model.documents.training import RangeRecord, SearchRecord
from mortgage_model.scoring import booster
from mortgage_model.statistics import calibration

DIGITS = 4
# Beside the entry scripts, where whoever packs the jobs' code finds it.
PANEL_SPACE = Path(__file__).resolve().parents[2] / "search_space.json"


@dataclass(frozen=True)
class Range:
    """Values drawn evenly between `low` and `high`, or evenly in their logarithm; whole ones where both ends are."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def from_json(cls, document: RangeRecord) -> Range:
        ends = (document["min"], document["max"])
        low, high = ends if document["type"] == "integer" else map(float, ends)
        return cls(low, high, document.get("log", False))

    def draw(self, random: np.random.Generator) -> int | float:
        if self.log:
            return float(f"{math.exp(random.uniform(math.log(self.low), math.log(self.high))):.{DIGITS}g}")
        if isinstance(self.low, int) and isinstance(self.high, int):
            return int(random.integers(self.low, self.high + 1))
        return round(random.uniform(self.low, self.high), DIGITS)


def panel_space() -> dict[str, Range]:
    """What may be tried for a loan panel, by this search and by SageMaker's tuning (plugins/mortgage_risk) alike.

    Trees no deeper than 3, for exact reason codes of the whole portfolio every night: 400 such trees give 5,400 loans/s
    per core; of depth 4 they give 2,000 and, on the simulated book, no lower log loss (benchmarks/reason_codes.py).
    """
    ranges: dict[str, RangeRecord] = json.loads(PANEL_SPACE.read_text(encoding="utf-8"))
    return {name: Range.from_json(limits) for name, limits in ranges.items()}


@dataclass(frozen=True)
class Search:
    """The trials in order, the best one's place and hyperparameters, and its margins out of fold.

    `margins` (n,) is NaN for a row that no fold validates.
    """

    trials: tuple[Trial, ...]
    best: int
    hyperparameters: dict[str, int | float]
    margins: np.ndarray
    ended_by: str

    def to_json(self) -> SearchRecord:
        return {
            "best": self.best,
            "ended_by": self.ended_by,
            "trials": [
                {"parameters": trial.parameters, "log_loss": trial.log_loss, "rounds": list(trial.rounds)}
                for trial in self.trials
            ],
        }


def search(
    features: pd.DataFrame,
    labels: np.ndarray,
    folds: Sequence[Fold],
    constraints: tuple[int, ...],
    start: Hyperparameters,
    space: Mapping[str, Range],
    trials: int,
    seconds: float = 0.0,
    threads: int | None = None,
    checkpoint: Checkpoint | None = None,
) -> Search:
    """Try `start`, then `trials` draws from `space`; keep the one of least mean log loss over the folds.

    Each fit stops early on its fold's validation rows; the result's n_estimators is the mean number of rounds kept.
    `seconds` > 0 ends the search at the first trial after that long: the result then depends on the machine.
    `start`'s seed decides every draw. Trials that `checkpoint` holds are not fitted again, and change no result.
    """
    random = np.random.default_rng(int(start["seed"]))
    binned = [
        boosting.bin_rows(features.iloc[train], labels[train], features.iloc[valid], labels[valid], threads)
        for train, valid in folds
    ]

    def tried(parameters: dict[str, int | float]) -> tuple[Trial, np.ndarray]:
        margins, losses, rounds = np.full(len(labels), np.nan), [], []
        for (_, valid), rows in zip(folds, binned, strict=True):
            trees = boosting.fit(rows, constraints, {**start, **parameters})
            margins[valid] = booster.margin(trees, features.iloc[valid])
            losses.append(calibration.log_loss(labels[valid], expit(margins[valid])))
            rounds.append(trees.num_boosted_rounds())
        return Trial(parameters, float(np.mean(losses)), tuple(rounds)), margins

    known = list(checkpoint.trials) if checkpoint else []
    done: list[Trial] = []
    best, best_margins, ended_by = 0, None, "trials"
    began = time.monotonic()
    for number in range(trials + 1):
        if seconds and number and time.monotonic() - began > seconds:
            ended_by = "seconds"
            break
        drawn = {name: values.draw(random) for name, values in space.items()} if number else {}
        parameters = {**{name: start[name] for name in space}, **drawn}
        if number < len(known):
            trial, margins = known[number], None
        else:
            trial, margins = tried(parameters)
            if checkpoint:
                checkpoint.add(trial)
        done.append(trial)
        if number == 0 or trial.log_loss < done[best].log_loss:
            best, best_margins = number, margins
    if best_margins is None:
        best_margins = tried(done[best].parameters)[1]
    chosen = {**start, **done[best].parameters, "n_estimators": round(float(np.mean(done[best].rounds)))}
    return Search(tuple(done), best, chosen, best_margins, ended_by)
