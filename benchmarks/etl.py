"""Measures the ETL on a simulated book, against the mere parsing of its largest table by pyarrow in the same run.

    PYTHONPATH=. .runtimes/tooling/bin/python -m simulator --loans 50000 --out /tmp/book
    PYTHONPATH=.:glue_jobs .runtimes/glue-5.1/bin/python benchmarks/etl.py /tmp/book

Prints one line of JSON: rows, seconds of the steps (cleaning with checks of every value and quarantine, panel
with labels and economics, scoring input), and how many times the reference's seconds each takes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.csv

from mortgage_etl.cleaning.clean_tables import prepare_clean_tables
from mortgage_etl.panel.prepare import prepare_panel, prepare_scoring_input
from mortgage_etl.run.session import local_session

SOURCE, RUN, CODE = "canonical", "benchmark", "0"


def main(book: str) -> None:
    (ingested,) = {folder.name.partition("=")[2] for folder in Path(book, "performance").iterdir()}
    day = date.fromisoformat(ingested)
    seconds: dict[str, float] = {}

    def timed(step: str, run: Any, *arguments: Any) -> Any:
        started = time.perf_counter()
        result = run(*arguments)
        seconds[step] = time.perf_counter() - started
        return result

    files = sorted(Path(book, "performance").rglob("*.csv"))
    everything_as_text = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(_columns(files[0]), "string"))
    timed("pyarrow", lambda: [pyarrow.csv.read_csv(file, convert_options=everything_as_text) for file in files])
    spark = timed("start_spark", local_session, "benchmark", 2)
    with tempfile.TemporaryDirectory() as out:
        tables = f"{out}/tables"
        clean = timed("clean", prepare_clean_tables, spark, SOURCE, book, day, tables, f"{out}/quarantine", RUN, CODE)

        def write(frame: Any, path: str) -> None:
            frame.write.partitionBy("snapshot_month").parquet(path)

        panel = timed("panel", prepare_panel, spark, SOURCE, tables, day, 12, f"{out}/panel", RUN, CODE, write)
        loans = timed("scoring_input", prepare_scoring_input, spark, SOURCE, tables, day, f"{out}/score", RUN, CODE)
    spark.stop()
    ratios = {step: round(seconds[step] / seconds["pyarrow"], 1) for step in ("clean", "panel", "scoring_input")}
    rows = {"performance": clean["rows"], "panel": panel["rows"], "scoring_input": loans["rows"]}
    print(json.dumps({"rows": rows, "seconds": {k: round(v, 1) for k, v in seconds.items()}, "ratio": ratios}))


def _columns(file: Path) -> list[str]:
    with file.open() as lines:
        return next(lines).strip().split(",")


if __name__ == "__main__":
    main(sys.argv[1])
