"""The ETL's accounting alone, of loan files: what became of every performance row, as one line of JSON.

``python -m mortgage_etl.reconcile --source S [--as_of_date YYYY-MM-DD] [--horizon_months H]`` with ``--raw_root``, a
folder that holds <table>/ingest_date=YYYY-MM-DD/<files>, or ``--files``, a JSON object of each table's files. Without a
date it is the end of the newest reporting month in the files; ``--date_only`` ends with the date, as one line, once the
beginning of every file was seen to be right.
`make reconcile` finds the files of a folder. No AWS, and no economic data: labels need none.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from pyspark.sql import SparkSession

from mortgage_etl.cleaning.accounting import ReconciliationError, warnings
from mortgage_etl.cleaning.reader import Reader
from mortgage_etl.cleaning.source_tables import SourceError, loan_extracts
from mortgage_etl.files.extracts import Extract, checked_extract
from mortgage_etl.panel.observations import loan_months, panel_counts
from mortgage_etl.run.session import local_session


def reconcile(reader: Reader, as_of_date: date, horizon_months: int) -> dict:
    """Counts of every performance row (see panel.observations.panel_counts), and what a person should know of them."""
    tables = reader.read(as_of_date)
    counts = panel_counts(loan_months(tables, as_of_date, horizon_months), tables)
    return {**counts, "warnings": warnings(tables.counts)}


def extracts_of(files: dict[str, list[str]]) -> dict[str, Extract]:
    """An extract of each table's files. SourceError for one that is empty or gone."""
    try:
        sizes = {table: [(path, Path(path).stat().st_size) for path in paths] for table, paths in files.items()}
    except OSError as error:
        raise SourceError(f"{error.filename} cannot be read: {error.strerror}") from None
    return {table: checked_extract(table, pairs, table) for table, pairs in sizes.items()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mortgage_etl.reconcile", description=__doc__)
    parser.add_argument("--source", required=True)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--raw_root")
    where.add_argument("--files", type=json.loads)
    parser.add_argument("--as_of_date", type=date.fromisoformat)
    parser.add_argument("--horizon_months", type=int, default=12)
    parser.add_argument("--date_only", action="store_true")
    given = parser.parse_args(arguments)
    today = datetime.now(UTC).date()
    try:
        extracts = extracts_of(given.files) if given.files else None  # before Spark starts, which takes seconds
        spark: SparkSession = local_session("reconcile")
        if extracts is None:
            extracts = loan_extracts(spark, given.source, given.raw_root, given.as_of_date or today)
        reader = Reader(spark, given.source, extracts)
        reader.check_beginnings()
        as_of_date = given.as_of_date or reader.last_month_end(today)
        if given.date_only:
            print(as_of_date)
            return 0
        print(f"source {given.source}, as of {as_of_date}", flush=True)
        counts = reconcile(reader, as_of_date, given.horizon_months)
    except (SourceError, ReconciliationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for warning in counts["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    print(json.dumps(counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
