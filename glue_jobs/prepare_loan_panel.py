"""Glue job: clean tables → loan panel to train on (--mode train), or scoring input as of a date (--mode score).

Arguments: --mode train|score --source S --tables_root <clean tables' prefix> --as_of_date YYYY-MM-DD --horizon_months H
--output_root <dataset prefix> --catalog_database DB ('' = none) --code_sha256 X. Prints one line of JSON at the end:
the manifest's counts.

Re-running replaces the dataset of the same source, date and mode, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from datetime import date

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from pyspark.sql import DataFrame

from contracts.faults import SettingError
from mortgage_etl.panel.prepare import prepare_panel, prepare_scoring_input
from mortgage_etl.run.start import start_job

OPTIONS = [
    "mode",
    "source",
    "tables_root",
    "as_of_date",
    "horizon_months",
    "output_root",
    "catalog_database",
    "code_sha256",
]


def main() -> None:
    args, glue, job = start_job(OPTIONS)
    common = {
        "spark": glue.spark_session,
        "source": args["source"],
        "tables_root": args["tables_root"],
        "as_of_date": date.fromisoformat(args["as_of_date"]),
        "dataset": args["output_root"],
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
        raise SettingError(f"--mode is {args['mode']!r}; it must be train or score")
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
