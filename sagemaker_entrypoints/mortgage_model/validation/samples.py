"""Reads the loan panel as training did and scores it, one observation month at a time.

Only what the statistics need is kept (a PD, a label, a loan code and a vintage per row, counts per feature
bin), so memory does not grow with the number of features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as ds

from contracts import Contract
from mortgage_model.artifact import MortgageModel
from mortgage_model.panel_data import KEY, MONTH, label_name, read_sample
from mortgage_model.splits import SAMPLES, SplitBounds
from mortgage_model.statistics.stability import MISSING, OTHER, numeric_bin_counts

VINTAGE_SOURCE = "origination_date"
UNKNOWN_VINTAGE = 0


@dataclass(frozen=True)
class ScoredSample:
    """One sample's n labelled rows, ordered by month and loan.

    `labels` 0/1, `pd` in [0, 1], `grade` names, `loan` codes in [0, number of loans of all samples), `month`
    as 'YYYY-MM', `vintage` = year of origination (UNKNOWN_VINTAGE where it is not known). `matrix_sha256`
    fingerprints the rows as the booster saw them, as the training job does.
    """

    name: str
    labels: np.ndarray
    pd: np.ndarray
    grade: np.ndarray
    loan: np.ndarray
    month: np.ndarray
    vintage: np.ndarray
    matrix_sha256: str

    @property
    def n(self) -> int:
        return self.labels.size

    @property
    def events(self) -> int:
        return int(self.labels.sum())

    @property
    def loans(self) -> int:
        return np.unique(self.loan).size

    @property
    def defaulted_loans(self) -> int:
        return np.unique(self.loan[self.labels == 1]).size


@dataclass
class _Collector:
    """Column-wise pieces of a sample, one per month."""

    pieces: dict[str, list[np.ndarray]] = field(default_factory=dict)
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, **columns: np.ndarray) -> None:
        for name, values in columns.items():
            self.pieces.setdefault(name, []).append(values)

    def column(self, name: str, dtype: Any) -> np.ndarray:
        return np.concatenate(self.pieces[name]) if self.pieces.get(name) else np.array([], dtype=dtype)


def score_samples(
    dataset: ds.Dataset,
    contract: Contract,
    model: MortgageModel,
    bounds: SplitBounds,
    profile: Mapping[str, Any],
) -> tuple[dict[str, ScoredSample], dict[str, np.ndarray]]:
    """Score every labelled row of the three samples.

    Returns the samples by name, and per input feature the out-of-time sample's counts over the bins of the
    model's reference profile (see `profile_bins`).
    """
    months = sorted(set(dataset.to_table(columns=[MONTH])[MONTH].unique().to_pylist()))
    inputs = [*model.spec.inputs, *([VINTAGE_SOURCE] if VINTAGE_SOURCE in dataset.schema.names else [])]
    collectors = {name: _Collector() for name in SAMPLES}
    feature_counts: dict[str, np.ndarray] = {}
    for month in months:
        name = bounds.sample_of(month)
        if name is None:
            continue
        sample = read_sample(dataset, contract, [month], columns=inputs)
        matrix = model.spec.transform(sample.frame)
        scores = model.score(matrix)
        collector = collectors[name]
        collector.digest.update(np.ascontiguousarray(matrix.to_numpy(copy=False)))
        collector.add(
            labels=sample.labels,
            pd=scores,
            grade=model.scale.assign(scores),
            loan=_loan_hashes(dataset, contract, month),
            month=np.full(scores.size, month),
            vintage=_vintage(sample.frame),
        )
        if name == "oot":
            for feature in profile["features"]:
                counts = profile_bins(sample.frame[feature], profile["features"][feature])
                feature_counts[feature] = feature_counts.get(feature, 0) + counts
    return _assemble(collectors), feature_counts


def profile_bins(values: pd.Series, feature: Mapping[str, Any]) -> np.ndarray:
    """Counts of a feature's values over its reference bins: numeric bins or levels, then others, then
    missing.

    Numeric features have no "others"; theirs are the bins of `statistics.stability`.
    """
    if feature["type"] == "numeric":
        return numeric_bin_counts(values.to_numpy(np.float64, na_value=np.nan), np.asarray(feature["edges"]))
    counts = values.astype(object).value_counts()
    named = [int(counts.get(level, 0)) for level in feature["shares"]]
    return np.array([*named, int(counts.sum()) - sum(named), int(values.isna().sum())])


def reference_counts(feature: Mapping[str, Any], rows: int) -> tuple[list[str], np.ndarray]:
    """Bin labels and the training sample's counts for `profile_bins`, from the shares the profile records."""
    present = rows * (1 - feature["missing"])
    counts = [present * share for share in _shares(feature)]
    if feature["type"] == "numeric":
        edges = [f"{edge:.6g}" for edge in feature["edges"]]
        between = [f"{low} – {high}" for low, high in pairwise(edges)]
        labels = [f"≤ {edges[0]}", *between, f"> {edges[-1]}"] if edges else ["all"]
        counts = counts or [0.0]
    else:
        labels, counts = [*feature["shares"], OTHER], [*counts, 0.0]
    return [*labels, MISSING], np.array([*counts, rows * feature["missing"]])


def _shares(feature: Mapping[str, Any]) -> list[float]:
    return list(feature["shares"].values()) if feature["type"] == "categorical" else feature["shares"]


def _assemble(collectors: Mapping[str, _Collector]) -> dict[str, ScoredSample]:
    hashes = {name: collector.column("loan", np.uint64) for name, collector in collectors.items()}
    _, codes = np.unique(np.concatenate(list(hashes.values())), return_inverse=True)
    samples, start = {}, 0
    for name, collector in collectors.items():
        labels = collector.column("labels", np.int8)
        collector.digest.update(np.ascontiguousarray(labels))
        samples[name] = ScoredSample(
            name=name,
            labels=labels,
            pd=collector.column("pd", float),
            grade=collector.column("grade", str),
            loan=codes[start : start + labels.size],
            month=collector.column("month", str),
            vintage=collector.column("vintage", np.int32),
            matrix_sha256=collector.digest.hexdigest(),
        )
        start += labels.size
    return samples


def _loan_hashes(dataset: ds.Dataset, contract: Contract, month: str) -> np.ndarray:
    """64-bit hash of each row's loan_id, in `read_sample`'s order (by loan within a month)."""
    labelled = ds.field(label_name(contract)).is_valid()
    table = dataset.to_table(columns=[KEY], filter=(ds.field(MONTH) == month) & labelled)
    ordered = pc.cast(table[KEY], "string").take(pc.sort_indices(table[KEY]))
    return pd.util.hash_array(ordered.to_numpy(zero_copy_only=False))


def _vintage(frame: pd.DataFrame) -> np.ndarray:
    if VINTAGE_SOURCE not in frame:
        return np.full(len(frame), UNKNOWN_VINTAGE, dtype=np.int32)
    years = pd.to_datetime(frame[VINTAGE_SOURCE], errors="coerce").dt.year
    return years.fillna(UNKNOWN_VINTAGE).to_numpy(np.int32)
