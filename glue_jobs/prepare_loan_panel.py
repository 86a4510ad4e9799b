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
from typing import Any

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from pyspark.sql import DataFrame

from contracts.documents import LoanPanelManifest, ScoringInputManifest
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
    day, run = date.fromisoformat(args["as_of_date"]), args.get("JOB_RUN_ID") or uuid.uuid4().hex
    spark, source, tables, dataset = glue.spark_session, args["source"], args["tables_root"], args["output_root"]
    manifest: LoanPanelManifest | ScoringInputManifest
    if args["mode"] == "train":
        table, horizon = f"loan_panel_{source}", int(args["horizon_months"])

        def write(frame: DataFrame, path: str) -> None:
            write_panel(glue, frame, path, args["catalog_database"], table)

        manifest = prepare_panel(spark, source, tables, day, horizon, dataset, run, args["code_sha256"], write)
    elif args["mode"] == "score":
        manifest = prepare_scoring_input(spark, source, tables, day, dataset, run, args["code_sha256"])
    else:
        raise SettingError(f"--mode is {args['mode']!r}; it must be train or score")
    job.commit()
    print(json.dumps({"rows": manifest["rows"], **manifest["counts"]}))


def write_panel(glue: GlueContext, frame: DataFrame, path: str, database: str, table: str) -> None:
    """Parquet by snapshot month; with a database the Data Catalog's table then shows what was written last."""
    options: dict[str, Any] = {"connection_type": "s3", "path": path, "partitionKeys": ["snapshot_month"]}
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
