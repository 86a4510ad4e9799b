"""The state folder: made once and private, of a known version, refused in words where it is not."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from local_platform.environments import ROOT
from local_platform.running import state
from local_platform.settings import Platform, PlatformError


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("MORTGAGE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("MORTGAGE_DATABASE_URL", raising=False)
    return Platform.from_environment()


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def made_by_version_1(platform):
    """Secrets without the database's, Airflow's metadata in SQLite, no stamp."""
    state.make_ready(platform)
    (platform.state / "installation.json").unlink()
    secrets = {name: value for name, value in platform.secrets().items() if name != "database_password"}
    (platform.state / "secrets.json").write_text(json.dumps(secrets))
    (platform.airflow_home / "airflow.db").write_bytes(b"SQLite format 3\0")
    platform.logs.chmod(0o755)
    return secrets


def test_secrets_are_made_once_and_nobody_else_reads_the_folder(fresh):
    state.make_ready(fresh)
    first = fresh.secrets()
    state.make_ready(fresh)
    assert fresh.secrets() == first
    assert stat.S_IMODE(fresh.state.stat().st_mode) == 0o700
    for name in ("secrets.json", "airflow/passwords.json", "installation.json"):
        assert stat.S_IMODE((fresh.state / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("command", ["status", "down", "backfill x 2015-01-01 2015-01-02", "airflow version"])
def test_a_command_that_starts_nothing_makes_nothing(fresh, command):
    argv = [sys.executable, "-m", "local_platform", *command.split()]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert "Traceback" not in done.stderr
    assert not fresh.state.exists()
    if command.startswith(("backfill", "airflow")):
        assert done.returncode == 1
        assert "`make up`" in done.stderr


def test_services_that_start_together_agree_on_one_set_of_secrets(fresh):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: state.make_ready(fresh), range(16)))
    assert fresh.secrets().keys() == state.SECRETS.keys()
    assert [path.name for path in fresh.state.iterdir() if path.name.startswith(".")] == []


def test_a_state_with_airflow_in_sqlite_is_refused_in_words_and_left_as_it_was(fresh):
    made_by_version_1(fresh)
    before = contents(fresh.state)
    with pytest.raises(PlatformError, match=r"earlier version(?s:.*)Nothing was changed(?s:.*)mv '.*airflow\.db'"):
        state.make_ready(fresh)
    assert contents(fresh.state) == before


def test_what_the_refusal_tells_to_do_helps_and_loses_nothing(fresh):
    secrets = made_by_version_1(fresh)
    with pytest.raises(PlatformError) as refused:
        state.make_ready(fresh)
    (order,) = [line.strip() for line in str(refused.value).splitlines() if line.strip().startswith("mv ")]
    subprocess.run(order, shell=True, check=True)
    state.make_ready(fresh)
    assert fresh.secrets().items() >= secrets.items()
    assert "database_password" in fresh.secrets()
    assert (fresh.airflow_home / "airflow.db.before-postgresql").read_bytes() == b"SQLite format 3\0"
    assert state.facts(fresh)["version"] == state.VERSION
    assert stat.S_IMODE(fresh.logs.stat().st_mode) == 0o700


def test_the_state_of_an_installation_on_a_server_of_the_users_is_brought_up_to_date(fresh, monkeypatch):
    made_by_version_1(fresh)
    monkeypatch.setenv("MORTGAGE_DATABASE_URL", "postgresql+psycopg2://airflow@db/airflow")
    state.make_ready(Platform.from_environment())
    assert state.facts(fresh)["version"] == state.VERSION


def test_the_state_of_a_newer_version_is_refused_in_words_and_left_as_it_was(fresh):
    state.make_ready(fresh)
    state.remember(fresh, version=state.VERSION + 1)
    before = contents(fresh.state)
    with pytest.raises(PlatformError, match=r"newer version(?s:.*)MORTGAGE_STATE_DIR"):
        state.make_ready(fresh)
    assert contents(fresh.state) == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": "two"}'])
def test_a_damaged_stamp_is_named(fresh, text):
    state.make_ready(fresh)
    (fresh.state / "installation.json").write_text(text)
    with pytest.raises(PlatformError, match=r"installation\.json is damaged"):
        state.make_ready(fresh)


def test_damaged_secrets_are_named(fresh):
    state.make_ready(fresh)
    (fresh.state / "secrets.json").write_text("{")
    with pytest.raises(PlatformError, match=r"secrets\.json is damaged"):
        state.make_ready(fresh)


def test_a_folder_of_the_users_keeps_its_permissions(fresh):
    """MORTGAGE_STATE_DIR=/tmp must not close /tmp."""
    fresh.state.mkdir()
    fresh.state.chmod(0o777)
    state.make_ready(fresh)
    assert stat.S_IMODE(fresh.state.stat().st_mode) == 0o777
    private = {path.name for path in fresh.state.iterdir() if stat.S_IMODE(path.stat().st_mode) & 0o077 == 0}
    assert private == {path.name for path in fresh.state.iterdir()}


def test_a_folder_that_cannot_be_made_is_named(fresh):
    fresh.state.write_text("a file")
    with pytest.raises(PlatformError, match=rf"{fresh.state} cannot be used.*MORTGAGE_STATE_DIR"):
        state.make_ready(fresh)


def test_a_half_made_state_is_made_whole(fresh):
    state.make_ready(fresh)
    (fresh.state / "installation.json").unlink()
    shutil.rmtree(fresh.airflow_home)
    state.make_ready(fresh)
    assert state.facts(fresh) == {"version": state.VERSION}
    assert (fresh.airflow_home / "passwords.json").exists()
