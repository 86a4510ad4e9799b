"""The PostgreSQL of an installation: private, wherever its folder lies, back after a kill, gone without a trace."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from local_platform.running import database, processes, services, state, supervisor
from local_platform.settings import Platform, PlatformError

SEGMENTS = Path("/proc/sysvipc/shm")


def psql(platform, order, password=None, user="airflow", name="airflow"):
    environment = {**os.environ, "PGPASSWORD": password or platform.secrets()["database_password"]}
    where = ["-h", "127.0.0.1", "-p", str(database.port(platform)), "-U", user, "-d", name]
    argv = [database._program("psql"), "-X", "-A", "-t", *where, "-c", order]
    return subprocess.run(argv, env=environment, capture_output=True, text=True)


def serve(platform):
    service = services.services(platform)["postgres"]
    service.clear_away()
    database.make_ready(platform)
    processes.start(platform, service)
    deadline = time.monotonic() + 60
    while not service.healthy():
        assert time.monotonic() < deadline, processes.tail(processes.log_path(platform, "postgres"))
        time.sleep(0.05)


def alive(platform):
    return [child for child in database.children(platform) if child.status() != psutil.STATUS_ZOMBIE]


def segment(platform):
    """Key and id of the server's shared memory, as it noted them."""
    return (database.folder(platform) / "postmaster.pid").read_text().splitlines()[6].split()


def segments():
    return [line.split()[:2] for line in SEGMENTS.read_text().splitlines()] if SEGMENTS.exists() else []


@pytest.fixture
def platform(request, tmp_path, monkeypatch):
    """An installation in a folder that the test names; no cluster in it yet."""
    monkeypatch.setenv("MORTGAGE_STATE_DIR", str(tmp_path / getattr(request, "param", "plain") / "state"))
    monkeypatch.delenv("MORTGAGE_DATABASE_URL", raising=False)
    installation = Platform.from_environment()
    state.make_ready(installation)
    yield installation
    supervisor.down(installation, say=lambda _: None)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MORTGAGE_STATE_DIR", str(tmp_path_factory.mktemp("template") / "state"))
        made = Platform.from_environment()
        state.make_ready(made)
        database.make_ready(made)
        return made


@pytest.fixture
def made(platform, template):
    """An installation that has been started before."""
    shutil.rmtree(platform.state)
    subprocess.run(["cp", "-a", template.state, platform.state], check=True)
    return platform


@pytest.mark.parametrize("platform", ["ä b 'c' \"d\" $e"], indirect=True)
def test_it_serves_airflow_alone_and_is_back_after_a_kill(platform):
    modes = {folder: folder.stat().st_mode for folder in platform.state.parents}
    serve(platform)
    assert psql(platform, "CREATE TABLE kept AS SELECT 42 AS answer").returncode == 0
    assert "password authentication failed" in psql(platform, "SELECT 1", password="guess").stderr
    assert "password authentication failed" in psql(platform, "SELECT 1", user="postgres").stderr
    assert psql(platform, "SHOW listen_addresses").stdout.strip() == "127.0.0.1"
    assert psql(platform, "SHOW dynamic_shared_memory_type").stdout.strip() == "mmap", "nothing in /dev/shm"
    assert "permission denied" in psql(platform, "COPY kept TO PROGRAM 'cat'").stderr
    secret = platform.secrets()["database_password"]
    shown = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True).stdout
    assert "postgres" in shown
    assert secret not in shown

    os.kill(processes.running(platform, "postgres").pid, signal.SIGKILL)
    os.waitpid(-1, 0)
    serve(platform)
    assert psql(platform, "SELECT answer FROM kept").stdout.strip() == "42"

    ours = segment(platform)
    assert not SEGMENTS.exists() or ours in segments()
    os.kill(processes.running(platform, "postgres").pid, signal.SIGKILL)
    os.waitpid(-1, 0)
    supervisor.down(platform, say=lambda _: None)
    assert ours not in segments()
    assert {folder: folder.stat().st_mode for folder in modes} == modes
    assert processes.of_this_installation(platform) == []
    assert not alive(platform)


@pytest.mark.parametrize("platform", ["long " + "x" * 180], indirect=True)
def test_a_child_that_stands_still_does_not_keep_the_next_one_from_starting(made):
    platform = made
    serve(platform)
    leader = processes.running(platform, "postgres")
    child = leader.children()[0]
    assert child in alive(platform)
    child.suspend()
    leader.kill()
    leader.wait()
    serve(platform)
    assert child not in alive(platform)
    assert psql(platform, "SELECT 1").stdout.strip() == "1"


def test_a_port_that_somebody_took_meanwhile_is_changed(made):
    first = database.port(made)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", first))
        other.listen()
        database.make_ready(made)
        assert database.port(made) != first
    assert str(database.port(made)) in database.url(made)


def test_what_was_interrupted_is_made_anew(platform):
    draft = database.folder(platform).with_suffix(".part")
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")
    database.make_ready(platform)
    assert not draft.exists()
    serve(platform)


def test_data_of_another_postgresql_is_refused_in_words(made):
    (database.folder(made) / "PG_VERSION").write_text("16\n")
    with pytest.raises(PlatformError, match=r"made by PostgreSQL 16.* is 18\. Nothing was changed"):
        database.make_ready(made)


def test_a_path_that_a_shell_would_not_bear_is_no_hindrance(platform, tmp_path, monkeypatch):
    package = database._program("initdb").parent.parent.parent
    copy = tmp_path / 'a "b" $HOME `id`' / package.name
    shutil.copytree(package / "pginstall18", copy / "pginstall18", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, copy.with_name(libraries.name))
    monkeypatch.setenv("MORTGAGE_POSTGRES_BIN", str(copy / "pginstall18" / "bin"))
    serve(platform)


def test_programs_that_are_not_there_are_named(platform, tmp_path, monkeypatch):
    monkeypatch.setenv("MORTGAGE_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(PlatformError, match=rf"no initdb in {tmp_path} \(MORTGAGE_POSTGRES_BIN\)"):
        database.make_ready(platform)


@pytest.mark.parametrize(
    ("said", "understood"), [("(PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 15), ("(PostgreSQL) 18.4", 18)]
)
def test_a_systems_own_version_is_understood(platform, tmp_path, monkeypatch, said, understood):
    (tmp_path / "postgres").write_text(f"#!/bin/sh\necho 'postgres {said}'\n")
    (tmp_path / "postgres").chmod(0o755)
    monkeypatch.setenv("MORTGAGE_POSTGRES_BIN", str(tmp_path))
    assert database._version() == understood


def test_an_old_one_is_refused(platform, tmp_path, monkeypatch):
    (tmp_path / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 13.2'\n")
    (tmp_path / "postgres").chmod(0o755)
    monkeypatch.setenv("MORTGAGE_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(PlatformError, match="PostgreSQL 15 or later is needed"):
        database._version()


@pytest.mark.parametrize("url", ["sqlite:////tmp/airflow.db", "mysql+pymysql://a@b/c", "nonsense"])
def test_a_server_that_airflow_cannot_use_is_refused(platform, url):
    with pytest.raises(PlatformError, match=r"MORTGAGE_DATABASE_URL.*needs PostgreSQL 15 or later"):
        database.make_ready(dataclasses.replace(platform, given_database_url=url))


def test_a_server_that_does_not_answer_is_told_without_its_password(platform):
    url = "postgresql+psycopg2://airflow:s3cret@127.0.0.1:9/airflow"
    with pytest.raises(PlatformError, match=r"MORTGAGE_DATABASE_URL names cannot be used.*refused") as refused:
        database.make_ready(dataclasses.replace(platform, given_database_url=url))
    assert "s3cret" not in str(refused.value)


def test_a_users_own_server_is_used(made):
    serve(made)
    given = dataclasses.replace(made, given_database_url=database.url(made))
    database.make_ready(given)
    assert "postgres" not in services.services(given)
    assert database.url(given) == database.url(made)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="root alone can become another user")
def test_an_ordinary_user_has_one_too(tmp_path):
    """As the owner of a folder where nobody else may look; nothing runs as root."""
    home = Path(os.path.realpath("/var/tmp")) / f"ordinary-{os.getpid()}"
    home.mkdir(mode=0o700)
    package = database._program("initdb").parent.parent.parent
    shutil.copytree(package / "pginstall18", home / package.name / "pginstall18", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)
    try:
        code = (
            "import os, encodings.idna\n"
            "from tests.platform.test_database import *\n"
            "os.setgroups([]); os.setgid(1); os.setuid(1)\n"
            "p = Platform.from_environment(); state.make_ready(p); serve(p)\n"
            "print(psql(p, 'SELECT 41 + 1').stdout, processes.running(p, 'postgres').uids().real)\n"
            "supervisor.down(p, say=lambda _: None)\n"
        )
        subprocess.run(["chown", "-R", "1:1", home], check=True)
        environment = {
            **os.environ,
            "MORTGAGE_STATE_DIR": str(home / "state"),
            "MORTGAGE_POSTGRES_BIN": str(home / package.name / "pginstall18" / "bin"),
        }
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.stdout.split() == ["42", "1"], done.stderr
    finally:
        shutil.rmtree(home)
