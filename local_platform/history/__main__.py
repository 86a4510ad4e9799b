"""`python -m local_platform.history --bucket <bucket>`: two years of monitored nights in minutes.

On a local AWS that holds an approved model and its panel (`make demo`).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import boto3

from local_platform.command import Parser, a_number, ended
from local_platform.history.book import read_book
from local_platform.history.installation import download, write
from local_platform.history.nights import nights
from mortgage_risk.layout import Layout
from simulator.faults import KINDS, Fault

NIGHTS = 730


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(prog="python -m local_platform.history", description=__doc__.splitlines()[0])
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--model_name", default="mortgage-default-risk")
    parser.add_argument("--nights", type=a_number, default=NIGHTS)
    parser.add_argument(
        "--plant",
        type=_fault,
        action="append",
        default=[],
        help="a fault: kind@first[..last], kind one of unit_change, broken_feed, population; repeatable",
    )
    options = parser.parse_args(arguments)
    layout, s3 = Layout(options.bucket, options.model_name), boto3.client("s3")
    with tempfile.TemporaryDirectory() as folder:
        release = download(s3, layout, Path(folder))
        last = release.last_day
        first = last - timedelta(days=options.nights - 1)
        print(f"{options.nights} nights from {first} to {last}", flush=True)
        book = read_book(release.version, release.model, release.panel, first, last)
        count = write(s3, layout, nights(book, first, last, options.plant))
    print(f"{count} nights in {layout.monitoring_index('canonical')}")


def _fault(text: str) -> Fault:
    try:
        return Fault.parse(text)
    except ValueError:
        form = f"<kind>@YYYY-MM-DD or <kind>@YYYY-MM-DD..YYYY-MM-DD, kind one of {', '.join(KINDS)}"
        raise argparse.ArgumentTypeError(f"{text!r} is no fault: {form}") from None


if __name__ == "__main__":
    sys.exit(ended(main))
