"""Where the local platform lives and listens, from environment variables with defaults for a laptop."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from local_platform.command import CommandError
from local_platform.environments import ROOT

USERS = {"admin": "ADMIN", "analyst": "USER", "viewer": "VIEWER"}


class PlatformError(CommandError):
    """The platform cannot do what was asked; the message says why and what to do."""


@dataclass(frozen=True)
class Platform:
    """One installation: its state folder and its addresses.

    given_database_url: the PostgreSQL that the user named for Airflow's metadata; None: one of the installation's own.
    """

    state: Path
    bind: str
    aws_port: int
    airflow_port: int
    aws_url: str
    airflow_url: str
    public_aws_url: str
    public_airflow_url: str
    given_database_url: str | None = None
    aws_token: str = ""  # of a local AWS that others than this machine reach; empty: it wants none
    dags: Path = ROOT / "dags"
    bucket: str = "mortgage-loan-ml"

    @classmethod
    def from_environment(cls) -> Platform:
        env = os.environ
        state = Path(env.get("MORTGAGE_STATE_DIR", ROOT / ".state")).resolve()
        aws_port = _port("MORTGAGE_AWS_PORT", "4566")
        airflow_port = _port("MORTGAGE_AIRFLOW_PORT", "8080")
        if aws_port == airflow_port:
            raise CommandError(f"MORTGAGE_AWS_PORT and MORTGAGE_AIRFLOW_PORT are both {aws_port}; two are needed.")
        aws_url = env.get("MORTGAGE_AWS_URL", f"http://127.0.0.1:{aws_port}")
        airflow_url = env.get("MORTGAGE_AIRFLOW_URL", f"http://127.0.0.1:{airflow_port}")
        return cls(
            state=state,
            bind=env.get("MORTGAGE_BIND", "127.0.0.1"),
            aws_port=aws_port,
            airflow_port=airflow_port,
            aws_url=aws_url,
            airflow_url=airflow_url,
            # what a browser on this machine uses; in containers it differs from what the services use
            public_aws_url=env.get("MORTGAGE_PUBLIC_AWS_URL", aws_url),
            public_airflow_url=env.get("MORTGAGE_PUBLIC_AIRFLOW_URL", airflow_url),
            given_database_url=env.get("MORTGAGE_DATABASE_URL") or None,
            aws_token=env.get("LOCAL_AWS_TOKEN", ""),
            dags=Path(env.get("MORTGAGE_DAGS_DIR", ROOT / "dags")).resolve(),
        )

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def airflow_home(self) -> Path:
        return self.state / "airflow"

    def secrets(self) -> dict[str, str]:
        """Keys and passwords of this installation, which its first start makes (see state.py)."""
        try:
            kept: dict[str, str] = json.loads((self.state / "secrets.json").read_text())
        except FileNotFoundError:
            raise PlatformError(f"nothing was ever started in {self.state}: `make up` or `make demo` does") from None
        return kept

    def password(self, user: str) -> str:
        return self.secrets()[f"password_{user}"]


def _port(name: str, default: str) -> int:
    text = os.environ.get(name, default)
    if text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16:
        return int(text)
    raise CommandError(f"{name} is {text!r}; it must be a port, a number from 1 to 65535.")
