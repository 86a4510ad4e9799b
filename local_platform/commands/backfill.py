"""`make backfill`: past nights of a DAG by Airflow's own backfill, as its UI and command line start one."""

from __future__ import annotations

from local_platform.clients.airflow import AirflowApi


def create(api: AirflowApi, dag_id: str, start: str, end: str, at_once: int, again: str = "none") -> int:
    """Start a backfill of the intervals that begin from `start` until before `end` (YYYY-MM-DD, UTC); its id.

    again: which past runs are run once more, none | failed | completed. AirflowError with Airflow's answer.
    """
    request = {
        "dag_id": dag_id,
        "from_date": f"{start}T00:00:00Z",
        "to_date": f"{end}T00:00:00Z",
        "max_active_runs": at_once,
        "reprocess_behavior": again,
    }
    number = api.request("POST", "/api/v2/backfills", json=request)["id"]
    api.unpause(dag_id)
    return number
