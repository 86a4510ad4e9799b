"""The ETL alone on a folder of files: ``python -m mortgage_etl.reconcile --data <folder>`` ends with one line of JSON.

The source is told from the names in the folder: ``Acquisition_*`` and ``Performance_*`` (Fannie Mae legacy), tables as
folders or as ``<table>.csv`` (canonical and the agency tables, with or without ingest_date= folders). No AWS.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import date
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from mortgage_etl.panel import loan_months, panel_counts
from mortgage_etl.progress import say
from mortgage_etl.quarantine import ReconciliationError, judge
from mortgage_etl.session import local_session
from mortgage_etl.sources import SourceError
from mortgage_etl.sources.extracts import Extract, checked_extract
from mortgage_etl.sources.layouts import RawTable
from mortgage_etl.sources.lines import read_lines
from mortgage_etl.sources.reader import RAW_TABLES, read_extracts

FILE_NAMES = {
    "fannie_mae_acquisition": r"Acquisition_.*",
    "fannie_mae_performance": r"Performance_.*",
    "freddie_mac_origination": r"(historical|sample)_(data|orig).*(?<!time)_\d{4}(Q\d)?\.txt",
    "freddie_mac_performance": r"(historical_data_time|sample_svcg).*",
    "fannie_mae_current": r"\d{4}Q\d\.(csv|txt).*",
}


def detect(folder: Path) -> tuple[str, dict[str, Extract]]:
    """The source whose tables are all in ``folder``, and their files. SourceError if there is none."""
    folder = folder.resolve()
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder")
    for source, tables in RAW_TABLES.items():
        found = {raw.name: _files_of(folder, raw) for raw in tables}
        if all(found.values()):
            economic = _files_of(folder, RawTable("economic_indicators", ",", True, (), (), ()))
            if economic:
                found["economic_indicators"] = economic
            extracts = {
                name: checked_extract(name, [(str(path), path.stat().st_size) for path in files], str(folder))
                for name, files in found.items()
            }
            return source, extracts
    raise SourceError(
        f"{folder}: no source recognised. Expected Acquisition_* and Performance_* files (Fannie Mae legacy), or one "
        f"folder or file per table: {'; '.join(', '.join(raw.name for raw in raws) for raws in RAW_TABLES.values())}. "
        f"Found {', '.join(sorted(path.name for path in folder.iterdir())[:10]) or 'nothing'}."
    )


def _files_of(folder: Path, raw: RawTable) -> list[Path]:
    table = folder / raw.name
    if table.is_dir():
        dated = sorted(table.glob("ingest_date=*"))
        return sorted(path for path in (dated[-1] if dated else table).iterdir() if path.name[0] not in "._")
    pattern = re.compile(rf"({re.escape(raw.name)}\.(csv|txt)(\.gz)?|{FILE_NAMES.get(raw.name, '(?!)')})$")
    return sorted(path for path in folder.iterdir() if path.is_file() and pattern.match(path.name))


def last_month_end(spark: SparkSession, source: str, extracts: dict[str, Extract]) -> date:
    """End of the last month that a well-formed performance row reports on."""
    raw = next(raw for raw in RAW_TABLES[source] if "performance" in raw.feeds)
    rows = judge(read_lines(spark, raw, extracts[raw.name]), raw, date.max)
    end = rows.where("problem is null").agg(F.last_day(F.max("reporting_month"))).first()[0]
    if end is None:
        raise SourceError(f"{raw.name}: no row has a readable reporting month")
    return end


def reconcile(spark: SparkSession, folder: Path, as_of_date: date | None = None, horizon_months: int = 12) -> dict:
    """Counts of every performance row of ``folder``: see mortgage_etl.panel.panel_counts."""
    source, extracts = detect(folder)
    as_of_date = as_of_date or last_month_end(spark, source, extracts)
    say(f"source {source}, as of {as_of_date}, horizon {horizon_months} months")
    tables = read_extracts(spark, source, extracts, as_of_date)
    return panel_counts(loan_months(tables, as_of_date, horizon_months), tables)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mortgage_etl.reconcile", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the files of one source")
    parser.add_argument("--as_of_date", type=date.fromisoformat, help="default: end of the last reporting month")
    parser.add_argument("--horizon_months", type=int, default=12)
    options = parser.parse_args(arguments)
    try:
        counts = reconcile(local_session("reconcile"), options.data, options.as_of_date, options.horizon_months)
    except (SourceError, ReconciliationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
