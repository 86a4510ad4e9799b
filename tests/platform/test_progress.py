"""What a terminal shows of a run."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from local_platform.clients import progress
from local_platform.clients.progress import Progress, seconds


@pytest.mark.parametrize(("took", "shown"), [(-0.3, "0 s"), (-1e-9, "0 s"), (0.0, "0 s"), (0.6, "1 s"), (61.4, "61 s")])
def test_no_span_of_time_is_negative(took: float, shown: str) -> None:
    assert seconds(took) == shown


def test_a_task_that_began_since_the_last_look_has_run_for_no_time(monkeypatch, capsys) -> None:
    """Every reading of the clock is later than the one before."""
    clock = itertools.count(0.0, 0.4)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progress.time, "sleep", lambda _: None)
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0)
    running = {"task_id": "train", "state": "running", "try_number": 1, "duration": None}
    done = {**running, "state": "success", "duration": -0.2}
    looks = iter([[], [running], [done]])

    class Api:
        states = iter(["running", "success"])

        def run_state(self, dag_id: str, run_id: str) -> str:
            return next(self.states)

        def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
            return next(looks)

    Progress().follow(Api(), "d", "r")  # type: ignore[arg-type]
    said = capsys.readouterr().out
    assert "train 0 s" in said
    assert "train: ok 0 s" in said
