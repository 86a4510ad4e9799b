"""Faults in a real Airflow: whatever happens, exactly one job has its effect, nothing is left running, and the data
is right. docs/reliability.md lists each case by its name here.

The cases of CASES touch nothing but their own run, so they run at the same time, a few threads of them.
"""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import glue_runs

if TYPE_CHECKING:
    from conftest import Lab, Probe

Case = Callable[["Lab"], None]
CASES: dict[str, Case] = {}
IN_CI: set[str] = set()
BOTH = ("on_worker", "deferred")


def case(*names: str, ci: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a function of (lab, name) once per name."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        for name in names:
            key = f"{function.__name__}[{name}]"
            CASES[key] = functools.partial(function, name=name)
            if ci:
                IN_CI.add(key)
        return function

    return register


def one_effective_job(probe: Probe, *jobs: str) -> None:
    """The run succeeded, its jobs ended so (the last one succeeded), and the data is published whole."""
    assert probe.end() == "success", (probe.dag_id, probe.jobs(), probe.task())
    assert probe.jobs() == [*jobs, "SUCCEEDED"]
    assert probe.published()


def one_job_to_its_end(probe: Probe) -> None:
    """As above where Airflow may lose sight of a task and give it up: its job may have been stopped once."""
    assert probe.end() == "success", (probe.dag_id, probe.jobs(), probe.task())
    assert probe.jobs() in (["SUCCEEDED"], ["STOPPED", "SUCCEEDED"])
    assert probe.published()


def stopped_for_good(probe: Probe, state: str = "failed") -> None:
    assert probe.stopped() == ["STOPPED"]
    assert probe.end() == state
    assert not probe.published()


@case(*(f"{where}:{moment}:{call}" for where, moment, call in [
    ("on_worker", "before", "start_job_run"),
    ("on_worker", "after", "start_job_run"),
    ("deferred", "before", "start_job_run"),
    ("deferred", "after", "start_job_run"),
    ("on_worker", "before", "put_object"),
    ("on_worker", "after", "put_object"),
    ("on_worker", "after", "get_job"),
    ("on_worker", "after", "get_job_run"),
    ("on_worker", "before", "get_object@_manifest.json"),
]))  # fmt: skip
def the_task_process_is_killed(lab: Lab, name: str) -> None:
    where, _, moment = name.partition(":")
    one_effective_job(lab.probe(where, kill=moment))


@case("on_worker", ci=True)
def the_task_process_is_killed_while_it_waits(lab: Lab, name: str) -> None:
    probe = lab.probe(name, seconds=8)
    probe.waiting()
    os.kill(probe.task()["pid"], signal.SIGKILL)
    one_effective_job(probe)


@case("on_worker", ci=True)
def the_task_process_is_killed_more_often_than_a_failure_is_forgiven(lab: Lab, name: str) -> None:
    probe = lab.probe(name, kill="before:start_job_run", kills=4)
    one_effective_job(probe)
    assert probe.task()["try_number"] == 5


@case(*BOTH)
def the_job_fails_every_time(lab: Lab, name: str) -> None:
    """Its own fault: tried three times, and no more for the outage in between."""
    probe = lab.probe(name, work="broken", kill="before:start_job_run", kills=1)
    assert probe.end() == "failed"
    assert probe.jobs() == ["FAILED"] * 3
    assert probe.task()["try_number"] == 4


@case("on_worker")
def the_whole_worker_is_killed_after_the_submit(lab: Lab, name: str) -> None:
    one_effective_job(lab.probe(name, kill="worker:after:start_job_run"))


@case(*(f"{where}:{work}" for where in BOTH for work in ("disk_full", "crash")))
def the_job_dies_half_written(lab: Lab, name: str) -> None:
    where, _, work = name.partition(":")
    one_effective_job(lab.probe(where, work=work), "FAILED")


@case(*BOTH)
def the_job_is_stopped_in_the_console(lab: Lab, name: str) -> None:
    probe = lab.probe(name, seconds=20)
    probe.waiting()
    glue = lab.client("glue")
    (run,) = [runs[-1] for name, runs in glue_runs(lab).items() if f"-{probe.date.replace('-', '')}-" in name]
    glue.batch_stop_job_run(JobName=run["JobName"], JobRunIds=[run["Id"]])
    one_effective_job(probe, "STOPPED")


@case(*BOTH, ci=True)
def the_task_is_cleared(lab: Lab, name: str) -> None:
    probe = lab.probe(name, seconds=15)
    probe.waiting()
    probe.clear()
    one_effective_job(probe, "STOPPED")


@case(*BOTH, ci=True)
def the_task_is_marked_failed(lab: Lab, name: str) -> None:
    probe = lab.probe(name, seconds=60)
    probe.waiting()
    probe.mark("failed")
    stopped_for_good(probe)


@case(*BOTH)
def the_task_is_marked_success(lab: Lab, name: str) -> None:
    probe = lab.probe(name, seconds=60)
    probe.waiting()
    probe.mark("success")
    stopped_for_good(probe, "success")


@case(*BOTH, ci=True)
def the_run_is_marked_failed(lab: Lab, name: str) -> None:
    probe = lab.probe(name, seconds=60)
    probe.waiting()
    probe.mark_run("failed")
    stopped_for_good(probe)


@case("timeout_on_worker", "timeout_deferred", ci=True)
def the_task_times_out(lab: Lab, name: str) -> None:
    stopped_for_good(lab.probe(name, seconds=120))


@case("run_timeout_on_worker", "run_timeout_deferred")
def the_run_times_out(lab: Lab, name: str) -> None:
    stopped_for_good(lab.probe(name, seconds=120))


@case(*BOTH, ci=True)
def two_runs_of_a_date_are_started_together(lab: Lab, name: str) -> None:
    first = lab.probe(name, seconds=6)
    second = lab.probe(name, day=first.date, seconds=6)
    one_effective_job(first)
    one_effective_job(second)


@case(*BOTH)
def a_finished_run_is_cleared(lab: Lab, name: str) -> None:
    """Its job's result is used again: no second job."""
    probe = lab.probe(name)
    one_effective_job(probe)
    before = probe.lab.objects(f"probe/{probe.date}/")
    probe.clear()
    one_effective_job(probe)
    assert probe.lab.objects(f"probe/{probe.date}/") == before


@case("on_worker")
def the_published_data_is_lost(lab: Lab, name: str) -> None:
    """Cleared after someone deleted what it had published: done again."""
    probe = lab.probe(name)
    one_effective_job(probe)
    lab.delete(f"probe/{probe.date}/")
    probe.clear()
    one_effective_job(probe, "SUCCEEDED")


@pytest.fixture(scope="module")
def outcomes(lab: Lab, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[None]]]:
    """All chosen cases, running."""
    chosen = [item.callspec.params["name"] for item in request.session.items if "outcomes" in item.fixturenames]
    with ThreadPoolExecutor(max_workers=3) as pool:
        yield {name: pool.submit(CASES[name], lab) for name in chosen}


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in IN_CI else pytest.mark.slow) for n in CASES])
def test_case(outcomes: dict[str, Future[None]], name: str) -> None:
    outcomes[name].result()


def probes_of_both_kinds(lab: Lab) -> list[Probe]:
    probes = [lab.probe(name, seconds=20) for name in BOTH]
    for probe in probes:
        probe.waiting()
    return probes


@pytest.mark.slow
@pytest.mark.parametrize("component", ["scheduler", "triggerer", "dag-processor", "api-server"])
def test_a_component_of_airflow_is_killed_and_comes_back(lab: Lab, component: str) -> None:
    probes = probes_of_both_kinds(lab)
    lab.kill(component)
    lab.back(component)
    for probe in probes:
        one_job_to_its_end(probe)


@pytest.mark.slow
def test_airflows_api_is_away_for_longer_than_two_retries(lab: Lab) -> None:
    """Nothing is doubled but what the tasks that were given up had stopped, and nobody has to clear anything."""
    probes = [lab.probe("on_worker", seconds=20) for _ in range(3)] + [lab.probe("deferred", seconds=20)]
    for probe in probes:
        probe.waiting()
    with lab.unattended():
        lab.kill("api-server")
        time.sleep(240)
    lab.back("api-server")
    for probe in probes:
        one_job_to_its_end(probe)
    assert max(probe.task()["try_number"] for probe in probes) > 3


@pytest.mark.slow
@pytest.mark.parametrize("name", BOTH)
def test_the_run_is_deleted(lab: Lab, name: str) -> None:
    """Airflow refuses to delete a run that runs; it takes one that was failed a moment ago, its task still ending.

    The scheduler of 3.3.1 may die of it (ObjectDeletedError), which is why nothing else runs meanwhile.
    """
    probe = lab.probe(name, seconds=60)
    probe.waiting()
    with pytest.raises(RuntimeError, match="409"):
        probe.api("DELETE", f"dagRuns/{probe.run_id}")
    probe.mark_run("failed")
    probe.api("DELETE", f"dagRuns/{probe.run_id}")
    lab.until(lambda: probe.jobs() == ["STOPPED"], probe.jobs)
    assert not probe.published()
    time.sleep(5)
    lab.back("scheduler")


@pytest.mark.slow
def test_a_triggerer_that_is_shut_down_hands_its_jobs_over(lab: Lab) -> None:
    probes = probes_of_both_kinds(lab)
    lab.terminate("triggerer")
    lab.back("triggerer")
    for probe in probes:
        one_effective_job(probe)


@pytest.mark.slow
def test_the_local_aws_is_killed_with_its_jobs(lab: Lab) -> None:
    """The jobs die with it; the next attempts do their work."""
    probes = probes_of_both_kinds(lab)
    lab.kill("local-aws")
    lab.back("local-aws")
    for probe in probes:
        one_effective_job(probe, "FAILED")


@pytest.mark.slow
def test_an_orphan_is_found_reported_and_stopped(lab: Lab) -> None:
    """Marked failed while no triggerer is there to stop its job."""
    waited_for = lab.probe("on_worker", seconds=240)
    orphan = lab.probe("deferred", seconds=240)
    for probe in (waited_for, orphan):
        probe.waiting()
    with lab.unattended():
        lab.kill("triggerer")
        orphan.mark("failed")
    lab.back("triggerer")
    assert orphan.jobs() == ["RUNNING"]

    def sweep(dry_run: bool) -> dict[str, int]:
        run_id = lab.trigger("probe_sweeper", dry_run=dry_run)
        assert lab.wait("probe_sweeper", run_id) == "success"
        return lab.api.xcom("probe_sweeper", run_id, "sweep")

    assert sweep(dry_run=True)["orphans"] == 1
    assert orphan.jobs() == ["RUNNING"]
    assert sweep(dry_run=False)["stopped"] == 1
    assert orphan.stopped() == ["STOPPED"]
    assert waited_for.jobs() == ["RUNNING"]
    waited_for.mark("failed")
    stopped_for_good(waited_for)
