"""Whatever a person asks for and cannot have ends with one line of words and an exit code; Ctrl-C too."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from local_platform.command import CommandError, ended
from local_platform.environments import ROOT


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


@pytest.fixture
def nothing_runs(tmp_path) -> dict[str, str]:
    """The environment of a platform that is down, with a state folder of its own."""
    ports = {"MORTGAGE_AWS_PORT": free_port(), "MORTGAGE_AIRFLOW_PORT": free_port()}
    return {**os.environ, **ports, "MORTGAGE_STATE_DIR": str(tmp_path / "state"), "PYTHONPATH": str(ROOT)}


def run(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local_platform", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("words", "settings", "code", "said"),
    [
        (["backfill", "d", "2019-01-01", "2019-02-30"], {}, 2, "'2019-02-30' is no date; it must be YYYY-MM-DD"),
        (["backfill", "d", "2019-01-02", "2019-01-01"], {}, 1, "must be after FROM"),
        (["backfill", "d", "2019-01-01", "2019-01-02", "--at-once", "many"], {}, 2, "'many' is no number"),
        (["backfill", "d", "2019-01-01", "2019-01-02", "--again", "x"], {}, 2, "choose from"),
        (["lineage", "--date", "yesterday"], {}, 2, "'yesterday' is no date"),
        (["lineage", "--date", "2019-12-31"], {}, 1, "`make up` starts it"),
        (["demo", "--loans", "-5"], {}, 2, "'-5' is no number"),
        (["demo", "--data", "/nowhere"], {}, 1, "/nowhere is not there"),
        (["reconcile", "--data", "/nowhere"], {}, 1, "/nowhere is not there"),
        (["reconcile", "--data", "/nowhere", "--as-of", "2019-1-1"], {}, 2, "'2019-1-1' is no date"),
        (["cases", "/nowhere"], {}, 1, "no case in /nowhere"),
        (["healthy", "nobody"], {}, 1, "there is no service nobody"),
        (["status"], {"MORTGAGE_AWS_PORT": "http"}, 1, "MORTGAGE_AWS_PORT is 'http'; it must be a port"),
        (["status"], {"MORTGAGE_AIRFLOW_PORT": "70000"}, 1, "MORTGAGE_AIRFLOW_PORT is '70000'"),
        (["status"], {"MORTGAGE_AWS_PORT": "4600", "MORTGAGE_AIRFLOW_PORT": "4600"}, 1, "two are needed"),
        (["up"], {"MORTGAGE_STATE_DIR": "/proc/nothing"}, 1, "/proc/nothing"),
        (["nonsense"], {}, 2, "invalid choice: 'nonsense'"),
    ],
)
def test_a_command_that_cannot_be_done_ends_with_one_line(nothing_runs, words, settings, code, said):
    done = run({**nothing_runs, **settings}, *words)
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines)) == (code, 1), done.stderr
    assert lines[0].startswith("error: ")
    assert said in lines[0]


def test_a_platform_that_is_down_is_told_of_at_once(nothing_runs):
    started = time.monotonic()
    done = run(nothing_runs, "backfill", "mortgage_nightly_scoring", "2019-01-01", "2019-01-02")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "`make up`" in done.stderr
    assert done.stderr.count("\n") == 1
    assert time.monotonic() - started < 30


def test_ctrl_c_ends_with_one_line(nothing_runs, tmp_path):
    """While a case runs: its own processes end as well."""
    script = tmp_path / "cases/01/run.sh"
    script.parent.mkdir(parents=True)
    script.write_text(f"echo $$ > {tmp_path}/pid; sleep 600")
    command = [sys.executable, "-m", "local_platform", "cases", str(tmp_path / "cases")]
    with subprocess.Popen(command, env=nothing_runs, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        deadline = time.monotonic() + 60
        while not (pid := Path(tmp_path / "pid")).exists() or not pid.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
    assert (process.returncode, said) == (130, "interrupted\n")
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.Process(int(pid.read_text())).status() == psutil.STATUS_ZOMBIE


def test_a_defect_keeps_its_traceback_and_words_lose_it(capsys):
    def fail(error: Exception) -> int:
        raise error

    assert ended(lambda: fail(CommandError("the moon is full"))) == 1
    assert ended(lambda: fail(PermissionError(13, "Permission denied", "/etc/x"))) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: the moon is full",
        "error: /etc/x: Permission denied. Check the path, its permissions and the room on its disk.",
    ]
    with pytest.raises(KeyError):
        ended(lambda: fail(KeyError("x")))
