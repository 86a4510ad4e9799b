"""`make lineage`: from a score back to its model and training data, as the plugins' trail tells it."""

from __future__ import annotations

import argparse
import os
import sys

from local_platform.command import a_date
from local_platform.environments import ROOT
from local_platform.running.services import aws_environment
from local_platform.settings import Platform


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--date", type=a_date, required=True, help="score date, YYYY-MM-DD")
    parser.add_argument("--loan", help="loan id")
    parser.add_argument("--source", default="canonical")


def run(arguments: argparse.Namespace, platform: Platform) -> int:
    os.environ.update(aws_environment(platform))
    sys.path.insert(0, str(ROOT / "plugins"))
    from mortgage_risk.release import trail

    loan = ["--loan-id", arguments.loan] if arguments.loan else []
    return trail.main(["--score-date", arguments.date, "--source", arguments.source, *loan])
