"""Does the model stand small changes of its data, and loans it was not fitted on?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from contracts import Column
from mortgage_model.artifact import MortgageModel
from mortgage_model.statistics import NotComputable, discrimination
from mortgage_model.validation.checks import Evidence, Outcome, check, known_auc, measured
from mortgage_model.validation.samples import DrawnRows

# Noise of this many standard deviations of each numeric input.
NOISE = 0.1


@check("robustness.validation_gap")
def validation_gap(evidence: Evidence) -> Outcome:
    """Is the ranking as good on months that were not fitted?

    What training gains over validation, the next portfolio loses.
    """
    then, now = (known_auc(evidence, name)["value"] for name in ("train", "validation"))
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
    base = discrimination.auc(rows.labels, rows.pd)
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
    found: list[dict[str, Any]] = []
    for source, columns in _blocks(evidence).items():
        frame = rows.frame.copy()
        for column in columns:
            frame[column.name] = None if column.categorical else np.nan
        pd_ = rescore(evidence.model, frame)
        found.append(
            {
                "source": source,
                "columns": len(columns),
                "auc": discrimination.auc(rows.labels, pd_),
                "mean_pd": float(pd_.mean()),
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
        detail={"sources": found, "auc": discrimination.auc(rows.labels, rows.pd)},
    )


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
