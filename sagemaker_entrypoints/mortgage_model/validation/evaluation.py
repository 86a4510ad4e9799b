"""From scored samples to figures: every metric with its count, its events, its interval or the reason it has none.

Intervals draw whole loans, because the months of one loan default together (statistics/bootstrap.py); where another
method is used, "interval_method" says which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from mortgage_model.development.profile import reference_counts
from mortgage_model.documents.bands import BandRow
from mortgage_model.documents.evaluation import (
    BreakdownRow,
    CapCurve,
    FeatureShift,
    GradeRow,
    Metric,
    MonthRow,
    ScoreHistogram,
    ShiftRow,
)
from mortgage_model.documents.profile import ReferenceProfile
from mortgage_model.scoring.grades import MasterScale
from mortgage_model.statistics import NotComputable, calibration, discrimination, finite, stability
from mortgage_model.statistics.bootstrap import percentile_interval, standard_deviation
from mortgage_model.statistics.common import Estimate
from mortgage_model.validation.replicates import Replicates
from mortgage_model.validation.samples import UNKNOWN_VINTAGE, ScoredSample

# Below this many rows a breakdown's cell could point at single loans.
SMALLEST_CELL = 5

POINT_METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "auc": discrimination.auc,
    "gini": discrimination.gini,
    "ks": discrimination.signed_ks,
    "average_precision": discrimination.average_precision,
    "brier": calibration.brier,
    "brier_skill": calibration.brier_skill,
    "log_loss": calibration.log_loss,
    "calibration_slope": lambda y, p: calibration.recalibrate(y, p).slope.value,
    "calibration_intercept": lambda y, p: calibration.recalibrate(y, p).intercept.value,
    "expected_calibration_error": calibration.expected_calibration_error,
    "default_rate": lambda y, p: calibration.by_score_band(y, p, 1)[0].observed_rate,
    "mean_pd": lambda y, p: calibration.by_score_band(y, p, 1)[0].mean_pd,
}


def measure(function: Callable[[], float], n: int, events: int, replicates: np.ndarray | None) -> Metric:
    """One metric: the value or its reason, with the interval of its bootstrap replicates."""
    metric = _without_value(n, events)
    try:
        metric["value"] = finite(function(), "the statistic")
    except NotComputable as reason:
        return {**metric, "reason": str(reason)}
    if replicates is None:
        return metric
    try:
        metric["interval"] = list(percentile_interval(replicates))
        metric["standard_deviation"] = standard_deviation(replicates)
    except NotComputable as reason:
        metric["interval_reason"] = str(reason)
    return metric


def sample_metrics(sample: ScoredSample, replicates: Replicates) -> dict[str, Metric]:
    """Every metric of one sample."""
    n, events, y, p = sample.n, sample.events, sample.labels, sample.probabilities
    metrics = {
        name: measure(partial(function, y, p), n, events, replicates.of(sample.name, name))
        for name, function in POINT_METRICS.items()
    }
    # Months before one default are not so many defaults: only loans count as independent events.
    metrics["defaulted_loans"] = measure(lambda: sample.defaulted_loans, n, events, None)
    estimates: dict[str, tuple[Callable[[np.ndarray, np.ndarray], Estimate], str]] = {
        "auc_delong": (discrimination.delong, "DeLong"),
        "calibration_in_the_large": (calibration.calibration_in_the_large, "Fisher information"),
    }
    for name, (function, method) in estimates.items():
        metrics[name] = _estimated(partial(function, y, p), method, n, events)
    return metrics


def _estimated(function: Callable[[], Estimate], method: str, n: int, events: int) -> Metric:
    """One metric with the interval of its own method."""
    metric = _without_value(n, events)
    try:
        found = function()
        finite(sum(found.interval), "the interval")
    except NotComputable as reason:
        return {**metric, "reason": str(reason)}
    return {
        **metric,
        "value": found.value,
        "interval": list(found.interval),
        "standard_deviation": found.standard_error,
        "interval_method": f"{method}, rows taken as independent",
    }


def _without_value(n: int, events: int) -> Metric:
    return {"value": None, "n": n, "events": events, "interval": None, "standard_deviation": None}


def comparison_metrics(
    samples: Mapping[str, ScoredSample], metrics: Mapping[str, Mapping[str, Metric]], replicates: Replicates
) -> dict[str, Metric]:
    """Training against out-of-time: what the AUC lost, how far the PDs moved."""
    oot = samples["oot"]

    def drop() -> float:
        before, after = (_value(metrics[name]["auc"], name) for name in ("train", "oot"))
        return before - after

    before, after = replicates.of("train", "auc"), replicates.of("oot", "auc")
    difference = before - after if before is not None and after is not None else None
    return {
        "auc_drop": measure(drop, oot.n, oot.events, difference),
        "psi": measure(lambda: stability.psi(*score_table(samples)[1:]), oot.n, oot.events, replicates.psi),
    }


def _value(area: Metric, sample: str) -> float:
    if area["value"] is None:
        raise NotComputable(f"the AUC of {sample} has no value: {area['reason']}")
    return area["value"]


def score_table(samples: Mapping[str, ScoredSample]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Training and out-of-time counts by decile of the training PDs."""
    train, oot = samples["train"], samples["oot"]
    if not train.n or not oot.n:
        raise NotComputable("one of the two samples has no rows")
    return stability.numeric_table(train.probabilities, oot.probabilities)


def score_shift(samples: Mapping[str, ScoredSample]) -> list[ShiftRow]:
    """The PSI of the PD bin by bin, PDs in percent; empty where it cannot be computed."""
    try:
        edges = stability.quantile_edges(samples["train"].probabilities)
        _, train, oot = score_table(samples)
    except NotComputable:
        return []
    text = [f"{100 * edge:.3g} %" for edge in edges]
    labels = [f"≤ {text[0]}", *(f"{a} – {b}" for a, b in pairwise(text)), f"> {text[-1]}"]
    return _shift_rows(labels, train, oot)


def feature_shift(profile: ReferenceProfile, oot_counts: Mapping[str, np.ndarray]) -> list[FeatureShift]:
    """CSI per input feature, largest first: the model's reference profile against the out-of-time counts."""
    rows = []
    for name, feature in profile["features"].items():
        labels, train = reference_counts(feature, profile["rows"])
        oot = oot_counts.get(name)
        entry: FeatureShift = {"feature": name, "csi": None}
        try:
            if oot is None:
                raise NotComputable("the out-of-time sample has no rows")
            used = (train > 0) | (oot > 0)
            entry["csi"] = stability.psi(train[used], oot[used])
            entry["missing_train"] = float(train[-1] / train.sum())
            entry["missing_oot"] = float(oot[-1] / oot.sum())
            kept = np.flatnonzero(used)
            entry["bins"] = _shift_rows([labels[i] for i in kept], train[used], oot[used])
        except NotComputable as reason:
            entry["reason"] = str(reason)
        rows.append(entry)
    return sorted(rows, key=lambda row: -(row["csi"] if row["csi"] is not None else np.inf))


def deciles(sample: ScoredSample) -> list[BandRow]:
    """Calibration by decile of PD; empty for an empty sample."""
    if not sample.n:
        return []
    return [band.to_json() for band in calibration.by_score_band(sample.labels, sample.probabilities)]


def grades(sample: ScoredSample, scale: MasterScale) -> list[GradeRow]:
    """Calibration by grade of the master scale, with the one-sided Jeffreys p of "the PD is not too low"."""
    if not sample.n:
        return []
    limits = dict(zip(scale.grades, pairwise(scale.bounds), strict=True))
    bands = calibration.by_group(sample.labels, sample.probabilities, sample.grade, list(limits))
    return [
        {
            **band.to_json(),
            "pd_from": limits[band.label][0],
            "pd_to": limits[band.label][1],
            "jeffreys_p": calibration.jeffreys_p_value(band.events, band.n, band.mean_pd),
        }
        for band in bands
    ]


def breakdown(samples: Sequence[ScoredSample], keys: Sequence[np.ndarray]) -> list[BreakdownRow]:
    """Default rate, mean PD and AUC by a key such as year or vintage; `keys` has one vector per sample.

    Cells of fewer than SMALLEST_CELL rows keep their key and nothing else.
    """
    rows = []
    for sample, key in zip(samples, keys, strict=True):
        for value in np.unique(key):
            chosen = key == value
            y, p = sample.labels[chosen], sample.probabilities[chosen]
            label = "unknown" if value in (UNKNOWN_VINTAGE, str(UNKNOWN_VINTAGE)) else str(value)
            row: BreakdownRow = {"key": label, "sample": sample.name, "suppressed": bool(y.size < SMALLEST_CELL)}
            if not row["suppressed"]:
                band = calibration.by_score_band(y, p, 1)[0]
                row["n"], row["events"] = band.n, band.events
                row["observed_rate"], row["mean_pd"] = band.observed_rate, band.mean_pd
                row["interval"] = list(band.interval)
                row["auc"] = measure(partial(discrimination.auc, y, p), y.size, band.events, None)
            rows.append(row)
    return sorted(rows, key=lambda row: row["key"])


def by_month(samples: Sequence[ScoredSample]) -> list[MonthRow]:
    """Default rate and mean PD per observation month of every sample."""
    rows: list[MonthRow] = []
    for sample in samples:
        months, position = np.unique(sample.month, return_inverse=True)
        n = np.bincount(position)
        events, expected = (np.bincount(position, weights=column) for column in (sample.labels, sample.probabilities))
        rows += [
            {
                "month": str(months[i]),
                "sample": sample.name,
                "n": int(n[i]),
                "events": int(events[i]),
                "observed_rate": float(events[i] / n[i]),
                "mean_pd": float(expected[i] / n[i]),
            }
            for i in range(months.size)
        ]
    return rows


def cap(sample: ScoredSample) -> CapCurve:
    """Points of the CAP curve; empty where it does not exist."""
    try:
        population, defaults = discrimination.cap_curve(sample.labels, sample.probabilities)
    except NotComputable:
        return {"population": [], "defaults": []}
    return {"population": population.tolist(), "defaults": defaults.tolist()}


def score_histogram(sample: ScoredSample, bins: int = 40) -> ScoreHistogram:
    """Shares of defaults and of other loans by PD on a logarithmic axis; edges are PDs."""
    if not sample.n:
        return {"edges": [], "defaults": [], "others": []}
    x = np.log10(np.clip(sample.probabilities, 1e-5, 1.0))
    edges = np.linspace(np.floor(x.min() * 4) / 4, min(0.0, np.ceil(x.max() * 4) / 4 + 1e-9), bins + 1)

    def shares(wanted: int) -> list[float]:
        counts, _ = np.histogram(x[sample.labels == wanted], bins=edges)
        found: list[float] = (counts / max(counts.sum(), 1)).tolist()
        return found

    return {"edges": (10**edges).tolist(), "defaults": shares(1), "others": shares(0)}


def _shift_rows(labels: list[str], train: np.ndarray, oot: np.ndarray) -> list[ShiftRow]:
    terms = stability.psi_terms(train, oot)
    return [
        {"bin": label, "train": float(e), "oot": float(a), "contribution": float(term)}
        for label, e, a, term in zip(labels, train / train.sum(), oot / oot.sum(), terms, strict=True)
    ]
