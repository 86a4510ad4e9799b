"""Measures how fast reason codes are: loans a second, against XGBoost's own contributions of a large model.

    PYTHONPATH=.:sagemaker_entrypoints .runtimes/sagemaker-xgboost-3.2-0/bin/python benchmarks/reason_codes.py [MODEL]

MODEL is the directory of an unpacked model.tar.gz; without it a model with the default hyperparameters' largest
size (every tree kept) is fitted to random loans. The comparison model has 500 trees of depth 6. Prints one line of
JSON: loans per second on the clock, and per second of one core, which another load of the machine does not change.
The bar is 5,000 loans/s of exact contributions on 2 cores.

Seen on 2 cores (November 2026, other jobs on the machine: compare per core):
the demo's model (117 trees of depth 3) 15,257 contributions/s on the clock and 18,943 per core, 8,974 and 15,169 with
the choice of reasons; 400 trees of depth 3 5,449 per core, of depth 4 2,022; 500 trees of depth 6 589 to 648.

Depth 4 was given up for speed. On the simulated book (100,000 rows of training, seeds 1 to 3) it would have changed the
log loss of validation by +0.0001 to +0.0002 (worse) and the AUC out of time by +0.002, -0.001 and -0.005.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import xgboost as xgb

from contracts import load_contract
from mortgage_model.development.hyperparameters import parse_arguments
from mortgage_model.scoring import reasons
from mortgage_model.scoring.artifact import MortgageModel, feature_contract, load_model
from mortgage_model.scoring.calibration import Calibration
from mortgage_model.scoring.features import FeatureSpec
from mortgage_model.scoring.grades import MasterScale

ROWS, REPEATS, LARGE_ROWS = 20_000, 3, 500


def random_loans(rows: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Loans with values anywhere in their contract's ranges, and labels that depend on four of them."""
    rng = np.random.default_rng(1)
    columns = {}
    for column in load_contract("loan_panel").with_role("feature"):
        low, high = column.minimum or 0, column.maximum or 1
        values = rng.choice(column.allowed or ("a", "b"), rows) if column.categorical else rng.uniform(low, high, rows)
        columns[column.name] = values
    frame = pd.DataFrame(columns)
    risk = -frame["credit_score"] / 60 + frame["ltv"] / 60 + frame["dti"] / 30 + frame["delinquency_status"]
    return frame, (rng.random(rows) < 1 / (1 + np.exp(3 - risk + risk.mean()))).astype(float)


def grow(spec: FeatureSpec, features: pd.DataFrame, labels: np.ndarray, depth: int, trees: int) -> xgb.Booster:
    parameters = {"objective": "binary:logistic", "max_depth": depth, "eta": 0.05, "min_child_weight": 1}
    parameters["monotone_constraints"] = spec.constraints
    return xgb.train(parameters, xgb.QuantileDMatrix(features, labels), trees)


def loans_per_second(run: Callable[[], object], rows: int) -> dict[str, int]:
    """On the clock, and per second that one core works: the best of REPEATS each."""
    clock, core = [], []
    for _ in range(REPEATS):
        start, worked = time.perf_counter(), time.process_time()
        run()
        clock.append(time.perf_counter() - start)
        core.append(time.process_time() - worked)
    return {"clock": round(rows / min(clock)), "core": round(rows / min(core))}


def main(folder: str | None) -> None:
    frame, labels = random_loans(ROWS)
    contract = load_contract("loan_panel")
    defaults = parse_arguments([])
    if folder:
        model = load_model(folder)
    else:
        spec = FeatureSpec.fit(frame, labels, contract)
        trees = grow(spec, spec.transform(frame), labels, int(defaults["max_depth"]), int(defaults["n_estimators"]))
        scale = MasterScale.geometric()
        model = MortgageModel(feature_contract(contract), spec, trees, Calibration(0.0, 1.0), scale, {})
    features = model.spec.transform(frame)
    large = grow(model.spec, features.head(4 * LARGE_ROWS), labels[: 4 * LARGE_ROWS], 6, 500)
    few = xgb.DMatrix(features.head(LARGE_ROWS))
    speeds = {
        "contributions": loans_per_second(lambda: reasons.contributions(model, frame), ROWS),
        "reason_codes": loans_per_second(lambda: reasons.reason_codes(model, frame), ROWS),
        "xgboost_500_trees_of_depth_6": loans_per_second(lambda: large.predict(few, pred_contribs=True), LARGE_ROWS),
    }
    ratio = round(speeds["contributions"]["core"] / speeds["xgboost_500_trees_of_depth_6"]["core"], 1)
    print(json.dumps({"trees": model.booster.num_boosted_rounds(), "loans_per_second": speeds, "ratio": ratio}))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
