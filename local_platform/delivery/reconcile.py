"""`make reconcile`: the ETL's accounting of a folder of loan files, without AWS."""

from __future__ import annotations

import argparse
from pathlib import Path

from local_platform.command import a_date
from local_platform.delivery import etl, landing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder with the files of one source")
    parser.add_argument("--as-of", type=a_date, help="business date, YYYY-MM-DD; default: end of the last month in it")


def run(arguments: argparse.Namespace) -> int:
    """Ends with one line of JSON on stdout. LandingError or UnreadableFiles where the files cannot be read."""
    found = landing.look_into(arguments.data)
    found.say_what_is_not_read()
    as_of = arguments.as_of or found.delivered
    where = ["--raw_root", str(arguments.data.resolve())] if found.delivered else ["--files", found.as_argument()]
    etl.reconcile("--source", found.source, *where, *(["--as_of_date", as_of] if as_of else []))
    return 0
