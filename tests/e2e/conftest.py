"""A platform of its own for the end-to-end tests: own state and ports, a small simulated book, real processes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_platform.clients.aws import read_json
from local_platform.commands import demo
from local_platform.delivery import landing
from local_platform.environments import ROOT, runtime_python
from tests.installation import Installation as BareInstallation
from tests.installation import installed

# Too few defaulted loans for the gate: the tests release the model by a named override, as a small lender would.
BOOK = ["--loans", "4000", "--seed", "7", "--start", "2003-01", "--end", "2014-12"]


@dataclass
class Installation(BareInstallation):
    """A running platform with a landed book."""

    business_date: str
    truth: Path

    def succeed(self, dag_id: str, **params: Any) -> dict[str, Any]:
        """Run to success; the run's summary."""
        run_id = self.trigger(dag_id, **params)
        assert self.wait(dag_id, run_id) == "success", self.explain(dag_id, run_id)
        return self.summary(dag_id, run_id)

    def fail(self, dag_id: str, **params: Any) -> str:
        """Run to failure; what the platform says about it."""
        run_id = self.trigger(dag_id, **params)
        assert self.wait(dag_id, run_id) == "failed"
        return self.explain(dag_id, run_id)

    def explain(self, dag_id: str, run_id: str) -> str:
        return demo.failure(self.api, self.platform, dag_id, run_id)

    def summary(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return read_json(self.platform, self.api.xcom(dag_id, run_id, "summarize_run")["summary_uri"])


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("platform")
    with installed(folder, AIRFLOW__MORTGAGE_RISK__ENDPOINT_NAME="pd") as bare:
        book = folder / "book"
        subprocess.run(
            [str(runtime_python("tooling")), "-m", "simulator", *BOOK, "--out", str(book)],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        delivery = landing.describe(book)
        landing.land(bare.platform, delivery)
        demo.wait_for_dags(bare.api, bare.platform)
        yield Installation(bare.platform, bare.api, delivery.as_of_date, book / "truth")
