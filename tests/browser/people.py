"""A platform for the browser tests, and people who work at it."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from local_platform.commands import demo
from local_platform.environments import runtime_python
from local_platform.running.services import airflow_environment
from tests.installation import Installation

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

HERE = Path(__file__).parent
GROUP = "mortgage-default-risk-canonical"
DAG_IDS = sorted(path.stem for path in (HERE.parents[1] / "dags").glob("mortgage_*.py"))
TRAINING, SCORING, WITHDRAWAL = "mortgage_training", "mortgage_nightly_scoring", "mortgage_model_withdrawal"
ASK = "release.ask_for_approval"
TODAY = datetime.now(ZoneInfo("America/New_York")).date()


def days_ago(number: int) -> str:
    return (TODAY - timedelta(days=number)).isoformat()


class Site(Installation):
    """The running platform, and what a test looks up behind the pages."""

    pause_s = 1.0

    def version(self, number: int) -> dict[str, Any]:
        """DescribeModelPackage."""
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{number}"
        return self.client("sagemaker").describe_model_package(ModelPackageName=arn)

    def metadata(self, number: int) -> dict[str, str]:
        return self.version(number)["CustomerMetadataProperties"]

    def states(self, dag_id: str, run_id: str) -> dict[str, str]:
        return {task["task_id"]: task["state"] for task in self.api.tasks(dag_id, run_id)}

    def ends(self, dag_id: str, run_id: str, state: str) -> None:
        found = self.wait(dag_id, run_id)
        why = demo.failure(self.api, self.platform, dag_id, run_id) if found == "failed" else ""
        assert found == state, (self.states(dag_id, run_id), why)

    def asked(self, run_id: str) -> int:
        """Wait for the question; the version that it is about."""
        self.until(
            lambda: self.states(TRAINING, run_id)[ASK] == "awaiting_input",
            lambda: (self.api.run_state(TRAINING, run_id), self.states(TRAINING, run_id)),
        )
        return self.api.xcom(TRAINING, run_id, "release.register_model")["version"]

    def ask_again(self, run_id: str) -> None:
        """Clear the question and what follows from it, as a person does."""
        self.api.request(
            "POST",
            f"/api/v2/dags/{TRAINING}/clearTaskInstances",
            json={
                "dry_run": False,
                "dag_run_id": run_id,
                "task_ids": [ASK],
                "include_downstream": True,
                "only_failed": False,
                "reset_dag_runs": True,
            },
        )

    def let_the_time_pass(self, run_id: str) -> None:
        """The hours that an approver has are over: no setting is short enough for a test."""
        code = (
            "from sqlalchemy import update; from airflow.models.taskinstance import TaskInstance as T; "
            "from airflow.utils.session import create_session; from airflow.sdk.timezone import utcnow\n"
            f"with create_session() as s: s.execute(update(T).where(T.run_id == {run_id!r}, T.task_id == {ASK!r})"
            ".values(trigger_timeout=utcnow()))"
        )
        environment = {**os.environ, **airflow_environment(self.platform)}
        subprocess.run([str(runtime_python("airflow")), "-c", code], env=environment, check=True, capture_output=True)

    def on_the_command_line(self, dag_id: str, conf: str) -> str:
        """Start a run past the API server; its id."""
        airflow = str(runtime_python("airflow").with_name("airflow"))
        command = [airflow, "dags", "trigger", "--conf", conf, "--run-id", "typed", dag_id]
        environment = {**os.environ, **airflow_environment(self.platform)}
        subprocess.run(command, env=environment, check=True, capture_output=True)
        return "typed"

    def log(self, dag_id: str, run_id: str, task_id: str) -> str:
        (task,) = [task for task in self.api.tasks(dag_id, run_id) if task["task_id"] == task_id]
        lines = self.api.log(dag_id, run_id, task)
        return "\n".join(f"{line.get('event')} {line.get('error_detail')}" for line in lines)


READING_MS = 5_000


@dataclass
class Person:
    """A user of one role, at a page."""

    site: Site
    name: str
    page: Any

    def go(self, path: str) -> None:
        self.page.goto(self.site.platform.airflow_url + path)

    def rest(self) -> None:
        """Leave Airflow's page, which asks for news every second as long as it is open."""
        self.page.goto("about:blank")

    def open_form(self, dag_id: str) -> Form:
        self.go(f"/dags/{dag_id}")
        self.page.get_by_role("button", name="Trigger").first.click()
        form = Form(self.page, self.page.get_by_role("dialog"))
        sync_api.expect(form.dialog.get_by_text("Run Parameters")).to_be_visible()
        return form

    def start(self, dag_id: str, **fields: str) -> str:
        """Fill in the form and press the button; the run's id."""
        form = self.open_form(dag_id)
        for name, value in fields.items():
            form.fill(name, value)
        answer = form.press("Trigger")
        assert answer.ok, answer.text()
        run_id = answer.json()["dag_run_id"]
        self.rest()
        return run_id

    def open_question(self, run_id: str) -> None:
        self.go(f"/dags/{TRAINING}/runs/{quote(run_id, safe='')}/tasks/{ASK}/required_actions")

    def answer(self, run_id: str, option: str, comment: str = "") -> int:
        """Answer the question of a training; the HTTP status of Airflow's answer.

        Not in the second in which it is asked, which is before anybody can have read it: Airflow 3.3.1 may then take
        the end of the process that asked for that of the one that goes on, fails it ("state mismatch") and asks again.
        """
        self.open_question(run_id)
        self.page.wait_for_timeout(READING_MS)
        if comment:
            self.page.locator("input[name=element_comment]").fill(comment)
        with self.page.expect_response(lambda got: "hitlDetails" in got.url and got.request.method == "PATCH") as got:
            self.page.get_by_role("button", name=option, exact=True).click()
        status = got.value.status
        self.rest()
        return status


@dataclass
class Form:
    """Airflow's dialog that starts a run, or a backfill."""

    page: Any
    dialog: Any

    @property
    def text(self) -> str:
        return self.dialog.inner_text()

    def button(self, name: str) -> Any:
        return self.dialog.get_by_role("button", name=name, exact=True)

    def field(self, name: str) -> Any:
        return self.dialog.locator(f"[name=element_{name}]")

    def fill(self, name: str, value: str) -> None:
        self.field(name).fill(value)

    def type(self, name: str, text: str) -> None:
        """Key by key, as a person does: a field may change what is in it meanwhile."""
        self.field(name).click()
        self.page.keyboard.type(text)

    def press(self, name: str) -> Any:
        """Press the button that sends the form, again where the database was busy; Airflow's answer."""
        sent = ("/dagRuns", "/backfills")
        for _ in range(5):
            sync_api.expect(self.button(name)).to_be_enabled()
            with self.page.expect_response(lambda got: got.request.method == "POST" and got.url.endswith(sent)) as got:
                self.button(name).click()
            answer = got.value
            if answer.status != 500:
                break
        return answer

    def refused(self, name: str, words: str) -> None:
        """Press the button: the form stays, with these words."""
        assert self.press(name).status == 400
        sync_api.expect(self.dialog.get_by_text(words)).to_be_visible()

    def as_backfill(self, first: str, until: str) -> None:
        """Turn to the backfill of the runs from `first` until before `until`, and wait for their number."""
        self.dialog.get_by_text("Run this Dag for a range of dates").click()
        for place, day in enumerate((first, until)):
            self.dialog.get_by_test_id("datetime-input").nth(place).fill(f"{day}T00:00")


def register_a_model(site: Site) -> None:
    """Version 1, in force since 2015: a night can be scored before the tests have trained anything."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(HERE / "job_code/sagemaker_entrypoints/inference.py", "code/inference.py")
    key = "models/first/model.tar.gz"
    site.client("s3").put_object(Bucket=site.platform.bucket, Key=key, Body=archive.getvalue())
    sagemaker = site.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=GROUP, ModelPackageGroupDescription="Tests.")
    container = {
        "Image": airflow_environment(site.platform)["AIRFLOW__MORTGAGE_RISK__IMAGE_URI"],
        "ModelDataUrl": f"s3://{site.platform.bucket}/{key}",
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
    }
    sagemaker.create_model_package(
        ModelPackageGroupName=GROUP,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        CustomerMetadataProperties={
            "approved_by": "the tests",
            "approved_at": "2015-01-01T00:00:00+00:00",
            "effective_from": "2015-01-01",
        },
    )
