"""python -m simulator: write a mortgage book to a folder. See docs/simulator.md."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from simulator.settings import LAYOUTS, BookSettings, parse_month
from simulator.writer import default_workers, write_book


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulator", description="A US mortgage book whose true PD is known.")
    parser.add_argument("--loans", type=int, default=16_000, help="number of loans (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="same seed and settings, same bytes (default %(default)s)")
    parser.add_argument(
        "--start", type=parse_month, default="2006-01", help="first reporting month (default %(default)s)"
    )
    parser.add_argument("--end", type=parse_month, default="2019-12", help="last reporting month (default %(default)s)")
    parser.add_argument("--layout", choices=LAYOUTS, default="canonical", help="file layout (default %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="a new or empty folder")
    parser.add_argument(
        "--dirt-rate",
        type=float,
        default=BookSettings.dirt_rate,
        help="bad rows per row (default %(default)s)",
    )
    parser.add_argument("--clean", action="store_true", help="plant no bad rows")
    parser.add_argument(
        "--relation-change", type=parse_month, help="month from which features and default are related otherwise"
    )
    parser.add_argument(
        "--workers", type=int, help="processes (default: all processors for a book of over 32,768 loans)"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        settings = BookSettings(
            args.loans,
            args.seed,
            args.start,
            args.end,
            args.layout,
            0.0 if args.clean else args.dirt_rate,
            relation_change=args.relation_change,
        )
    except ValueError as error:
        parser.error(str(error))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(f"Simulating loans ({settings.layout})", total=settings.loans)
        try:
            counts = write_book(
                settings,
                args.out,
                workers=args.workers or default_workers(settings),
                progress=lambda loans: progress.advance(task, loans),
            )
        except FileExistsError as error:
            print(f"simulator: {error}", file=sys.stderr)
            return 1
    planted = sum(kinds.total() for kinds in counts.planted.values())
    print(
        json.dumps(
            {
                "out": str(args.out),
                "loans": counts.loans,
                "rows": dict(sorted(counts.rows.items())),
                "planted": planted,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
