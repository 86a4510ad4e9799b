"""The few calls of Airflow's REST API that the demo and the end-to-end tests make."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from local_platform.command import CommandError

FINISHED = {"success", "failed"}


class AirflowError(CommandError):
    """Airflow does not answer, or refuses: the message is its own."""


class AirflowApi:
    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._session = requests.Session()
        # Reading again is harmless, and a machine at its limit answers late.
        self._session.mount(url, HTTPAdapter(max_retries=Retry(5, backoff_factor=1, allowed_methods={"GET"})))
        self._credentials = {"username": user, "password": password}
        self._login(requests)  # asked once: a platform that is down is told of at once

    def trigger(self, dag_id: str, conf: dict[str, Any], logical_date: str | None = None) -> str:
        """Start a run with these Params; its run id."""
        self.unpause(dag_id)
        body = {"conf": conf, "logical_date": logical_date}
        return self.request("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)["dag_run_id"]

    def unpause(self, dag_id: str) -> None:
        self.request("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def is_paused(self, dag_id: str) -> bool:
        return self.request("GET", f"/api/v2/dags/{dag_id}")["is_paused"]

    def pause(self, dag_id: str) -> None:
        self.request("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": True})

    def runs(self, dag_id: str, **filters: Any) -> list[dict[str, Any]]:
        return self.request("GET", f"/api/v2/dags/{dag_id}/dagRuns", params={"limit": 100, **filters})["dag_runs"]

    def run_state(self, dag_id: str, run_id: str) -> str:
        return self.request("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Task instances in the order they started; those that have not come last."""
        found = self.request("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 200})[
            "task_instances"
        ]
        return sorted(found, key=lambda t: (t["start_date"] is None, t["start_date"] or "", t["task_id"]))

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What the task returned; None where it returned nothing."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries"
        keys = {entry["key"] for entry in self.request("GET", path)["xcom_entries"]}
        return (
            self.request("GET", f"{path}/return_value", params={"deserialize": "true"})["value"]
            if "return_value" in keys
            else None
        )

    def log(self, dag_id: str, run_id: str, task: dict[str, Any]) -> list[dict[str, Any]]:
        """Structured log events of the task's last try, oldest first."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
        content = self.request("GET", path, params={"full_content": "true"}).get("content", [])
        return [line if isinstance(line, dict) else {"event": str(line)} for line in content]

    def dag_ids(self) -> set[str]:
        return {dag["dag_id"] for dag in self.request("GET", "/api/v2/dags", params={"limit": 100})["dags"]}

    def known(self, dag_id: str) -> str:
        """The same DAG id; AirflowError where there is no such DAG."""
        if dag_id not in (there := self.dag_ids()):
            raise AirflowError(f"there is no DAG {dag_id}; DAGs are {', '.join(sorted(there)) or 'not parsed yet'}")
        return dag_id

    def import_errors(self) -> list[str]:
        found = self.request("GET", "/api/v2/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace']}" for error in found]

    def request(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._ask(self._session, method, path, **arguments)
        if answer.status_code == 401:  # a token lasts a day; a platform may be up longer
            self._login(self._session)
            answer = self._ask(self._session, method, path, **arguments)
        if not answer.ok:
            raise AirflowError(f"Airflow answered {answer.status_code} to {method} {path}: {_detail(answer)}")
        return answer.json() if answer.content else None

    def _login(self, session: Any) -> None:
        """``session``: through what is asked, a requests.Session or the module."""
        answer = self._ask(session, "POST", "/auth/token", json=self._credentials)
        if not answer.ok:
            raise AirflowError(f"Airflow refused the log-in of {self._credentials['username']}: {_detail(answer)}")
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _ask(self, session: Any, method: str, path: str, **arguments: Any) -> requests.Response:
        try:
            return session.request(method, self.url + path, timeout=60, **arguments)
        except requests.RequestException as error:
            raise AirflowError(
                f"Airflow does not answer at {self.url} ({type(error).__name__}). Does it run? `make status` shows it, "
                "`make up` starts it."
            ) from error


def _detail(answer: requests.Response) -> str:
    """What Airflow says in its answer, in one line."""
    try:
        said = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        said = answer.text
    return " ".join(str(said).split())[:2000]
