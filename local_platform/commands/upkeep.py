"""`make up`, `down`, `status` and what containers and the supervisor ask for: the platform's processes by command."""

from __future__ import annotations

import argparse
import os
import subprocess

from local_platform.command import CommandError
from local_platform.running import supervisor
from local_platform.running.services import AIRFLOW, airflow_environment, services
from local_platform.settings import Platform


def up(arguments: argparse.Namespace, platform: Platform) -> int:
    with supervisor.undone_if_interrupted(platform):
        supervisor.up(platform)
    print(f"Airflow   {platform.airflow_url}  (user admin, password {platform.password('admin')})")
    print(f"Local AWS {platform.aws_url}/_console/")
    return 0


def down(arguments: argparse.Namespace, platform: Platform) -> int:
    supervisor.down(platform)
    return 0


def status(arguments: argparse.Namespace, platform: Platform) -> int:
    """0 where every service is healthy, else 3."""
    states = supervisor.status(platform)
    alive = {"supervisor": "running" if supervisor.supervised(platform) else "stopped"}
    notes = supervisor.notes(platform)
    for name, state in {**states, **alive}.items():
        print(f"{name:14} {state}" + (f" ({notes[name]})" if notes.get(name) else ""))
    return 0 if set(states.values()) == {"healthy"} else 3


def one_service(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service")


def run(arguments: argparse.Namespace, platform: Platform) -> int:
    return supervisor.run(platform, arguments.service)


def healthy(arguments: argparse.Namespace, platform: Platform) -> int:
    if arguments.service not in (table := services(platform)):
        raise CommandError(f"there is no service {arguments.service}; there are {', '.join(table)}")
    return 0 if table[arguments.service].healthy() else 1


def supervise(arguments: argparse.Namespace, platform: Platform) -> int:
    supervisor.supervise(platform)
    return 0


def airflow_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("arguments", nargs=argparse.REMAINDER)


def airflow(arguments: argparse.Namespace, platform: Platform) -> int:
    environment = {**os.environ, **airflow_environment(platform)}
    return subprocess.run([*AIRFLOW, *arguments.arguments], env=environment).returncode
