"""Thirty random events over a training and five nights: every run green at the end without a hand, nothing doubled.

A failure names its seed; CHAOS_SEED=<seed> tells the same story again.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import requests

from local_platform import supervisor
from local_platform.aws import read_json
from tests.faults.chaos import SERVICES, Chaos, full, how_many_of_each
from tests.faults.conftest import laboratory, pages

if TYPE_CHECKING:
    from tests.faults.conftest import Lab

pytestmark = pytest.mark.slow
T = TypeVar("T")
EVENTS, NIGHTS = 30, 5
STEPS = ("prepare", "train", "check", "publish")
DISK_MB = 230


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | None]:
    """A small disk of its own, where one may be mounted."""
    folder = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0700", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        yield None
        return
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def small(disk: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A platform on that disk."""
    with laboratory(disk or tmp_path_factory.mktemp("chaos")) as found:
        found.api.unpause("probe_pipeline")
        yield found


def patiently(call: Callable[[], T], seconds: float = 900) -> T:
    """What a person would do while Airflow does not answer: ask again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except (requests.RequestException, RuntimeError) as error:
            if time.monotonic() > deadline or (isinstance(error, RuntimeError) and "answered 5" not in str(error)):
                raise
            time.sleep(2)


def start(lab: Lab, dag_id: str, run_id: str, **conf: Any) -> str:
    """Once, however often it has to be asked for."""
    body = {"dag_run_id": run_id, "conf": conf, "logical_date": None}

    def ask() -> None:
        try:
            lab.api.request("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        except RuntimeError as error:
            if "answered 409" not in str(error):
                raise

    patiently(ask)
    return run_id


def all_green(lab: Lab, dag_id: str, run_ids: list[str], log: list[str], seconds: float) -> None:
    deadline, states = time.monotonic() + seconds, dict.fromkeys(run_ids, "queued")
    while set(states.values()) & {"queued", "running"} and time.monotonic() < deadline:
        time.sleep(2)
        states = {run: patiently(lambda run=run: lab.api.run_state(dag_id, run)) for run in run_ids}
    if set(states.values()) != {"success"}:
        tries = [
            f"{run} {task['task_id']}: {task['state']}, try {task['try_number']}"
            for run in run_ids
            for task in lab.api.tasks(dag_id, run)
        ]
        raise AssertionError("\n".join([str(states), *tries, *log]))


def everything_is_well(lab: Lab) -> None:
    """Each service healthy, one of each, one supervisor."""
    lab.back(*SERVICES)
    assert supervisor.supervised(lab.platform)
    parts = ("api-server", "scheduler", "dag-processor", "triggerer")
    lab.until(
        lambda: how_many_of_each(lab) == dict.fromkeys(parts, 1),
        lambda: how_many_of_each(lab),
    )


def one_success_for_each_request(lab: Lab, dates: list[str]) -> None:
    """One Glue job for each step and date; of its runs the last alone succeeded, and no two ran at once."""
    glue = lab.client("glue")
    names = [name for page in pages(glue.list_jobs, "JobNames") for name in page]
    for date in dates:
        for step in STEPS:
            (name,) = [n for n in names if n.startswith(f"{step}-canonical-{date.replace('-', '')}-")]
            runs = sorted(glue.get_job_runs(JobName=name)["JobRuns"], key=lambda run: run["StartedOn"])
            states = [run["JobRunState"] for run in runs]
            assert states[-1] == "SUCCEEDED", (name, states)
            assert not set(states[:-1]) & {"SUCCEEDED", "RUNNING", "STARTING", "STOPPING"}, (name, states)
            for earlier, later in itertools.pairwise(runs):
                assert earlier["CompletedOn"] <= later["StartedOn"], (name, earlier, later)


def published_whole(lab: Lab, dates: list[str]) -> None:
    """Of each step what its manifest names, and nothing beside it."""
    for date in dates:
        for step in STEPS:
            root = f"pipeline/{date}/{step}/"
            objects = lab.objects(root)
            manifest = read_json(lab.platform, f"s3://{lab.platform.bucket}/{root}_manifest.json")
            data = {key: body for key, body in objects.items() if not key.endswith("_manifest.json")}
            assert sorted(data) == [f"{root}{file['key']}" for file in manifest["files"]]
            assert [body.decode() for body in data.values()] == [date] * 2


def test_after_a_full_disk_everything_goes_on_by_itself(small: Lab, disk: Path | None) -> None:
    if disk is None:
        pytest.skip("no disk can be mounted here")
    log: list[str] = []
    before = start(small, "probe_pipeline", "before", score_date="2014-01-01", seconds=10)
    time.sleep(8)
    with full(disk):
        during = start_if_it_can(small)
        time.sleep(75)
    after = start(small, "probe_pipeline", "after", score_date="2014-01-03", seconds=2)
    all_green(small, "probe_pipeline", [before, *during, after], log, seconds=900)
    everything_is_well(small)
    dates = ["2014-01-01", *(["2014-01-02"] if during else []), "2014-01-03"]
    one_success_for_each_request(small, dates)
    published_whole(small, dates)


def start_if_it_can(lab: Lab) -> list[str]:
    """A run that somebody starts while the disk is full: refused, or done in the end."""
    body = {"dag_run_id": "during", "conf": {"score_date": "2014-01-02", "seconds": 2}, "logical_date": None}
    try:
        lab.api.request("POST", "/api/v2/dags/probe_pipeline/dagRuns", json=body)
    except (requests.RequestException, RuntimeError):
        return []
    return ["during"]


def test_a_training_and_five_nights_come_through_thirty_random_events(small: Lab, disk: Path | None) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    chaos = Chaos(small, seed, disk)
    chaos.say(f"CHAOS_SEED={seed}")
    dates = [f"2016-02-{day:02}" for day in range(1, NIGHTS + 2)]
    runs = [start(small, "probe_pipeline", "training", score_date=dates[0], seconds=25)]
    for index in chaos.events(EVENTS):
        if index % (EVENTS // NIGHTS) == 0:
            date = dates[len(runs)]
            runs.append(start(small, "probe_pipeline", f"night-{date}", score_date=date, seconds=8))
            chaos.say(f"   night {date} is started")
    chaos.say("left alone")
    all_green(small, "probe_pipeline", runs, chaos.log, seconds=1800)
    everything_is_well(small)
    chaos.say("all green")
    one_success_for_each_request(small, dates)
    published_whole(small, dates)
