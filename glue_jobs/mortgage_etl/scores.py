"""From a batch transform's output to published scores: every loan of the input exactly once, or nothing at all."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.faults import DataFault
from mortgage_etl.layouts.parsers import number
from mortgage_etl.publishing import objects
from mortgage_etl.publishing.attempts import MANIFEST
from mortgage_etl.run.progress import say

QUANTILES = (1, 5, 25, 50, 75, 95, 99)
HISTOGRAM_EDGES = (0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
REASONS = ("reason_1", "reason_2", "reason_3", "reason_4")
SCHEMA = pa.schema(
    [
        pa.field("loan_id", pa.string(), nullable=False),
        pa.field("score_date", pa.date32(), nullable=False),
        pa.field("pd", pa.float64(), nullable=False),
        pa.field("grade", pa.string(), nullable=False),
        *(pa.field(name, pa.string()) for name in REASONS),
        pa.field("model_package_version", pa.int32(), nullable=False),
        pa.field("model_package_arn", pa.string(), nullable=False),
    ]
)


class ScoresError(DataFault):
    """The transform's output does not match its input. The message has counts, and no loan id."""


def reconcile_scores(loans: DataFrame, scored: DataFrame, expected_loans: int) -> pd.DataFrame:
    """Scores sorted by loan_id: loan_id, pd, grade and the reasons, null where a loan has fewer.

    ``loans``: loan_id (text) of the scoring input, ``expected_loans`` many by its manifest. ``scored``: the same
    columns as text. ScoresError, with counts, if a loan is missing, scored twice or not in the input, if a PD is no
    number in [0, 1] or if a grade is missing.
    """
    asked = loans.groupBy("loan_id").agg(F.count("*").alias("asked"))
    answers = scored.groupBy("loan_id").agg(
        F.count("*").alias("answers"),
        F.first("pd").alias("text"),
        F.first("grade").alias("grade"),
        *(F.first(F.nullif(F.trim(name), F.lit(""))).alias(name) for name in REASONS),
    )
    pd_value = number(F.trim("text"))
    joined = asked.join(answers, "loan_id", "full").withColumn("pd", pd_value).drop("text").persist()
    has_answer = F.col("asked").isNotNull() & F.col("answers").isNotNull()
    bad_pd = F.col("pd").isNull() | ~F.col("pd").between(0, 1)
    no_grade = F.coalesce(F.trim("grade"), F.lit("")) == ""
    counts = joined.agg(
        F.coalesce(F.sum("asked"), F.lit(0)).alias("input rows"),
        _count(F.col("asked") > 1).alias("loans twice in the input"),
        _count(F.col("answers").isNull()).alias("missing"),
        _count(F.col("answers") > 1).alias("scored more than once"),
        _count(F.col("asked").isNull()).alias("not in the input"),
        _count(has_answer & bad_pd).alias("with a PD that is no number from 0 to 1"),
        _count(has_answer & no_grade).alias("without a grade"),
    ).first()
    problems = {name: n for name, n in counts.asDict().items() if n and name != "input rows"}
    if counts["input rows"] != expected_loans:
        problems["fewer or more input rows than its manifest says"] = counts["input rows"] - expected_loans
    if problems:
        listed = ", ".join(f"{n:,} {name}" for name, n in problems.items())
        raise ScoresError(
            f"the scores do not match the {expected_loans:,} loans of the input: {listed}. Nothing published."
        )
    say(f"{expected_loans:,} loans in, each scored exactly once")
    return joined.select("loan_id", "pd", "grade", *REASONS).toPandas().sort_values("loan_id", ignore_index=True)


def publish_scores(
    scores: pd.DataFrame,
    score_date: date,
    output_root: str,
    model_package_arn: str,
    model_package_version: int,
    facts: dict[str, Any],
) -> dict[str, Any]:
    """Write one Parquet file named by its content, then the manifest, then delete what the manifest no longer names.

    The same scores give the same bytes and so the same name. ``facts`` are added to the manifest.
    """
    body = parquet_bytes(scores, score_date, model_package_arn, model_package_version)
    root = f"{output_root.rstrip('/')}/"
    name = f"scores-{hashlib.sha256(body).hexdigest()[:16]}.parquet"
    objects.write_bytes(root + name, body)
    manifest = {
        "dataset": "scores",
        "data_prefix": root,
        "files": [{"key": name, "bytes": len(body), "rows": len(scores)}],
        "rows": len(scores),
        "columns": SCHEMA.names,
        "score_date": score_date.isoformat(),
        "model_package_arn": model_package_arn,
        "model_package_version": model_package_version,
        **distribution(scores),
        **facts,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    objects.write_json(root + MANIFEST, manifest)
    for uri, _ in objects.list_objects(root):
        if uri.removeprefix(root) not in (name, MANIFEST):
            objects.delete_object(uri)
    say(f"published {len(scores):,} scores, {len(body):,} bytes: {root}{name}")
    return manifest


def parquet_bytes(scores: pd.DataFrame, score_date: date, arn: str, version: int) -> bytes:
    """The scores as one Parquet file. Writer settings that shape the bytes are stated; no time stamp is in them."""
    rows = len(scores)
    columns = [
        pa.array(scores["loan_id"], pa.string()),
        pa.array([score_date], pa.date32()).take(pa.array(np.zeros(rows, dtype=np.int64))),
        pa.array(scores["pd"], pa.float64()),
        pa.array(scores["grade"], pa.string()),
        *(pa.array(scores[name], pa.string(), from_pandas=True) for name in REASONS),
        pa.array(np.full(rows, version), pa.int32()),
        pa.array([arn], pa.string()).take(pa.array(np.zeros(rows, dtype=np.int64))),
    ]
    sink = io.BytesIO()
    table = pa.Table.from_arrays(columns, schema=SCHEMA)
    pq.write_table(table, sink, compression="zstd", compression_level=3, version="2.6", row_group_size=250_000)
    return sink.getvalue()


def distribution(scores: pd.DataFrame) -> dict[str, Any]:
    """PD mean and percentiles, number of loans per grade and per PD band; nulls where there are no scores."""
    values = scores["pd"].to_numpy()
    some = len(values) > 0
    percentiles = np.percentile(values, QUANTILES) if some else [None] * len(QUANTILES)
    counts, _ = np.histogram(values, bins=HISTOGRAM_EDGES)
    return {
        "pd": {
            "mean": float(values.mean()) if some else None,
            **{f"p{q:02d}": None if v is None else float(v) for q, v in zip(QUANTILES, percentiles, strict=True)},
        },
        "grades": {str(grade): int(n) for grade, n in scores["grade"].value_counts().sort_index().items()},
        "histogram": {"edges": list(HISTOGRAM_EDGES), "counts": [int(n) for n in counts]},
    }


def _count(condition) -> F.Column:
    return F.coalesce(F.sum(F.when(condition, 1).otherwise(0)), F.lit(0))
