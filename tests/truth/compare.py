"""Run by the SageMaker runtime: `python compare.py <model folder> <panel> <truth>`; out of time, the model's PD and the
simulator's true PD beside what happened, as one line of JSON.
"""

import json
import sys

import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from contracts import load_contract
from mortgage_model.development.panel_data import open_panel
from mortgage_model.development.splits import SplitBounds
from mortgage_model.scoring.artifact import load_model
from mortgage_model.statistics.calibration import recalibrate
from mortgage_model.statistics.discrimination import auc

model_folder, panel, truth_folder = sys.argv[1:]
model = load_model(model_folder)
bounds = SplitBounds(**model.metadata["split"])
dataset = open_panel(panel, load_contract("loan_panel"))
first, last = bounds.range_of("oot")
inside = (ds.field("snapshot_month") >= first) & (ds.field("snapshot_month") <= last)
rows = dataset.to_table(filter=inside & ds.field("default_in_horizon").is_valid()).to_pandas()
truth = pd.read_parquet(truth_folder)
truth["snapshot_month"] = pd.to_datetime(truth["month"]).dt.strftime("%Y-%m")
both = rows.merge(truth, on=["loan_id", "snapshot_month"], validate="one_to_one")
assert len(both) == len(rows), "an observation without a true PD"
labels = both["default_in_horizon"].to_numpy()
scored = model.predict(both)["pd"].to_numpy()
challenger = model.challenger.predict(both)


def lead_over_challenger(rows: np.ndarray) -> float:
    return auc(labels[rows], scored[rows]) - auc(labels[rows], challenger[rows])


# Whole loans are drawn: a loan's months tell nearly the same story.
rng, loans = np.random.default_rng(1), both["loan_id"].astype("category").cat.codes.to_numpy()
number = loans.max() + 1
draws = [np.bincount(rng.integers(number, size=number), minlength=number) for _ in range(200)]
leads = [lead_over_challenger(np.repeat(np.arange(len(both)), draw[loans])) for draw in draws]
print(
    json.dumps(
        {
            "observations": len(both),
            "defaults": int(labels.sum()),
            "auc": auc(labels, scored),
            "auc_of_truth": auc(labels, both["true_pd_12m"].to_numpy()),
            "slope": recalibrate(labels, scored).slope.value,
            "lead_over_challenger": list(np.percentile(leads, [2.5, 97.5])),
        }
    )
)
