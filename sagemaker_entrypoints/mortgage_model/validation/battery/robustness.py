"""Does the model stand small changes of its data, and loans it was not fitted on?"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from contracts import Column
from mortgage_model.documents.battery import SourceLoss
from mortgage_model.scoring import booster
from mortgage_model.scoring.artifact import MortgageModel
from mortgage_model.statistics import NotComputable, discrimination
from mortgage_model.validation.checks import Evidence, Outcome, check, known_auc, measured
from mortgage_model.validation.samples import DrawnRows

SEEDS = 5
# Noise of this many standard deviations of each numeric input.
NOISE = 0.1


@check("robustness.validation_gap")
def validation_gap(evidence: Evidence) -> Outcome:
    """Is the ranking as good on months that were not fitted?

    What training gains over validation, the next portfolio loses.
    """
    then, now = (known_auc(evidence, name)[0] for name in ("train", "validation"))
    gap = then - now
    return measured(
        gap,
        f"The AUC is {then:.3f} on training months and {now:.3f} on validation months, a gap of {gap:.3f}",
        n=evidence.samples["validation"].n,
        events=evidence.samples["validation"].events,
    )


@check("robustness.noise")
def noise(evidence: Evidence) -> Outcome:
    """How much ranking is lost when every number is a little off?

    Inputs are measured and typed by people; a model that hangs on the last digit has learnt noise.
    """
    rows = drawn_out_of_time(evidence)
    rng = np.random.default_rng(evidence.seed)
    frame = rows.frame.copy()
    for column in numeric_inputs(evidence):
        values = frame[column.name].to_numpy(np.float64, na_value=np.nan)
        if np.isfinite(values).any():
            frame[column.name] = values + rng.normal(0, NOISE * np.nanstd(values), values.size)
    base = discrimination.auc(rows.labels, rows.probabilities)
    loss = base - discrimination.auc(rows.labels, rescore(evidence.model, frame))
    return measured(
        loss,
        f"With noise of {NOISE:g} standard deviations on every numeric input the AUC falls by {loss:.4f} from "
        f"{base:.3f} ({len(frame):,} rows drawn out of time)",
        n=len(frame),
        events=int(rows.labels.sum()),
    )


@check("robustness.missing_block")
def missing_block(evidence: Evidence) -> Outcome:
    """Does the model still rank when one source is not delivered?

    Feeds break; the PDs of that night should be worse, not absurd.
    """
    rows = drawn_out_of_time(evidence)
    found: list[SourceLoss] = []
    for source, columns in _blocks(evidence).items():
        frame = rows.frame.copy()
        for column in columns:
            frame[column.name] = None if column.categorical else np.nan
        probabilities = rescore(evidence.model, frame)
        found.append(
            {
                "source": source,
                "columns": len(columns),
                "auc": discrimination.auc(rows.labels, probabilities),
                "mean_pd": float(probabilities.mean()),
            }
        )
    if not found:
        raise NotComputable("the contract names no source of any input")
    worst = min(found, key=lambda row: row["auc"])
    return measured(
        worst["auc"],
        f"Without {worst['source']} ({worst['columns']} inputs) the AUC out of time is {worst['auc']:.3f}, the lowest "
        f"of {len(found)} sources left out in turn; the mean PD becomes {100 * worst['mean_pd']:.3g} %",
        n=len(rows.frame),
        events=int(rows.labels.sum()),
        detail={"sources": found, "auc": discrimination.auc(rows.labels, rows.probabilities)},
    )


@check("robustness.seeds")
def seeds(evidence: Evidence) -> Outcome:
    """Does the ranking depend on the seed of training?

    Every seed is as good as any other; where the AUC hangs on it, the reported one is partly luck.
    """
    rows = drawn_out_of_time(evidence)
    areas = [discrimination.auc(rows.labels, margin) for margin in refits(evidence)]
    return measured(
        max(areas) - min(areas),
        f"Refitted with {SEEDS} seeds on {len(evidence.drawn['train'].labels):,} rows drawn of training, the same "
        f"hyperparameters give an AUC from {min(areas):.4f} to {max(areas):.4f} on {len(rows.labels):,} rows drawn out "
        "of time",
        n=len(rows.labels),
        events=int(rows.labels.sum()),
        detail={"auc": areas},
    )


@check("robustness.seed_ranks")
def seed_ranks(evidence: Evidence) -> Outcome:
    """Does a loan keep its place among the others when the seed is another?

    Two models of one AUC can still disagree about who is risky; then the seed decides about the customer.
    """
    correlations = spearmanr(refits(evidence), axis=1).statistic
    if not np.isfinite(correlations).all():
        raise NotComputable("a refitted model gives every loan the same PD")
    return measured(
        correlations.min(),
        f"The lowest rank correlation of PDs between two of {SEEDS} seeds is {correlations.min():.4f}",
        n=len(drawn_out_of_time(evidence).labels),
        detail={"rank_correlation": correlations.tolist()},
    )


@lru_cache(maxsize=1)  # two tests look at them
def refits(evidence: Evidence) -> np.ndarray:
    """Margins out of time, shape (SEEDS, rows drawn), of the recorded configuration fitted anew with other seeds.

    On the rows drawn of training, with as many rounds as the model kept: the same work whatever the size of the panel.
    """
    then, now = evidence.drawn.get("train"), drawn_out_of_time(evidence)
    if then is None or not 0 < then.labels.sum() < then.labels.size:
        raise NotComputable("the rows drawn of training do not hold both defaults and others")
    recorded = evidence.model.metadata
    configuration = {**recorded["hyperparameters"], "n_estimators": recorded["trees"]}
    rows, constraints = booster.bin_rows(then.matrix, then.labels), evidence.model.spec.constraints
    fitted = (booster.fit(rows, constraints, {**configuration, "seed": seed}) for seed in range(SEEDS))
    return np.array([booster.margin(trees, now.matrix) for trees in fitted])


def drawn_out_of_time(evidence: Evidence) -> DrawnRows:
    """The rows drawn out of time, refused where they hold one class only."""
    rows = evidence.drawn.get("oot")
    if rows is None or not 0 < rows.labels.sum() < rows.labels.size:
        raise NotComputable("the rows drawn out of time do not hold both defaults and others")
    return rows


def numeric_inputs(evidence: Evidence) -> list[Column]:
    """The model's inputs that are numbers, as the contract declares them."""
    declared = [evidence.contract.column(name) for name in evidence.model.spec.inputs]
    return [column for column in declared if not column.categorical]


def rescore(model: MortgageModel, frame: pd.DataFrame) -> np.ndarray:
    """PD of raw rows."""
    return model.score(model.spec.transform(frame))


def _blocks(evidence: Evidence) -> dict[str, list[Column]]:
    """The model's inputs by the raw table that they come from."""
    blocks: dict[str, list[Column]] = {}
    for name in evidence.model.spec.inputs:
        column = evidence.contract.column(name)
        for table in {source.partition(".")[0] for source in column.sources} or set():
            blocks.setdefault(table, []).append(column)
    return blocks
