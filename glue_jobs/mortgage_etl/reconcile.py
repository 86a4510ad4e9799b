"""The ETL's accounting alone, of a raw-data folder: what became of every performance row, as one line of JSON.

``python -m mortgage_etl.reconcile --source S --raw_root <folder> --as_of_date YYYY-MM-DD [--horizon_months H]``; the
folder holds <table>/ingest_date=YYYY-MM-DD/<files>. `make reconcile` lays out a folder of files that way. No AWS, and
no economic data: labels need none.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date

from pyspark.sql import SparkSession

from mortgage_etl.panel import loan_months, panel_counts
from mortgage_etl.quarantine import ReconciliationError
from mortgage_etl.session import local_session
from mortgage_etl.sources import SourceError, loan_extracts
from mortgage_etl.sources.reader import read_extracts


def reconcile(spark: SparkSession, source: str, raw_root: str, as_of_date: date, horizon_months: int) -> dict:
    """Counts of every performance row below ``raw_root``: see mortgage_etl.panel.panel_counts."""
    tables = read_extracts(spark, source, loan_extracts(spark, source, raw_root, as_of_date), as_of_date)
    return panel_counts(loan_months(tables, as_of_date, horizon_months), tables)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mortgage_etl.reconcile", description=__doc__)
    parser.add_argument("--source", required=True)
    parser.add_argument("--raw_root", required=True)
    parser.add_argument("--as_of_date", type=date.fromisoformat, required=True)
    parser.add_argument("--horizon_months", type=int, default=12)
    try:
        counts = reconcile(local_session("reconcile"), **vars(parser.parse_args(arguments)))
    except (SourceError, ReconciliationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
