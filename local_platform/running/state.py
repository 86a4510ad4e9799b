"""The state folder of an installation: of which version it is, and its keys and passwords, made at its first start.

The stamp tells the folder of another version of this platform, which is brought up to date or refused in words before
anything in it is changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local_platform.settings import USERS, Platform, PlatformError

VERSION = 2  # raised where what is kept changes its form; 1 had no stamp, and Airflow's metadata in SQLite

SECRETS: dict[str, Callable[[], str]] = {
    "jwt_secret": lambda: secrets.token_urlsafe(48),
    "api_secret_key": lambda: secrets.token_urlsafe(32),
    "database_password": lambda: secrets.token_hex(24),  # part of a URL
    **{f"password_{user}": lambda: secrets.token_urlsafe(9) for user in USERS},
}


def make_ready(platform: Platform) -> None:
    """Make what the first start needs; bring the folder of an earlier version up to date.

    PlatformError where the folder cannot be used; it is left as it was.
    """
    try:
        platform.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        _bring_up_to_date(platform)
        _make_secrets(platform)
        for folder in (platform.logs, platform.airflow_home, platform.state / "local-aws", platform.state / "pids"):
            folder.mkdir(exist_ok=True)
            with contextlib.suppress(PermissionError):  # on a volume that belongs to somebody else
                folder.chmod(0o700)
        users = {user: platform.password(user) for user in USERS}
        write_whole(platform.airflow_home / "passwords.json", json.dumps(users))
    except OSError as error:
        raise PlatformError(
            f"the state folder {platform.state} cannot be used: {error.strerror} ({error.filename}). "
            "MORTGAGE_STATE_DIR names another one."
        ) from error


def facts(platform: Platform) -> dict[str, Any]:
    """What the stamp says: `version`, and the `database_port` where there is one. {} where there is no stamp."""
    found = _read(platform.state / "installation.json")
    if not isinstance(found.get("version", VERSION), int):
        raise PlatformError(f"{platform.state / 'installation.json'} is damaged: its version is no number")
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise PlatformError(f"{path} is damaged: it should be a JSON object")
    return found


def remember(platform: Platform, **new: Any) -> None:
    write_whole(platform.state / "installation.json", json.dumps({**facts(platform), **new}))


def write_whole(path: Path, text: str) -> None:
    """Write a private file so that nobody ever reads half of it."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _bring_up_to_date(platform: Platform) -> None:
    before = (platform.state / "secrets.json").exists()
    version = facts(platform).get("version", 1 if before else VERSION)
    if version > VERSION:
        raise PlatformError(
            f"{platform.state} was made by a newer version of this platform (state {version}, this one knows "
            f"{VERSION}). Nothing was changed. Use that version, or name another folder by MORTGAGE_STATE_DIR."
        )
    sqlite = platform.airflow_home / "airflow.db"
    if version == 1 and platform.given_database_url is None and sqlite.exists():
        raise PlatformError(
            f"{platform.state} was made by an earlier version of this platform, whose Airflow kept its runs in "
            f"SQLite; this one keeps them in PostgreSQL. Nothing was changed.\n"
            "To go on with an empty history of runs (S3 objects, jobs, models and their approvals stay), `make down`, "
            f"set the old one aside and start again:\n    mv '{sqlite}' '{sqlite}.before-postgresql'\n"
            "To go on with the old runs, use that version; for a fresh installation beside it, MORTGAGE_STATE_DIR."
        )
    if facts(platform).get("version") != VERSION:
        remember(platform, version=VERSION)


def _make_secrets(platform: Platform) -> None:
    path = platform.state / "secrets.json"
    kept = _read(path)
    if missing := SECRETS.keys() - kept.keys():
        text = json.dumps({**kept, **{name: SECRETS[name]() for name in sorted(missing)}})
        if kept:
            write_whole(path, text)
            return
        # Services of a compose file start together and must agree on one set: the first link wins.
        draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
        write_whole(draft, text)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
