"""The demo's book and panel, and the model that is trained on it."""

from __future__ import annotations

import shutil

import pytest

from local_platform.environments import ROOT
from tests.truth.pipeline import SAGEMAKER, Book, run, simulate


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    return simulate(tmp_path_factory.mktemp("book"))


@pytest.fixture(scope="session")
def model(book: Book, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of the model that the training job makes of the book's panel."""
    work = tmp_path_factory.mktemp("training")
    (work / "model").mkdir()
    source = work / "source"  # as the pipeline packs it
    shutil.copytree(ROOT / "sagemaker_entrypoints", source)
    shutil.copytree(ROOT / "contracts", source / "contracts")
    run(
        SAGEMAKER,
        str(source / "mortgage_training_script.py"),
        "--horizon_months",
        "12",
        SM_CHANNEL_TRAIN=book.panel,
        SM_MODEL_DIR=str(work / "model"),
        SM_OUTPUT_DATA_DIR=str(work / "output"),
    )
    return str(work / "model")
