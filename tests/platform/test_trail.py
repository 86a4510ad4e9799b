"""The loan's own row at the beginning of the trail; it is Parquet, which Airflow's runtime cannot read."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mortgage_risk.release import trail


class Store:
    def __init__(self, body: bytes) -> None:
        self.body = body

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        assert (Bucket, Key) == ("b", "scores/attempt=1/part-0.parquet")
        return {"Body": io.BytesIO(self.body)}


@pytest.fixture
def store() -> Store:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"loan_id": ["1", "2"], "pd": [0.01, 0.25]}), buffer)
    return Store(buffer.getvalue())


SCORES = {"data_prefix": "s3://b/scores/attempt=1/", "rows": 2, "files": [{"key": "attempt=1/part-0.parquet"}]}


def test_the_row_of_a_loan_is_found_in_the_published_file(store: Store) -> None:
    row = trail._score(store, "s3://b/scores/", SCORES, "2")
    assert row == {"loan_id": "2", "pd": 0.25, "file": "s3://b/scores/attempt=1/part-0.parquet"}


def test_a_loan_that_was_not_scored_is_named(store: Store) -> None:
    with pytest.raises(trail.TrailLost, match="Loan 7 is not among the 2 loans"):
        trail._score(store, "s3://b/scores/", SCORES, "7")
