"""Simulator → ETL on Spark → training: out of time, the model ranks loans almost as the true PD does, calibrated.

The demo's book, so what the demo shows is what is tested.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local_platform import demo, landing
from local_platform.environments import GLUE, ROOT, runtime_python

HERE = Path(__file__).parent
SAGEMAKER = "sagemaker-xgboost-3.2-0"


def run(runtime: str, *command: str, **environment: str) -> str:
    """Standard output of a Python program in one of the runtimes, with the code that it has on AWS."""
    path = os.pathsep.join(map(str, (ROOT, ROOT / "glue_jobs", ROOT / "sagemaker_entrypoints")))
    done = subprocess.run(
        [str(runtime_python(runtime)), *command],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    work = tmp_path_factory.mktemp("truth")
    book = work / "book"
    run("tooling", "-m", "simulator", *demo.BOOK, "--loans", str(demo.LOANS), "--out", str(book))
    run(GLUE, str(HERE / "build_panel.py"), str(book), landing.describe(book).as_of_date, str(work))
    panel = str(work / "panel" / "attempt=run")
    (work / "model").mkdir()
    source = work / "source"  # as the pipeline packs it
    shutil.copytree(ROOT / "sagemaker_entrypoints", source)
    shutil.copytree(ROOT / "contracts", source / "contracts")
    run(
        SAGEMAKER,
        str(source / "mortgage_training_script.py"),
        "--horizon_months",
        "12",
        SM_CHANNEL_TRAIN=panel,
        SM_MODEL_DIR=str(work / "model"),
        SM_OUTPUT_DATA_DIR=str(work / "output"),
    )
    truth = str(book / "truth" / "true_pd_12m")
    return json.loads(run(SAGEMAKER, str(HERE / "compare.py"), str(work / "model"), panel, truth).splitlines()[-1])


def test_the_model_ranks_almost_as_well_as_the_true_pd(found: dict[str, Any]) -> None:
    assert found["defaults"] > 500
    assert found["auc_of_truth"] - found["auc"] < 0.01, found


def test_the_model_is_calibrated_out_of_time(found: dict[str, Any]) -> None:
    assert 0.9 < found["slope"] < 1.1, found


def test_the_model_beats_the_scorecard_of_the_same_rows(found: dict[str, Any]) -> None:
    """95 % interval of the difference in AUC, paired, over whole loans."""
    assert found["lead_over_challenger"][0] > 0, found
