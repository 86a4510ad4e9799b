"""The real server as a subprocess, on a free port, with a state folder of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]


# A folder as people have them, and as none should: blanks, foreign letters, quotes, what shells and Java expand
ODD_NAME = """ä b 'c' "d", 100%20#[x];$HOME \\e"""


class LocalAws:
    """A running server. Its state stays over `restart()`."""

    def __init__(self, state_dir: Path, python: str = sys.executable, runtimes_dir: Path | None = None):
        self.state_dir = state_dir
        self.python = python  # of the runtime local-aws
        self.runtimes_dir = runtimes_dir or Path(os.environ.get("LOCAL_AWS_RUNTIMES", ROOT / ".runtimes"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.endpoint_url = f"http://127.0.0.1:{self.port}"
        self.log = state_dir.with_name(state_dir.name + ".log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, env: dict[str, str] | None = None, **popen_options: Any) -> None:
        arguments = [
            *options,
            "--port",
            str(self.port),
            "--state-dir",
            str(self.state_dir),
            "--runtimes-dir",
            str(self.runtimes_dir),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.python, "-m", "local_aws", *arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(env or {})},
                stdout=log,
                stderr=log,
                **popen_options,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                self.health()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"not healthy within 60 s: {self.log.read_text()}")

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 20) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self.process = None

    def restart(self, number: int = signal.SIGTERM) -> None:
        """Stop (SIGKILL: `number=signal.SIGKILL`) and start on the same port and state."""
        self.stop(number)
        self.start()

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.endpoint_url}/_health", timeout=5) as answer:
            return json.load(answer)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.endpoint_url + path, timeout=10) as answer:
            return answer.read().decode()

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of this server. Retries are off: a retried error would hide what the server answered."""
        config = Config(retries={"total_max_attempts": 1}, read_timeout=120).merge(options.pop("config", Config()))
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
            **options,
        )


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One server for all tests that leave it running."""
    server = LocalAws(tmp_path_factory.mktemp("aws") / "state")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def odd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of an odd name, too far from the root for a "#!" line (127 bytes), with the runtimes in it."""
    folder = tmp_path_factory.mktemp("odd") / ODD_NAME / ("long" * 20)
    folder.mkdir(parents=True)
    (folder / "runtimes").symlink_to(os.environ.get("LOCAL_AWS_RUNTIMES", ROOT / ".runtimes"))
    return folder


@pytest.fixture
def own_aws(tmp_path: Path) -> Iterator[LocalAws]:
    """A server for one test alone: for restarts, kills and full disks."""
    server = LocalAws(tmp_path / "state")
    server.start()
    yield server
    server.stop()


def wait_for(check: Any, timeout_s: float = 60, poll_s: float = 0.1) -> Any:
    """The first true value of `check()`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := check():
            return value
        time.sleep(poll_s)
    raise AssertionError(f"not within {timeout_s} s")
