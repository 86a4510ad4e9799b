"""Files of every layout: same loans and rows, planted dirt exactly counted, same seed same bytes, the
command line."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pandas as pd
import pytest

from simulator.__main__ import main
from simulator.settings import LAYOUTS, BookSettings, parse_month
from simulator.writer import write_book

LOANS = 400
COLUMNS = {
    "fannie_mae_acquisition": 25,
    "fannie_mae_performance": 31,
    "fannie_mae_current": 113,
    "freddie_mac_origination": 32,
    "freddie_mac_performance": 32,
}
MAIN_TABLE = {
    "canonical": "performance",
    "fannie_mae": "fannie_mae_performance",
    "fannie_mae_current": "fannie_mae_current",
    "freddie_mac": "freddie_mac_performance",
}


def settings(layout: str = "canonical", **changes: object) -> BookSettings:
    values = {"loans": LOANS, "seed": 7, "start": parse_month("2008-01"), "end": parse_month("2012-12")}
    return BookSettings(**{**values, "layout": layout, **changes})  # type: ignore[arg-type]


def lines(out: Path, table: str) -> list[list[str]]:
    rows: list[list[str]] = []
    for path in sorted((out / table / "ingest_date=2013-01-10").iterdir()):
        with path.open(newline="") as file:
            rows += csv.reader(file, delimiter="," if path.suffix == ".csv" else "|", quoting=csv.QUOTE_NONE)
    return rows


def canonical(out: Path, table: str) -> pd.DataFrame:
    header, *rows = lines(out, table)
    return pd.DataFrame(rows, columns=header)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clean")
    for layout in LAYOUTS:
        write_book(settings(layout, dirt_rate=0.0), folder / layout)
    return {layout: folder / layout for layout in LAYOUTS}


def test_canonical_columns_are_the_contracts(clean: dict[str, Path]) -> None:
    from contracts import load_contract

    for table in (
        "borrowers",
        "borrower_demographics",
        "properties",
        "loans",
        "performance",
        "economic_indicators",
    ):
        contract = load_contract(table)
        frame = canonical(clean["canonical"], table)
        assert set(frame.columns) == {c.name for c in contract.columns}
        for column in contract.columns:
            values = frame[column.name][frame[column.name] != ""]
            if column.allowed:
                assert set(values) <= set(map(str, column.allowed)), column.name
            if column.minimum is not None and column.type in ("integer", "number"):
                assert values.astype(float).ge(column.minimum).all(), column.name
            if column.maximum is not None and column.type in ("integer", "number"):
                assert values.astype(float).le(column.maximum).all(), column.name
            if column.required:
                assert (frame[column.name] != "").all(), column.name


@pytest.mark.parametrize("table", COLUMNS)
def test_agency_files_have_their_columns(clean: dict[str, Path], table: str) -> None:
    layout = next(name for name in LAYOUTS[::-1] if table.startswith(name))
    assert {len(row) for row in lines(clean[layout], table)} == {COLUMNS[table]}


def test_agency_layouts_hold_the_same_performance(clean: dict[str, Path]) -> None:
    p = canonical(clean["canonical"], "performance")
    month = pd.to_datetime(p.reporting_month)
    closed = p.zero_balance_code != ""

    legacy = pd.DataFrame(lines(clean["fannie_mae"], "fannie_mae_performance"))
    assert legacy[0].tolist() == p.loan_id.tolist()
    assert legacy[1].tolist() == month.dt.strftime("%m/%d/%Y").tolist()
    assert legacy[10].tolist() == p.delinquency_status.mask(closed, "X").tolist()
    assert legacy[12].tolist() == p.zero_balance_code.tolist()
    assert legacy[5].tolist() == (p.loan_age + ".0").tolist()
    shown = ~closed & (p.loan_age.astype(int) >= 6)
    assert legacy[4][shown].tolist() == p.current_upb[shown].tolist()
    assert (legacy[4][~shown & ~closed] == "").all()

    current = pd.DataFrame(lines(clean["fannie_mae_current"], "fannie_mae_current"))
    assert (current[0] == "").all()
    assert current[1].tolist() == p.loan_id.tolist()
    assert current[2].tolist() == month.dt.strftime("%m%Y").tolist()
    assert current[43].tolist() == p.zero_balance_code.tolist()
    status = p.delinquency_status[~closed].str.lstrip("0").tolist()
    assert current[39][~closed].str.lstrip("0").tolist() == status

    freddie = pd.DataFrame(lines(clean["freddie_mac"], "freddie_mac_performance"))
    assert (freddie[0].str[-7:].astype(int) == p.loan_id.str[-7:].astype(int)).all()
    assert freddie[1].tolist() == month.dt.strftime("%Y%m").tolist()
    assert freddie[2].tolist() == p.current_upb.tolist()
    assert freddie[21].tolist() == p.net_loss.tolist()


def test_agency_layouts_hold_the_same_loans(clean: dict[str, Path]) -> None:
    wide = canonical(clean["canonical"], "loans")
    wide = wide.merge(canonical(clean["canonical"], "borrowers")).merge(canonical(clean["canonical"], "properties"))
    legacy = pd.DataFrame(lines(clean["fannie_mae"], "fannie_mae_acquisition"))
    freddie = pd.DataFrame(lines(clean["freddie_mac"], "freddie_mac_origination"))
    for name, at, position in (
        ("credit_score", 12, 0),
        ("dti", 11, 9),
        ("ltv", 8, 11),
        ("cltv", 9, 8),
        ("interest_rate", 3, 12),
        ("property_state", 18, 16),
        ("number_of_borrowers", 10, 22),
        ("product_type", 21, 15),
    ):
        assert legacy[at].tolist() == wide[name].tolist(), name
        assert freddie[position].replace({"9999": "", "999": ""}).tolist() == wide[name].tolist(), name
    assert freddie[20].replace({"N": "R"}).tolist() == wide.loan_purpose.tolist()
    assert legacy[6].tolist() == pd.to_datetime(wide.origination_date).dt.strftime("%m/%Y").tolist()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_dirt_is_only_added_and_counted(clean: dict[str, Path], tmp_path: Path, layout: str) -> None:
    write_book(settings(layout, dirt_rate=0.01), tmp_path / "dirty")
    report = json.loads((tmp_path / "dirty/truth/dirt.json").read_text())["tables"]
    assert MAIN_TABLE[layout] in report
    assert "economic_indicators" in report
    for table, counts in report.items():
        good, all_rows = lines(clean[layout], table), lines(tmp_path / "dirty", table)
        assert all_rows[: len(good)] == good
        planted = all_rows[len(good) :]
        assert len(planted) == counts["total"] == sum(counts["planted"].values())
        header = 1 if layout == "canonical" or table == "economic_indicators" else 0
        assert counts["rows_written"] == len(all_rows) - header
        assert {len(row) for row in planted} == {len(good[0])}
        copies = sum(row in good for row in planted)
        assert copies == counts["planted"]["duplicate_key"]


def test_planted_kinds_are_what_they_say(tmp_path: Path) -> None:
    write_book(settings(dirt_rate=0.02), tmp_path)
    planted = {t: v["planted"] for t, v in json.loads((tmp_path / "truth/dirt.json").read_text())["tables"].items()}
    p = canonical(tmp_path, "performance")
    known = set(canonical(tmp_path, "loans").loan_id)
    assert (~p.loan_id.isin(known)).sum() == planted["performance"]["orphan"]
    assert (p.reporting_month > "2013-01-10").sum() == planted["performance"]["future_date"]
    upb = pd.to_numeric(p.current_upb, errors="coerce")
    assert upb.isna().sum() == planted["performance"]["unparseable_number"]
    assert (upb < 0).sum() == planted["performance"]["negative_balance"]
    assert p.duplicated(["loan_id", "reporting_month"]).sum() == planted["performance"]["duplicate_key"]
    scores, states = (
        canonical(tmp_path, "borrowers").credit_score,
        canonical(tmp_path, "properties").property_state,
    )
    assert (scores == "912").sum() == planted["borrowers"]["out_of_range_credit_score"]
    assert (states == "ZZ").sum() == planted["properties"]["unknown_state"]


def contents(out: Path) -> dict[str, bytes]:
    return {str(f.relative_to(out)): f.read_bytes() for f in sorted(out.rglob("*")) if f.is_file()}


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_book(settings(seed=seed), tmp_path / name)
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b
    performance = next(k for k in a if k.startswith("performance"))
    assert a[performance] != c[performance]


def test_workers_do_not_change_the_book(tmp_path: Path) -> None:
    short = settings(loans=8192 + 200, start=parse_month("2012-06"))
    write_book(short, tmp_path / "one", workers=1)
    write_book(short, tmp_path / "two", workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_memory_does_not_grow_with_the_book(tmp_path: Path) -> None:
    def peak(loans: int) -> int:
        tracemalloc.start()
        try:
            write_book(settings(loans=loans, start=parse_month("2012-01")), tmp_path / str(loans))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    one, three = peak(8192), peak(3 * 8192)
    assert three < 1.3 * one
    assert one < 300e6


def test_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simulator", "--loans", "50", "--start", "2018-01", "--end", "2018-12"]
    command += ["--clean", "--out", str(tmp_path / "book")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["loans"] == 50
    assert summary["planted"] == 0
    assert (tmp_path / "book/performance/ingest_date=2019-01-10/part-00000.csv").exists()
    truth = pd.read_parquet(tmp_path / "book/truth/true_pd_12m")
    assert list(truth.columns) == ["loan_id", "month", "true_pd_12m"]
    assert truth.true_pd_12m.between(0, 1).all()


def test_a_folder_that_holds_something_is_left_alone(
    clean: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--loans", "5", "--out", str(clean["canonical"])]) == 1
    assert "not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loans": 0}, "at least 1"),
        ({"start": 2013 * 12}, "start <= end"),
        ({"layout": "excel"}, "layout must be"),
        ({"dirt_rate": 0.9}, "dirt_rate"),
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings(**changes)
