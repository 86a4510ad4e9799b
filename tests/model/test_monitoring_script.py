"""The monitoring job on files as the pipeline lays them out; its files against Model Monitor's published schemas."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from mortgage_model.documents.monitoring import MonitoringDocument
from mortgage_model.monitoring.inputs import MonitoringError, MonitoringRun, vintage_month
from mortgage_model.monitoring.job import monitor_night
from mortgage_model.monitoring.page import render_report
from mortgage_model.scoring.artifact import load_model
from tests.documents import misfits

RUN = MonitoringRun("canonical", "2014-12-31", "3")
NUMBER, TEXT = (int, float), str


def one_of(*values):
    return lambda value: value in values


# The published shapes: "Schema for Statistics (statistics.json file)", "… Constraints …" and "… Violations …" of the
# SageMaker Developer Guide. A set of two dicts: either; a list: any number of its one entry.
STATISTICS = {
    "version": NUMBER,
    "dataset": {"item_count": NUMBER},
    "features": [
        (
            {
                "name": TEXT,
                "inferred_type": one_of("Fractional", "Integral"),
                "numerical_statistics": {
                    "common": {"num_present": NUMBER, "num_missing": NUMBER},
                    "mean": NUMBER,
                    "sum": NUMBER,
                    "std_dev": NUMBER,
                    "min": NUMBER,
                    "max": NUMBER,
                    "distribution": {
                        "kll": {
                            "buckets": [{"lower_bound": NUMBER, "upper_bound": NUMBER, "count": NUMBER}],
                            "sketch": {"parameters": {"c": NUMBER, "k": NUMBER}, "data": [[NUMBER]]},
                        }
                    },
                },
            },
            {
                "name": TEXT,
                "inferred_type": one_of("String"),
                "string_statistics": {
                    "common": {"num_present": NUMBER, "num_missing": NUMBER},
                    "distinct_count": NUMBER,
                    "distribution": {"categorical": {"buckets": [{"value": TEXT, "count": NUMBER}]}},
                },
            },
        )
    ],
}
CONSTRAINTS = {
    "version": NUMBER,
    "features": [
        (
            {
                "name": TEXT,
                "inferred_type": one_of("Fractional", "Integral"),
                "completeness": NUMBER,
                "num_constraints": {"is_non_negative": bool},
            },
            {
                "name": TEXT,
                "inferred_type": one_of("String"),
                "completeness": NUMBER,
                "string_constraints": {"domains": [TEXT]},
            },
        )
    ],
    "monitoring_config": {
        "evaluate_constraints": one_of("Enabled", "Disabled"),
        "emit_metrics": one_of("Enabled", "Disabled"),
        "datatype_check_threshold": NUMBER,
        "domain_content_threshold": NUMBER,
        "distribution_constraints": {
            "perform_comparison": one_of("Enabled", "Disabled"),
            "comparison_threshold": NUMBER,
            "comparison_method": one_of("Simple", "Robust"),
            "categorical_comparison_threshold": NUMBER,
            "categorical_drift_method": one_of("LInfinity", "ChiSquared"),
        },
    },
}
VIOLATIONS = {
    "violations": [
        {
            "feature_name": TEXT,
            "constraint_check_type": one_of(
                "data_type_check",
                "completeness_check",
                "baseline_drift_check",
                "missing_column_check",
                "extra_column_check",
                "categorical_values_check",
            ),
            "description": TEXT,
        }
    ]
}


def conforms(value, shape) -> bool:
    if isinstance(shape, tuple) and isinstance(shape[0], dict):
        return any(conforms(value, option) for option in shape)
    if isinstance(shape, dict):
        return isinstance(value, dict) and set(value) == set(shape) and all(conforms(value[k], shape[k]) for k in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(conforms(item, shape[0]) for item in value)
    if isinstance(shape, (tuple, type)):
        return isinstance(value, shape)
    return shape(value)


@pytest.fixture
def root(trained, panel, panel_dir, tmp_path) -> Path:
    """A Processing job's folders: a night, the scores of a month earlier and of two vintages, the panel."""
    model = load_model(trained.model_dir)
    (tmp_path / "model").mkdir()
    with tarfile.open(tmp_path / "model" / "model.tar.gz", "w:gz", compresslevel=1) as tar:
        tar.add(trained.model_dir, arcname=".")

    def scores(month: str, folder: Path) -> pd.DataFrame:
        rows = panel[panel["snapshot_month"] == month].reset_index(drop=True)
        folder.mkdir(parents=True)
        scored = model.predict(rows).assign(loan_id=rows["loan_id"])
        scored.to_parquet(folder / "scores-1.parquet")
        return rows

    night = scores("2014-12", tmp_path / "scores")
    (tmp_path / "input").mkdir()
    columns = ["loan_id", *model.spec.inputs]
    for part, rows in enumerate((night[:100], night[100:])):
        rows[columns].to_csv(tmp_path / "input" / f"part-{part}.csv", header=False, index=False)
    scores("2014-11", tmp_path / "before")
    for day, month in (("2012-01-31", "2012-01"), ("2015-07-31", "2015-07")):
        scores(month, tmp_path / "vintages" / "source=canonical" / f"score_date={day}")
    (tmp_path / "panel").symlink_to(panel_dir)
    return tmp_path


def test_the_job_writes_its_five_files_and_reads_what_has_matured(root, panel):
    document = monitor_night(root, RUN)
    assert document["rows"] == 160
    assert document["migration"]["new"] == 160, "the synthetic panel has new loans every month"
    first, last = document["performance"]["vintages"]
    rows = panel[panel["snapshot_month"] == "2012-01"]
    assert first["reads"]["final_12m"]["events"] == int(rows["default_in_horizon"].sum())
    assert last["reads"]["early_3m"]["matured"]
    assert not last["reads"]["final_12m"]["matured"]
    written = {file.name for file in (root / "output").iterdir()}
    assert written == {
        "statistics.json",
        "constraints.json",
        "constraint_violations.json",
        "monitoring.json",
        "report.html",
    }
    read_back = json.loads((root / "output" / "monitoring.json").read_text())
    assert read_back == document
    assert misfits(read_back, MonitoringDocument, exact=True) == []
    assert render_report(read_back) == (root / "output" / "report.html").read_text()
    loans = set(panel["loan_id"])
    for file in (root / "output").iterdir():
        assert not loans & set(re.findall(r"L\d{9}", file.read_text())), f"{file.name} names a loan"


@pytest.mark.parametrize(
    ("name", "shape"),
    [("statistics", STATISTICS), ("constraints", CONSTRAINTS), ("constraint_violations", VIOLATIONS)],
)
def test_the_files_have_model_monitors_published_shape(root, name, shape):
    input_file = root / "input" / "part-0.csv"
    input_file.write_text(input_file.read_text().replace(",R,", ",Z,"))
    monitor_night(root, RUN)
    document = json.loads((root / "output" / f"{name}.json").read_text())
    assert conforms(document, shape)
    assert document.get("violations", ["not this file"]), "the planted category is a violation"
    assert not conforms(document | {"more": 1}, shape), "the check can fail"


def test_statistics_describe_the_input(root):
    monitor_night(root, RUN)
    features = json.loads((root / "output" / "statistics.json").read_text())["features"]
    ltv = next(f["numerical_statistics"] for f in features if f["name"] == "ltv")
    assert sum(bucket["count"] for bucket in ltv["distribution"]["kll"]["buckets"]) == 160
    assert ltv["mean"] == pytest.approx(ltv["sum"] / 160)


def test_the_night_before_is_compared_with_and_without_a_panel_no_outcomes_are_read(root):
    assert monitor_night(root, RUN)["performance"]
    (root / "previous").mkdir()
    (root / "output" / "monitoring.json").rename(root / "previous" / "monitoring.json")
    (root / "panel").unlink()
    second = monitor_night(root, RUN)
    assert second["performance"] is None
    assert all(row["recent"]["psi"] == 0 for row in second["features"])
    assert second["verdict"] != "breach"


def test_the_report_needs_no_other_host_and_says_the_verdict_first(root):
    monitor_night(root, RUN)
    html = (root / "output" / "report.html").read_text()
    assert not re.findall(r"(?:src|href)=|https?://(?!www\.w3\.org)", html)
    assert html.index("Verdict") < html.index("Inputs")
    assert "estimate" in html


def test_scores_of_other_loans_are_refused_with_counts(root):
    scores = next((root / "scores").iterdir())
    pd.read_parquet(scores)[:-3].to_parquet(scores)
    with pytest.raises(MonitoringError, match="160 loans, the scores 157"):
        monitor_night(root, RUN)


def test_a_failure_is_one_line_without_a_traceback(source_dir, tmp_path):
    arguments = ["--source", "s", "--score_date", "2014-12-31", "--model_version", "1", "--root", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(source_dir / "model_monitoring_script.py"), *arguments], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("ArtifactError: expected one model")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("day", "month"), [("2015-01-31", "2015-01"), ("2015-01-30", "2014-12"), ("2016-02-28", "2016-01")]
)
def test_a_night_scores_the_last_month_that_has_ended(day, month):
    assert vintage_month(day) == month
