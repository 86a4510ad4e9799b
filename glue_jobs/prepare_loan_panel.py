"""Glue job: raw loan tapes → loan panel to train on (--mode train), or scoring input as of a date (--mode score).

Arguments: --mode train|score --source S --raw_root s3://b/raw-data --as_of_date YYYY-MM-DD --horizon_months H
--output_root <dataset prefix> --quarantine_root s3://b/processed-data/quarantine --catalog_database DB ('' = none)
--code_sha256 X. Prints one line of JSON at the end: the manifest's counts.

Re-running replaces the dataset and the quarantine of the same source, date and mode, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import sys
import uuid
from datetime import date

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from pyspark.sql import DataFrame

from mortgage_etl.jobs import prepare_panel, prepare_scoring_input
from mortgage_etl.session import apply_required

OPTIONS = [
    "JOB_NAME",
    "mode",
    "source",
    "raw_root",
    "as_of_date",
    "horizon_months",
    "output_root",
    "quarantine_root",
    "catalog_database",
    "code_sha256",
]


def main() -> None:
    args = getResolvedOptions(sys.argv, OPTIONS)
    glue = GlueContext(SparkContext.getOrCreate())
    apply_required(glue.spark_session)
    job = Job(glue)
    job.init(args["JOB_NAME"], args)
    common = {
        "spark": glue.spark_session,
        "source": args["source"],
        "raw_root": args["raw_root"],
        "as_of_date": date.fromisoformat(args["as_of_date"]),
        "dataset": args["output_root"],
        "quarantine_root": args["quarantine_root"],
        "job_run_id": args.get("JOB_RUN_ID") or uuid.uuid4().hex,
        "code_sha256": args["code_sha256"],
    }
    if args["mode"] == "train":
        table = f"loan_panel_{args['source']}"
        manifest = prepare_panel(
            **common,
            horizon_months=int(args["horizon_months"]),
            write=lambda frame, path: write_panel(glue, frame, path, args["catalog_database"], table),
        )
    elif args["mode"] == "score":
        manifest = prepare_scoring_input(**common)
    else:
        raise ValueError(f"--mode is {args['mode']!r}; it must be train or score")
    job.commit()
    print(json.dumps({"rows": manifest["rows"], **manifest["counts"]}))


def write_panel(glue: GlueContext, frame: DataFrame, path: str, database: str, table: str) -> None:
    """Parquet by snapshot month; with a database the Data Catalog's table then shows what was written last."""
    options = {"connection_type": "s3", "path": path, "partitionKeys": ["snapshot_month"]}
    if database:
        _forget_table(database, table)
        options |= {"enableUpdateCatalog": True, "updateBehavior": "UPDATE_IN_DATABASE"}
    sink = glue.getSink(**options)
    sink.setFormat("glueparquet")
    if database:
        sink.setCatalogInfo(catalogDatabase=database, catalogTableName=table)
    sink.writeFrame(DynamicFrame.fromDF(frame, glue, "loan_panel"))


def _forget_table(database: str, table: str) -> None:
    """Drop the table of the run before: its partitions point at data that is deleted after publishing."""
    import boto3

    catalog = boto3.client("glue")
    with contextlib.suppress(catalog.exceptions.EntityNotFoundException):
        catalog.delete_table(DatabaseName=database, Name=table)


if __name__ == "__main__":
    main()
