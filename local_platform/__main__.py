"""`python -m local_platform <command>`: what the targets of the Makefile and the compose services run."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

from local_platform.command import Parser, ended
from local_platform.commands import backfill, cases, demo, history, lineage, upkeep
from local_platform.delivery import reconcile
from local_platform.settings import Platform


def no_words(parser: argparse.ArgumentParser) -> None:
    """A command that stands alone."""


@dataclass(frozen=True)
class Command:
    """What one word does: its exit code of the words that follow, and these."""

    help: str
    run: Callable[[argparse.Namespace, Platform], int]
    add_arguments: Callable[[argparse.ArgumentParser], None] = no_words


COMMANDS = {
    "up": Command("start everything and wait until it is healthy", upkeep.up),
    "down": Command("stop everything; state is kept", upkeep.down),
    "status": Command("state of each process", upkeep.status),
    "run": Command("become one service in the foreground", upkeep.run, upkeep.one_service),
    "supervise": Command("look after the services: what `up` starts by itself", upkeep.supervise),
    "airflow": Command("Airflow's own command on this installation", upkeep.airflow, upkeep.airflow_words),
    "healthy": Command("exit 0 where a service is healthy", upkeep.healthy, upkeep.one_service),
    "history": Command("two years of monitored nights", history.run, history.add_arguments),
    "backfill": Command("past runs of a DAG, a few at a time", backfill.run, backfill.add_arguments),
    "demo": Command("the whole pipeline on sample or your own data", demo.run, demo.add_arguments),
    "reconcile": Command("the ETL's accounting of a folder of loan files", reconcile.run, reconcile.add_arguments),
    "lineage": Command("from a score to its model and training data", lineage.run, lineage.add_arguments),
    "cases": Command("every case in a folder: what is right, and what was seen", cases.run, cases.add_arguments),
}


def main() -> int:
    # A closed terminal or a plain kill must clean up as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    parser = Parser(prog="python -m local_platform", description=__doc__)
    words = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        command.add_arguments(words.add_parser(name, help=command.help))
    arguments = parser.parse_args()
    return ended(lambda: COMMANDS[arguments.command].run(arguments, Platform.from_environment()))


if __name__ == "__main__":
    sys.exit(main())
