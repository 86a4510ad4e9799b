"""The programs of the pipeline, each in the runtime it has on AWS, from a simulated book to its loan panel."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from local_platform.commands import demo
from local_platform.delivery import landing
from local_platform.environments import GLUE, ROOT, runtime_python

HERE = Path(__file__).parent
SAGEMAKER = "sagemaker-xgboost-3.2-0"


def run(runtime: str, *command: str, **environment: str) -> str:
    """Standard output of a Python program in one of the runtimes, with the code that it has on AWS."""
    path = os.pathsep.join(map(str, (ROOT, ROOT / "glue_jobs", ROOT / "sagemaker_entrypoints")))
    done = subprocess.run(
        [str(runtime_python(runtime)), *command],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@dataclass(frozen=True)
class Book:
    """A simulated book and the loan panel that Glue's code makes of it."""

    truth: str
    panel: str


def simulate(work: Path, *options: str) -> Book:
    """The demo's book under `work`, with further `options` of the simulator."""
    book = work / "book"
    run("tooling", "-m", "simulator", *demo.BOOK, "--loans", str(demo.LOANS), *options, "--out", str(book))
    run(GLUE, str(HERE / "build_panel.py"), str(book), landing.describe(book).as_of_date, str(work))
    return Book(str(book / "truth" / "true_pd_12m"), str(work / "panel" / "attempt=run"))
