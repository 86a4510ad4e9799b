"""`make backfill`: past nights of a DAG by Airflow's own backfill, as its UI and command line start one."""

from __future__ import annotations

import argparse

from local_platform.clients.airflow import AirflowApi
from local_platform.command import CommandError, a_date, a_number
from local_platform.settings import Platform


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dag_id")
    parser.add_argument("start", metavar="FROM", type=a_date, help="first date, YYYY-MM-DD")
    parser.add_argument("end", metavar="TO", type=a_date, help="the date after the last one")
    parser.add_argument("--at-once", type=a_number, default=3)
    parser.add_argument("--again", choices=("none", "failed", "completed"), default="none")


def run(arguments: argparse.Namespace, platform: Platform) -> int:
    if arguments.start >= arguments.end:
        raise CommandError(f"TO ({arguments.end}) is the date after the last one, so it must be after FROM")
    api = AirflowApi(platform.airflow_url, "admin", platform.password("admin"))
    wanted = (api.known(arguments.dag_id), arguments.start, arguments.end, arguments.at_once, arguments.again)
    number = create(api, *wanted)
    print(f"Backfill {number}: {platform.public_airflow_url}/dags/{arguments.dag_id}/backfills")
    return 0


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
    number = int(api.request("POST", "/api/v2/backfills", json=request)["id"])
    api.unpause(dag_id)
    return number
