"""Found again or submitted, without Airflow: what `Submission` asks of a kind, and in what order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mortgage_risk.jobs.kinds import KINDS
from mortgage_risk.jobs.kinds.kind import JobKind
from mortgage_risk.jobs.kinds.processing import ProcessingJob
from mortgage_risk.jobs.kinds.sagemaker_job import SageMakerJob
from mortgage_risk.jobs.state import JobState
from mortgage_risk.jobs.submission import Cancelled, StillStopping, Submission, request_name

RUNNING = JobState("work-1", "running", "InProgress", "", None, None, {})
STOPPING = replace(RUNNING, status="Stopping")
STOPPED = replace(RUNNING, phase="stopped", status="Stopped")
SUCCEEDED = replace(RUNNING, phase="succeeded", status="Completed")
FAILED = replace(RUNNING, phase="failed", status="Failed")


@dataclass
class World:
    """A kind whose newest attempt is `found`, then what `describes` says in turn; notes what is done."""

    found: JobState | None
    describes: list[JobState] = field(default_factory=lambda: [RUNNING])
    done: list[str] = field(default_factory=list)
    result_is_there: bool = True
    wanted: bool = True

    def submission(self) -> Submission:
        world = self

        class Kind(ProcessingJob):
            def latest(self, clients: Any, request: Any, name: str) -> JobState | None:
                return world.found

            def submit(self, clients: Any, request: Any, name: str, previous: JobState | None) -> str:
                world.done.append(f"submit after {previous.job_id if previous else None}")
                return "work-2"

            def describe(self, clients: Any, job_id: str) -> JobState:
                return world.describes.pop(0)

        return Submission(
            kind=Kind(),
            clients=lambda service, *, retries=True: None,
            request={},
            name="work",
            usable=lambda state: world.result_is_there,
            permit=lambda: world.done.append("permit"),
            cancelled=lambda: not world.wanted,
            pause_s=0,
        )


@pytest.mark.parametrize("found", [RUNNING, SUCCEEDED], ids=lambda state: state.phase)
def test_what_runs_or_has_succeeded_is_used_and_nothing_is_paid(found: JobState) -> None:
    world = World(found)
    assert world.submission().find_or_submit() is found
    assert world.done == []


@pytest.mark.parametrize("found", [None, FAILED, STOPPED], ids=lambda state: state.phase if state else "none")
def test_else_the_next_attempt_is_submitted_once_it_is_permitted(found: JobState | None) -> None:
    world = World(found)
    assert world.submission().find_or_submit() is RUNNING
    assert world.done == ["permit", f"submit after {found.job_id if found else None}"]


def test_a_success_whose_result_is_gone_gives_way() -> None:
    world = World(SUCCEEDED, result_is_there=False)
    world.submission().find_or_submit()
    assert world.done == ["permit", "submit after work-1"]


def test_one_that_is_stopping_is_waited_for_and_gives_way() -> None:
    world = World(STOPPING, describes=[STOPPING, STOPPED, RUNNING])
    assert world.submission().find_or_submit() is RUNNING
    assert world.done == ["permit", "submit after work-1"]


def test_one_that_stops_for_ever_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(0, 10**6, 600))
    monkeypatch.setattr("time.monotonic", lambda: next(moments))
    world = World(STOPPING, describes=[STOPPING] * 10)
    with pytest.raises(StillStopping, match="work-1 is Stopping since 30 minutes"):
        world.submission().find_or_submit()
    assert world.done == []


@pytest.mark.parametrize("found", [None, RUNNING, STOPPING, FAILED])
def test_nobody_wants_it_any_more(found: JobState | None) -> None:
    world = World(found, wanted=False)
    with pytest.raises(Cancelled):
        world.submission().find_or_submit()
    assert world.done == []


def test_what_is_not_permitted_is_not_submitted() -> None:
    def refuse() -> None:
        raise PermissionError("too dear")

    world = World(None)
    with pytest.raises(PermissionError):
        replace(world.submission(), permit=refuse).find_or_submit()
    assert world.done == []


# --- names ---

KEY = {"task_id": "score.batch_transform", "source": "canonical", "business_date": "2019-12-31", "length": 63}


def name(**changes: Any) -> str:
    return request_name(**{**KEY, "request": {"a": {"b": 1}}, "inputs": {}, **changes})


def test_a_name_can_be_read_and_does_not_change_between_versions() -> None:
    assert name() == "batch-transform-canonical-20191231-10fb123663"


def test_who_asks_is_not_part_of_the_name() -> None:
    assert name(request={"a": {"b": 1, "Tags": [1]}, "Tags": {"run": "x"}}) == name()


@pytest.mark.parametrize(
    "change",
    [
        {"task_id": "score.other"},
        {"task_id": "other.batch_transform"},
        {"source": "freddie_mac"},
        {"business_date": "2020-01-01"},
        {"request": {"a": {"b": 2}}},
        {"inputs": {"s3://b/x/": "f"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_work_has_another_name(change: dict[str, Any]) -> None:
    assert name(**change) != name()


@given(st.text(min_size=1), st.text(min_size=1), st.sampled_from([32, 63]))
def test_a_name_leaves_room_for_its_attempt(task_id: str, source: str, length: int) -> None:
    found = name(task_id=task_id, source=source, length=length)
    assert len(f"{found}-99") <= length


# --- kinds ---


def test_every_kind_is_known_by_its_own_name() -> None:
    assert {key: kind.name for key, kind in KINDS.items()} == {key: key for key in KINDS}
    assert set(KINDS) == {"glue", "endpoint", "training", "tuning", "processing", "transform"}


@pytest.mark.parametrize("base", [JobKind, SageMakerJob])
def test_a_kind_that_lacks_something_cannot_be_made(base: type) -> None:
    half = type("Half", (base,), {"name": "half", "service": "sagemaker"})
    with pytest.raises(TypeError, match="abstract"):
        half()
