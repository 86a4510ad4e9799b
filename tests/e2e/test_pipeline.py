"""The pipeline in a real Airflow on a real local AWS: killed in the middle, scored, scored again, refused.

The tests build on one another in the order of the file: a model is trained once and used by those that follow.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
import requests

from local_platform.clients.airflow import FINISHED
from local_platform.commands import backfill
from local_platform.environments import ROOT
from mortgage_risk.monitoring.index import MonthIndex
from tests.documents import misfits

if TYPE_CHECKING:
    from conftest import Installation

CHROMIUM = os.environ.get("MORTGAGE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
TRAINING, SCORING = "mortgage_training", "mortgage_nightly_scoring"
DEPLOYMENT, MONITORING = "mortgage_deployment", "mortgage_model_monitoring"
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
    installation.api.unpause(DEPLOYMENT)  # the approval will start it
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
    installation.back("local-aws", "scheduler")
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


def ended_run(installation: Installation, dag_id: str) -> dict:
    """The run that the DAG has had, once it has ended."""

    def ended() -> dict | None:
        return next((run for run in installation.api.runs(dag_id) if run["state"] in FINISHED), None)

    return installation.until(ended, lambda: installation.api.runs(dag_id))


def test_an_approved_model_is_deployed_by_itself(installation, trained):
    run = ended_run(installation, DEPLOYMENT)
    assert run["state"] == "success", installation.explain(DEPLOYMENT, run["dag_run_id"])
    assert run["run_type"] == "asset_triggered"
    assert installation.api.xcom(DEPLOYMENT, run["dag_run_id"], "update_endpoint")["endpoint"] == "pd-canonical"
    assert installation.client("sagemaker").describe_endpoint(EndpointName="pd-canonical")["EndpointStatus"] == (
        "InService"
    )
    asked = installation.api.xcom(DEPLOYMENT, run["dag_run_id"], "check_endpoint")
    assert asked["reason"] == "no canonical loan was scored yet"


def test_rows_in_are_rows_out_plus_quarantined_and_exactly_what_was_planted(installation, trained):
    counts = trained["data"]["prepare_data.clean_raw_data"]["counts"]["tables"]
    planted = json.loads((installation.truth / "dirt.json").read_text())["tables"]
    for table, count in counts.items():
        assert count["rows_in"] == count["rows_out"] + count["quarantined"], table
        assert count["quarantined"] == planted[table]["total"], table


@pytest.fixture(scope="module")
def scored(installation: Installation, trained: dict) -> dict:
    """Summary of the first scoring run, which starts the monitoring DAG."""
    installation.api.unpause(MONITORING)
    return installation.succeed(SCORING, score_date=installation.business_date)


def test_every_loan_is_scored_exactly_once(installation, scored):
    scores = scored["data"]["score.publish_scores"]
    assert scores["rows"] == scored["data"]["prepare_data.prepare_scoring_input"]["rows"] > 500
    assert scored["tasks"]["select_model"]["version"] == 1


def test_the_endpoint_gives_a_loan_the_batchs_pd_and_is_not_touched_again(installation, scored):
    run_id = installation.trigger(DEPLOYMENT)
    assert installation.wait(DEPLOYMENT, run_id) == "success", installation.explain(DEPLOYMENT, run_id)
    asked = installation.api.xcom(DEPLOYMENT, run_id, "check_endpoint")
    assert asked["score_date"] == installation.business_date
    assert 0 < asked["pd"] == pytest.approx(asked["batch_pd"], abs=1e-6)
    configs = installation.client("sagemaker").list_endpoint_configs()["EndpointConfigs"]
    assert len(configs) == 1


def test_a_score_leads_back_to_its_model_and_the_partitions_it_was_trained_on(installation, trained, scored):
    manifest = scored["data"]["score.publish_scores"]
    loan = next(iter(installation.objects("inference-data/transform/").values())).split(b",")[0].decode()
    command = ["make", "-s", "lineage", f"DATE={installation.business_date}", f"LOAN={loan}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    trail = json.loads(done.stdout[done.stdout.index("{") :])
    assert trail["score"]["loan_id"] == loan
    assert trail["score"]["pd"] > 0
    assert trail["scores"]["rows"] == manifest["rows"]
    assert trail["model"]["arn"] == trained["model"]["arn"]
    assert trail["model"]["training_job"] == trained["tasks"]["build_model.train_model"]["job"]
    assert trail["training_data"]["rows"] == trained["data"]["prepare_data.prepare_loan_panel"]["rows"]
    assert trail["training_data"]["unchanged_since_training"] is True
    assert any("snapshot_month=" in partition for partition in trail["training_data"]["partitions"])


def test_every_job_told_its_lineage(installation, trained, scored):
    lines = (installation.platform.state / "lineage" / "events.ndjson").read_text().splitlines()
    events = {event["job"]["name"]: event for event in map(json.loads, lines)}
    assert {
        "mortgage_training.prepare_data.prepare_loan_panel",
        "mortgage_training.build_model.train_model",
        "mortgage_nightly_scoring.score.batch_transform",
        "mortgage_nightly_scoring.score.publish_scores",
    } <= set(events)
    trained_on = events["mortgage_training.build_model.train_model"]["inputs"]
    assert "loan_panel" in json.dumps(trained_on)


def index_rows(installation: Installation) -> dict[str, dict]:
    """Date -> row of the monitoring index."""
    months = installation.objects("validation-results/monitoring-index/source=canonical/").values()
    return {row["date"]: row for month in months for row in json.loads(month)["nights"]}


def test_scores_start_their_monitoring(installation, scored):
    run = ended_run(installation, MONITORING)
    installation.api.pause(MONITORING)  # the nights that follow are for its backfill
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
    assert len(alarms) == 6


@pytest.mark.parametrize(
    ("prefix", "name", "kind"),
    [
        ("processed-data/clean_tables/", "_manifest.json", "CleanTablesManifest"),
        ("processed-data/loan_panel/", "_manifest.json", "Manifest"),
        ("inference-data/input/", "_manifest.json", "ScoringInputManifest"),
        ("inference-data/output/", "_manifest.json", "ScoresManifest"),
        ("validation-results/data_quality/", "result.json", "DataQualityResult"),
        ("validation-results/training/", "gate.json", "GateDocument"),
        ("validation-results/training/", "card.json", "ModelCard"),
        ("validation-results/monitoring/", "monitoring.json", "MonitoringDocument"),
        ("validation-results/monitoring-index/source=", ".json", MonthIndex),
        ("run-summaries/mortgage_", ".json", "RunSummary"),
    ],
)
def test_documents_are_what_the_plugins_read(installation, trained, scored, prefix, name, kind):
    found = {key: body for key, body in installation.objects(prefix).items() if key.endswith(name)}
    assert found
    for key, body in found.items():
        assert misfits(json.loads(body), kind) == [], key


def test_tasks_hand_on_what_the_tasks_after_them_read(installation, trained, scored):
    dataset = "xcoms.Dataset"
    handed_on = {
        "package_code": "xcoms.PackagedCode",
        "prepare_data.find_delivery": "xcoms.Delivery",
        "prepare_data.clean_raw_data": dataset,
        "prepare_data.check_raw_data": "xcoms.CheckedData",
        "prepare_data.prepare_loan_panel": dataset,
        "build_model.tune_hyperparameters": "xcoms.TunedHyperparameters",
        "build_model.train_model": "xcoms.TrainedModel",
        "build_model.validate_model": "xcoms.ValidatedModel",
        "release.gate": "xcoms.Verdict",
        "release.register_model": "xcoms.RegisteredModel",
        "release.record_decision": "xcoms.RecordedDecision",
        "select_model": "xcoms.SelectedModel",
        "prepare_data.prepare_scoring_input": dataset,
        "score.batch_transform": "xcoms.Transform",
        "score.publish_scores": dataset,
    }
    tasks = trained["tasks"] | scored["tasks"]
    for task_id, kind in handed_on.items():
        assert misfits(tasks[task_id], kind) == [], task_id


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


def links(installation: Installation, dag_id: str, run_id: str, name: str) -> dict[str, str]:
    """Task -> URL of its link of this name in Airflow's UI."""
    path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
    found = {}
    for task in installation.api.tasks(dag_id, run_id):
        one = {"map_index": task["map_index"]}
        urls = installation.api.request("GET", f"{path}/{task['task_id']}/links", params=one)["extra_links"]
        if urls.get(name):
            found[task["task_id"]] = urls[name]
    return found


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")
def test_every_report_opens_from_its_link_in_airflow_and_draws(installation, trained, scored):
    """Reports lie in the local AWS, which lets no script of a stored page at its API: they must show all the same."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    reports = links(installation, TRAINING, trained["run_id"], "Report")
    monitored = ended_run(installation, MONITORING)["dag_run_id"]
    reports |= links(installation, MONITORING, monitored, "Report")
    assert len(reports) >= 3
    checked = installation.objects("validation-results/data_quality/")
    data_docs = next(key for key in checked if key.endswith("data_docs/index.html"))
    host = f"{installation.platform.public_aws_url}/{installation.platform.bucket}"
    a_page_of_airflow = f"{installation.platform.airflow_url}/api/v2/monitor/health"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        for url in dict.fromkeys(reports.values()):
            page.goto(a_page_of_airflow)
            with page.expect_navigation(url=url) as opened:
                page.evaluate("url => { location = url }", url)
            assert opened.value.status == 200, url
            assert page.evaluate("self.origin") == "null", "a stored page is of no origin"
            assert page.locator("svg").count() >= 2, url
            boxes = page.locator("svg").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
            assert min(boxes) > 10, "the charts have their room"
        assert errors == []
        # Data Docs load their style from other hosts
        page.route(lambda url: url.startswith("https:"), lambda route: route.abort())
        page.goto(a_page_of_airflow)
        with page.expect_navigation(url=f"{host}/{data_docs}") as opened:
            page.evaluate("url => { location = url }", f"{host}/{data_docs}")
        assert opened.value.status == 200
        assert "Validation Results" in page.text_content("body")
        browser.close()


def test_every_link_of_every_task_leads_to_a_page(installation, trained, scored):
    linked = set()
    for dag_id, run_id in ((TRAINING, trained["run_id"]), (SCORING, scored["run_id"])):
        for task in installation.api.tasks(dag_id, run_id):
            path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/links"
            found = installation.api.request("GET", path)["extra_links"]
            for name, url in found.items():
                if url and task["state"] == "success":
                    linked.add(task["task_id"])
                    answer = requests.get(url, timeout=60)
                    assert answer.ok, (task["task_id"], name, url, answer.status_code)
    assert linked >= {"package_code", "select_model", "prepare_data.find_delivery", "score.create_model"}
    assert linked >= {"score.batch_transform", "score.publish_scores", "build_model.train_model", "release.gate"}


def test_a_tasks_log_says_what_the_task_did(installation, scored):
    """Not where each client found its credentials, nor what Airflow thinks of its own code."""
    noise = ("botocore", "py.warnings", "airflow.dag_processing")
    for task in installation.api.tasks(SCORING, scored["run_id"]):
        events = installation.api.log(SCORING, scored["run_id"], task)
        assert any("mortgage_risk" in (event.get("logger") or "") for event in events), task["task_id"]
        heard = [event for event in events if (event.get("logger") or "").startswith(noise)]
        assert heard == [], task["task_id"]


PAST_NIGHTS = ("2015-01-11", "2015-01-12")


def test_a_backfill_scores_past_nights_each_in_its_own_partition(installation, scored):
    backfill.create(installation.api, SCORING, PAST_NIGHTS[0], "2015-01-13", at_once=2)
    prefix = "inference-data/output/source=canonical/"
    wanted = {f"{prefix}score_date={day}/_manifest.json" for day in PAST_NIGHTS}
    installation.until(lambda: wanted <= set(installation.objects(prefix)), lambda: list(installation.objects(prefix)))


def test_a_backfill_monitors_past_nights_in_their_order(installation):
    backfill.create(installation.api, MONITORING, PAST_NIGHTS[0], "2015-01-13", at_once=1)
    installation.until(lambda: set(PAST_NIGHTS) <= set(index_rows(installation)), lambda: index_rows(installation))
    rows = index_rows(installation)
    assert set(rows) == {installation.business_date, *PAST_NIGHTS}, "each night once, and no other"
    assert all(rows[day]["psi_recent"] is not None for day in PAST_NIGHTS), "each is held against the one before"


def test_tapes_that_are_too_old_for_a_night_are_not_scored_and_the_page_says_why(installation, scored):
    night = "2015-05-31"
    words = installation.fail(SCORING, score_date=night)
    assert "the newest reporting month is 2014-12, which ended on 2014-12-31, 151 days before the run's date" in words
    assert "report_age" in words
    run_id = installation.trigger(MONITORING, score_date=night)
    assert installation.wait(MONITORING, run_id) == "success", installation.explain(MONITORING, run_id)
    installation.api.pause(MONITORING)
    (finding,) = index_rows(installation)[night]["findings"]
    assert finding[:2] == ["breach", "night_missing"]
    assert "the newest reporting month is 2014-12" in finding[3]


def test_a_source_without_an_approved_model_is_refused_in_words(installation):
    words = installation.fail(SCORING, score_date=installation.business_date, source="freddie_mac")
    assert "select_model" in words
    assert "approved" in words.lower()
