"""The report of a model of any table: one self-contained HTML file from the evidence, aggregates only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape

import numpy as np

from contracts.model import Contract
from mortgage_model.documents.evaluation import METRIC_NAMES, Metric
from mortgage_model.report.charts.axes import Axis, percent, rate_axis
from mortgage_model.report.charts.plot import Plot
from mortgage_model.report.parts import chart, figure, metric_cell, pair, table
from mortgage_model.report.template import fill
from mortgage_model.scoring.artifact import MortgageModel
from mortgage_model.scoring.booster import gains
from mortgage_model.statistics import NotComputable, calibration, discrimination
from mortgage_model.statistics.bootstrap import SampleBootstrap, loan_weights
from mortgage_model.table.cross_validation import Evidence
from mortgage_model.validation.evaluation import POINT_METRICS, measure

REPLICATES = 200
RANKING = ("auc", "gini", "ks", "average_precision")
# Independent events from which validation is taken to be sound (Collins, Ogundimu & Altman 2016).
ENOUGH_EVENTS = 100


def measure_evidence(evidence: Evidence, seed: int) -> dict[str, Metric]:
    """Every metric with its interval, by bootstrap of whole groups (rows of a key, near-duplicates).

    Metrics of ranking take `evidence.ranking`, those of the level and the spread of PDs the PDs.
    """
    _, units = np.unique(evidence.units, return_inverse=True)
    count = int(units.max()) + 1
    try:
        boot = SampleBootstrap(evidence.labels, evidence.pd, units, count, evidence.ranking)
        drawn = [boot.replicate(weights) for weights in loan_weights(count, REPLICATES, seed)]
    except NotComputable:
        drawn = []
    replicates = {name: np.array([one[name] for one in drawn]) for name in (drawn[0] if drawn else ())}
    n, events = len(evidence.labels), int(evidence.labels.sum())
    return {
        name: measure(
            partial(function, evidence.labels, evidence.ranking if name in RANKING else evidence.pd),
            n,
            events,
            replicates.get(name),
        )
        for name, function in POINT_METRICS.items()
    }


def notes(evidence: Evidence, metrics: Mapping[str, Metric], model: MortgageModel) -> list[str]:
    """What whoever reads the figures must know, in sentences."""
    found = list(evidence.notes)
    events, independent = int(evidence.labels.sum()), len(np.unique(evidence.units[evidence.labels == 1]))
    if independent < ENOUGH_EVENTS:
        found.append(
            f"Few events: {independent:,} independent ones, of the {ENOUGH_EVENTS} that validation wants (Collins, "
            "Ogundimu & Altman 2016); go by the intervals."
        )
    area = metrics["auc"]
    if area["interval"] is None:
        found.append(f"The AUC has no interval: {area.get('reason') or area.get('interval_reason')}.")
    elif area["interval"][0] <= 0.5:
        low, high = area["interval"]
        found.append(
            f"The model ranks no better than chance: AUC {area['value']:.3f}, 95 % interval {low:.3f} to {high:.3f}, "
            f"on {events:,} events. No feature is shown to tell anything of this label."
        )
    if not gains(model.booster, model.spec.names):
        found.append("No feature carries anything: the model gives every row the same PD.")
    found += [f"{METRIC_NAMES[name]} has no value: {m['reason']}." for name, m in metrics.items() if m["value"] is None]
    return found


def render(
    contract: Contract,
    data: str,
    evidence: Evidence,
    metrics: dict[str, Metric],
    model: MortgageModel,
    told: Sequence[str] = (),
) -> str:
    """The report's HTML; `told` are the notes."""
    n, events = len(evidence.labels), int(evidence.labels.sum())
    head = (
        f"<header><p class='soft small'>Model report · any table</p><h1>{escape(contract.name)}</h1>"
        f"<p class='soft'>{escape(contract.description)} {n:,} rows of {escape(data)} scored by models that never saw "
        f"them, {events:,} events, {len(np.unique(evidence.units)):,} independent groups.</p></header>"
    )
    rows = [[escape(METRIC_NAMES[name]), metric_cell(metric)] for name, metric in metrics.items()]
    body = [
        head,
        f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in told)}</ul>" if told else "",
        "<h2>What the model is worth on rows it never saw</h2>",
        _split_words(contract, evidence),
        table(["Metric", "Value, 95 % interval over groups"], rows),
        pair(_cap(evidence), _calibration(evidence)),
        _search(evidence),
        _features(model),
    ]
    return fill(f"Model of {contract.name}", body)


def _split_words(contract: Contract, evidence: Evidence) -> str:
    assert contract.split is not None
    folds = len(evidence.searches)
    together = [f"rows of one {column.label}" for column in contract.with_role("key")]
    together += ["near-duplicates by the contract's rule"] if contract.split.near_duplicates else []
    if folds > 1:
        how = f"{folds} folds of about equally many events; "
        how += f"{' and '.join(together)} stay in one fold" if together else "every row is its own group"
        how += ". The ranking is that within the folds: PDs of two models are not compared."
    else:
        how = (
            f"The last {contract.split.oot_months} months, after an embargo of {contract.split.horizon_months} months."
        )
    return f"<p>{how} Features, hyperparameters and calibration were fitted inside each fold's training rows.</p>"


def _cap(evidence: Evidence) -> str:
    scored, caught = discrimination.cap_curve(evidence.labels, evidence.ranking)
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
    found = gains(model.booster, model.spec.names)
    total = sum(found.values()) or 1.0
    labels = model.contract.feature_labels
    ranked = sorted(model.spec.names, key=lambda name: -found.get(name, 0.0))
    rows = [
        [escape(labels[name]), f"<code>{escape(name)}</code>", percent(found.get(name, 0.0) / total)] for name in ranked
    ]
    return "<h2>Features</h2><p>Share of the trees' total gain.</p>" + table(["Feature", "Name", "Share"], rows, (2,))
