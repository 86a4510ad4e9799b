"""The report of a model of any table: one self-contained HTML file from the evidence, aggregates only."""

from __future__ import annotations

from functools import partial
from html import escape
from string import Template
from typing import Any

import numpy as np

from contracts.model import Contract
from mortgage_model.artifact import MortgageModel
from mortgage_model.gate import METRIC_NAMES
from mortgage_model.report import TEMPLATE
from mortgage_model.report_charts import Axis, Plot, percent, rate_axis
from mortgage_model.report_parts import chart, figure, metric_cell, pair, table
from mortgage_model.statistics import NotComputable, calibration, discrimination
from mortgage_model.statistics.bootstrap import SampleBootstrap, loan_weights
from mortgage_model.table.development import Evidence
from mortgage_model.validation.evaluation import POINT_METRICS, measure

REPLICATES = 200


def measure_evidence(evidence: Evidence, seed: int) -> dict[str, dict[str, Any]]:
    """Every metric with its interval, by bootstrap of whole groups of near-duplicates (or keys)."""
    _, units = np.unique(evidence.units, return_inverse=True)
    count = int(units.max()) + 1
    try:
        boot = SampleBootstrap(evidence.labels, evidence.pd, units, count)
        drawn = [boot.replicate(weights) for weights in loan_weights(count, REPLICATES, seed)]
    except NotComputable:
        drawn = []
    replicates = {name: np.array([one[name] for one in drawn]) for name in (drawn[0] if drawn else ())}
    n, events = len(evidence.labels), int(evidence.labels.sum())
    return {
        name: measure(partial(function, evidence.labels, evidence.pd), n, events, replicates.get(name))
        for name, function in POINT_METRICS.items()
    }


def render(
    contract: Contract, data: str, evidence: Evidence, metrics: dict[str, dict[str, Any]], model: MortgageModel
) -> str:
    """The report's HTML."""
    n, events = len(evidence.labels), int(evidence.labels.sum())
    head = (
        f"<header><p class='soft small'>Model report · any table</p><h1>{escape(contract.name)}</h1>"
        f"<p class='soft'>{escape(contract.description)} {n:,} rows of {escape(data)} scored by models that never saw "
        f"them, {events:,} events, {len(np.unique(evidence.units)):,} independent groups.</p></header>"
    )
    rows = [[escape(METRIC_NAMES[name]), metric_cell(metric)] for name, metric in metrics.items()]
    body = [
        head,
        "<h2>What the model is worth on rows it never saw</h2>",
        _split_words(contract, evidence),
        table(["Metric", "Value, 95 % interval over groups"], rows),
        pair(_cap(evidence), _calibration(evidence)),
        _search(evidence),
        _features(model),
    ]
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(title=escape(f"Model of {contract.name}"), body="\n".join(body))


def _split_words(contract: Contract, evidence: Evidence) -> str:
    assert contract.split is not None
    folds = len(evidence.searches)
    if contract.split.near_duplicates:
        how = f"{folds} folds; near-duplicates by the contract's rule stay in one fold."
    elif folds > 1:
        how = f"{folds} folds; every row is its own group."
    else:
        how = (
            f"The last {contract.split.oot_months} months, after an embargo of {contract.split.horizon_months} months."
        )
    return f"<p>{how} Features, hyperparameters and calibration were fitted inside each fold's training rows.</p>"


def _cap(evidence: Evidence) -> str:
    scored, caught = discrimination.cap_curve(evidence.labels, evidence.pd)
    shares = Axis("Rows, riskiest first", 0, 1, text=percent)
    plot = Plot("CAP curve", "Share of events among the riskiest rows", shares, Axis("Events", 0, 1, text=percent))
    plot.line([(0, 0), (1, 1)], "muted", "Random order")
    plot.line(list(zip(scored.tolist(), caught.tolist(), strict=True)), "model", "Model")
    return chart("Discrimination", plot.svg(), "How soon the riskiest rows hold the events.")


def _calibration(evidence: Evidence) -> str:
    bands = calibration.by_score_band(evidence.labels, evidence.pd, 10)
    values = [value for band in bands for value in (band.mean_pd, band.observed_rate)]
    plot = Plot(
        "Calibration",
        "Observed against predicted by tenth",
        rate_axis("Predicted", values),
        rate_axis("Observed", values),
    )
    top = max(values)
    plot.line([(0, 0), (top, top)], "muted", "Perfect")
    plot.line([(band.mean_pd, band.observed_rate) for band in bands], "observed", "Observed")
    rows = [[figure(band.mean_pd, 4), figure(band.observed_rate, 4), figure(band.n)] for band in bands]
    data = table(["Predicted", "Observed", "Rows"], rows, (0, 1, 2))
    return chart("Calibration", plot.svg(), "Tenths of rows by predicted probability.", data)


def _search(evidence: Evidence) -> str:
    rows = [
        [
            str(fold),
            str(number),
            figure(trial.log_loss, 5),
            escape(str(trial.parameters)),
            "best" if number == searched.best else "",
        ]
        for fold, searched in enumerate(evidence.searches, start=1)
        for number, trial in enumerate(searched.trials)
    ]
    return "<h2>Search</h2><p>Log loss on inner folds; trial 0 is where the search starts.</p>" + table(
        ["Fold", "Trial", "Log loss", "Hyperparameters", ""], rows, (0, 1, 2)
    )


def _features(model: MortgageModel) -> str:
    gains = model.booster.get_score(importance_type="total_gain")
    total = sum(float(gain) for gain in gains.values()) or 1.0
    labels = model.contract.feature_labels
    ranked = sorted(model.spec.names, key=lambda name: -float(gains.get(name, 0.0)))
    rows = [
        [escape(labels[name]), f"<code>{escape(name)}</code>", percent(float(gains.get(name, 0.0)) / total)]
        for name in ranked
    ]
    return "<h2>Features</h2><p>Share of the trees' total gain.</p>" + table(["Feature", "Name", "Share"], rows, (2,))
