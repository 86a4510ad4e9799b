"""The synthetic panel, and a model trained on it, for every test of the model."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

TESTS = Path(__file__).resolve().parent
REPOSITORY = TESTS.parents[1]
ENTRYPOINTS = REPOSITORY / "sagemaker_entrypoints"
sys.path.insert(0, str(TESTS))

from synthetic_panel import SMALL_MODEL, make_panel, write_panel  # noqa: E402


@pytest.fixture(scope="session")
def panel() -> pd.DataFrame:
    """A synthetic panel of 96 months from 2008-01, 15,360 rows; do not modify it in place."""
    return make_panel()


@pytest.fixture(scope="session")
def panel_dir(panel: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same panel as the ETL's partitioned Parquet."""
    return write_panel(panel, tmp_path_factory.mktemp("panel"))


@pytest.fixture(scope="session")
def source_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SageMaker's source directory as the pipeline packs it: the entry points with contracts/ beside them."""
    folder = tmp_path_factory.mktemp("sourcedir") / "code"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ENTRYPOINTS, folder, ignore=ignore)
    shutil.copytree(REPOSITORY / "contracts", folder / "contracts", ignore=ignore)
    return folder


@dataclass(frozen=True)
class TrainedModel:
    """A finished training: its folders and the metrics it returned."""

    model_dir: Path
    output_dir: Path
    metrics: dict


@pytest.fixture(scope="session")
def trained(panel_dir: Path, source_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """A small model trained on the synthetic panel by the training script's own function."""
    from mortgage_training_script import train

    from contracts import load_contract
    from mortgage_model.development.hyperparameters import parse_arguments

    folder = tmp_path_factory.mktemp("trained")
    metrics = train(
        panel_dir,
        parse_arguments(SMALL_MODEL),
        folder / "model",
        folder / "output",
        source_dir,
        load_contract("loan_panel"),
    )
    return TrainedModel(folder / "model", folder / "output", metrics)
