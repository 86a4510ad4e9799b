"""`make history`: two years of monitored nights, by a program of the SageMaker runtime (local_platform/history)."""

from __future__ import annotations

import argparse
import os
import subprocess

from local_platform.environments import ROOT, runtime_python
from local_platform.running.services import aws_environment
from local_platform.settings import Platform

#: Where the program finds the code it stands on.
CODE = os.pathsep.join(map(str, (ROOT, ROOT / "sagemaker_entrypoints", ROOT / "plugins")))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plant", action="append", default=[], help="a fault, see simulator/faults.py; repeatable")


def run(arguments: argparse.Namespace, platform: Platform) -> int:
    """The history needs the model's libraries, and talks to the local AWS as any job does."""
    python = str(runtime_python("sagemaker-xgboost-3.2-0"))
    command = [python, "-m", "local_platform.history", "--bucket", platform.bucket]
    command += [f"--plant={fault}" for fault in arguments.plant]
    environment = {**os.environ, **aws_environment(platform), "PYTHONPATH": CODE}
    # In a session of its own: Ctrl-C is answered here, once.
    return subprocess.run(command, env=environment, cwd=ROOT, start_new_session=True).returncode
