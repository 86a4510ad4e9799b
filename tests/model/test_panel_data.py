from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic_panel import make_panel, write_panel

from contracts import load_contract
from mortgage_model.development.panel_data import PanelError, count_months, open_panel, read_sample

CONTRACT = load_contract("loan_panel")


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    return make_panel(months=4, rows_per_month=50, horizon_months=1)


def test_rows_are_read_by_month_and_loan_without_unlabelled_ones(panel, panel_dir):
    months = ["2009-03", "2015-06", "2009-04"]
    sample = read_sample(open_panel(panel_dir, CONTRACT), CONTRACT, months)
    expected = panel[panel["snapshot_month"].isin(months) & panel["default_in_horizon"].notna()].sort_values(
        ["snapshot_month", "loan_id"]
    )
    assert len(sample.frame) == len(expected) < 3 * 160, "2015-06 is immature: only known outcomes are labelled"
    np.testing.assert_array_equal(sample.labels, expected["default_in_horizon"])
    np.testing.assert_array_equal(sample.frame["current_upb"], expected["current_upb"].astype("float32"))
    assert sample.frame["property_state"].astype(object).tolist() == expected["property_state"].tolist()
    assert sample.frame["snapshot_month"].astype(object).tolist() == expected["snapshot_month"].tolist()
    numeric = [column.name for column in CONTRACT.with_role("feature") if not column.categorical]
    assert set(sample.frame[numeric].dtypes) == {np.dtype("float32")}
    assert "loan_id" not in sample.frame
    assert "default_in_horizon" not in sample.frame


def test_counts_by_month(panel, panel_dir):
    months = count_months(open_panel(panel_dir, CONTRACT), CONTRACT, horizon_months=12)
    assert months["rows"].sum() == len(panel)
    assert (months["rows"] == 160).all()
    assert months["labelled"].sum() == panel["default_in_horizon"].notna().sum()
    assert months["events"].sum() == panel["default_in_horizon"].sum()
    assert months.index[0] == "2008-01"
    assert months.index[-1] == "2015-12"


def test_file_names_and_row_order_do_not_matter(small, tmp_path):
    write_panel(small, tmp_path / "a")
    write_panel(small.sample(frac=1, random_state=1), tmp_path / "b")
    for file in (tmp_path / "b").rglob("*.parquet"):
        table = pq.read_table(file, partitioning=None)
        pq.write_table(table.slice(20), file.with_name("part-9.snappy.parquet"))
        pq.write_table(table.slice(0, 20), file.with_name("part-8.snappy.parquet"))
        file.unlink()
    (tmp_path / "b" / "_SUCCESS").touch()
    months = ["2008-01", "2008-02"]
    one, other = (
        read_sample(open_panel(tmp_path / name, CONTRACT), CONTRACT, months, max_rows=60, seed=3) for name in "ab"
    )
    pd.testing.assert_frame_equal(
        one.frame.astype({"snapshot_month": str}),
        other.frame.astype({"snapshot_month": str}),
        check_categorical=False,
    )
    np.testing.assert_array_equal(one.labels, other.labels)


def test_a_row_limit_keeps_every_months_share(panel_dir):
    dataset = open_panel(panel_dir, CONTRACT)
    months = [f"2009-{month:02d}" for month in range(1, 13)]
    sample = read_sample(dataset, CONTRACT, months, max_rows=480, seed=3)
    assert sample.frame["snapshot_month"].value_counts().eq(40).all()
    other = read_sample(dataset, CONTRACT, months, max_rows=480, seed=4)
    assert not sample.frame["current_upb"].equals(other.frame["current_upb"])
    assert len(read_sample(dataset, CONTRACT, months, max_rows=10**6).frame) == 12 * 160


def rewrite(small: pd.DataFrame, folder, change) -> None:
    write_panel(small, folder)
    for file in folder.rglob("*.parquet"):
        pq.write_table(change(pq.read_table(file, partitioning=None)), file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.drop_columns(["dti", "default_in_horizon"]),
            "lacks dti, default_in_horizon of contract loan_panel",
        ),
        (
            lambda t: t.set_column(t.schema.get_field_index("dti"), "dti", t["dti"].cast(pa.string())),
            "dti is string, the contract says number",
        ),
        (lambda t: t.slice(0, 0), "has no rows"),
        (
            lambda t: t.set_column(
                t.schema.get_field_index("horizon_months"), "horizon_months", pa.array([6] * len(t))
            ),
            "look 6 months ahead; hyperparameter horizon_months is 1",
        ),
        (
            lambda t: t.set_column(
                t.schema.get_field_index("default_in_horizon"), "default_in_horizon", pa.array([2] * len(t))
            ),
            "default_in_horizon must be 0, 1 or null; the panel holds values from 2 to 2",
        ),
    ],
)
def test_a_panel_that_breaks_its_contract_is_refused(small, tmp_path, change, message):
    rewrite(small, tmp_path / "panel", change)
    with pytest.raises(PanelError, match=message):
        count_months(open_panel(tmp_path / "panel", CONTRACT), CONTRACT, horizon_months=1)


def test_an_empty_or_damaged_folder_is_named(small, tmp_path):
    with pytest.raises(PanelError, match="no Parquet file under"):
        open_panel(tmp_path, CONTRACT)
    folder = write_panel(small, tmp_path / "panel")
    first = sorted(folder.rglob("*.parquet"))[0]
    first.write_bytes(first.read_bytes()[:100])
    with pytest.raises(PanelError, match="cannot be read"):
        open_panel(folder, CONTRACT)
