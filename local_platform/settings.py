"""Where the local platform lives and listens, from environment variables with defaults for a laptop."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from local_platform.command import CommandError
from local_platform.environments import ROOT

USERS = {"admin": "ADMIN", "analyst": "USER", "viewer": "VIEWER"}


@dataclass(frozen=True)
class Platform:
    """One installation: its state folder, its addresses, its metadata database."""

    state: Path
    bind: str
    aws_port: int
    airflow_port: int
    aws_url: str
    airflow_url: str
    public_aws_url: str
    public_airflow_url: str
    database_url: str
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
            database_url=env.get("MORTGAGE_DATABASE_URL", f"sqlite:///{state}/airflow/airflow.db"),
            dags=Path(env.get("MORTGAGE_DAGS_DIR", ROOT / "dags")),
        )

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def airflow_home(self) -> Path:
        return self.state / "airflow"

    def secrets(self) -> dict[str, str]:
        """Keys and passwords of this installation, made once and readable by its owner only."""
        path = self.state / "secrets.json"
        self.state.mkdir(parents=True, exist_ok=True)
        try:
            # O_EXCL: services of a compose file start together and must agree on one set.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return json.loads(path.read_text())
        made = {"jwt_secret": secrets.token_urlsafe(48), "api_secret_key": secrets.token_urlsafe(32)}
        made |= {f"password_{user}": secrets.token_urlsafe(9) for user in USERS}
        with os.fdopen(handle, "w") as file:
            json.dump(made, file)
        return made

    def password(self, user: str) -> str:
        return self.secrets()[f"password_{user}"]

    def write_password_file(self) -> Path:
        path = self.airflow_home / "passwords.json"
        self.airflow_home.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump({user: self.password(user) for user in USERS}, file)
        return path


def _port(name: str, default: str) -> int:
    text = os.environ.get(name, default)
    if text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16:
        return int(text)
    raise CommandError(f"{name} is {text!r}; it must be a port, a number from 1 to 65535.")
