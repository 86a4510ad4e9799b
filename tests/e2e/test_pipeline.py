"""The pipeline in a real Airflow on a real local AWS: killed in the middle, scored, scored again, refused.

The tests build on one another in the order of the file: a model is trained once and used by those that follow.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING

import pytest

from local_platform.airflow_api import FINISHED

if TYPE_CHECKING:
    from conftest import Installation

TRAINING, SCORING, MONITORING = "mortgage_training", "mortgage_nightly_scoring", "mortgage_model_monitoring"
GROUP = "mortgage-default-risk-canonical"


def training_jobs(installation: Installation) -> list[dict]:
    return installation.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]


def wait_for_training_job(installation: Installation, run_id: str) -> None:
    """Until the run's training job is in the middle of its work; a run that ends before has failed."""

    def under_way() -> bool:
        state = installation.api.run_state(TRAINING, run_id)
        assert state not in FINISHED, installation.explain(TRAINING, run_id)
        return any(job["TrainingJobStatus"] == "InProgress" for job in training_jobs(installation))

    installation.until(under_way, lambda: installation.api.tasks(TRAINING, run_id))


@pytest.fixture(scope="module")
def trained(installation: Installation) -> dict:
    """Summary of a training run in whose middle the local AWS and the scheduler were killed and started again."""
    run_id = installation.trigger(
        TRAINING,
        as_of_date=installation.business_date,
        approval_mode="auto",
        effective_from=installation.business_date,
        override_by="e2e test",
        override_reason="A book this small cannot pass the gate",
    )
    wait_for_training_job(installation, run_id)
    installation.kill("local-aws")
    installation.kill("scheduler")
    time.sleep(2)
    installation.restart("local-aws", "scheduler")
    assert installation.wait(TRAINING, run_id) == "success", installation.explain(TRAINING, run_id)
    return installation.summary(TRAINING, run_id)


def test_a_training_run_survives_the_kill_of_local_aws_and_scheduler(installation, trained):
    packages = installation.client("sagemaker").list_model_packages(ModelPackageGroupName=GROUP)
    assert [p["ModelApprovalStatus"] for p in packages["ModelPackageSummaryList"]] == ["Approved"]
    statuses = sorted(job["TrainingJobStatus"] for job in training_jobs(installation))
    assert statuses == ["Completed", "Failed"], "the killed attempt failed, one attempt completed"


def test_an_override_is_recorded_with_who_why_and_what_the_gate_said(installation, trained):
    metadata = trained["model"]["metadata"]
    assert metadata["gate"] == "fail"
    assert metadata["gate_reasons"]
    assert metadata["override_by"] == metadata["approved_by"] == "e2e test"
    assert metadata["override_reason"] == "A book this small cannot pass the gate"
    assert metadata["effective_from"] == installation.business_date
    report = installation.objects(metadata["report_uri"].split("/", 3)[3]).popitem()[1]
    assert hashlib.sha256(report).hexdigest() == metadata["report_sha256"]


def test_rows_in_are_rows_out_plus_quarantined_and_exactly_what_was_planted(installation, trained):
    counts = trained["data"]["prepare_data.clean_raw_data"]["counts"]["tables"]
    planted = json.loads((installation.truth / "dirt.json").read_text())["tables"]
    for table, count in counts.items():
        assert count["rows_in"] == count["rows_out"] + count["quarantined"], table
        assert count["quarantined"] == planted[table]["total"], table


@pytest.fixture(scope="module")
def scored(installation: Installation, trained: dict) -> dict:
    """Summary of the first scoring run, which starts the monitoring DAG."""
    installation.pause(MONITORING, False)
    return installation.succeed(SCORING, score_date=installation.business_date)


def test_every_loan_is_scored_exactly_once(installation, scored):
    scores = scored["data"]["score.publish_scores"]
    assert scores["rows"] == scored["data"]["prepare_data.prepare_scoring_input"]["rows"] > 500
    assert scored["tasks"]["select_model"]["version"] == 1


def index_rows(installation: Installation) -> dict[str, dict]:
    """Date -> row of the monitoring index."""
    months = installation.objects("validation-results/monitoring-index/source=canonical/").values()
    return {row["date"]: row for month in months for row in json.loads(month)["nights"]}


def test_scores_start_their_monitoring(installation, scored):
    def ended() -> list[dict]:
        return [run for run in installation.runs(MONITORING) if run["state"] in FINISHED]

    (run,) = installation.until(ended, lambda: installation.runs(MONITORING))
    installation.pause(MONITORING, True)  # the nights that follow are for its backfill
    assert run["state"] == "success", installation.explain(MONITORING, run["dag_run_id"])
    assert run["run_type"] == "asset_triggered"
    row = index_rows(installation)[installation.business_date]
    assert row["rows"] == row["ops"]["rows_out"] == scored["data"]["score.publish_scores"]["rows"]
    assert row["ops"]["run_id"] == scored["run_id"]
    assert row["ops"]["cost"] > 0
    cloudwatch = installation.client("cloudwatch")
    metrics = cloudwatch.list_metrics(Namespace="MortgageRisk/Monitoring", MetricName="MeanPD")["Metrics"]
    assert {len(metric["Dimensions"]) for metric in metrics} == {1, 2}, "by source; by version and by segment too"
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix="mortgage-canonical-")["MetricAlarms"]
    assert {alarm["StateValue"] for alarm in alarms} <= {"OK", "ALARM"}
    assert len(alarms) == 4


def test_scoring_a_date_again_yields_identical_bytes_and_touches_no_other_date(installation, scored):
    prefix = "inference-data/output/source=canonical/"
    before = {k: v for k, v in installation.objects(prefix).items() if k.endswith(".parquet")}
    assert len(before) == 1
    # What a finished job wrote is used again while it is there: without it, scoring must really run again.
    for lost in (prefix, "inference-data/transform/"):
        installation.delete(lost)
    installation.succeed(SCORING, score_date=installation.business_date)
    after = {k: v for k, v in installation.objects(prefix).items() if k.endswith(".parquet")}
    assert after == before


PAST_NIGHTS = ("2015-01-11", "2015-01-12")


def backfill(installation: Installation, dag_id: str, active_runs: str) -> None:
    """The PAST_NIGHTS: a date is the start of its night's data interval."""
    dates = ("--from-date", PAST_NIGHTS[0], "--to-date", "2015-01-13")
    installation.airflow("backfill", "create", "--dag-id", dag_id, *dates, "--max-active-runs", active_runs)


def test_a_backfill_scores_past_nights_each_in_its_own_partition(installation, scored):
    backfill(installation, SCORING, "2")
    prefix = "inference-data/output/source=canonical/"
    wanted = {f"{prefix}score_date={day}/_manifest.json" for day in PAST_NIGHTS}
    installation.until(lambda: wanted <= set(installation.objects(prefix)), lambda: list(installation.objects(prefix)))


def test_a_backfill_monitors_past_nights_in_their_order(installation):
    installation.pause(MONITORING, False)
    backfill(installation, MONITORING, "1")
    installation.until(lambda: set(PAST_NIGHTS) <= set(index_rows(installation)), lambda: index_rows(installation))
    rows = index_rows(installation)
    assert set(rows) == {installation.business_date, *PAST_NIGHTS}, "each night once, and no other"
    assert all(rows[day]["psi_recent"] is not None for day in PAST_NIGHTS), "each is held against the one before"


def test_a_source_without_an_approved_model_is_refused_in_words(installation):
    words = installation.fail(SCORING, score_date=installation.business_date, source="freddie_mac")
    assert "select_model" in words
    assert "approved" in words.lower()
