"""`make backfill`: past nights of a DAG, created so that SQLite bears it.

Airflow creates a backfill run by run, each in a transaction that reads before it writes. SQLite refuses such a
transaction as soon as anybody else has written in between, and the backfill is given up half-way; the scheduler, which
may have started its first runs by then, dies when they are taken away. So the others hold still for these seconds.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from local_platform import supervisor
from local_platform.airflow_api import AirflowApi
from local_platform.command import CommandError
from local_platform.settings import Platform

WRITERS = ("scheduler", "triggerer", "dag-processor")
TRIES = 20


def create(
    platform: Platform, api: AirflowApi, dag_id: str, start: str, end: str, at_once: int, again: str = "none"
) -> int:
    """Start a backfill of the intervals that begin from `start` until before `end` (YYYY-MM-DD, UTC); its id.

    again: which past runs are run once more, none | failed | completed. AirflowError with Airflow's answer.
    """
    request: dict[str, Any] = {
        "dag_id": dag_id,
        "from_date": f"{start}T00:00:00Z",
        "to_date": f"{end}T00:00:00Z",
        "max_active_runs": at_once,
        "reprocess_behavior": again,
    }
    for _ in range(TRIES):
        with supervisor.held_still(platform, *WRITERS):
            if _can_be_written(platform):
                number = api.request("POST", "/api/v2/backfills", json=request)["id"]
                break
        time.sleep(0.5)
    else:
        raise CommandError(f"the metadata database was busy {TRIES} times")
    api.unpause(dag_id)
    return number


def _can_be_written(platform: Platform) -> bool:
    """False where a process that holds still holds SQLite's lock too."""
    if not platform.database_url.startswith("sqlite:///"):
        return True
    connection = sqlite3.connect(platform.database_url.removeprefix("sqlite:///"), timeout=1, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True
