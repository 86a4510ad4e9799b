"""Trains the mortgage default-risk model (SageMaker script mode).

Reads the loan panel of channel `train`; splits it out of time with an embargo; fits features, a monotone
XGBoost model and its calibration; writes the model to SM_MODEL_DIR and metrics.json to SM_OUTPUT_DATA_DIR;
prints one `name=value;` line per metric. Hyperparameters: mortgage_model/development/hyperparameters.py or `--help`.
Trials of the search are kept in /opt/ml/checkpoints where the job has that folder (development/checkpoint.py).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from contracts import load_contract
from contracts.faults import exit_with
from mortgage_model.development.hyperparameters import parse_arguments
from mortgage_model.development.sample_metrics import metric_lines
from mortgage_model.development.train import PREDICTABLE_ERRORS, train
from mortgage_model.progress import say


def main() -> None:
    model_folder = Path(os.environ["SM_MODEL_DIR"])
    checkpoints = model_folder.with_name("checkpoints")
    try:
        metrics = train(
            panel_folder=Path(os.environ["SM_CHANNEL_TRAIN"]),
            hyperparameters=parse_arguments(sys.argv[1:]),
            model_folder=model_folder,
            output_folder=Path(os.environ["SM_OUTPUT_DATA_DIR"]),
            source_folder=Path(__file__).resolve().parent,
            contract=load_contract("loan_panel"),
            checkpoints=checkpoints if checkpoints.is_dir() else None,
        )
    except PREDICTABLE_ERRORS as error:
        exit_with(error)
    for line in metric_lines(metrics):
        say(line)


if __name__ == "__main__":
    main()
