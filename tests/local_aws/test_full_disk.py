"""A disk that is full for a while: nothing is lost, nothing is half written, and all goes on by itself.

On a small tmpfs, which only root can mount; elsewhere these tests are skipped, and those of test_processes.py hold.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_aws.kernel.state import INTERRUPTED
from tests.local_aws import glue_kit
from tests.local_aws.conftest import LocalAws, wait_for
from tests.local_aws.sagemaker_kit import IMAGE, ROLE, log_lines

MEGABYTES = 24
WAIT = (
    "import os, time, pathlib\npathlib.Path({go!r} + f'-{{os.getpid()}}').touch()\n"
    "while not pathlib.Path({go!r}).exists(): time.sleep(0.05)\n"
)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[LocalAws]:
    """A server whose state lies on a disk of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    server = LocalAws(disk / "state")
    server.log = tmp_path / "log"
    try:
        server.start()
        yield server
    finally:
        server.stop()
        subprocess.run(["umount", "--lazy", disk], check=True)


def fill(server: LocalAws) -> Path:
    """A file that takes the last byte."""
    filler = server.state_dir.parent / "filler"
    with filler.open("wb", buffering=0) as out:
        for size in (1 << 20, 4096, 1):
            try:
                while out.write(b"x" * size):
                    pass
            except OSError:
                continue
    return filler


def whole_records(server: LocalAws) -> list[dict[str, Any]]:
    """Every record on the disk; none of them is half written."""
    of_jobs = {"containers", "work"}
    files = [path for path in server.state_dir.rglob("*.json") if not of_jobs & set(path.parts)]
    found = [json.loads(path.read_text()) for path in files]
    assert not list(server.state_dir.rglob("*.writing"))
    return found


def processing(server: LocalAws, name: str, script: str) -> None:
    output = {
        "OutputName": "out",
        "S3Output": {
            "S3Uri": f"s3://{glue_kit.BUCKET}/{name}",
            "LocalPath": "/opt/ml/processing/out",
            "S3UploadMode": "EndOfJob",
        },
    }
    server.client("sagemaker").create_processing_job(
        ProcessingJobName=name,
        RoleArn=ROLE,
        AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["python", "-c", script]},
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
        ProcessingOutputConfig={"Outputs": [output]},
    )


def status(server: LocalAws, name: str) -> str:
    return server.client("sagemaker").describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"]


def test_jobs_that_end_on_a_full_disk_have_ended_when_there_is_room(small: LocalAws, tmp_path: Path) -> None:
    go = str(tmp_path / "go")
    wait = WAIT.format(go=go)
    glue_kit.create_job(small, "ends", wait + "print('glue is done')")
    glue_kit.create_job(small, "fails", wait + "raise ValueError('as it must')")
    runs = {name: glue_kit.start(small, name) for name in ("ends", "fails")}
    result = "import pathlib\npathlib.Path('/opt/ml/processing/out/result').write_bytes(b'r' * 100_000)\n"
    processing(small, "ends", result + wait + "print('processing is done')")
    for name, run_id in runs.items():
        wait_for(lambda n=name, r=run_id: glue_kit.run_of(small, n, r)["JobRunState"] == "RUNNING")
    result_file = "sagemaker/containers/processing-job-ends/ml/processing/out/result"
    wait_for(lambda: (small.state_dir / result_file).exists())
    wait_for(lambda: len(list(tmp_path.glob("go-*"))) == 3)  # the interpreters are up

    filler = fill(small)
    (tmp_path / "go").touch()
    time.sleep(4)
    assert {glue_kit.run_of(small, name, run_id)["JobRunState"] for name, run_id in runs.items()} == {"RUNNING"}
    assert status(small, "ends") == "InProgress"
    assert small.health()["status"] == "ok"
    whole_records(small)

    filler.unlink()
    assert glue_kit.ended(small, "ends", runs["ends"], 10)["JobRunState"] == "SUCCEEDED"
    failed = glue_kit.ended(small, "fails", runs["fails"], 10)
    assert (failed["JobRunState"], failed["ErrorMessage"]) == ("FAILED", "ValueError: as it must")
    assert wait_for(lambda: status(small, "ends") != "InProgress" and status(small, "ends"), 10) == "Completed"
    s3 = small.client("s3")
    assert s3.get_object(Bucket=glue_kit.BUCKET, Key="ends/result")["Body"].read() == b"r" * 100_000
    assert glue_kit.log(small, runs["ends"]) == ["glue is done"]
    small.restart()
    assert glue_kit.run_of(small, "ends", runs["ends"])["JobRunState"] == "SUCCEEDED"
    assert status(small, "ends") == "Completed"
    assert glue_kit.log(small, runs["ends"]) == ["glue is done"]
    assert log_lines(small, "ProcessingJobs", "ends") == ["processing is done"]


def test_requests_on_a_full_disk_do_nothing_and_are_asked_again(small: LocalAws, tmp_path: Path) -> None:
    glue_kit.create_job(small, "once", "print(1)")
    s3, glue, sagemaker = (small.client(service) for service in ("s3", "glue", "sagemaker"))
    s3.put_object(Bucket=glue_kit.BUCKET, Key="old", Body=b"old")
    upload = s3.create_multipart_upload(Bucket=glue_kit.BUCKET, Key="parts")["UploadId"]
    before = whole_records(small)
    filler = fill(small)
    group = {"ModelPackageGroupName": "g", "Tags": [{"Key": "a", "Value": "b"}]}
    command = {"Name": "glueetl", "ScriptLocation": "s3://b/k"}
    refused: list[tuple[Any, dict[str, Any]]] = [
        (s3.put_object, {"Bucket": glue_kit.BUCKET, "Key": "old", "Body": b"new" * 5000}),
        (s3.put_object, {"Bucket": glue_kit.BUCKET, "Key": "deep/odd//key", "Body": b"new" * 5000}),
        (s3.copy_object, {"Bucket": glue_kit.BUCKET, "Key": "copy", "CopySource": f"{glue_kit.BUCKET}/old"}),
        (s3.put_object_tagging, {"Bucket": glue_kit.BUCKET, "Key": "old", "Tagging": {"TagSet": []}}),
        (s3.create_multipart_upload, {"Bucket": glue_kit.BUCKET, "Key": "more"}),
        (
            s3.upload_part,
            {"Bucket": glue_kit.BUCKET, "Key": "parts", "UploadId": upload, "PartNumber": 1, "Body": b"xx"},
        ),
        (glue.start_job_run, {"JobName": "once"}),
        (glue.create_job, {"Name": "new", "Role": "r", "Command": command}),
        (sagemaker.create_model_package_group, group),
    ]
    for call, arguments in refused:
        with pytest.raises(ClientError) as error:
            call(**arguments)
        answer = error.value.response
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("InsufficientStorage", 503)
    assert whole_records(small) == before
    assert s3.get_object(Bucket=glue_kit.BUCKET, Key="old")["Body"].read() == b"old"
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket=glue_kit.BUCKET)["Uploads"]] == ["parts"]
    assert glue.get_job_runs(JobName="once")["JobRuns"] == []

    patient = Config(retries={"total_max_attempts": 8, "mode": "standard"})
    for service, operation, arguments in (
        ("glue", "start_job_run", {"JobName": "once"}),
        ("sagemaker", "create_model_package_group", group),
        ("s3", "put_object", {"Bucket": glue_kit.BUCKET, "Key": "old", "Body": b"new"}),
    ):
        if not filler.exists():
            filler = fill(small)
        freed = threading.Timer(1, filler.unlink)
        freed.start()
        getattr(small.client(service, config=patient), operation)(**arguments)
        freed.join()
    assert len(glue.get_job_runs(JobName="once")["JobRuns"]) == 1
    assert s3.get_object(Bucket=glue_kit.BUCKET, Key="old")["Body"].read() == b"new"


def test_jobs_that_begin_on_a_full_disk_wait_for_room_and_can_be_stopped(small: LocalAws, tmp_path: Path) -> None:
    s3 = small.client("s3")
    s3.create_bucket(Bucket=glue_kit.BUCKET)
    s3.put_object(Bucket=glue_kit.BUCKET, Key="in/data", Body=os.urandom(6 << 20))
    glue_kit.create_job(small, "waits", "print('at last')")
    filler = fill(small)
    with filler.open("r+b") as file:  # room for the records, none for the jobs' data
        file.truncate(filler.stat().st_size - (400 << 10))
    script_before = small.state_dir / "s3" / glue_kit.BUCKET / "scripts" / "waits.py"
    assert script_before.exists()
    source = {
        "S3Uri": f"s3://{glue_kit.BUCKET}/in/",
        "LocalPath": "/opt/ml/processing/in",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    for name in ("waits", "stopped"):
        small.client("sagemaker").create_processing_job(
            ProcessingJobName=name,
            RoleArn=ROLE,
            AppSpecification={
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python", "-c", "import os; print(os.listdir('/opt/ml/processing/in'))"],
            },
            ProcessingInputs=[{"InputName": "in", "S3Input": source}],
            ProcessingResources={
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
            },
        )
    time.sleep(3)
    assert {status(small, "waits"), status(small, "stopped")} == {"InProgress"}
    small.client("sagemaker").stop_processing_job(ProcessingJobName="stopped")
    wait_for(lambda: status(small, "stopped") == "Stopped", 10)
    filler.unlink()
    wait_for(lambda: status(small, "waits") == "Completed", 30)
    assert log_lines(small, "ProcessingJobs", "waits") == ["['data']"]


def test_the_server_starts_on_a_full_disk(small: LocalAws, tmp_path: Path) -> None:
    glue_kit.create_job(small, "cut", WAIT.format(go=str(tmp_path / "never")))
    run_id = glue_kit.start(small, "cut")
    wait_for(lambda: glue_kit.run_of(small, "cut", run_id)["JobRunState"] == "RUNNING")
    filler = fill(small)
    small.restart(9)
    run = glue_kit.run_of(small, "cut", run_id)
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", INTERRUPTED)
    filler.unlink()
    (tmp_path / "never").touch()
    assert glue_kit.ended(small, "cut", glue_kit.start(small, "cut"))["JobRunState"] == "SUCCEEDED"
