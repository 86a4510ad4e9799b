"""Job processes and their records, without a server."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from moto.logs.models import logs_backends

from local_aws.kernel import disk, logs
from local_aws.kernel.config import ACCOUNT_ID
from local_aws.kernel.processes import ExitStatus, JobProcess
from local_aws.kernel.state import Collection
from tests.local_aws.conftest import ROOT, wait_for
from tests.local_aws.sagemaker_kit import alive


@pytest.fixture(autouse=True)
def log_folder(tmp_path: Path) -> Path:
    logs.configure(tmp_path, "us-east-1")
    return tmp_path


def run(script: str, **options: Any) -> ExitStatus:
    options = {"log_group": "/jobs", "log_stream": "one/1", "env": dict(os.environ), "cwd": "/", **options}
    status = JobProcess(["sh", "-c", script], **options).wait(20)
    assert status
    return status


def test_output_reaches_log_file_and_listener_before_the_exit_is_told() -> None:
    events: list[Any] = []
    status = run("echo a; printf 'b\\rc\\n'; printf d; exit 3", on_line=events.append, on_exit=events.append)
    assert (status.returncode, status.cause) == (3, "exited")
    assert not status.succeeded
    assert events == ["a", "c", "d", status]
    assert logs.tail("/jobs", "one/1") == ["a", "c", "d"]


def test_a_log_keeps_its_lines_whatever_is_in_them(log_folder: Path) -> None:
    said = ["form\x0cfeed", "next\x85line \u2028 here", "two\nlines"]
    logs.write_log("/odd", "one", said)
    expected = ["form\x0cfeed", "next\x85line \u2028 here", "two", "lines"]
    assert logs.tail("/odd", "one") == expected
    del logs_backends[ACCOUNT_ID]["us-east-1"].groups["/odd"]
    logs.configure(log_folder, "us-east-1")
    reloaded = logs_backends[ACCOUNT_ID]["us-east-1"].groups["/odd"].streams["one"].events
    assert [event.message for event in reloaded] == expected


def test_timeout_ends_with_sigkill_what_ignores_sigterm() -> None:
    status = run("trap '' TERM; sleep 50; sleep 50", timeout_s=2, stop_grace_s=0.2)  # the shell ignores it by then
    assert (status.returncode, status.cause) == (137, "timed_out")


def test_stop_lets_a_process_clean_up() -> None:
    process = JobProcess(
        ["sh", "-c", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"],
        env=dict(os.environ), cwd="/", log_group="/jobs", log_stream="stop/1",
    )  # fmt: skip
    wait_for(lambda: logs.tail("/jobs", "stop/1"))
    process.stop()
    status = process.wait(20)
    assert status
    assert (status.returncode, status.cause) == (0, "stopped")
    assert logs.tail("/jobs", "stop/1")[-1] == "bye"


def test_what_a_job_leaves_behind_is_killed() -> None:
    status = run("sleep 300 & echo $!; setsid sleep 300 & echo $!", log_stream="left/1")
    assert status.succeeded
    assert not any(alive(int(pid)) for pid in logs.tail("/jobs", "left/1"))


def test_an_absent_command_exits_127_and_says_so() -> None:
    process = JobProcess(["/no/such"], env={}, cwd="/", log_group="/jobs", log_stream="absent/1")
    status = process.wait(20)
    assert status
    assert status.returncode == 127
    assert logs.tail("/jobs", "absent/1") == ["cannot start /no/such: No such file or directory"]


def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    script = (
        "import os, sys, time; from pathlib import Path; from local_aws.kernel import logs, processes\n"
        f"logs.configure(Path({str(tmp_path)!r}), 'us-east-1')\n"
        "processes.JobProcess(['sh', '-c', 'echo $$; setsid sleep 300 & echo $!; wait'],"
        " env=dict(os.environ), cwd='/', log_group='/jobs', log_stream='doomed/1')\n"
        "time.sleep(300)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    pids = wait_for(lambda: logs.tail("/jobs", "doomed/1")[1:] and logs.tail("/jobs", "doomed/1"))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert not any(alive(int(pid)) for pid in pids)


def test_records_outlive_the_collection_and_are_never_half_written(tmp_path: Path) -> None:
    records = Collection(tmp_path / "things")
    assert records.add("a/1 é", {"n": 1})
    assert not records.add("a/1 é", {"n": 2})
    with pytest.raises(KeyError), records.edit("a/1 é") as record:
        record["n"] = record["absent"]
    records.put(".", {"n": 4})
    records.delete(".")
    records.get("a/1 é")["n"] = 5  # type: ignore[index]
    again = Collection(tmp_path / "things")
    assert again.items() == [("a/1 é", {"n": 1})]
    again.resume(lambda record: record["n"] == 1, lambda record: record.update(n=0))
    assert Collection(tmp_path / "things").get("a/1 é") == {"n": 0}


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The disk is full for as many writes of a record as the list says (none)."""
    left = [0]
    fsync = os.fsync

    def failing(descriptor: int) -> None:
        if left[0]:
            left[0] -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    monkeypatch.setattr(disk, "_PAUSE_SECONDS", 0.01)
    return left


def test_a_record_on_a_full_disk_is_refused_or_noted_or_waits(tmp_path: Path, full: list[int]) -> None:
    records = Collection(tmp_path / "things")
    records.put("job", {"state": "STARTING"})
    full[0] = 1
    with pytest.raises(OSError, match="No space left"):
        records.put("job", {"state": "LOST"})
    assert records.get("job") == {"state": "STARTING"}, "what was refused has not happened"
    full[0] = 1
    records.note("job", lambda record: record.update(state="RUNNING"))
    assert records.get("job") == {"state": "RUNNING"}
    full[0] = 5
    records.settle("job", lambda record: record.update(state="SUCCEEDED", ends=record.get("ends", 0) + 1))
    assert full[0] == 0
    assert records.get("job") == {"state": "SUCCEEDED", "ends": 1}
    assert Collection(tmp_path / "things").items() == records.items()
    assert not list(tmp_path.rglob("*.writing"))


def test_who_waits_for_room_can_be_called_away(full: list[int]) -> None:
    def write() -> None:
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        disk.when_there_is_room(write, patience_s=0.05)
    asked = iter([None, None, KeyError("stopped")])

    def check() -> None:
        if problem := next(asked):
            raise problem

    with pytest.raises(KeyError, match="stopped"):
        disk.when_there_is_room(write, check=check)


def test_lines_that_found_no_room_are_written_later(log_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.write_log("/g", "s", ["one"])
    append = logs._write_whole

    class Full:
        """A file with room for three bytes more."""

        def __init__(self, file: Any):
            self.file = file
            self.tell, self.truncate, self.room = file.tell, file.truncate, 3

        def write(self, data: memoryview) -> int:
            if not self.room:
                raise OSError(errno.ENOSPC, "full")
            self.room = 0
            return self.file.write(data[:3])

    monkeypatch.setattr(logs, "_write_whole", lambda file, data: append(Full(file), data))  # type: ignore[arg-type]
    logs.write_log("/g", "s", ["two", "three"])
    assert logs.tail("/g", "s") == ["one", "two", "three"]
    assert [line.split(" ", 1)[1] for line in logs.log_file("/g", "s").read_text().splitlines()] == ["one"]
    monkeypatch.undo()
    logs.write_log("/g", "other", ["x"])
    assert [line.split(" ", 1)[1] for line in logs.log_file("/g", "s").read_text().splitlines()] == [
        "one",
        "two",
        "three",
    ]


def test_logs_come_back_after_a_restart(tmp_path: Path) -> None:
    logs.write_log("/back/group", "s/1", ["first", "", "third"])
    logs._backend().groups.pop("/back/group")
    logs.configure(tmp_path, "us-east-1")
    events = logs._backend().groups["/back/group"].streams["s/1"].events
    assert [event.message for event in events] == ["first", " ", "third"]
