"""A real Airflow on a real local AWS, whose DAGs are the probes: short jobs made to be broken."""

from __future__ import annotations

import contextlib
import functools
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from local_platform.clients.airflow import FINISHED
from local_platform.clients.aws import read_json
from local_platform.environments import ROOT
from mortgage_risk.jobs import code as job_code
from tests.installation import Installation, installed

HERE = Path(__file__).parent
TASK = "run_job"
REQUEST = "--airflow_request"  # its attempt, among a run's arguments
RUNNING = {"STARTING", "RUNNING", "STOPPING"}


@dataclass
class Probe:
    """One run of a probe DAG, and what became of its job in Glue."""

    lab: Lab
    dag_id: str
    run_id: str
    date: str

    def task(self) -> dict[str, Any]:
        return self.lab.api.tasks(self.dag_id, self.run_id)[0]

    def state(self) -> str:
        return self.lab.api.run_state(self.dag_id, self.run_id)

    def until(self, wanted: Any) -> Any:
        return self.lab.until(wanted, lambda: (self.task()["state"], self.jobs()))

    def end(self) -> str:
        return self.until(lambda: state if (state := self.state()) in FINISHED else None)

    def waiting(self) -> None:
        """The job runs and the task waits for it, where its DAG lets it wait."""
        deferred = "deferred" in self.dag_id
        state = "deferred" if deferred else "running"
        self.until(lambda: self.jobs()[-1:] == ["RUNNING"] and self.task()["state"] == state)
        if deferred:  # before the triggerer has taken it up, Airflow tells nobody that the task is ended
            self.until(lambda: (self.task()["trigger"] or {}).get("triggerer_id"))
            time.sleep(3)

    def jobs(self) -> list[str]:
        """States of the date's Glue runs, oldest first. All of them must be attempts at one request, each another."""
        day = self.date.replace("-", "")
        requests = {name: runs for name, runs in glue_runs(self.lab).items() if f"-{day}-" in name}
        assert len(requests) <= 1, list(requests)
        runs = [run for found in requests.values() for run in found]
        attempts = [run["Arguments"][REQUEST] for run in runs]
        assert len(set(attempts)) == len(attempts), attempts
        return [run["JobRunState"] for run in runs]

    def stopped(self) -> list[str]:
        """The states once nothing runs any more."""
        return self.until(lambda: jobs if (jobs := self.jobs()) and not set(jobs) & RUNNING else None)

    def published(self) -> bool:
        """True if the date's data is there, whole, and nothing beside it; False if there is none."""
        objects = self.lab.objects(f"probe/{self.date}/")
        if not any(key.endswith("_manifest.json") for key in objects):
            return False
        manifest = read_json(self.lab.platform, f"s3://{self.lab.platform.bucket}/probe/{self.date}/_manifest.json")
        data = {key: body for key, body in objects.items() if not key.endswith("_manifest.json")}
        assert [f"probe/{self.date}/{file['key']}" for file in manifest["files"]] == sorted(data)
        assert set(data.values()) == {self.date.encode()}
        return len(data) == manifest["rows"] == 2

    def api(self, method: str, path: str, **body: Any) -> Any:
        return self.lab.api.request(method, f"/api/v2/dags/{self.dag_id}/{path}", json=body or None)

    def mark(self, state: str) -> None:
        self.api("PATCH", f"dagRuns/{self.run_id}/taskInstances/{TASK}", new_state=state)

    def mark_run(self, state: str) -> None:
        self.api("PATCH", f"dagRuns/{self.run_id}", state=state)

    def clear(self) -> None:
        self.api(
            "POST",
            "clearTaskInstances",
            dry_run=False,
            dag_run_id=self.run_id,
            task_ids=[TASK],
            only_failed=False,
            reset_dag_runs=True,
        )


class Lab(Installation):
    """Starts probes, each on a date of its own: no two cases share a job."""

    pause_s = 2.0
    topic = "people"  # what the platform tells, it tells here
    _dates = itertools.count()

    def probe(self, name: str, day: str | None = None, **params: Any) -> Probe:
        day = day or (date(2015, 1, 1) + timedelta(days=next(self._dates))).isoformat()
        dag_id = f"probe_{name}"
        return Probe(self, dag_id, self.trigger(dag_id, score_date=day, **params), day)


def glue_runs(installation: Installation) -> dict[str, list[dict[str, Any]]]:
    """The runs of each request, of all its attempts, oldest first."""
    glue = installation.client("glue")
    found: dict[str, list[dict[str, Any]]] = {}
    for name in (name for page in pages(glue.list_jobs, "JobNames") for name in page):
        runs = pages(functools.partial(glue.get_job_runs, JobName=name), "JobRuns")
        for run in (run for page in runs for run in page):
            found.setdefault(run["Arguments"][REQUEST].rpartition("-")[0], []).append(run)
    return {request: sorted(runs, key=lambda run: run["StartedOn"]) for request, runs in sorted(found.items())}


def pages(call: Any, key: str) -> Iterator[list[Any]]:
    answer: dict[str, Any] = {"NextToken": None}
    while "NextToken" in answer:
        answer = call(**({"NextToken": answer["NextToken"]} if answer["NextToken"] else {}))
        yield answer[key]


@contextlib.contextmanager
def laboratory(folder: Path) -> Iterator[Lab]:
    environment = {
        "MORTGAGE_DAGS_DIR": str(HERE / "probe_dags"),
        "AIRFLOW__MORTGAGE_RISK__SNS_TOPIC_ARN": f"arn:aws:sns:us-east-1:123456789012:{Lab.topic}",
    }
    with installed(folder, **environment) as bare:
        found = Lab(bare.platform, bare.api)
        s3 = found.client("s3")
        s3.create_bucket(Bucket=found.platform.bucket)
        code = {
            "glue_libs.zip": job_code.collect(ROOT)["glue_libs.zip"],
            "probe_job.py": (HERE / "probe_job.py").read_bytes(),
        }
        for name, body in code.items():
            s3.put_object(Bucket=found.platform.bucket, Key=f"probe-code/{name}", Body=body)
        found.until(lambda: len(found.api.dag_ids()) >= 10, found.api.import_errors)
        yield found


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with laboratory(tmp_path_factory.mktemp("faults")) as found:
        yield found
