"""Reads the loan panel as training did and scores it, one observation month at a time.

Only what the statistics need is kept (a PD, a label, a loan code, a vintage and a few segments per row, counts
per feature bin), so memory does not grow with the number of features; and a random draw of whole rows for the
tests that score them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from contracts import Contract
from mortgage_model.development.panel_data import KEY, MONTH, label_name, read_month, read_sample
from mortgage_model.development.profile import profile_bins
from mortgage_model.development.splits import SAMPLES, SplitBounds
from mortgage_model.documents.profile import ReferenceProfile
from mortgage_model.months import month_number
from mortgage_model.scoring.artifact import MortgageModel
from mortgage_model.validation.segments import segments_of

VINTAGE_SOURCE = "origination_date"
UNKNOWN_VINTAGE = 0
# Rows of a sample that perturbation, importance and stress score again, about this many of each.
DRAWN_ROWS = 20_000
DRAWN_SAMPLES = ("train", "oot")
# What a past crisis is replayed with.
ECONOMY = ("house_price_index_growth_12m", "unemployment_rate", "unemployment_change_12m")
# A date of something to come says nothing about the outcome.
SCHEDULED_DATES = {"first_payment_date"}


# PDs (n,) of n raw rows.
Predict = Callable[[pd.DataFrame], np.ndarray]


@dataclass(frozen=True)
class ScoredSample:
    """One sample's n labelled rows, ordered by month and loan.

    `labels` 0/1, `probabilities` in [0, 1], `grade` names, `loan` codes in [0, number of loans of all samples), `month`
    as 'YYYY-MM', `vintage` = year of origination (UNKNOWN_VINTAGE where it is not known). `matrix_sha256`
    fingerprints the rows as the booster saw them, as the training job does. `loan_hash` is the 64-bit hash of
    the loan_id (see `hash_loans`). Out of time only: `segments` names each row's band per segmentation, and
    `rivals` holds the PDs of the models to compare with.

    `duplicates` counts rows that repeat a loan and month, `late_dates` dates after the month they were known in.
    """

    name: str
    labels: np.ndarray
    probabilities: np.ndarray
    grade: np.ndarray
    loan: np.ndarray
    month: np.ndarray
    vintage: np.ndarray
    matrix_sha256: str
    loan_hash: np.ndarray = field(default_factory=lambda: np.array([], dtype=np.uint64))
    segments: Mapping[str, np.ndarray] = field(default_factory=dict)
    rivals: Mapping[str, np.ndarray] = field(default_factory=dict)
    duplicates: int = 0
    late_dates: Mapping[str, int] = field(default_factory=dict)

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


@dataclass(frozen=True)
class DrawnRows:
    """Rows of a sample drawn at random: `frame` (contract columns), `matrix` (model features), and per row
    label, PD, month and loan hash.
    """

    frame: pd.DataFrame
    matrix: pd.DataFrame
    labels: np.ndarray
    probabilities: np.ndarray
    month: np.ndarray
    loan_hash: np.ndarray


@dataclass(frozen=True)
class Portfolio:
    """The loans to score next: the panel's newest month, its outcome known or not; counts per reference bin."""

    month: str
    loans: int
    feature_counts: dict[str, np.ndarray]


@dataclass(frozen=True)
class ScoredPanel:
    """The three samples; the out-of-time rows counted per bin of the reference profile; drawn rows; the portfolio; the
    economy by year, see `economy_by_year`.
    """

    samples: dict[str, ScoredSample]
    feature_counts: dict[str, np.ndarray]
    drawn: dict[str, DrawnRows]
    portfolio: Portfolio
    economy: dict[int, dict[str, float]]


@dataclass
class _Collector:
    """Column-wise pieces of a sample, one per month."""

    share: float = 0.0
    pieces: dict[str, list[np.ndarray]] = field(default_factory=dict)
    digest: Any = field(default_factory=hashlib.sha256)
    frames: list[pd.DataFrame] = field(default_factory=list)
    matrices: list[pd.DataFrame] = field(default_factory=list)
    duplicates: int = 0
    late_dates: dict[str, int] = field(default_factory=dict)

    def add(self, **columns: np.ndarray) -> None:
        for name, values in columns.items():
            self.pieces.setdefault(name, []).append(values)

    def column(self, name: str, dtype: Any) -> np.ndarray:
        return np.concatenate(self.pieces[name]) if self.pieces.get(name) else np.array([], dtype=dtype)

    def named(self, prefix: str) -> dict[str, np.ndarray]:
        """The columns whose name begins with `prefix`, without it."""
        return {
            name[len(prefix) :]: np.concatenate(parts) for name, parts in self.pieces.items() if name.startswith(prefix)
        }


def score_samples(
    dataset: ds.Dataset,
    contract: Contract,
    model: MortgageModel,
    bounds: SplitBounds,
    profile: ReferenceProfile,
    rivals: Mapping[str, Predict] | None = None,
    seed: int = 0,
) -> ScoredPanel:
    """Score every labelled row of the three samples; `rivals` (name -> PDs of raw rows) score those out of time."""
    known = dataset.to_table(columns=[MONTH, label_name(contract)])
    months = sorted(set(known[MONTH].unique().to_pylist()))
    dates = [c.name for c in contract.columns if c.type == "date" and c.name in dataset.schema.names]
    inputs = [*dict.fromkeys((*model.spec.inputs, *dates))]
    collectors = _collectors(known, bounds, contract)
    feature_counts: dict[str, np.ndarray] = {}
    for month in months:
        name = bounds.sample_of(month)
        if name is None:
            continue
        sample = read_sample(dataset, contract, [month], columns=inputs)
        matrix = model.spec.transform(sample.frame)
        scores = model.score(matrix)
        hashes = _loan_hashes(dataset, contract, month)
        collector = collectors[name]
        collector.digest.update(np.ascontiguousarray(matrix.to_numpy(copy=False)))
        collector.duplicates += hashes.size - np.unique(hashes).size
        for date in set(dates) - SCHEDULED_DATES:
            late = int((pd.to_datetime(sample.frame[date]) > pd.Period(month).end_time).sum())
            collector.late_dates[date] = collector.late_dates.get(date, 0) + late
        collector.add(
            labels=sample.labels,
            probabilities=scores,
            grade=model.scale.assign(scores),
            loan=hashes,
            month=np.full(scores.size, month),
            vintage=_vintage(sample.frame),
        )
        if collector.share:
            rng = np.random.default_rng([seed, month_number(month)])
            chosen = np.flatnonzero(rng.random(scores.size) < collector.share)
            collector.frames.append(sample.frame.iloc[chosen])
            collector.matrices.append(matrix.iloc[chosen])
            collector.add(drawn=chosen + sum(len(piece) for piece in collector.pieces["labels"][:-1]))
        if name == "oot":
            collector.add(**{f"segment {key}": text for key, text in segments_of(sample.frame).items()})
            collector.add(**{f"rival {key}": predict(sample.frame) for key, predict in (rivals or {}).items()})
            for feature, counts in _counts_per_bin(sample.frame, profile).items():
                feature_counts[feature] = feature_counts.get(feature, 0) + counts
    samples = _assemble(collectors)
    drawn = {name: _drawn(collectors[name], samples[name]) for name in DRAWN_SAMPLES if collectors[name].frames}
    newest = read_month(dataset, contract, months[-1], model.spec.inputs)
    portfolio = Portfolio(months[-1], len(newest), _counts_per_bin(newest, profile))
    return ScoredPanel(samples, feature_counts, drawn, portfolio, economy_by_year(dataset, months))


def economy_by_year(dataset: ds.Dataset, months: list[str]) -> dict[int, dict[str, float]]:
    """Mean of the ECONOMY columns over every row of a year, of any sample or none: an embargo hides outcomes, not the
    economy. A year is left out where one of them has no value; empty for a panel without them.
    """
    if not set(ECONOMY) <= set(dataset.schema.names):
        return {}
    found = {}
    for year in sorted({month[:4] for month in months}):
        of_year = (ds.field(MONTH) >= f"{year}-01") & (ds.field(MONTH) <= f"{year}-12")
        table = dataset.to_table(columns=list(ECONOMY), filter=of_year)
        means = {name: pc.mean(table[name]).as_py() for name in ECONOMY}
        if None not in means.values():
            found[int(year)] = means
    return found


def _counts_per_bin(frame: pd.DataFrame, profile: ReferenceProfile) -> dict[str, np.ndarray]:
    return {name: profile_bins(frame[name], feature) for name, feature in profile["features"].items()}


def _collectors(known: pa.Table, bounds: SplitBounds, contract: Contract) -> dict[str, _Collector]:
    """One collector per sample, with the share of its rows to draw."""
    labelled = known.filter(pc.is_valid(known[label_name(contract)]))[MONTH].value_counts()
    rows = dict.fromkeys(SAMPLES, 0)
    for entry in labelled.to_pylist():
        if name := bounds.sample_of(entry["values"]):
            rows[name] += entry["counts"]
    return {
        name: _Collector(min(1.0, DRAWN_ROWS / max(n, 1)) if name in DRAWN_SAMPLES else 0.0) for name, n in rows.items()
    }


def _drawn(collector: _Collector, sample: ScoredSample) -> DrawnRows:
    position = collector.column("drawn", np.int64)
    return DrawnRows(
        frame=pd.concat(collector.frames, ignore_index=True),
        matrix=pd.concat(collector.matrices, ignore_index=True),
        labels=sample.labels[position],
        probabilities=sample.probabilities[position],
        month=sample.month[position],
        loan_hash=sample.loan_hash[position],
    )


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
            probabilities=collector.column("probabilities", float),
            grade=collector.column("grade", str),
            loan=codes[start : start + labels.size],
            month=collector.column("month", str),
            vintage=collector.column("vintage", np.int32),
            matrix_sha256=collector.digest.hexdigest(),
            loan_hash=hashes[name],
            segments=collector.named("segment "),
            rivals=collector.named("rival "),
            duplicates=collector.duplicates,
            late_dates=collector.late_dates,
        )
        start += labels.size
    return samples


def _loan_hashes(dataset: ds.Dataset, contract: Contract, month: str) -> np.ndarray:
    """64-bit hash of each row's loan_id, in `read_sample`'s order (by loan within a month)."""
    labelled = ds.field(label_name(contract)).is_valid()
    table = dataset.to_table(columns=[KEY], filter=(ds.field(MONTH) == month) & labelled)
    ordered = pc.cast(table[KEY], "string").take(pc.sort_indices(table[KEY]))
    return hash_loans(ordered.to_numpy(zero_copy_only=False))


def hash_loans(loan_ids: np.ndarray) -> np.ndarray:
    """64-bit hash per loan_id (object array of str)."""
    hashes: np.ndarray = pd.util.hash_array(loan_ids)
    return hashes


def _vintage(frame: pd.DataFrame) -> np.ndarray:
    if VINTAGE_SOURCE not in frame:
        return np.full(len(frame), UNKNOWN_VINTAGE, dtype=np.int32)
    years = pd.to_datetime(frame[VINTAGE_SOURCE], errors="coerce").dt.year
    found: np.ndarray = years.fillna(UNKNOWN_VINTAGE).to_numpy(np.int32)
    return found
