"""Exact figures on the real Fannie Mae sample, against an oracle that reads the file itself."""

from __future__ import annotations

import json
import os
from pathlib import Path

import oracle
import pytest

DATA = Path(os.environ.get("MORTGAGE_REAL_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
TAPE = DATA / "fannie_mae_2007q3"


@pytest.mark.skipif(not TAPE.is_dir(), reason="real data (../shared/data or $MORTGAGE_REAL_DATA) is absent")
def test_reconcile_agrees_with_the_oracle(spark, capsys):
    from mortgage_etl.reconcile import main

    timelines: dict[str, dict] = {}
    for line in (TAPE / "Performance_2007Q3.txt").read_text().splitlines():
        fields = line.split("|")
        month, _, year = fields[1].split("/")
        timelines.setdefault(fields[0], {})[int(year) * 12 + int(month) - 1] = (fields[10], fields[12])
    expected, by_year = oracle.totals(timelines, 12)

    files = {
        f"fannie_mae_{kind.lower()}": [str(TAPE / f"{kind}_2007Q3.txt")] for kind in ("Acquisition", "Performance")
    }
    assert main(["--source", "fannie_mae", "--files", json.dumps(files)]) == 0
    last_line = capsys.readouterr().out.splitlines()[-1]
    found = json.loads(last_line)

    assert {name: found[name] for name in expected} == expected
    assert found["by_year"] == by_year
    assert found["rows_in"] == 10_000
    assert found["loans"] == 177
    assert found["loans_on_tape"] == 10_000
    assert sum(found["not_observed"].values()) + found["observations"] == 10_000
