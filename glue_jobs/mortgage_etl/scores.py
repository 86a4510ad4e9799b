"""From a batch transform's output to published scores: every loan of the input exactly once, or nothing at all."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, date, datetime
from functools import reduce

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts import load_contract
from contracts.arrow_schema import arrow_schema
from contracts.documents import Distribution, ScoresManifest, ScoresOrigin
from contracts.faults import DataFault
from contracts.model import Column as ContractColumn
from contracts.requests import span_words
from contracts.values import NUMERIC
from mortgage_etl.cleaning.rules import broken_rules
from mortgage_etl.layouts.parsers import number
from mortgage_etl.publishing import objects
from mortgage_etl.publishing.attempts import MANIFEST
from mortgage_etl.run.progress import say

QUANTILES = (1, 5, 25, 50, 75, 95, 99)
HISTOGRAM_EDGES = (0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
CONTRACT = load_contract("scores")
# What the model says of a loan, in the order of its answer: PD, grade, reasons.
ANSWERED = CONTRACT.with_role("attribute")
ANSWER = tuple(column.name for column in ANSWERED)


class ScoresError(DataFault):
    """The transform's output does not match its input. The message has counts, and no loan id."""


def reconcile_scores(loans: DataFrame, scored: DataFrame, expected_loans: int) -> pd.DataFrame:
    """Scores sorted by loan_id: loan_id and the columns of ANSWER, null where a loan has fewer reasons.

    ``loans``: loan_id (text) of the scoring input, ``expected_loans`` many by its manifest. ``scored``: the same
    columns as text. ScoresError, with counts, if a loan is missing, scored twice or not in the input, or if what is
    said of it is not as the contract has it: a PD that is no number in [0, 1], no grade, …
    """
    asked = loans.groupBy("loan_id").agg(F.count("*").alias("asked"))
    answers = scored.groupBy("loan_id").agg(
        F.count("*").alias("answers"),
        *(F.first(F.nullif(F.trim(name), F.lit(""))).alias(name) for name in ANSWER),
    )
    joined = asked.join(answers, "loan_id", "full")
    joined = joined.withColumns({c.name: number(F.col(c.name)) for c in ANSWERED if c.type in NUMERIC}).persist()
    has_answer = F.col("asked").isNotNull() & F.col("answers").isNotNull()
    counts = joined.agg(
        F.coalesce(F.sum("asked"), F.lit(0)).alias("input rows"),
        _count(F.col("asked") > 1).alias("loans twice in the input"),
        _count(F.col("answers").isNull()).alias("missing"),
        _count(F.col("answers") > 1).alias("scored more than once"),
        _count(F.col("asked").isNull()).alias("not in the input"),
        *(_count(has_answer & wrong).alias(words) for column in ANSWERED for wrong, words in _wrong(column)),
    ).collect()[0]
    problems = {name: n for name, n in counts.asDict().items() if n and name != "input rows"}
    if counts["input rows"] != expected_loans:
        problems["fewer or more input rows than its manifest says"] = counts["input rows"] - expected_loans
    if problems:
        listed = ", ".join(f"{n:,} {name}" for name, n in problems.items())
        raise ScoresError(
            f"the scores do not match the {expected_loans:,} loans of the input: {listed}. Nothing published."
        )
    say(f"{expected_loans:,} loans in, each scored exactly once")
    return joined.select("loan_id", *ANSWER).toPandas().sort_values("loan_id", ignore_index=True)


def _wrong(column: ContractColumn) -> list[tuple[Column, str]]:
    """(condition, words) of each way in which an answer can break its contract."""
    broken = broken_rules(column, F.col(column.name))
    if column.type in NUMERIC:
        span = span_words(column.minimum, column.maximum, None, "from {low} to {high}")
        words = f"with a {column.label} that is no number {span}"
        return [(reduce(Column.__or__, (F.coalesce(condition, F.lit(False)) for condition, _ in broken)), words)]
    said = {"missing_required": f"without a {column.name}", "bad_format": f"with a {column.name} of another form"}
    return [(condition, said[reason]) for condition, reason in broken]


def publish_scores(
    scores: pd.DataFrame,
    score_date: date,
    output_root: str,
    model_package_arn: str,
    model_package_version: int,
    origin: ScoresOrigin,
) -> ScoresManifest:
    """Write one Parquet file named by its content, then the manifest, then delete what the manifest no longer names.

    The same scores give the same bytes and so the same name.
    """
    body = parquet_bytes(scores, score_date, model_package_arn, model_package_version)
    root = f"{output_root.rstrip('/')}/"
    name = f"scores-{hashlib.sha256(body).hexdigest()[:16]}.parquet"
    objects.write_bytes(root + name, body)
    manifest: ScoresManifest = {
        "dataset": "scores",
        "data_prefix": root,
        "files": [{"key": name, "bytes": len(body), "rows": len(scores)}],
        "rows": len(scores),
        "columns": list(CONTRACT.column_names),
        "score_date": score_date.isoformat(),
        "model_package_arn": model_package_arn,
        "model_package_version": model_package_version,
        **distribution(scores),
        **origin,
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
    schema = arrow_schema(CONTRACT)
    of_the_night = {"score_date": score_date, "model_package_version": version, "model_package_arn": arn}

    def values(field: pa.Field) -> pa.Array:
        if field.name in of_the_night:
            return pa.repeat(pa.scalar(of_the_night[field.name], field.type), len(scores))
        return pa.array(scores[field.name], field.type, from_pandas=True)

    sink = io.BytesIO()
    table = pa.Table.from_arrays([values(field) for field in schema], schema=schema)
    pq.write_table(table, sink, compression="zstd", compression_level=3, version="2.6", row_group_size=250_000)
    return sink.getvalue()


def distribution(scores: pd.DataFrame) -> Distribution:
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


def _count(condition: Column) -> Column:
    return F.coalesce(F.sum(F.when(condition, 1).otherwise(0)), F.lit(0))
