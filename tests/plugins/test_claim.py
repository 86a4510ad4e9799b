"""The claim against every order of events: two workers at every interleaving of their calls to AWS, a death before and
after every call, every answer lost, and a worker that stands still. One run for each attempt, and never none.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import greenlet
import pytest
from fake_aws import LOST_ANSWER, REFUSED, SERVER_ERROR, THROTTLED, FakeAws, client_error
from hypothesis import given, settings
from hypothesis import strategies as st

from mortgage_risk import aws
from mortgage_risk.jobs import claim
from mortgage_risk.jobs.claim import NAMED, Claims, Runs
from mortgage_risk.jobs.state import BeingStarted

REQUEST, DEFINITION = "prepare-canonical-20191231-0123456789", "m-prepare-0123456789"
CALL = {"JobName": DEFINITION, "Arguments": {"--a": "1", **NAMED}}
ROOT = "s3://mortgage-loan-ml/job-claims/m/"
AT_LIMIT = client_error("ConcurrentRunsExceededException", "Concurrent runs exceeded")


class Died(BaseException):
    """The process is gone, in the middle of whatever it did."""


CALLS = 6  # a worker alone makes fewer
MOMENTS = [(call, moment) for call in range(1, CALLS) for moment in ("before", "after")]
BLOWS = (Died(), LOST_ANSWER, SERVER_ERROR)
HARMS = st.one_of(
    st.tuples(st.integers(1, 2 * CALLS), st.sampled_from(["before", "after"]), st.sampled_from(BLOWS)),
    st.tuples(st.integers(1, 2 * CALLS), st.just("before"), st.sampled_from([THROTTLED, AT_LIMIT, REFUSED])),
)
ORDERS = st.lists(st.integers(0, 5), max_size=40)


@dataclass
class Worker:
    """What it meets: its nth call (of its process) ends it `before` or `after` it had its effect, or fails so."""

    harm: tuple[int, str, BaseException] | None = None
    calls: int = 0
    asleep: bool = False
    result: str = ""
    process: Any = None

    def meets(self, moment: str) -> None:
        if self.harm and self.harm[:2] == (self.calls, moment):
            error, self.harm = self.harm[2], None
            raise error.with_traceback(None)


@dataclass
class Lab:
    """AWS in memory, and workers that make one call at a time, in the order of `choices`."""

    fake: FakeAws
    choices: list[int] = field(default_factory=list)
    options: list[int] = field(default_factory=list)  # how many there were at each choice

    def __post_init__(self) -> None:
        self.fake.glue_jobs[DEFINITION] = {"Name": DEFINITION, "ExecutionProperty": {"MaxConcurrentRuns": 9}}
        self._enter, self._leave = self.fake.enter, self.fake.leave
        self.fake.enter, self.fake.leave = self.enter, self.leave  # type: ignore[method-assign]
        self.at_work: dict[Any, Worker] = {}

    def enter(self, call: str) -> None:
        if worker := self.at_work.get(greenlet.getcurrent()):
            worker.calls += 1
            worker.process.parent.switch()
            worker.meets("before")
        self._enter(call)

    def leave(self, call: str) -> None:
        self._leave(call)
        if worker := self.at_work.get(greenlet.getcurrent()):
            worker.meets("after")

    def runs(self) -> Runs:
        return Runs(Claims(self.fake.client("s3"), ROOT), self.fake.client("glue"), self.fake.client("glue"))

    def one_try(self, worker: Worker) -> None:
        """As a task does it: look, start, wait, through what is transient."""
        runs = self.runs()
        while not worker.result:
            try:
                run = runs.newest(REQUEST)
                if run and run["JobRunState"] in (*claim.ACTIVE, "SUCCEEDED"):
                    worker.result = f"{DEFINITION}/{run['Id']}"
                else:
                    after = f"{DEFINITION}/{run['Id']}" if run else ""
                    worker.result = runs.start(REQUEST, CALL, {"task_id": "prepare"}, after)
            except BeingStarted as error:
                self.sleep(worker, min(5.0, error.seconds))
            except Died:
                return
            except Exception as error:
                if not (aws.is_transient(error) or aws.is_at_limit(error)):
                    raise
                self.sleep(worker, 1)

    def sleep(self, worker: Worker, seconds: float) -> None:
        worker.asleep = True
        worker.process.parent.switch()
        worker.asleep = False
        self.fake.pass_time(seconds)

    def work_once(self, worker: Worker) -> None:
        if worker.process is None or worker.process.dead:
            worker.process, worker.calls = greenlet.greenlet(self.one_try), 0
            self.at_work[worker.process] = worker
            worker.process.switch(worker)
        else:
            worker.process.switch()

    def work(self, *workers: Worker) -> None:
        """Until each has its run. A worker that died is followed by its next try; time passes when all wait."""
        while waiting := [worker for worker in workers if not worker.result]:
            able = [worker for worker in waiting if not worker.asleep] or waiting
            choice = 0
            if len(able) > 1:
                turn = len(self.options)
                self.options.append(len(able))
                choice = self.choices[turn] % len(able) if turn < len(self.choices) else 0
            self.work_once(able[choice])

    def started(self) -> list[tuple[str, str]]:
        """(attempt, status) of every run, in the order of their starts."""
        jobs = self.fake.jobs.values()
        return [(job["request"]["--airflow_request"].rpartition("-")[2], job["status"]) for job in jobs]


def every_order(workers: int) -> Iterator[Lab]:
    """A lab for each order in which so many workers' calls can come, when their work is done."""
    choices: list[int] | None = []
    while choices is not None:
        lab = Lab(fake(), choices)
        team = [Worker() for _ in range(workers)]
        lab.work(*team)
        assert {worker.result for worker in team} == set(lab.fake.jobs)
        yield lab
        choices = next_order(lab)


def next_order(lab: Lab) -> list[int] | None:
    made = lab.choices + [0] * (len(lab.options) - len(lab.choices))
    for turn in reversed(range(len(made))):
        if made[turn] + 1 < lab.options[turn]:
            return [*made[:turn], made[turn] + 1]
    return None


def fake() -> FakeAws:
    """Its jobs go on for ever."""
    found = FakeAws()
    found.outcome = None
    return found


def test_two_workers_start_one_run_in_whatever_order_their_calls_come() -> None:
    orders = [lab.started() for lab in every_order(workers=2)]
    assert len(orders) > 100
    assert set(map(str, orders)) == {"[('1', 'InProgress')]"}


@settings(max_examples=150, deadline=None)
@given(ORDERS)
def test_two_workers_start_one_next_attempt_after_a_failed_one(order: list[int]) -> None:
    lab = Lab(fake(), order)
    lab.work(Worker())
    (job,) = lab.fake.jobs.values()
    job["status"] = "Failed"
    lab.work(Worker(), Worker())
    assert lab.started() == [("1", "Failed"), ("2", "InProgress")]


@settings(max_examples=200, deadline=None)
@given(ORDERS, st.lists(HARMS, min_size=1, max_size=3))
def test_whatever_three_workers_meet_one_run_is_started(order: list[int], harms: list[Any]) -> None:
    lab = Lab(fake(), order)
    workers = [Worker(harm=harm) for harm in (*harms, None, None)[:3]]
    lab.work(*workers)
    assert lab.started() == [("1", "InProgress")]
    assert {worker.result for worker in workers} == set(lab.fake.jobs)


@pytest.mark.parametrize("first", MOMENTS)
def test_whatever_two_tries_meet_the_third_has_one_run(first: tuple[int, str]) -> None:
    """One worker, every pair of deaths, lost answers and refusals."""
    for one, second, other in itertools.product(BLOWS, MOMENTS, BLOWS):
        lab = Lab(fake())
        for harm in ((*first, one), (*second, other), None):
            worker = Worker(harm=harm)
            lab.work(worker)
        assert lab.started() == [("1", "InProgress")]
        assert set(lab.fake.jobs) == {worker.result}


@pytest.mark.parametrize("dies", [False, True], ids=["it goes on", "it dies after its start"])
def test_a_worker_that_stands_still_stops_the_run_it_starts_too_late(dies: bool) -> None:
    """The other one does not wait for it for ever. What it leaves, where it dies too, is nobody's: the sweeper's."""
    lab = Lab(fake())
    late, other = Worker(), Worker()
    while lab.fake.count("put_object_if") < 1 or late.calls < 4:
        lab.work_once(late)  # its claim is written, its start on the way
    lab.work(other)
    assert lab.started() == [("1", "InProgress")]
    if dies:
        late.harm = (late.calls, "after", Died())
    lab.work(late)
    assert late.result == other.result
    assert lab.started() == [("1", "InProgress"), ("1", "InProgress" if dies else "Stopped")]
    claims, glue = Claims(lab.fake.client("s3"), ROOT), lab.fake.client("glue")
    first, second = (claims.of(glue._run(job)) for job in lab.fake.jobs.values())
    assert first is not None
    assert second is None


def test_a_claim_that_the_client_has_sent_twice_is_its_own() -> None:
    """botocore asks again where an answer was lost: the second one finds what the first has written."""
    lab = Lab(fake())
    lab.fake.faults["after:put_object_if"] = [client_error("PreconditionFailed", "", 412)] * 2
    began = lab.fake.now
    worker = Worker()
    lab.work(worker)
    assert lab.started() == [("1", "InProgress")]
    assert lab.fake.now == began, "nobody had to wait whether the run was started"


def test_a_claim_that_took_too_long_to_write_is_given_back_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another worker may take the claim over soon, and would start the same."""
    lab = Lab(fake())
    clock = itertools.chain([0.0, claim.START_WITHIN_S + 1, claim.START_WITHIN_S + 1], itertools.repeat(100.0))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with pytest.raises(BeingStarted, match="S3 took"):
        lab.runs().start(REQUEST, CALL, {}, "")
    assert lab.fake.jobs == {}
    assert lab.runs().newest(REQUEST) is None, "free at once"
    lab.runs().start(REQUEST, CALL, {}, "")
    assert lab.started() == [("1", "InProgress")]


def test_a_run_is_looked_for_on_every_page_of_those_younger_than_its_claim_and_no_further() -> None:
    lab = Lab(fake())
    lab.fake.glue_jobs[DEFINITION]["ExecutionProperty"]["MaxConcurrentRuns"] = 10_000
    glue = lab.fake.client("glue")

    def others(number: int) -> None:
        for _ in range(number):
            glue.start_job_run(JobName=DEFINITION, Arguments={"--airflow_request": "another-1"})

    others(900)
    lab.fake.pass_time(3600)
    lab.fake.faults["after:start_job_run"] = [LOST_ANSWER]
    with pytest.raises(type(LOST_ANSWER)):
        lab.runs().start(REQUEST, CALL, {}, "")
    others(450)
    lab.fake.calls.clear()
    found = lab.runs().newest(REQUEST)
    assert found is not None
    assert found["Id"] == "jr_901"
    assert lab.fake.count("get_job_runs") == 3, "451 runs of 1,351"
