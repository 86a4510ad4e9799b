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

from contracts.faults import DataFault, exit_with
from contracts.loader import load_contract_file
from mortgage_model.table.job import SEED, TRIALS, run


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
