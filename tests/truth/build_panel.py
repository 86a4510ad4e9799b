"""Run by the Glue runtime: `python build_panel.py <raw folder> <business date> <out>` cleans a book, builds a panel."""

import sys
from datetime import date
from pathlib import Path

from mortgage_etl.cleaning.clean_tables import prepare_clean_tables
from mortgage_etl.panel.prepare import prepare_panel
from mortgage_etl.run.session import local_session

raw, day, out = sys.argv[1], date.fromisoformat(sys.argv[2]), Path(sys.argv[3])
spark = local_session("truth", cores=2)
tables = str(out / "tables")
prepare_clean_tables(spark, "canonical", raw, day, tables, str(out / "quarantine"), "run", "c0de")
prepare_panel(
    spark,
    "canonical",
    tables,
    day,
    12,
    str(out / "panel"),
    "run",
    "c0de",
    lambda frame, path: frame.write.partitionBy("snapshot_month").parquet(path),
)
