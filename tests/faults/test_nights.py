"""Nights: nothing starts by itself; thirty past nights are filled in, paused, resumed and filled in again; a DAG that
an asset starts runs for the date the asset names.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Lab

pytestmark = pytest.mark.slow
NIGHTLY, FOLLOWER = "probe_nightly", "probe_follower"
NIGHTS = [f"2015-03-{day:02}" for day in range(1, 31)]  # New York's clocks go forward on the 8th


def backfill(lab: Lab, *options: str) -> int:
    lab.airflow(
        *("backfill", "create", "--dag-id", NIGHTLY, "--from-date", "2015-03-01", "--to-date", "2015-03-31"),
        *("--max-active-runs", "3", *options),
    )
    found = lab.api.request("GET", "/api/v2/backfills", params={"dag_id": NIGHTLY})["backfills"]
    return max(entry["id"] for entry in found)


def done(lab: Lab, number: int) -> bool:
    return lab.api.request("GET", f"/api/v2/backfills/{number}")["completed_at"] is not None


def glue_runs(lab: Lab) -> dict[str, list[str]]:
    """States of the Glue runs of March's nights, by Glue job."""
    glue = lab.client("glue")
    names = [name for name in glue.list_jobs(MaxResults=1000)["JobNames"] if "-201503" in name]
    return {name: [run["JobRunState"] for run in glue.get_job_runs(JobName=name)["JobRuns"]] for name in names}


def test_unpausing_a_dag_starts_nothing(lab: Lab) -> None:
    lab.pause(NIGHTLY, False)
    time.sleep(20)  # several rounds of the scheduler
    assert lab.runs(NIGHTLY) == []


def test_a_dag_that_an_asset_starts_runs_for_the_date_the_asset_names(lab: Lab) -> None:
    lab.pause(FOLLOWER, False)
    past = lab.probe("nightly", day="2014-12-31")
    assert past.end() == "success"
    (run,) = lab.until(lambda: lab.runs(FOLLOWER, state="success"), lambda: lab.runs(FOLLOWER))
    assert lab.api.xcom(FOLLOWER, run["dag_run_id"], "run_job") == "2014-12-31"
    lab.pause(FOLLOWER, True)


def test_thirty_nights_are_filled_in_paused_resumed_and_repeated(lab: Lab) -> None:
    lab.pause(NIGHTLY, False)
    number, at_once = backfill(lab), 0

    def three_nights_are_done() -> bool:
        nonlocal at_once
        at_once = max(at_once, len(lab.runs(NIGHTLY, state="running")))
        return len(lab.runs(NIGHTLY, state="success", run_id_pattern="backfill%")) >= 3

    lab.until(three_nights_are_done, lambda: lab.runs(NIGHTLY))
    lab.api.request("PUT", f"/api/v2/backfills/{number}/pause")
    lab.until(lambda: not lab.runs(NIGHTLY, state="running"), lambda: lab.runs(NIGHTLY, state="running"))
    paused_at = len(lab.runs(NIGHTLY, state="success", run_id_pattern="backfill%"))
    time.sleep(15)
    assert len(lab.runs(NIGHTLY, state="success", run_id_pattern="backfill%")) == paused_at < 30
    lab.api.request("PUT", f"/api/v2/backfills/{number}/unpause")
    lab.until(lambda: done(lab, number), lambda: lab.runs(NIGHTLY, state="running"))

    assert len(lab.runs(NIGHTLY, state="success", run_id_pattern="backfill%")) == 30
    assert at_once <= 3
    assert sorted(glue_runs(lab).values()) == [["SUCCEEDED"]] * 30
    before = lab.objects("probe/2015-03-")
    rows = {key.split("/")[1]: body for key, body in before.items() if key.endswith("part-0.csv")}
    assert rows == {night: night.encode() for night in NIGHTS}

    again = backfill(lab, "--reprocess-behavior", "completed")
    lab.until(lambda: done(lab, again), lambda: lab.runs(NIGHTLY, state="running"))
    assert lab.objects("probe/2015-03-") == before, "the history compares equal"
    assert sorted(glue_runs(lab).values()) == [["SUCCEEDED"]] * 30
