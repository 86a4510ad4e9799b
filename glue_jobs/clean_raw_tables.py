"""Glue job: raw loan tapes → clean tables (Parquet) and quarantine. The only job that reads raw files.

Arguments: --source S --raw_root s3://b/raw-data --delivered_by YYYY-MM-DD (per table the newest delivery at or before
it is read) --output_root <dataset prefix> --quarantine_root s3://b/processed-data/quarantine --code_sha256 X. Prints
one line of JSON at the end: the manifest's counts.

Re-running replaces the clean tables and the quarantine of the same source and delivery, and nothing else.
"""

from __future__ import annotations

import json
import sys
import uuid
from datetime import date

from mortgage_etl.cleaning.clean_tables import prepare_clean_tables
from mortgage_etl.cleaning.source_tables import SourceError
from mortgage_etl.run.start import start_job


def main() -> None:
    args, glue, job = start_job(["source", "raw_root", "delivered_by", "output_root", "quarantine_root", "code_sha256"])
    manifest = prepare_clean_tables(
        glue.spark_session,
        args["source"],
        args["raw_root"],
        date.fromisoformat(args["delivered_by"]),
        args["output_root"],
        args["quarantine_root"],
        args.get("JOB_RUN_ID") or uuid.uuid4().hex,
        args["code_sha256"],
    )
    job.commit()
    print(json.dumps({"rows": manifest["rows_by_table"], **manifest["counts"]}))


if __name__ == "__main__":
    try:
        main()
    except SourceError as error:  # the job's error message is for whoever delivers the files: words, no stack
        sys.exit(str(error))
