"""Trains and validates a model on any table: `make table CONTRACT=<ODCS file> DATA=<csv or parquet>`.

The contract says what the columns mean, which are features, what is derived from them, and how rows are split
(contracts/split.py). Hyperparameters are searched inside the training rows of every fold. Writes model/ (as in a
model.tar.gz, without code), trials.json and report.html to the output folder; ends with one line of JSON: auc, ks,
brier, slope, n, events, report, all on rows that the scoring model never saw.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contracts.faults import DataFault, exit_with
from contracts.loader import load_contract_file
from contracts.model import Contract
from mortgage_model.development.hyperparameters import parse_arguments
from mortgage_model.development.profile import reference_profile
from mortgage_model.progress import say
from mortgage_model.scoring.artifact import save_model, to_json_text
from mortgage_model.table import report
from mortgage_model.table.cross_validation import TABLE_START, Settings, cross_validate
from mortgage_model.table.read import read_table

TRIALS, SEED = 8, 20240131


def run(contract: Contract, data: Path, output: Path, trials: int = TRIALS, seed: int = SEED) -> dict[str, Any]:
    """Write model, trials and report to `output`; return the figures of the closing line.

    Raises a DataFault, with a message for the person who started it, for a bad table or contract.
    """
    frame, labels = read_table(data, contract)
    say(f"{data.name}: {len(labels):,} labelled rows, {int(labels.sum()):,} events")
    settings = Settings({**parse_arguments([]), **TABLE_START, "seed": seed}, trials, seed)
    evidence, model = cross_validate(frame, labels, contract, settings, say)
    inputs = frame[list(model.spec.inputs)]
    profile = reference_profile(inputs, model.predict(inputs)["pd"].to_numpy())
    save_model(output / "model", model, profile)
    searches = [searched.to_json() for searched in evidence.searches]
    (output / "trials.json").write_text(to_json_text(searches), encoding="utf-8")
    metrics = report.measure_evidence(evidence, seed)
    notes = report.notes(evidence, metrics, model)
    for note in notes:
        say(note)
    page = output / "report.html"
    page.write_text(report.render(contract, data.name, evidence, metrics, model, notes), encoding="utf-8")
    figures = {name: metrics[name]["value"] for name in ("auc", "ks", "brier")}
    slope = metrics["calibration_slope"]["value"]
    return {
        **figures,
        "slope": slope,
        "n": len(evidence.labels),
        "events": int(evidence.labels.sum()),
        "report": str(page),
    }


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be a whole number, 0 or more, not {text!r}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--contract", required=True, help="ODCS file of the table")
    parser.add_argument("--data", required=True, type=Path, help="the table, CSV with header or Parquet")
    parser.add_argument("--output", type=Path, help="folder to write to (default .state/tables/<table>)")
    parser.add_argument("--trials", type=_count, default=TRIALS, help="draws of the search in each fold")
    parser.add_argument("--seed", type=_count, default=SEED, help="seed of every random draw")
    given = parser.parse_args(arguments)
    try:
        contract = load_contract_file(given.contract)
        output = given.output or Path(".state/tables") / contract.name
        figures = run(contract, given.data, output, given.trials, given.seed)
    except (DataFault, OSError) as error:
        exit_with(error)
    print(json.dumps(figures, allow_nan=False))


if __name__ == "__main__":
    main()
