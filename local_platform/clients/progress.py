"""Lines of progress with elapsed time, for a terminal and a CI log alike."""

from __future__ import annotations

import time

from local_platform.clients.airflow import FINISHED, AirflowApi

HEARTBEAT_SECONDS = 10
DONE_MARKS = {"success": "ok", "failed": "FAILED", "skipped": "skipped", "upstream_failed": "not run"}


def seconds(took: float) -> str:
    """A span of time; two clocks, or two readings of one, may make it end before it began."""
    return f"{max(0.0, took):.0f} s"


class Progress:
    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def say(self, text: str) -> None:
        minutes, seconds = divmod(int(self.elapsed), 60)
        print(f"[{minutes:2d}:{seconds:02d}] {text}", flush=True)

    def follow(self, api: AirflowApi, dag_id: str, run_id: str) -> str:
        """Report each task as it ends, and what runs in between, until the run ends; its final state."""
        reported: set[tuple[str, int]] = set()
        since: dict[str, float] = {}
        last_line = self.elapsed
        while True:
            state = api.run_state(dag_id, run_id)
            for task in api.tasks(dag_id, run_id):
                name, status, key = task["task_id"], task["state"], (task["task_id"], task["try_number"])
                if status in DONE_MARKS and key not in reported:
                    reported.add(key)
                    took = f" {seconds(task['duration'])}" if task["duration"] and status != "skipped" else ""
                    self.say(f"  {name}: {DONE_MARKS[status]}{took}")
                    last_line = self.elapsed
                elif status in ("running", "deferred"):
                    since.setdefault(name, self.elapsed)
                elif status == "up_for_retry" and key not in reported:
                    reported.add(key)
                    self.say(f"  {name}: try {task['try_number']} failed, will be tried again")
            if state in FINISHED:
                return state
            if self.elapsed - last_line >= HEARTBEAT_SECONDS:
                waiting = [t["task_id"] for t in api.tasks(dag_id, run_id) if t["state"] in ("running", "deferred")]
                now = self.elapsed
                doing = ", ".join(f"{name} {seconds(now - since.get(name, now))}" for name in waiting)
                self.say(f"  … {doing or f'the run is {state}'}")
                last_line = self.elapsed
            time.sleep(1)
