"""Training jobs on the real server, with the genuine toolkit and tiny real scripts."""

from __future__ import annotations

import json
import signal
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.local_aws.conftest import wait_for
from tests.local_aws.sagemaker_kit import (
    IMAGE,
    ROLE,
    alive,
    error_of,
    finished,
    log_lines,
    pack,
    read,
    unpack,
)

if TYPE_CHECKING:
    from tests.local_aws.conftest import LocalAws

BUCKET = "sagemaker-training-tests"
DATA = "".join(f"{i % 2},{i},{i * 0.5}\n" for i in range(40))

XGBOOST = """
import argparse, glob, json, os
import pandas as pd
import xgboost as xgb

parser = argparse.ArgumentParser()
parser.add_argument("--max_depth", type=int)
parser.add_argument("--eta", type=float)
args = parser.parse_args()
paths = sorted(glob.glob(os.environ["SM_CHANNEL_TRAIN"] + "/**/*.csv", recursive=True))
frame = pd.concat(pd.read_csv(path, header=None) for path in paths)
data = xgb.DMatrix(frame.iloc[:, 1:], frame[0])
booster = xgb.train({"max_depth": args.max_depth, "eta": args.eta}, data, 3)
booster.save_model(os.path.join(os.environ["SM_MODEL_DIR"], "booster.ubj"))
with open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "facts.json"), "w") as f:
    json.dump({"rows": len(frame), "colour": os.environ["COLOUR"]}, f)
print("train-auc=0.50;")
print("train-auc=0.75;")
"""
CRASH = "import sys\nsys.stderr.write('starting\\n')\nraise ValueError('column income is missing')\n"
SLEEP = """
import os, signal, sys, time
def leave(*_):
    time.sleep(0.5)
    open(os.path.join(os.environ["SM_MODEL_DIR"], "partial"), "w").write("saved on SIGTERM")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("sleeping", os.getpid())
time.sleep(300)
"""


COUNT = """
import pathlib, time
file = pathlib.Path("/opt/ml/checkpoints/steps/count.txt")
file.parent.mkdir(parents=True, exist_ok=True)
steps = int(file.read_text()) + 1 if file.exists() else 1
file.write_text(str(steps))
print("step", steps)
time.sleep(300 if steps == 1 else 0)
"""


def put_source(aws: LocalAws, script: str, requirements: str = "") -> str:
    key = f"code/{uuid.uuid4().hex}/sourcedir.tar.gz"
    body = pack({"train.py": script, "requirements.txt": requirements})
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
    return f"s3://{BUCKET}/{key}"


def request(aws: LocalAws, script: str, requirements: str = "", **changes: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": f"job-{uuid.uuid4().hex[:12]}",
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "train:auc", "Regex": "train-auc=([0-9.]+);"}],
        },
        "RoleArn": ROLE,
        "HyperParameters": {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": json.dumps(put_source(aws, script, requirements)),
            "max_depth": "2",
            "eta": "0.3",
        },
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "ContentType": "text/csv",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data/train"}},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "Environment": {"COLOUR": "green"},
        **changes,
    }


def run(aws: LocalAws, params: dict[str, Any]) -> dict[str, Any]:
    aws.client("sagemaker").create_training_job(**params)
    return finished(aws, "training", params["TrainingJobName"])


def lines_of(aws: LocalAws, name: str) -> list[str]:
    return log_lines(aws, "TrainingJobs", name)


def land_data(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="data/train/part=1/a.csv", Body=DATA)
    s3.put_object(Bucket=BUCKET, Key="data/train/part=2/b.csv", Body=DATA)
    s3.put_object(
        Bucket=BUCKET,
        Key="data/manifest",
        Body=json.dumps([{"prefix": f"s3://{BUCKET}/data/"}, "train/part=1/a.csv"]),
    )


@pytest.fixture(scope="module")
def ready(aws: LocalAws) -> LocalAws:
    land_data(aws)
    return aws


def test_a_script_trains_and_its_model_output_metrics_and_log_are_kept(ready: LocalAws) -> None:
    params = request(ready, XGBOOST, Tags=[{"Key": "team", "Value": "risk"}], requirements="")
    job = run(ready, params)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    name = params["TrainingJobName"]
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/models/{name}/output/model.tar.gz"
    assert list(unpack(read(ready, job["ModelArtifacts"]["S3ModelArtifacts"]))) == ["booster.ubj"]
    facts = json.loads(unpack(read(ready, f"s3://{BUCKET}/models/{name}/output/output.tar.gz"))["facts.json"])
    assert facts["rows"] == 80
    assert facts["colour"] == "green"
    assert [(m["MetricName"], m["Value"]) for m in job["FinalMetricDataList"]] == [("train:auc", 0.75)]
    assert [t["Status"] for t in job["SecondaryStatusTransitions"]] == [
        "Starting", "Downloading", "Training", "Uploading", "Completed",
    ]  # fmt: skip
    assert job["BillableTimeInSeconds"] >= 1
    assert job["TrainingEndTime"] >= job["TrainingStartTime"]
    assert "train-auc=0.75;" in lines_of(ready, name)
    client = ready.client("sagemaker")
    assert client.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == [{"Key": "team", "Value": "risk"}]
    listed = client.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    assert [s["TrainingJobStatus"] for s in listed] == ["Completed"]


def test_a_manifest_input_and_a_requirement_of_the_runtime(ready: LocalAws) -> None:
    params = request(ready, XGBOOST, requirements="pandas>=2\n")
    params["InputDataConfig"][0]["DataSource"]["S3DataSource"] = {
        "S3DataType": "ManifestFile",
        "S3Uri": f"s3://{BUCKET}/data/manifest",
    }
    job = run(ready, params)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    facts = unpack(read(ready, f"s3://{BUCKET}/models/{params['TrainingJobName']}/output/output.tar.gz"))["facts.json"]
    assert json.loads(facts)["rows"] == 40


def test_a_failing_script_gives_its_error_as_failure_reason(ready: LocalAws) -> None:
    job = run(ready, request(ready, CRASH))
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError")
    assert "column income is missing" in job["FailureReason"]
    assert job["FailureReason"].endswith("exit code: 1")
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == ""


def test_a_requirement_that_the_runtime_lacks_fails_and_is_named(ready: LocalAws) -> None:
    job = run(ready, request(ready, XGBOOST, requirements="no-such-distribution==1.0\n"))
    assert job["TrainingJobStatus"] == "Failed"
    assert "no-such-distribution" in job["FailureReason"]


def test_stop_lets_the_script_save_its_model(ready: LocalAws) -> None:
    params = request(ready, SLEEP)
    client, name = ready.client("sagemaker"), params["TrainingJobName"]
    client.create_training_job(**params)
    wait_for(lambda: any("sleeping" in line for line in lines_of(ready, name)))
    client.stop_training_job(TrainingJobName=name)
    job = finished(ready, "training", name)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Stopped"
    assert "FailureReason" not in job
    assert unpack(read(ready, job["ModelArtifacts"]["S3ModelArtifacts"])) == {"partial": b"saved on SIGTERM"}
    assert error_of(client.stop_training_job, TrainingJobName=name)[0] == "ValidationException"


def test_checkpoints_are_copied_while_the_job_runs_and_are_there_for_the_next(ready: LocalAws) -> None:
    prefix = f"checkpoints-{uuid.uuid4().hex}"
    config = {"S3Uri": f"s3://{BUCKET}/{prefix}", "LocalPath": "/opt/ml/checkpoints"}
    first = request(ready, COUNT, CheckpointConfig=config)
    client, s3 = ready.client("sagemaker"), ready.client("s3")
    client.create_training_job(**first)

    def saved() -> dict[str, bytes]:
        found = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents", [])
        return {entry["Key"]: s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read() for entry in found}

    assert wait_for(saved) == {f"{prefix}/steps/count.txt": b"1"}
    job = client.describe_training_job(TrainingJobName=first["TrainingJobName"])
    assert job["TrainingJobStatus"] == "InProgress", "copied before the job ends"
    client.stop_training_job(TrainingJobName=first["TrainingJobName"])
    finished(ready, "training", first["TrainingJobName"])

    second = run(ready, request(ready, COUNT, CheckpointConfig=config))
    assert second["TrainingJobStatus"] == "Completed", second.get("FailureReason")
    assert any("step 2" in line for line in lines_of(ready, second["TrainingJobName"]))
    assert saved() == {f"{prefix}/steps/count.txt": b"2"}
    refused = request(ready, COUNT, CheckpointConfig={**config, "LocalPath": "/tmp/checkpoints"})
    assert "LocalPath" in error_of(client.create_training_job, **refused)[1]


def test_the_maximum_runtime_stops_a_job(ready: LocalAws) -> None:
    job = run(ready, request(ready, SLEEP, StoppingCondition={"MaxRuntimeInSeconds": 1}))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_requests_are_refused_as_the_service_refuses_them(ready: LocalAws) -> None:
    client = ready.client("sagemaker")
    good = request(ready, XGBOOST)
    code, message = error_of(client.create_training_job, **{**good, "TrainingJobName": "under_score"})
    assert code == "ValidationException"
    assert "regular expression" in message
    code, message = error_of(client.create_training_job, **{**good, "TrainingJobName": "x" * 64})
    assert code == "ValidationException"
    assert "less than or equal to 63" in message
    code, message = error_of(
        client.create_training_job,
        **{
            **good,
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 1},
        },
    )
    assert code == "ValidationException"
    assert "InstanceCount" in message
    algorithm = {**good["AlgorithmSpecification"], "TrainingImage": "example/sagemaker-xgboost:9.9-9"}
    code, message = error_of(client.create_training_job, **{**good, "AlgorithmSpecification": algorithm})
    assert code == "ValidationException"
    assert "sagemaker-xgboost-3.2-0" in message
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/nothing/here"}}
    channels = [{"ChannelName": "train", "DataSource": source}]
    code, message = error_of(client.create_training_job, **{**good, "InputDataConfig": channels})
    assert code == "ValidationException"
    assert message.startswith("No S3 objects found under S3 URL")
    assert error_of(client.describe_training_job, TrainingJobName="never")[0] == "ValidationException"
    code, message = error_of(client.list_auto_ml_jobs)
    assert code == "UnsupportedOperation"
    assert "ListAutoMLJobs" in message


def test_a_name_is_used_once_and_a_restart_or_kill_ends_running_jobs(own_aws: LocalAws) -> None:
    land_data(own_aws)
    client = own_aws.client("sagemaker")
    params = request(own_aws, SLEEP)
    name = params["TrainingJobName"]
    client.create_training_job(**params)
    line = wait_for(lambda: next((line for line in lines_of(own_aws, name) if "sleeping" in line), None))
    code, message = error_of(client.create_training_job, **params)
    assert code == "ResourceInUse"
    assert name in message
    own_aws.restart(signal.SIGKILL)
    assert not alive(int(line.split()[1]))
    job = client.describe_training_job(TrainingJobName=name)
    assert job["TrainingJobStatus"] == "Failed"
    assert "local AWS stopped" in job["FailureReason"]
    assert error_of(client.create_training_job, **params)[0] == "ResourceInUse"
    assert any("sleeping" in line for line in lines_of(own_aws, name)), "logs outlive the server"

    again = request(own_aws, SLEEP)
    client.create_training_job(**again)
    line = wait_for(lambda: next((li for li in lines_of(own_aws, again["TrainingJobName"]) if "sleeping" in li), None))
    own_aws.restart(signal.SIGTERM)
    assert not alive(int(line.split()[1]))
    assert client.describe_training_job(TrainingJobName=again["TrainingJobName"])["TrainingJobStatus"] == "Failed"
