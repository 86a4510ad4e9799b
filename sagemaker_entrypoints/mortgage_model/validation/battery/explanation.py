"""Does the model work as a credit officer would expect, and the same way out of time?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from mortgage_model.documents.battery import Profile, TwoSamples
from mortgage_model.scoring import reasons
from mortgage_model.scoring.booster import gains, known_as
from mortgage_model.statistics import NotComputable, discrimination
from mortgage_model.validation.battery.robustness import drawn_out_of_time, numeric_inputs, rescore
from mortgage_model.validation.checks import Evidence, Outcome, check, measured
from mortgage_model.validation.monotonicity import violations
from mortgage_model.validation.samples import DrawnRows

# Exact SHAP is slow on many trees; importance is stable long before this many rows.
SHAP_ROWS = 1_000
# Rows without default to shuffle beside all those with one: the AUC does not depend on their shares.
SHUFFLED_OTHERS = 4_000
PROFILED_ROWS = 500
PROFILED_FEATURES = 6
# A PD may move this much against its direction by rounding of float32 sums.
ROUNDING = 1e-6


@check("explanation.direction")
def direction(evidence: Evidence) -> Outcome:
    """Does the PD move the way that was declared, for every loan looked at?

    A model that lowers the PD of a loan for a worse credit score cannot be explained to anyone.
    """
    rows = drawn_out_of_time(evidence)
    chosen = np.random.default_rng(evidence.seed).permutation(len(rows.matrix))[:PROFILED_ROWS]
    matrix = rows.matrix.iloc[chosen]
    wrong: dict[str, int] = {}
    moves = 0
    for name, sign in promised_directions(evidence).items():
        if sign == 0:
            continue
        grid = _grid(rows.matrix[name])
        steps = np.diff(evidence.model.score(_spread(matrix, name, grid)).reshape(len(matrix), grid.size), axis=1)
        moves += steps.size
        if count := int((steps * sign < -ROUNDING).sum()):
            wrong[name] = count
    if not moves:
        raise NotComputable("the contract gives no feature a direction")
    most = sorted(wrong.items(), key=lambda item: -item[1])
    named = f" ({', '.join(f'{name} {count:,}' for name, count in most)})" if wrong else ""
    return measured(
        sum(wrong.values()) / moves,
        f"{sum(wrong.values()):,} of {moves:,} moves of one feature of {len(chosen):,} loans change the PD against the "
        f"declared direction{named}",
        n=len(chosen),
        detail={"against_direction": wrong},
    )


@check("explanation.monotone_trees")
def monotone_trees(evidence: Evidence) -> Outcome:
    """Can any feature ever move the PD against its declared direction?

    Looking at some loans cannot exclude it; the split points of every tree can.
    """
    promised = {name: sign for name, sign in promised_directions(evidence).items() if sign}
    if not promised:
        raise NotComputable("the contract gives no feature a direction")
    found = violations(evidence.model.booster, {known_as(name): sign for name, sign in promised.items()})
    named = f" ({', '.join(sorted({row['feature'] for row in found}))})" if found else ""
    return measured(
        len(found),
        f"In {len(found):,} places of {evidence.model.booster.num_boosted_rounds():,} rounds of trees one of the "
        f"{len(promised)} features with a direction moves the PD the other way{named}",
        detail={"violations": found[:20]},
    )


def promised_directions(evidence: Evidence) -> dict[str, int]:
    """The PD's direction per model feature: the contract's for its columns, the recorded one for derived features."""
    declared = {column.name: column.monotone for column in evidence.contract.columns if not column.categorical}
    recorded = evidence.model.metadata["features"]
    return {
        name: declared.get(name, recorded[name]["monotone"])
        for name in evidence.model.spec.names
        if name not in evidence.model.spec.levels
    }


@check("explanation.importance")
def importance(evidence: Evidence) -> Outcome:
    """Does a feature that carried the model in training still carry it?

    A feature whose relation to default has gone is worse than noise: the PDs still follow it.
    """
    rows = _permutation_table(evidence)
    lost = max(rows, key=lambda row: row["train"] - row["oot"])
    fall = lost["train"] - lost["oot"]
    return measured(
        fall,
        f"Of all features {lost['feature']} loses most: shuffling it costs {lost['train']:.4f} of AUC in training and "
        f"{lost['oot']:.4f} out of time",
        detail={"features": rows},
    )


@check("explanation.shap_ranks")
def shap_ranks(evidence: Evidence) -> Outcome:
    """Do the same features drive the PD out of time as in development?

    Reasons given to customers should not change with the month.
    """
    rows = shap_table(evidence)
    used = [row for row in rows if row["train"] > 0 or row["oot"] > 0]
    if len(used) < 3:
        raise NotComputable("fewer than three features have any effect")
    correlation = float(spearmanr([row["train"] for row in used], [row["oot"] for row in used]).statistic)
    return measured(
        correlation,
        f"The rank correlation of mean absolute SHAP values, training against out of time, is {correlation:.3f} over "
        f"{len(used)} features",
        detail={"features": rows},
    )


@check("explanation.profiles")
def profiles(evidence: Evidence) -> Outcome:
    """How does the PD depend on each of the main features? (reported, not judged)

    Partial dependence shows the shape; the spread of single loans shows what an average hides.
    """
    rows = drawn_out_of_time(evidence)
    declared = {column.name for column in numeric_inputs(evidence)}
    sources = {name: facts["inputs"] for name, facts in evidence.model.metadata["features"].items()}
    gain = gains(evidence.model.booster, evidence.model.spec.names)
    by_gain = sorted(gain, key=lambda name: -gain[name])
    ranked = [name for feature in by_gain for name in sources.get(feature, []) if name in declared]
    features = list(dict.fromkeys(ranked))[:PROFILED_FEATURES]
    if not features:
        raise NotComputable("the model has no numeric input")
    frame = rows.frame.iloc[np.random.default_rng(evidence.seed).permutation(len(rows.frame))[:PROFILED_ROWS]]
    found: list[Profile] = []
    for name in features:
        grid = _grid(rows.frame[name], 15)
        curves = _profiles(evidence, frame, name, grid)
        quantiles = np.quantile(curves, (0.1, 0.5, 0.9), axis=0)
        found.append(
            {
                "feature": name,
                "grid": grid.tolist(),
                "mean": curves.mean(axis=0).tolist(),
                "quantiles": quantiles.tolist(),
            }
        )
    return measured(
        len(found), f"Profiles of {', '.join(features)} on {len(frame):,} loans", detail={"profiles": found}
    )


def shap_table(evidence: Evidence) -> list[TwoSamples]:
    """Mean absolute SHAP value (log-odds) per model feature in training and out of time, largest first."""
    columns = {name: _mean_shap(evidence, drawn_out_of_time(evidence) if name == "oot" else evidence.drawn[name])
               for name in ("train", "oot")}  # fmt: skip
    rows: list[TwoSamples] = [
        {"feature": feature, "train": float(then), "oot": float(now)}
        for feature, then, now in zip(evidence.model.spec.names, columns["train"], columns["oot"], strict=True)
    ]
    return sorted(rows, key=lambda row: -row["oot"])


def _mean_shap(evidence: Evidence, rows: DrawnRows) -> np.ndarray:
    chosen = np.random.default_rng(evidence.seed).permutation(len(rows.matrix))[:SHAP_ROWS]
    means: np.ndarray = np.abs(reasons.by_feature(evidence.model, rows.matrix.iloc[chosen])).mean(axis=0)
    return means


def _permutation_table(evidence: Evidence) -> list[TwoSamples]:
    """Loss of AUC when one model feature is shuffled, on the rows drawn of training and out of time."""
    columns = {}
    for name in ("train", "oot"):
        rows = drawn_out_of_time(evidence) if name == "oot" else evidence.drawn[name]
        rng = np.random.default_rng(evidence.seed)
        others = rng.permutation(np.flatnonzero(rows.labels == 0))[:SHUFFLED_OTHERS]
        chosen = np.concatenate((np.flatnonzero(rows.labels == 1), others))
        labels, values = rows.labels[chosen], rows.matrix.to_numpy()[chosen]
        base = discrimination.auc(labels, rows.probabilities[chosen])
        losses = []
        for position in range(values.shape[1]):
            kept = values[:, position].copy()
            values[:, position] = rng.permutation(kept)
            shuffled = evidence.model.score(pd.DataFrame(values, columns=rows.matrix.columns, copy=False))
            losses.append(base - discrimination.auc(labels, shuffled))
            values[:, position] = kept
        columns[name] = losses
    table: list[TwoSamples] = [
        {"feature": feature, "train": then, "oot": now}
        for feature, then, now in zip(evidence.model.spec.names, columns["train"], columns["oot"], strict=True)
    ]
    return sorted(table, key=lambda row: -row["train"])


def _grid(values: pd.Series, points: int = 6) -> np.ndarray:
    """Distinct quantiles of a column, from the 1st to the 99th percentile."""
    numbers = values.to_numpy(np.float64, na_value=np.nan)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return np.array([0.0])
    return np.unique(np.quantile(numbers, np.linspace(0.01, 0.99, points), method="nearest"))


def _profiles(evidence: Evidence, frame: pd.DataFrame, column: str, grid: np.ndarray) -> np.ndarray:
    """PD of every row with `column` set to each value of `grid`: shape (rows, grid)."""
    return rescore(evidence.model, _spread(frame, column, grid)).reshape(len(frame), grid.size)


def _spread(frame: pd.DataFrame, column: str, grid: np.ndarray) -> pd.DataFrame:
    """Every row once per value of `grid`, with `column` set to it."""
    repeated = frame.iloc[np.repeat(np.arange(len(frame)), grid.size)].reset_index(drop=True)
    repeated[column] = np.tile(grid, len(frame)).astype(np.float32)
    return repeated
