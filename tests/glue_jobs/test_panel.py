"""The panel and the scoring input on small tapes: point in time, contract, publishing."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from tapes import iso, month_index, performance_rows, write_tape

from tests.documents import misfits

START = month_index("2010-03")
AS_OF = date(2012, 1, 31)


def economics() -> list[dict]:
    """Monthly releases one month after their month; unemployment of 2010-12 is revised in 2011-06."""
    rows = []
    for month in range(month_index("2008-12"), month_index("2012-01")):
        offset = month - month_index("2008-12")
        rows.append(
            {
                "month": iso(month),
                "release_date": iso(month + 1)[:8] + "15",
                "house_price_index": str(100 + offset),
                "unemployment_rate": str(5 + offset / 10),
                "mortgage_rate_30y": "",
            }
        )
        rows.append(
            {
                "month": iso(month),
                "release_date": iso(month)[:8] + "28",
                "house_price_index": "",
                "unemployment_rate": "",
                "mortgage_rate_30y": str(4 + offset / 100),
            }
        )
    rows.append({**rows[2 * 24], "release_date": "2011-06-10", "house_price_index": "500", "unemployment_rate": ""})
    return rows


@pytest.fixture(scope="module")
def published(spark, tmp_path_factory):
    """One tape prepared in both modes."""
    from mortgage_etl.cleaning.clean_tables import prepare_clean_tables
    from mortgage_etl.panel.prepare import prepare_panel, prepare_scoring_input

    root = tmp_path_factory.mktemp("tape")
    late = {START + k: ("1" if k in (2, 3) else "0", "") for k in range(23)}
    paid = {START + k: ("0", "") for k in range(5)} | {START + 5: ("-1", "01")}
    bad = {START + k: (str(max(0, k - 8)), "") for k in range(14)}
    rows = performance_rows("LATE", late) + performance_rows("PAID", paid) + performance_rows("BAD", bad)
    rows.append({"loan_id": "GHOST"})
    write_tape(root / "raw", ["LATE", "PAID", "BAD", "SILENT"], rows, economics())
    prepare_clean_tables(
        spark, "canonical", str(root / "raw"), AS_OF, str(root / "tables"), str(root / "quarantine"), "run-0", "c0de"
    )
    common = {
        "spark": spark,
        "source": "canonical",
        "tables_root": str(root / "tables"),
        "code_sha256": "c0de",
    }
    panel = prepare_panel(
        **common,
        as_of_date=AS_OF,
        dataset=str(root / "panel"),
        job_run_id="run-1",
        horizon_months=12,
        write=write_parquet,
    )
    scoring = prepare_scoring_input(**common, score_date=AS_OF, dataset=str(root / "scoring"), job_run_id="run-2")
    return root, panel, scoring


def write_parquet(frame, path):
    frame.write.partitionBy("snapshot_month").parquet(path)


def panel_frame(root) -> pd.DataFrame:
    frame = pd.read_parquet(root / "panel" / "attempt=run-1")
    frame["snapshot_month"] = frame["snapshot_month"].astype(str)
    return frame.set_index(["loan_id", "snapshot_month"]).sort_index()


def test_panel_has_the_contracts_columns_and_counts(spark, published):
    from contracts import load_contract
    from contracts.spark_schema import struct_type

    root, manifest, _ = published
    counts = manifest["counts"]["panel"]
    assert counts["rows_in"] == 44
    assert counts["loans"] == 3
    assert counts["quarantined"] == 1
    assert counts["loans_on_tape"] == 4
    assert counts["observations"] == manifest["rows"] == 23 + 5 + 11
    assert counts["not_observed"] == {
        "terminated": 1,
        "defaulted_or_after": 3,
        "unknown_delinquency": 0,
        "not_known_yet": 0,
    }
    assert (counts["defaults"], counts["prepaid"]) == (11, 5)
    assert counts["immature"] == 12  # LATE from 2011-02 on: 2012-01 is the last month known
    assert manifest["columns"] == list(load_contract("loan_panel").column_names)
    assert json.loads((root / "panel" / "_manifest.json").read_text()) == manifest
    months = {file["key"].split("/")[1] for file in manifest["files"]}
    assert len(manifest["files"]) == len(months) == 23  # one file a month
    stored = spark.read.parquet(str(root / "panel" / "attempt=run-1"))
    wanted = {field.name: field.dataType for field in struct_type(load_contract("loan_panel"))}
    assert set(stored.columns) == set(wanted)
    assert all(field.dataType == wanted[field.name] for field in stored.schema if field.name != "snapshot_month")


def test_economics_are_as_known_at_each_month(published):
    panel = panel_frame(published[0])
    row = panel.loc["LATE", "2011-03"]  # the newest release is 2011-02's, of 2011-03-15
    index = {
        month: 100 + month - month_index("2008-12") for month in range(month_index("2008-12"), month_index("2012-01"))
    }
    newest = month_index("2011-02")
    assert row["house_price_index_growth_12m"] == pytest.approx((index[newest] / index[newest - 12] - 1) * 100)
    assert row["house_price_index_ratio"] == pytest.approx(index[newest] / index[month_index("2010-01")])
    assert row["unemployment_rate"] == pytest.approx(5 + 2.6)
    assert row["unemployment_change_12m"] == pytest.approx(1.2)
    assert row["mortgage_rate_30y"] == pytest.approx(4.27)  # known at the end of its own month
    # The revision of 2010-12's index counts from June 2011, as base of the growth to 2011-12 alone.
    revised = panel.loc["LATE", "2012-01"]
    assert revised["house_price_index_growth_12m"] == pytest.approx((index[month_index("2011-12")] / 500 - 1) * 100)
    assert panel["default_in_horizon"].notna().sum() == 27


def test_behaviour_of_a_late_loan(published):
    panel = panel_frame(published[0])
    row = panel.loc["LATE", "2010-08"]  # late in 2010-05 and 2010-06
    assert (row["times_30dpd_3m"], row["times_30dpd_6m"], row["times_60dpd_6m"]) == (1, 2, 0)
    assert (row["worst_delinquency_3m"], row["months_since_delinquency"], row["delinquency_status"]) == (1, 2, 0)
    assert np.isnan(panel.loc["PAID", "2010-03"]["months_since_delinquency"])


def test_scoring_input_equals_the_panels_row(published):
    from contracts import load_contract

    root, _, manifest = published
    columns = list(load_contract("scoring_input").column_names)
    assert manifest["columns"] == columns
    assert manifest["rows"] == 1
    assert manifest["newest_month"] == "2012-01"
    assert manifest["counts"]["scoring"] == {
        "loans_on_tape": 4,
        "scored": 1,
        "stale": 0,
        "excluded": {"terminated": 1, "defaulted_or_after": 1, "unknown_delinquency": 0, "no_performance": 1},
    }
    files = [root / "scoring" / file["key"] for file in manifest["files"]]
    scored = pd.concat(pd.read_csv(path, header=None, names=columns) for path in files).set_index("loan_id").loc["LATE"]
    expected = panel_frame(root).loc["LATE", "2012-01"]
    for name in columns[1:]:
        assert scored[name] == expected[name] or (pd.isna(scored[name]) and pd.isna(expected[name])), name


def test_quarantine_is_published_with_the_raw_line(published):
    root, _, _ = published
    path = root / "quarantine" / "performance" / "source=canonical" / "delivered_by=2012-01-31"
    row = pd.read_parquet(path).iloc[0]
    assert (row["reason"], row["row_number"]) == ("unknown_loan", 45)
    assert row["raw"].startswith("GHOST,")


def test_a_failed_write_leaves_the_published_dataset_alone(spark, tmp_path):
    from mortgage_etl.publishing.attempts import publish_attempt, read_manifest

    dataset = str(tmp_path / "panel")
    frame = spark.range(3).selectExpr("id", "'2010-01' AS snapshot_month")
    first = publish_attempt(dataset, "one", lambda path: write_parquet(frame, path), lambda path: {"rows": 3})

    def full_disk(path):
        write_parquet(frame, path)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        publish_attempt(dataset, "two", full_disk, lambda path: {"rows": 3})
    assert read_manifest(dataset) == first
    assert sorted(path.name for path in (tmp_path / "panel").iterdir()) == ["_manifest.json", "attempt=one"]
    assert spark.read.parquet(first["data_prefix"]).count() == 3

    second = publish_attempt(dataset, "three", lambda path: write_parquet(frame, path), lambda path: {"rows": 3})
    assert read_manifest(dataset) == second
    assert sorted(path.name for path in (tmp_path / "panel").iterdir()) == ["_manifest.json", "attempt=three"]


def test_spark_on_a_full_disk_leaves_the_published_dataset_alone(spark, tmp_path):
    """A real device without space: /dev/full refuses every write."""
    from mortgage_etl.publishing.objects import write_json

    write_json(str(tmp_path / "_manifest.json"), {"rows": 1})
    (tmp_path / "._manifest.json.partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        write_json(str(tmp_path / "_manifest.json"), {"rows": 2})
    assert json.loads((tmp_path / "_manifest.json").read_text()) == {"rows": 1}


def test_manifests_are_what_the_plugins_read(published):
    root, _, _ = published
    kinds = {"tables": "CleanTablesManifest", "panel": "Manifest", "scoring": "ScoringInputManifest"}
    for folder, kind in kinds.items():
        assert misfits(json.loads((root / folder / "_manifest.json").read_text()), kind) == []
