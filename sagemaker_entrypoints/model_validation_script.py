"""Validates a trained model on the panel it was trained on: evidence, verdict and report (SageMaker
Processing).

Reads, under /opt/ml/processing: model/model.tar.gz, panel/ (the Parquet loan panel), settings/ (the
thresholds file) and, where they were delivered, champion/ (the model in force) and demographics/ (the
borrower_demographics table); model_card.json beside this script. Writes the evidence pack to output/:
evaluation.json (SageMaker's model-quality layout, our detail under `mortgage`), explainability.json and, with
demographics, bias.json (Clarify's layouts), card.json, report.html (one file, nothing to fetch), and gate.json
(the verdict and the hashes of the pack, see mortgage_model/documents/gate.py).

The job succeeds when the evidence is complete, whatever the verdict: the pipeline's gate acts on gate.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from contracts.faults import DataFault, exit_with
from mortgage_model.progress import say
from mortgage_model.validation.validator import MortgageLoanModelValidator, ValidationRun


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    for name in ("as_of_date", "source", "training_job", "model_uri", "panel_manifest_uri", "git_commit"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--seed", type=int, default=20240131, help="seed of the bootstrap")
    parser.add_argument("--retrain", choices=("true", "false"), default="false", help="also train again and compare")
    parser.add_argument("--root", type=Path, default=Path("/opt/ml/processing"), help="folder of inputs and output")
    given = vars(parser.parse_args(arguments))
    root = given.pop("root")
    given["retrain"] = given["retrain"] == "true"
    try:
        result = MortgageLoanModelValidator(root, ValidationRun(**given)).validate()
    except DataFault as error:
        exit_with(error, root.parent / "output" / "message")
    say(f"gate: {'passes' if result.passed else 'does not pass'}")
    for sentence in (*result.reasons, *(f"Warning: {warning}" for warning in result.warnings)):
        say(f"  {sentence}")


if __name__ == "__main__":
    main()
