"""`make reconcile`: the ETL's accounting of a folder of loan files, without AWS."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from local_platform import landing
from local_platform.environments import GLUE, ROOT, runtime_python


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder with the files of one source")
    parser.add_argument("--as-of", help="business date, YYYY-MM-DD; default: end of the last reporting month")


def run(arguments: argparse.Namespace) -> int:
    """Ends with one line of JSON on stdout; exit code 1 with the reason where the files cannot be read."""
    try:
        delivery = landing.describe(arguments.data, as_of=arguments.as_of)
    except landing.LandingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"source {delivery.source}, as of {delivery.as_of_date}", flush=True)
    with tempfile.TemporaryDirectory() as root:
        landing.mirror(delivery, Path(root))
        command = [str(runtime_python(GLUE)), "-m", "mortgage_etl.reconcile", "--source", delivery.source]
        command += ["--raw_root", root, "--as_of_date", delivery.as_of_date]
        path = os.pathsep.join([str(ROOT), str(ROOT / "glue_jobs")])
        return subprocess.run(command, env={**os.environ, "PYTHONPATH": path}).returncode
