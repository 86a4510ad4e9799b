"""`make compose-test`: docker-compose.yaml for real, with docker or podman: up, the demo's pipeline in it, down."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time

from local_platform.clients.progress import Progress
from local_platform.environments import ROOT

PROJECT = "mortgage-compose-test"
SERVICES = ("postgres", "local-aws", "api-server", "scheduler", "dag-processor", "triggerer")
HEALTHY_SECONDS = 600


def main() -> int:
    progress = Progress()
    engine, compose = find_engine()
    environment = {
        **os.environ,
        "POSTGRES_PASSWORD": secrets.token_urlsafe(12),
        "LOCAL_AWS_TOKEN": secrets.token_urlsafe(24),
        "MORTGAGE_AIRFLOW_PORT": str(free_port()),
        "MORTGAGE_AWS_PORT": str(free_port()),
    }

    def run(*arguments: str, check: bool = True) -> int:
        code = subprocess.run([*compose, "-p", PROJECT, *arguments], cwd=ROOT, env=environment).returncode
        if code and check:
            raise SystemExit(f"{shlex.join([*compose, *arguments])} failed with exit code {code}")
        return code

    try:
        progress.say(f"{shlex.join(compose)} build and up")
        run("up", "-d", "--build")
        for service in SERVICES:
            wait_healthy(engine, service)
            progress.say(f"  {service} is healthy")
        progress.say("the demo's pipeline inside the containers")
        code = run(
            "exec",
            "-T",
            "api-server",
            "/opt/runtimes/tooling/bin/python",
            "-m",
            "local_platform",
            "demo",
            "--no-start",
            check=False,
        )
        if code:
            run("logs", "--tail", "60", check=False)
        progress.say("the pipeline ended well" if code == 0 else f"the pipeline ended with exit code {code}")
        return code
    finally:
        run("down", "-v", check=False)
        progress.say("taken down")


def find_engine() -> tuple[str, list[str]]:
    """The container engine and its compose command; COMPOSE='podman-compose …' overrides."""
    if os.environ.get("COMPOSE"):
        command = shlex.split(os.environ["COMPOSE"])
        return ("podman" if "podman" in command[0] else "docker"), command
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0:
        return "docker", ["docker", "compose"]
    if shutil.which("podman-compose"):
        # podman builds without a bridge of its own, and takes the base images that are there
        return "podman", ["podman-compose", "--podman-build-args=--network host --pull=never"]
    raise SystemExit("neither a running Docker engine with `docker compose` nor `podman-compose` was found")


def wait_healthy(engine: str, service: str) -> None:
    """Run the service's own health check until it passes (podman without systemd runs none by itself)."""
    deadline = time.monotonic() + HEALTHY_SECONDS
    while True:
        container = container_of(engine, service)
        if container and healthy(engine, container):
            return
        if time.monotonic() > deadline:
            subprocess.run([engine, "logs", "--tail", "40", container or ""])
            raise SystemExit(f"{service} is not healthy after {HEALTHY_SECONDS} s")
        time.sleep(2)


def container_of(engine: str, service: str) -> str | None:
    found = subprocess.run([engine, "ps", "--format", "{{.Names}}"], capture_output=True, text=True).stdout.split()
    return next((n for n in found if n.startswith(PROJECT) and f"{service}" in n.replace("_", "-")), None)


def healthy(engine: str, container: str) -> bool:
    if engine == "podman":
        return subprocess.run(["podman", "healthcheck", "run", container], capture_output=True).returncode == 0
    state = subprocess.run(["docker", "inspect", container], capture_output=True, text=True).stdout
    return json.loads(state)[0]["State"].get("Health", {}).get("Status") == "healthy"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
