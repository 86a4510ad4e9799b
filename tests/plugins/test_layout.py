from __future__ import annotations

import pytest

from mortgage_risk.layout import Layout, manifest, split_uri

layout = Layout("b", "m")


def test_paths_are_those_of_the_interface() -> None:
    assert layout.raw_root == "s3://b/raw-data/"
    tables = layout.clean_tables("canonical", "2019-12-31")
    assert tables == "s3://b/processed-data/clean_tables/source=canonical/delivered_by=2019-12-31/"
    panel = layout.loan_panel("fannie_mae", "2019-12-31", 12)
    assert panel == "s3://b/processed-data/loan_panel/source=fannie_mae/as_of_date=2019-12-31/horizon_months=12/"
    assert manifest(panel) == panel + "_manifest.json"
    assert layout.scores("s", "2019-12-31") == "s3://b/inference-data/output/source=s/score_date=2019-12-31/"
    assert layout.data_quality_result("raw", "s", "2019-12-31") == (
        "s3://b/validation-results/data_quality/raw/source=s/run_date=2019-12-31/result.json"
    )
    assert layout.run_summary("d", "s", "2019-12-31") == "s3://b/run-summaries/d/source=s/date=2019-12-31.json"
    assert layout.model_package_group("fannie_mae_current") == "m-fannie-mae-current"


def test_split_uri() -> None:
    assert split_uri("s3://bucket/a/b") == ("bucket", "a/b")
    with pytest.raises(ValueError, match="not an S3 URI"):
        split_uri("/tmp/x")
