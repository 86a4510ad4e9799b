"""From a contract and a table to the files of a model of it: the model, the trials of its search and the report."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from contracts.model import Contract
from mortgage_model.development.hyperparameters import parse_arguments
from mortgage_model.development.profile import reference_profile
from mortgage_model.progress import say
from mortgage_model.scoring.artifact import save_model, to_json_text
from mortgage_model.table import page
from mortgage_model.table.cross_validation import TABLE_START, Settings, cross_validate
from mortgage_model.table.evidence import measure_evidence, told
from mortgage_model.table.read import read_table

TRIALS, SEED = 8, 20240131


class Figures(TypedDict):
    """The closing line: metrics on rows that the scoring model never saw, null where they have no value."""

    auc: float | None
    ks: float | None
    brier: float | None
    slope: float | None
    n: int
    events: int
    report: str


def run(contract: Contract, data: Path, output: Path, trials: int = TRIALS, seed: int = SEED) -> Figures:
    """Write model, trials and report to `output`; return the figures of the closing line.

    Raises a DataFault, with a message for the person who started it, for a bad table or contract.
    """
    frame, labels = read_table(data, contract)
    say(f"{data.name}: {len(labels):,} labelled rows, {int(labels.sum()):,} events")
    settings = Settings({**parse_arguments([]), **TABLE_START, "seed": seed}, trials, seed)
    evidence, model = cross_validate(frame, labels, contract, settings, say)
    inputs = frame[list(model.spec.inputs)]
    save_model(output / "model", model, reference_profile(inputs, model.predict(inputs)["pd"].to_numpy()))
    searches = [searched.to_json() for searched in evidence.searches]
    (output / "trials.json").write_text(to_json_text(searches), encoding="utf-8")
    metrics = measure_evidence(evidence, seed)
    notes = told(evidence, metrics, model)
    for note in notes:
        say(note)
    report = output / "report.html"
    report.write_text(page.render(contract, data.name, evidence, metrics, model, notes), encoding="utf-8")
    return {
        "auc": metrics["auc"]["value"],
        "ks": metrics["ks"]["value"],
        "brier": metrics["brier"]["value"],
        "slope": metrics["calibration_slope"]["value"],
        "n": len(evidence.labels),
        "events": int(evidence.labels.sum()),
        "report": str(report),
    }
