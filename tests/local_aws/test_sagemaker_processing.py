"""Processing jobs on the real server: absolute /opt/ml paths, outputs, messages, stops."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.local_aws.conftest import LocalAws as Server
from tests.local_aws.conftest import wait_for
from tests.local_aws.sagemaker_kit import IMAGE, ROLE, error_of, finished, log_lines, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.local_aws.conftest import LocalAws

BUCKET = "sagemaker-processing-tests"
REPORT = """
import json, os, sys
import helper
folder = "/opt/ml/processing/data"
rows = sum(1 for name in sorted(os.listdir(folder)) for _ in open(f"{folder}/{name}"))
facts = {"rows": rows, "arguments": sys.argv[1:], "colour": os.environ["COLOUR"], "helper": helper.NAME}
facts["job"] = json.load(open("/opt/ml/config/processingjobconfig.json"))["ProcessingJobName"]
os.makedirs("/opt/ml/processing/output/charts")
json.dump(facts, open("/opt/ml/processing/output/facts.json", "w"))
open("/opt/ml/processing/output/charts/a.svg", "w").write("<svg/>")
open("/opt/ml/output/message", "w").write("counted")
print("counted", rows)
"""
FAIL = "open('/opt/ml/output/message', 'w').write('no rows'); raise SystemExit(3)"
SLEEP = "import time; print('sleeping', flush=True); time.sleep(300)"


def request(code: str, *arguments: str, **changes: Any) -> dict[str, Any]:
    return {
        "ProcessingJobName": f"job-{uuid.uuid4().hex[:12]}",
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", *(["-c", code] if not code.endswith(".py") else [code])],
            "ContainerArguments": list(arguments) or ["--nothing"],
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
        },
        "Environment": {"COLOUR": "green"},
        **changes,
    }


def s3_input(name: str, key: str) -> dict[str, Any]:
    source = {
        "S3Uri": f"s3://{BUCKET}/{key}",
        "LocalPath": f"/opt/ml/processing/{name}",
        "S3DataType": "S3Prefix",
    }
    return {"InputName": name, "S3Input": {**source, "S3InputMode": "File"}}


def outputs(prefix: str) -> dict[str, Any]:
    target = {
        "S3Uri": f"s3://{BUCKET}/{prefix}",
        "LocalPath": "/opt/ml/processing/output",
        "S3UploadMode": "EndOfJob",
    }
    return {"Outputs": [{"OutputName": "report", "S3Output": target}]}


def land(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="code/report.py", Body=REPORT)
    s3.put_object(Bucket=BUCKET, Key="code/helper.py", Body="NAME = 'help'")
    for i in range(2):
        s3.put_object(Bucket=BUCKET, Key=f"data/{i}.csv", Body="1\n2\n")


@pytest.fixture(scope="module")
def ready(aws: LocalAws) -> LocalAws:
    land(aws)
    return aws


def run(aws: LocalAws, params: dict[str, Any]) -> dict[str, Any]:
    aws.client("sagemaker").create_processing_job(**params)
    return finished(aws, "processing", params["ProcessingJobName"])


def check_report(aws: LocalAws) -> None:
    params = request(
        "/opt/ml/processing/code/report.py",
        "--out",
        "/opt/ml/processing/output",
        ProcessingInputs=[s3_input("code", "code/"), s3_input("data", "data")],
        ProcessingOutputConfig=outputs("results/run"),
    )
    job = run(aws, params)
    assert job["ProcessingJobStatus"] == "Completed", log_lines(aws, "ProcessingJobs", params["ProcessingJobName"])
    assert job["ExitMessage"] == "counted"
    facts = json.loads(read(aws, f"s3://{BUCKET}/results/run/facts.json"))
    assert facts["rows"] == 4
    assert facts["helper"] == "help"
    assert facts["colour"] == "green"
    assert facts["job"] == params["ProcessingJobName"]
    assert facts["arguments"][0] == "--out"
    assert read(aws, f"s3://{BUCKET}/results/run/charts/a.svg") == b"<svg/>"
    assert "counted 4" in log_lines(aws, "ProcessingJobs", params["ProcessingJobName"])


def test_a_script_reads_and_writes_below_opt_ml(ready: LocalAws) -> None:
    check_report(ready)


@pytest.fixture
def rewriting_aws(odd_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAws]:
    """A server that does as on a machine without mount namespaces, in a folder whose name needs quoting."""
    monkeypatch.setenv("LOCAL_AWS_REWRITE_PATHS", "1")
    server = Server(odd_folder / "rewriting", runtimes_dir=odd_folder / "runtimes")
    server.start()
    yield server
    server.stop()


def test_without_mounts_paths_are_rewritten_and_the_same_script_runs(rewriting_aws: LocalAws) -> None:
    land(rewriting_aws)
    check_report(rewriting_aws)
    assert not Path("/opt/ml/processing").exists()


def test_failure_message_and_exit_code(ready: LocalAws) -> None:
    job = run(ready, request(FAIL))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["ExitMessage"] == "no rows"
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 3"


def test_absent_input_fails_the_job(ready: LocalAws) -> None:
    job = run(ready, request("pass", ProcessingInputs=[s3_input("data", "absent/")]))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Failed to download data.")
    assert "absent/" in job["FailureReason"]


def test_stop_and_maximum_runtime(ready: LocalAws) -> None:
    client, stopped = ready.client("sagemaker"), request(SLEEP)
    limited = request(SLEEP, StoppingCondition={"MaxRuntimeInSeconds": 1})
    for params in (stopped, limited):
        client.create_processing_job(**params)
    name = stopped["ProcessingJobName"]
    wait_for(lambda: log_lines(ready, "ProcessingJobs", name))
    client.stop_processing_job(ProcessingJobName=name)
    assert finished(ready, "processing", name)["ProcessingJobStatus"] == "Stopped"
    job = finished(ready, "processing", limited["ProcessingJobName"])
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds" in job["FailureReason"]


def test_refusals(ready: LocalAws) -> None:
    client, good = ready.client("sagemaker"), request("pass")
    client.create_processing_job(**good)
    assert error_of(client.create_processing_job, **good)[0] == "ResourceInUse"
    elsewhere = s3_input("data", "data/")
    elsewhere["S3Input"]["LocalPath"] = "/tmp/data"
    code, message = error_of(client.create_processing_job, **request("pass", ProcessingInputs=[elsewhere]))
    assert code == "ValidationException"
    assert "/opt/ml/processing" in message
    piped = s3_input("data", "data/")
    piped["S3Input"]["S3InputMode"] = "Pipe"
    code, message = error_of(client.create_processing_job, **request("pass", ProcessingInputs=[piped]))
    assert code == "ValidationException"
    assert "S3InputMode" in message
    finished(ready, "processing", good["ProcessingJobName"])
