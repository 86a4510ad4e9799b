"""Nights: nothing starts by itself; thirty past nights are filled in, paused, resumed and filled in again; a DAG that
an asset starts runs for the source and date the asset names.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from local_platform.commands import backfill
from local_platform.running import processes, supervisor
from local_platform.running.services import AIRFLOW, airflow_environment
from tests.faults import conftest

if TYPE_CHECKING:
    from conftest import Lab

pytestmark = pytest.mark.slow
NIGHTLY, FOLLOWER = "probe_nightly", "probe_follower"
MARCH = ("2015-03-01", "2015-03-31", 3)
NIGHTS = [f"2015-03-{day:02}" for day in range(1, 31)]  # New York's clocks go forward on the 8th


def done(lab: Lab, number: int) -> bool:
    return lab.api.request("GET", f"/api/v2/backfills/{number}")["completed_at"] is not None


def glue_runs(lab: Lab) -> dict[str, list[str]]:
    """States of the Glue runs of March's nights, by request."""
    found = conftest.glue_runs(lab).items()
    return {name: [run["JobRunState"] for run in runs] for name, runs in found if "-201503" in name}


def test_unpausing_a_dag_starts_nothing(lab: Lab) -> None:
    lab.api.unpause(NIGHTLY)
    time.sleep(20)  # several rounds of the scheduler
    assert lab.api.runs(NIGHTLY) == []


def test_a_dag_that_an_asset_starts_runs_for_the_source_and_date_the_asset_names(lab: Lab) -> None:
    lab.api.unpause(FOLLOWER)
    past = lab.probe("nightly", day="2014-12-31")
    assert past.end() == "success"
    (run,) = lab.until(lambda: lab.api.runs(FOLLOWER, state="success"), lambda: lab.api.runs(FOLLOWER))
    assert lab.api.xcom(FOLLOWER, run["dag_run_id"], "run_job") == "canonical 2014-12-31"
    lab.api.pause(FOLLOWER)


def test_people_are_told_of_a_run_that_is_not_done_in_time(lab: Lab) -> None:
    """By the deadline that the nightly scoring has, and the way its message goes: Airflow's triggerer, SNS, a queue."""
    topic = lab.client("sns").create_topic(Name=lab.topic)["TopicArn"]
    sqs = lab.client("sqs")
    queue = sqs.create_queue(QueueName="on-call")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    lab.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    late = lab.probe("late", seconds=30)

    def messages() -> list[dict[str, Any]]:
        return sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])

    (message,) = lab.until(messages, late.task)
    told = json.loads(message["Body"])
    assert told["Subject"] == f"Late: probe_late {late.run_id}"
    assert "What to do: See which task it waits in." in told["Message"]
    assert f"{lab.platform.airflow_url}/dags/probe_late/runs/" in told["Message"]
    assert late.end() == "success", "late is not failed"
    assert messages() == [], "told once"


def processes_of(lab: Lab) -> dict[str, int]:
    found = {name: processes.running(lab.platform, name) for name in supervisor.status(lab.platform)}
    return {name: process.pid for name, process in found.items() if process}


def test_thirty_nights_are_filled_in_paused_resumed_and_repeated(lab: Lab) -> None:
    """As a person fills them in with Airflow's own command, and again through its API, with everything running."""
    before = processes_of(lab)
    command = ["--dag-id", NIGHTLY, "--from-date", MARCH[0], "--to-date", MARCH[1], "--max-active-runs", "3"]
    environment = {**os.environ, **airflow_environment(lab.platform)}
    subprocess.run([*AIRFLOW, "backfill", "create", *command], env=environment, check=True, capture_output=True)
    lab.api.unpause(NIGHTLY)
    (made,) = lab.api.request("GET", "/api/v2/backfills", params={"dag_id": NIGHTLY})["backfills"]
    number = made["id"]
    at_once = 0

    def three_nights_are_done() -> bool:
        nonlocal at_once
        at_once = max(at_once, len(lab.api.runs(NIGHTLY, state="running")))
        return len(lab.api.runs(NIGHTLY, state="success", run_id_pattern="backfill%")) >= 3

    lab.until(three_nights_are_done, lambda: lab.api.runs(NIGHTLY))
    lab.api.request("PUT", f"/api/v2/backfills/{number}/pause")
    lab.until(lambda: not lab.api.runs(NIGHTLY, state="running"), lambda: lab.api.runs(NIGHTLY, state="running"))
    paused_at = len(lab.api.runs(NIGHTLY, state="success", run_id_pattern="backfill%"))
    time.sleep(15)
    assert len(lab.api.runs(NIGHTLY, state="success", run_id_pattern="backfill%")) == paused_at < 30
    lab.api.request("PUT", f"/api/v2/backfills/{number}/unpause")
    lab.until(lambda: done(lab, number), lambda: lab.api.runs(NIGHTLY, state="running"))

    assert len(lab.api.runs(NIGHTLY, state="success", run_id_pattern="backfill%")) == 30
    assert at_once <= 3
    assert lab.api.runs(NIGHTLY, run_type="scheduled") == [], "past nights start no run by the clock"
    assert sorted(glue_runs(lab).values()) == [["SUCCEEDED"]] * 30
    published = lab.objects("probe/2015-03-")
    rows = {key.split("/")[1]: body for key, body in published.items() if key.endswith("part-0.csv")}
    assert rows == {night: night.encode() for night in NIGHTS}

    again = backfill.create(lab.api, NIGHTLY, *MARCH, again="completed")
    lab.until(lambda: done(lab, again), lambda: lab.api.runs(NIGHTLY, state="running"))
    assert lab.objects("probe/2015-03-") == published, "the history compares equal"
    assert sorted(glue_runs(lab).values()) == [["SUCCEEDED"]] * 30
    assert processes_of(lab) == before, "neither costs anybody his life"
