"""Any table: groups of near-duplicates, reading by contract, evidence out of fold; and the bars on real data."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import mortgage_table_script as script
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.loader import load_contract_file, parse_contract
from contracts.model import ContractError
from contracts.split import NearDuplicates
from mortgage_model.scoring.artifact import load_model
from mortgage_model.table.groups import group_rows, grouped_folds, near_duplicates
from mortgage_model.table.read import TableError, read_table

REPOSITORY = Path(__file__).resolve().parents[2]
REAL_DATA = Path(os.environ.get("MORTGAGE_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
HMEQ = REAL_DATA / "hmeq" / "hmeq.csv"
HMEQ_CONTRACT = REPOSITORY / "examples" / "hmeq" / "hmeq.odcs.yaml"
RULE = NearDuplicates(("job",), {"value": 0.1}, {"years": 1.5}, ("years",))
TEXT = """
apiVersion: v3.2.0
kind: DataContract
id: small
version: 1.0.0
status: active
schema:
  - name: small
    customProperties:
      - property: split
        value: %s
      - property: derivedFeatures
        value: [{name: burden, formula: debt / income, label: Burden, description: Debt over income., monotone: 1}]
    properties:
      - {name: month, logicalType: string, description: M., customProperties: [{property: role, value: time}]}
      - name: debt
        logicalType: number
        logicalTypeOptions: {minimum: 0}
        required: true
        description: Debt.
        customProperties: [{property: role, value: feature}]
      - {name: income, logicalType: number, description: I., customProperties: [{property: role, value: feature}]}
      - name: job
        logicalType: string
        description: Job.
        enum: [{value: a}, {value: b}]
        customProperties: [{property: role, value: feature}, {property: missingCodes, value: ["?"]}]
      - {name: bad, logicalType: integer, description: Bad., customProperties: [{property: role, value: label}]}
"""
FOLDS = "{method: grouped_k_fold, folds: 3, nearDuplicates: {equal: [job], relative: {debt: 0.000001}}}"
IN_TIME = "{method: out_of_time, horizonMonths: 2, ootMonths: 6}"


def small_table(rows=600, seed=1):
    random = np.random.default_rng(seed)
    months = pd.period_range("2015-01", periods=36, freq="M").astype(str).to_numpy()
    debt, income = random.uniform(1, 100, rows), random.uniform(20, 120, rows)
    bad = (random.random(rows) < 1 / (1 + np.exp(2 - 2.5 * debt / income))).astype(int)
    job = random.choice(["a", "b", "?"], rows)
    return pd.DataFrame(
        {"month": np.sort(random.choice(months, rows)), "debt": debt, "income": income, "job": job, "bad": bad}
    )


def frame(*rows):
    return pd.DataFrame(rows, columns=["job", "value", "years"])


def test_near_duplicates_by_the_rule():
    table = frame(
        ("x", 100.0, 5.0), ("x", 111.0, 6.5), ("x", 112.0, 5.0), ("y", 100.0, 5.0), ("x", 105.0, np.nan),
        ("x", np.nan, 5.0), (None, 100.0, 5.0), (None, 100.0, 5.0),
    )  # fmt: skip
    first, second = near_duplicates(table, RULE)
    # 100 and 111 differ by 9.9 % of the larger; 111 and 112 by 1.5 years; a missing value is near none, a missing
    # number of years is near any; a missing job equals a missing job.
    assert set(zip(first.tolist(), second.tolist(), strict=True)) == {(0, 1), (0, 4), (1, 2), (1, 4), (2, 4), (6, 7)}
    assert group_rows(table, RULE).tolist() == [0, 0, 0, 1, 0, 2, 3, 3]


def test_without_a_rule_every_row_is_its_own_group():
    assert group_rows(frame(("x", 1.0, 1.0), ("x", 1.0, 1.0)), None).tolist() == [0, 1]


@given(st.lists(st.integers(0, 30), min_size=40, max_size=200), st.integers(2, 5), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_folds_hold_every_row_out_once_and_split_no_group(codes, folds, seed):
    groups = np.array(codes)
    if len(np.unique(groups)) < folds:
        with pytest.raises(ValueError, match="cannot make"):
            grouped_folds(groups, folds, seed)
        return
    found = grouped_folds(groups, folds, seed)
    assert sorted(np.concatenate([held for _, held in found]).tolist()) == list(range(len(groups)))
    for train, held in found:
        assert not set(groups[train]) & set(groups[held])
        assert len(train) + len(held) == len(groups)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="income"), "lacks income of contract small"),
        (lambda t: t.assign(debt=t["debt"].where(t.index != 4)), "row 5: debt is empty; the contract requires it"),
        (lambda t: t.assign(debt=t["debt"].where(t.index != 4, -1.0)), "row 5: debt must be from 0 to inf"),
        (
            lambda t: t.assign(income=t["income"].astype(object).where(t.index != 2, "secret")),
            "row 3: income must be a",
        ),
        (lambda t: t.assign(job=t["job"].where(t.index != 1, "c")), "row 2: job must be one of a, b"),
        (lambda t: t.assign(bad=t["bad"].where(t.index != 0, 2)), "row 1: bad must be 0, 1 or empty"),
        (lambda t: t.assign(bad=0), "must hold both values of bad"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_that_breaks_its_contract_is_named_without_its_value(tmp_path, change, said, suffix):
    table, path = change(small_table()), tmp_path / f"t.{suffix}"
    table.to_csv(path, index=False) if suffix == "csv" else table.astype(
        {"income": str} if table.get("income", pd.Series(dtype=float)).dtype == object else {}
    ).to_parquet(path)
    with pytest.raises(TableError) as refused:
        read_table(path, parse_contract(TEXT % FOLDS, "small.yaml"))
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


def test_csv_and_parquet_give_the_same_rows(tmp_path):
    table = small_table()
    table.loc[3, "bad"] = np.nan
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_parquet(tmp_path / "t.parquet")
    contract = parse_contract(TEXT % FOLDS, "small.yaml")
    (one, labels), (other, again) = (read_table(tmp_path / f"t.{suffix}", contract) for suffix in ("csv", "parquet"))
    pd.testing.assert_frame_equal(one, other)
    np.testing.assert_array_equal(labels, again)
    assert len(one) == len(table) - 1, "a row without a label trains nothing"
    assert one["job"].isna().mean() == pytest.approx((table["job"] == "?").mean(), abs=0.01)


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ("{method: random}", "split needs a method, out_of_time or grouped_k_fold, not 'random'"),
        ("{method: grouped_k_fold, months: 3}", "takes no months"),
        ("{method: grouped_k_fold, folds: 1}", "folds must be a whole number of at least 2"),
        ("{method: grouped_k_fold, nearDuplicates: {equal: [colour]}}", "columns that are not there: colour"),
        ("{method: grouped_k_fold, nearDuplicates: {}}", "compares no column"),
    ],
)
def test_a_wrong_split_is_refused(split, said):
    with pytest.raises(ContractError) as refused:
        parse_contract(TEXT % split, "small.yaml")
    assert said in str(refused.value)


@pytest.mark.parametrize(("split", "rows_scored"), [(FOLDS, 600), (IN_TIME, None)])
def test_a_small_table_end_to_end(tmp_path, split, rows_scored):
    table = small_table()
    table.to_csv(tmp_path / "t.csv", index=False)
    contract = parse_contract(TEXT % split, "small.yaml")
    figures = script.run(contract, tmp_path / "t.csv", tmp_path / "one", trials=1)
    assert set(figures) == {"auc", "ks", "brier", "slope", "n", "events", "report"}
    assert figures["n"] == (rows_scored or (table["month"] >= "2017-07").sum())
    assert 0.6 < figures["auc"] < 0.95
    model = load_model(tmp_path / "one" / "model")
    assert model.predict(table)["pd"].between(0, 1).all()
    report = Path(figures["report"]).read_text()
    assert f"{figures['n']:,} rows" in report
    assert "http" not in report.replace("http://www.w3.org", "")
    again = script.run(contract, tmp_path / "t.csv", tmp_path / "two", trials=1)
    assert {**again, "report": ""} == {**figures, "report": ""}
    for path in sorted((tmp_path / "one").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes(), path.name


def test_a_contract_without_a_split_is_refused(tmp_path):
    small_table().to_csv(tmp_path / "t.csv", index=False)
    contract = replace(parse_contract(TEXT % FOLDS, "small.yaml"), split=None)
    with pytest.raises(TableError, match="declares no split"):
        script.run(contract, tmp_path / "t.csv", tmp_path)


def test_a_predictable_error_is_one_line(tmp_path):
    with pytest.raises(SystemExit) as left:
        script.main(["--contract", str(tmp_path / "none.yaml"), "--data", "t.csv"])
    assert "ContractError: contract file" in str(left.value.code)


@pytest.mark.parametrize("trials", ["-1", "x", "1.5"])
def test_a_number_of_trials_that_is_none_is_refused(trials, capsys):
    with pytest.raises(SystemExit) as left:
        script.main(["--contract", "c", "--data", "d", "--trials", trials])
    assert left.value.code == 2
    assert "--trials: must be a whole number, 0 or more" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    small_table().to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "c.yaml").write_text(TEXT % FOLDS)
    given = {"contract": tmp_path / "c.yaml", "data": tmp_path / "t.csv", "output": tmp_path / "t.csv" / "out"}
    with pytest.raises(SystemExit, match="NotADirectoryError: "):
        script.main([text for name, value in given.items() for text in (f"--{name}", str(value))] + ["--trials", "0"])


@pytest.mark.skipif(not HMEQ.exists(), reason=f"the real data is not at {HMEQ}")
def test_the_bars_on_real_home_equity_loans(tmp_path, capsys):
    """5 folds grouped by near-duplicates, search inside them: figures for rows no model saw (issue 3)."""
    contract = load_contract_file(HMEQ_CONTRACT)
    assert contract.split is not None
    rows, _ = read_table(HMEQ, contract)
    first, _ = near_duplicates(rows, contract.split.near_duplicates)
    assert (len(first), len(np.unique(group_rows(rows, contract.split.near_duplicates)))) == (7_818, 2_619)
    script.main(["--contract", str(HMEQ_CONTRACT), "--data", str(HMEQ), "--output", str(tmp_path)])
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (figures["n"], figures["events"]) == (5_960, 1_189)
    assert figures["auc"] >= 0.9537
    assert figures["brier"] <= 0.0593
    assert 0.9 <= figures["slope"] <= 1.1
