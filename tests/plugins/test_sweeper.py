"""The sweeper stops what nobody waits for, and nothing else. (What it finds in AWS: tests/faults.)"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from fake_aws import FakeAws

from mortgage_risk.jobs import inventory
from mortgage_risk.jobs.inventory import TaggedJob
from mortgage_risk.jobs.kinds import GLUE, KINDS
from mortgage_risk.jobs.sweeper import SweepOrphansOperator

HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)
JOBS = [
    TaggedJob("training", "orphan-1", HOUR_AGO, "mortgage_training", "build_model.train_model", "r1"),
    TaggedJob("glue", "waited-for/jr_1", HOUR_AGO, "mortgage_training", "prepare_data.prepare_loan_panel", "r1"),
    TaggedJob("glue", "shared/jr_1", HOUR_AGO, "mortgage_training", "prepare_data.clean_raw_data", "r1"),
    TaggedJob("transform", "just-started-1", datetime.now(UTC), "mortgage_nightly_scoring", "score.batch", "r2"),
]


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch, context: Any) -> list[str]:
    """Ids of the jobs that are stopped; live are the panel's task, and the cleaning in the other DAG."""
    found: list[str] = []
    monkeypatch.setattr(inventory, "running_jobs", lambda *_: JOBS)
    monkeypatch.setattr(GLUE, "unused_definitions", lambda *_: ["old-1", "waited-for"])
    for kind in KINDS.values():
        monkeypatch.setattr(kind, "stop", lambda clients, job_id: found.append(job_id))

    def count(dag_id: str, task_ids: list[str], states: list[str]) -> int:
        assert "deferred" in states
        live = {
            "mortgage_training": "prepare_data.prepare_loan_panel",
            "mortgage_nightly_scoring": "prepare_data.clean_raw_data",
        }
        return int([live[dag_id]] == task_ids)

    context["ti"].get_ti_count = count
    return found


def sweep(settings: Any, context: Any, dry_run: str) -> dict[str, Any]:
    return SweepOrphansOperator(
        task_id="sweep",
        settings=settings,
        source="all",
        business_date="2019-12-31",
        report_only=dry_run,
        dag_ids=["mortgage_training", "mortgage_nightly_scoring"],
        dag=DAG("mortgage_orphan_sweeper", schedule=None),
    ).execute(context)


def test_only_what_nobody_waits_for_is_stopped(settings, context, fake_aws: FakeAws, stopped, monkeypatch) -> None:
    deleted: list[str] = []
    glue = type(fake_aws.client("glue"))
    monkeypatch.setattr(glue, "delete_job", lambda self, JobName: deleted.append(JobName), raising=False)
    result = sweep(settings, context, "False")
    assert stopped == ["orphan-1"]
    assert deleted == ["old-1"]
    assert (result["running"], result["orphans"], result["stopped"], result["old_glue_jobs"]) == (4, 1, 1, 1)


@pytest.mark.parametrize("dry_run", ["True", "true", "anything"])
def test_a_dry_run_reports_and_touches_nothing(settings, context, fake_aws: FakeAws, stopped, dry_run) -> None:
    result = sweep(settings, context, dry_run)
    assert (stopped, result["orphans"], result["stopped"]) == ([], 1, 0)
    report = json.loads(fake_aws.objects[result["report_uri"].removeprefix("s3://mortgage-loan-ml/")][0])
    assert report["orphans"][0]["job"] == "orphan-1"
    assert report["old_glue_jobs"] == ["old-1"]
