"""Thirty random events over a training and five nights: every run green at the end without a hand, nothing doubled.

A failure names its seed; CHAOS_SEED=<seed> tells the same story again. CHAOS_DAGS=real does it to the pipeline's own
DAGs on a simulated book too, half an hour and more.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from local_platform.clients.airflow import AirflowError
from local_platform.clients.aws import read_json
from local_platform.commands import demo
from local_platform.delivery import landing
from local_platform.environments import ROOT
from local_platform.running import supervisor
from tests.faults.chaos import SERVICES, Chaos, full, how_many_of_each
from tests.faults.conftest import glue_runs, laboratory
from tests.installation import Installation, installed

if TYPE_CHECKING:
    from tests.faults.conftest import Lab

pytestmark = pytest.mark.slow
T = TypeVar("T")
EVENTS, NIGHTS = 30, 5
STEPS = ("prepare", "train", "check", "publish")
DISK_MB = 230


@contextlib.contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[Path | None]:
    """A disk of its own, where one may be mounted."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | None]:
    with mounted(tmp_path_factory.mktemp("disk"), DISK_MB) as found:
        yield found


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
        except AirflowError as error:
            if time.monotonic() > deadline or "answered 4" in str(error):
                raise
            time.sleep(2)


def start(lab: Installation, dag_id: str, run_id: str, **conf: Any) -> str:
    """Once, however often it has to be asked for."""
    body = {"dag_run_id": run_id, "conf": conf, "logical_date": None}

    def ask() -> None:
        try:
            lab.api.request("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        except AirflowError as error:
            if "answered 409" not in str(error):
                raise

    patiently(ask)
    return run_id


def all_green(lab: Installation, dag_id: str, run_ids: list[str], log: list[str], seconds: float) -> None:
    deadline, states = time.monotonic() + seconds, dict.fromkeys(run_ids, "queued")
    while set(states.values()) & {"queued", "running"} and time.monotonic() < deadline:
        time.sleep(2)
        states = {run: patiently(partial(lab.api.run_state, dag_id, run)) for run in run_ids}
    if set(states.values()) != {"success"}:
        tries = [
            f"{run} {task['task_id']}: {task['state']}, try {task['try_number']}"
            for run in run_ids
            for task in lab.api.tasks(dag_id, run)
        ]
        raise AssertionError("\n".join([str(states), *tries, *log]))


def everything_is_well(lab: Installation) -> None:
    """Each service healthy, one of each, one supervisor."""
    lab.back(*SERVICES)
    assert supervisor.supervised(lab.platform)
    parts = ("api-server", "scheduler", "dag-processor", "triggerer")
    lab.until(
        lambda: how_many_of_each(lab) == dict.fromkeys(parts, 1),
        lambda: how_many_of_each(lab),
    )


def one_success_for_each_request(lab: Lab, dates: list[str]) -> None:
    """One request for each step and date; of its runs the last alone succeeded, and no two ran at once."""
    requests = glue_runs(lab)
    for date in dates:
        for step in STEPS:
            (name,) = [n for n in requests if n.startswith(f"{step}-canonical-{date.replace('-', '')}-")]
            runs = requests[name]
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
    except AirflowError:
        return []
    return ["during"]


def seed() -> int:
    return int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))


def test_a_training_and_five_nights_come_through_thirty_random_events(small: Lab, disk: Path | None) -> None:
    chaos = Chaos(small, seed(), disk)
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


@pytest.mark.skipif(os.environ.get("CHAOS_DAGS") != "real", reason="half an hour and more: CHAOS_DAGS=real")
def test_the_pipelines_own_training_and_nights_come_through_as_well(tmp_path: Path) -> None:
    book = tmp_path / "book"
    simulate = ["-m", "simulator", "--loans", "4000", "--seed", "7", "--start", "2003-01", "--end", "2014-12"]
    subprocess.run([sys.executable, *simulate, "--out", str(book)], cwd=ROOT, check=True, capture_output=True)
    (tmp_path / "disk").mkdir()
    with mounted(tmp_path / "disk", 3000) as disk, installed(disk or tmp_path / "disk") as lab:
        date = landing.describe(book).as_of_date
        landing.land(lab.platform, landing.describe(book))
        demo.wait_for_dags(lab.api, lab.platform)
        for dag_id in (demo.TRAINING, demo.SCORING):
            lab.api.unpause(dag_id)
        wanted = {
            "as_of_date": date,
            "approval_mode": "auto",
            "effective_from": date,
            "override_by": "chaos",
            "override_reason": "A book this small cannot pass the gate",
        }
        chaos = Chaos(lab, seed(), disk, pause=(5.0, 20.0))
        training = start(lab, demo.TRAINING, "training", **wanted)
        nights: list[str] = []
        for index in chaos.events(EVENTS):
            if index == EVENTS // 2:
                all_green(lab, demo.TRAINING, [training], chaos.log, seconds=3600)
                chaos.say("   the training is green")
                first = datetime.date.fromisoformat(date)
                for day in (first + datetime.timedelta(n) for n in range(NIGHTS)):
                    nights.append(start(lab, demo.SCORING, f"night-{day}", score_date=str(day)))
        all_green(lab, demo.SCORING, nights, chaos.log, seconds=3600)
        chaos.say("all green")
        everything_is_well(lab)
        one_success_for_each_name(lab)
        packages = lab.client("sagemaker").list_model_packages(ModelPackageGroupName="mortgage-default-risk-canonical")
        assert [p["ModelApprovalStatus"] for p in packages["ModelPackageSummaryList"]] == ["Approved"]


def one_success_for_each_name(lab: Installation) -> None:
    """Of all attempts at a request, `name`, `name-2`, …, of SageMaker or Glue, one succeeded; all ended."""
    sagemaker = lab.client("sagemaker")
    states: dict[str, list[str]] = {}
    for kind in ("Training", "Processing", "Transform"):
        listing = getattr(sagemaker, f"list_{kind.lower()}_jobs")(MaxResults=100)
        for job in listing[f"{kind}JobSummaries"]:
            name = re.sub(r"-\d$", "", job[f"{kind}JobName"])
            states.setdefault(name, []).append(job[f"{kind}JobStatus"])
    for name, runs in glue_runs(lab).items():
        states[name] = [run["JobRunState"] for run in runs]
    for name, found in states.items():
        succeeded = [state for state in found if state in ("Completed", "SUCCEEDED")]
        assert len(succeeded) == 1, (name, found)
        assert not {state.upper() for state in found} & {"STARTING", "INPROGRESS", "RUNNING", "STOPPING"}, (name, found)
