"""Glue runs really run: their states, limits, logs and ends. The scripts here need no Spark, which keeps them short."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local_aws.glue import api
from local_aws.glue import runs as glue_runs
from local_aws.kernel import logs
from local_aws.kernel.config import Caller, Config
from local_aws.s3.store import S3Store
from tests.local_aws.conftest import LocalAws, wait_for
from tests.local_aws.glue_kit import BUCKET, ROLE, create_job, ended, log, run_of, start

FOREVER = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n"


def test_a_run_succeeds_with_merged_arguments(aws: LocalAws) -> None:
    script = "import json, sys\nprint(json.dumps(sys.argv[1:]))\nprint('to stderr', file=sys.stderr)\n"
    create_job(aws, "arguments", script, DefaultArguments={"--a": "1", "--b": "2"}, MaxRetries=0, Timeout=5)
    run_id = start(aws, "arguments", Arguments={"--b": "3", "--empty": ""})
    run = ended(aws, "arguments", run_id)
    assert run["JobRunState"] == "SUCCEEDED"
    assert "ErrorMessage" not in run
    assert run["Arguments"] == {"--a": "1", "--b": "3", "--empty": ""}
    assert run["Timeout"] == 5
    assert run["GlueVersion"] == "5.1"
    assert run["StartedOn"] <= run["CompletedOn"]
    argv = json.loads(log(aws, run_id)[0])
    pairs = dict(zip(argv[::2], argv[1::2], strict=True))
    assert pairs == {
        "--JOB_NAME": "arguments", "--JOB_RUN_ID": run_id, "--a": "1", "--b": "3", "--empty": ""
    }  # fmt: skip
    assert log(aws, run_id, "error") == ["to stderr"]
    console = aws.get(f"/_console/glue/arguments/{run_id}")
    assert "SUCCEEDED" in console
    assert "to stderr" in console


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('no <b>rows</b>')", "ValueError: no <b>rows</b>"),
        ("import sys\nsys.exit('gave up')", "SystemExit: gave up"),
        ("import os\nos._exit(7)", "Command failed with exit code 7"),
        ("this is no Python", "SyntaxError: invalid syntax"),
    ],
)
def test_a_failing_script_says_why(aws: LocalAws, body: str, message: str) -> None:
    name = f"failing-{abs(hash(message))}"
    create_job(aws, name, body)
    run = ended(aws, name, start(aws, name))
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == message
    if "Value" in message:
        assert log(aws, run["Id"], "error")[-1] == message
        assert "no &lt;b&gt;rows" in aws.get("/_console/"), "the console escapes"


def test_what_cannot_start_says_why(aws: LocalAws) -> None:
    create_job(aws, "starts", "print(1)")
    modules = {"--additional-python-modules": "boto3,no-such-package==1.0,pandas==0.1"}
    run = ended(aws, "starts", start(aws, "starts", Arguments=modules))
    assert run["JobRunState"] == "FAILED"
    assert "no-such-package==1.0 (not installed), pandas==0.1 (installed is 2.3.3)" in run["ErrorMessage"]

    missing = {"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/nowhere.py"}
    create_job(aws, "no-script", "print(1)", Command=missing)
    run = ended(aws, "no-script", start(aws, "no-script"))
    assert run["ErrorMessage"] == f"s3://{BUCKET}/nowhere.py: The specified key does not exist: nowhere.py"

    create_job(aws, "no-runtime", "print(1)", GlueVersion="0.9")
    run = ended(aws, "no-runtime", start(aws, "no-runtime"))
    assert "The runtime glue-0.9 is not installed" in run["ErrorMessage"]


def test_concurrency_and_stop(aws: LocalAws) -> None:
    create_job(aws, "forever", FOREVER)
    glue_client = aws.client("glue")
    run_id = start(aws, "forever")
    with pytest.raises(ClientError) as error:
        start(aws, "forever")
    assert error.value.response["Error"]["Code"] == "ConcurrentRunsExceededException"
    pid = int(log(aws, run_id)[0])
    assert run_of(aws, "forever", run_id)["JobRunState"] == "RUNNING"
    assert [job["name"] for job in aws.health()["running_jobs"]] == [run_id]
    answer = glue_client.batch_stop_job_run(JobName="forever", JobRunIds=[run_id, "jr_unknown"])
    assert [item["JobRunId"] for item in answer["SuccessfulSubmissions"]] == [run_id]
    assert answer["Errors"][0]["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
    assert ended(aws, "forever", run_id)["JobRunState"] == "STOPPED"
    wait_for(lambda: not alive(pid), 10)
    assert [run["Id"] for run in glue_client.get_job_runs(JobName="forever")["JobRuns"]] == [run_id]
    glue_client.update_job(
        JobName="forever",
        JobUpdate={
            "Role": ROLE,
            "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/scripts/forever.py"},
            "GlueVersion": "5.1",
            "ExecutionProperty": {"MaxConcurrentRuns": 2},
        },
    )
    two = [start(aws, "forever"), start(aws, "forever")]
    glue_client.batch_stop_job_run(JobName="forever", JobRunIds=two)
    assert {ended(aws, "forever", run)["JobRunState"] for run in two} == {"STOPPED"}


def test_timeout_and_retry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws: LocalAws) -> None:
    """In this process, with minutes of 2 seconds: a real Timeout is a minute at least."""
    monkeypatch.setattr(glue_runs, "SECONDS_PER_MINUTE", 2.0)
    config = Config(tmp_path, aws.runtimes_dir)
    logs.configure(tmp_path, config.region)
    store = S3Store(tmp_path)
    service = api.Glue(config, store)
    store.create_bucket("scripts")
    (tmp_path / "s3" / "scripts" / "forever.py").write_text(FOREVER)
    caller = Caller("us-east-1")
    command = {"Name": "glueetl", "ScriptLocation": "s3://scripts/forever.py"}
    service.create_job(
        {"Name": "slow", "Role": ROLE, "Command": command, "GlueVersion": "5.1", "Timeout": 1, "MaxRetries": 1}, caller
    )
    run_id = service.start_job_run({"JobName": "slow"}, caller)["JobRunId"]

    def runs() -> list[dict[str, object]]:
        found = service.get_job_runs({"JobName": "slow"}, caller)["JobRuns"]
        return found if len(found) == 2 and all(run["JobRunState"] == "TIMEOUT" for run in found) else []

    second, first = wait_for(runs, 40)
    assert (first["Id"], first["Attempt"]) == (run_id, 0)
    assert (second["Id"], second["Attempt"]) == (f"{run_id}_attempt_1", 1)
    assert "exceeded its timeout of 1 minutes" in str(first["ErrorMessage"])


def test_a_killed_server_takes_its_jobs_along_and_reports_them(own_aws: LocalAws) -> None:
    create_job(own_aws, "orphan", "import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid)\n" + FOREVER)
    run_id = start(own_aws, "orphan")
    pids = printed_pids(own_aws, run_id, 2)
    own_aws.client("glue").create_database(DatabaseInput={"Name": "kept"})
    own_aws.restart(number=9)
    wait_for(lambda: not any(map(alive, pids)), 10)
    run = run_of(own_aws, "orphan", run_id)
    assert run["JobRunState"] == "FAILED"
    assert "stopped while this job was running" in run["ErrorMessage"]
    assert own_aws.client("glue").get_job(JobName="orphan")["Job"]["Role"] == ROLE
    assert own_aws.client("glue").get_database(Name="kept")["Database"]["Name"] == "kept"
    assert log(own_aws, run_id) == [str(pid) for pid in pids]

    run_id = start(own_aws, "orphan")
    pids = printed_pids(own_aws, run_id, 2)
    started = time.monotonic()
    own_aws.stop()
    assert time.monotonic() - started < 8
    wait_for(lambda: not any(map(alive, pids)), 10)


def printed_pids(aws: LocalAws, run_id: str, count: int) -> list[int]:
    def read() -> list[int]:
        lines = log(aws, run_id)
        return [int(line) for line in lines] if len(lines) == count else []

    return wait_for(read)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
