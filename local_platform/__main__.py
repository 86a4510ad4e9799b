"""`python -m local_platform <command>`: what the targets of the Makefile and the compose services run."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from local_platform.clients.airflow import AirflowApi
from local_platform.command import CommandError, Parser, a_date, a_number, ended
from local_platform.commands import backfill, cases, demo
from local_platform.delivery import reconcile
from local_platform.environments import ROOT, runtime_python
from local_platform.running import supervisor
from local_platform.running.services import AIRFLOW, airflow_environment, aws_environment, services
from local_platform.settings import Platform


def parser() -> argparse.ArgumentParser:
    words = Parser(prog="python -m local_platform", description=__doc__)
    commands = words.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything and wait until it is healthy")
    commands.add_parser("down", help="stop everything; state is kept")
    commands.add_parser("status", help="state of each process")
    commands.add_parser("run", help="become one service in the foreground").add_argument("service")
    commands.add_parser("supervise", help="look after the services: what `up` starts by itself")
    airflow = commands.add_parser("airflow", help="Airflow's own command on this installation")
    airflow.add_argument("arguments", nargs=argparse.REMAINDER)
    commands.add_parser("healthy", help="exit 0 where a service is healthy").add_argument("service")
    history = commands.add_parser("history", help="two years of monitored nights from the demo's model and panel")
    history.add_argument("--plant", action="append", default=[], help="a fault, see simulator/faults.py; repeatable")
    nights = commands.add_parser("backfill", help="past runs of a DAG, a few at a time")
    nights.add_argument("dag_id")
    nights.add_argument("start", metavar="FROM", type=a_date, help="first date, YYYY-MM-DD")
    nights.add_argument("end", metavar="TO", type=a_date, help="the date after the last one")
    nights.add_argument("--at-once", type=a_number, default=3)
    nights.add_argument("--again", choices=("none", "failed", "completed"), default="none")
    demo.add_arguments(commands.add_parser("demo", help="the whole pipeline on sample or your own data"))
    reconcile.add_arguments(commands.add_parser("reconcile", help="the ETL's accounting of a folder of loan files"))
    trail = commands.add_parser("lineage", help="from a score back to its model and training data")
    trail.add_argument("--date", type=a_date, required=True, help="score date, YYYY-MM-DD")
    trail.add_argument("--loan", help="loan id")
    trail.add_argument("--source", default="canonical")
    shown = commands.add_parser("cases", help="every case in a folder: what is right, and what was seen")
    shown.add_argument("folder", type=Path)
    return words


def main() -> int:
    # A closed terminal or a plain kill must clean up as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    arguments = parser().parse_args()
    return ended(lambda: _run(arguments, Platform.from_environment()))


def _run(arguments: argparse.Namespace, platform: Platform) -> int:
    if arguments.command == "up":
        with supervisor.undone_if_interrupted(platform):
            supervisor.up(platform)
        print(f"Airflow   {platform.airflow_url}  (user admin, password {platform.password('admin')})")
        print(f"Local AWS {platform.aws_url}/_console/")
    elif arguments.command == "down":
        supervisor.down(platform)
    elif arguments.command == "status":
        states = supervisor.status(platform)
        alive = {"supervisor": "running" if supervisor.supervised(platform) else "stopped"}
        notes = supervisor.notes(platform)
        for name, state in {**states, **alive}.items():
            print(f"{name:14} {state}" + (f" ({notes[name]})" if notes.get(name) else ""))
        return 0 if set(states.values()) == {"healthy"} else 3
    elif arguments.command == "run":
        return supervisor.run(platform, arguments.service)
    elif arguments.command == "supervise":
        supervisor.supervise(platform)
    elif arguments.command == "airflow":
        environment = {**os.environ, **airflow_environment(platform)}
        return subprocess.run([*AIRFLOW, *arguments.arguments], env=environment).returncode
    elif arguments.command == "healthy":
        if arguments.service not in (table := services(platform)):
            raise CommandError(f"there is no service {arguments.service}; there are {', '.join(table)}")
        return 0 if table[arguments.service].healthy() else 1
    elif arguments.command == "history":
        return _history(arguments.plant, platform)
    elif arguments.command == "backfill":
        if arguments.start >= arguments.end:
            raise CommandError(f"TO ({arguments.end}) is the date after the last one, so it must be after FROM")
        api = AirflowApi(platform.airflow_url, "admin", platform.password("admin"))
        wanted = (api.known(arguments.dag_id), arguments.start, arguments.end, arguments.at_once, arguments.again)
        number = backfill.create(api, *wanted)
        print(f"Backfill {number}: {platform.public_airflow_url}/dags/{arguments.dag_id}/backfills")
    elif arguments.command == "demo":
        return demo.run(arguments, platform)
    elif arguments.command == "reconcile":
        return reconcile.run(arguments)
    elif arguments.command == "lineage":
        return _lineage(arguments, platform)
    elif arguments.command == "cases":
        return cases.run(arguments.folder)
    return 0


def _history(faults: list[str], platform: Platform) -> int:
    """The history needs the model's libraries, and talks to the local AWS as any job does."""
    python = str(runtime_python("sagemaker-xgboost-3.2-0"))
    environment = {**os.environ, **aws_environment(platform), "PYTHONPATH": str(ROOT)}
    command = [python, "-m", "local_platform.history", "--bucket", platform.bucket]
    command += [f"--plant={fault}" for fault in faults]
    # In a session of its own: Ctrl-C is answered here, once.
    return subprocess.run(command, env=environment, cwd=ROOT, start_new_session=True).returncode


def _lineage(arguments: argparse.Namespace, platform: Platform) -> int:
    os.environ.update(aws_environment(platform))
    sys.path.insert(0, str(ROOT / "plugins"))
    from mortgage_risk.release import trail

    loan = ["--loan-id", arguments.loan] if arguments.loan else []
    return trail.main(["--score-date", arguments.date, "--source", arguments.source, *loan])


if __name__ == "__main__":
    sys.exit(main())
