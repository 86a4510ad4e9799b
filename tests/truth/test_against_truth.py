"""Simulator → ETL on Spark → training: out of time, the model ranks loans almost as the true PD does, calibrated.

The demo's book, so what the demo shows is what is tested.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.truth.pipeline import HERE, SAGEMAKER, Book, run


@pytest.fixture(scope="module")
def found(book: Book, model: str) -> dict[str, Any]:
    return json.loads(run(SAGEMAKER, str(HERE / "compare.py"), model, book.panel, book.truth).splitlines()[-1])


def test_the_model_ranks_almost_as_well_as_the_true_pd(found: dict[str, Any]) -> None:
    assert found["defaults"] > 500
    assert found["auc_of_truth"] - found["auc"] < 0.01, found


def test_the_model_is_calibrated_out_of_time(found: dict[str, Any]) -> None:
    assert 0.9 < found["slope"] < 1.1, found


def test_the_model_beats_the_scorecard_of_the_same_rows(found: dict[str, Any]) -> None:
    """95 % interval of the difference in AUC, paired, over whole loans."""
    assert found["lead_over_challenger"][0] > 0, found
