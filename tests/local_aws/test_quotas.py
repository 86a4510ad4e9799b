"""Limits of the account: what is beyond them is refused as AWS refuses it, and has room again when something ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import LocalAws
from tests.local_aws.glue_kit import create_job, ended, start

FOREVER = "import time\ntime.sleep(600)\n"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    server = LocalAws(tmp_path_factory.mktemp("narrow") / "state")
    server.start("--quota", "glue-jobs=2", "--quota", "glue-runs=1", "--quota", "training-jobs=0")
    yield server
    server.stop()


def refused(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**request)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(error.value)


def test_job_definitions_and_runs_have_limits_of_the_account(narrow: LocalAws) -> None:
    glue = narrow.client("glue")
    many = {"ExecutionProperty": {"MaxConcurrentRuns": 5}}
    create_job(narrow, "one", FOREVER, **many)
    create_job(narrow, "two", FOREVER, **many)
    command = {"Name": "glueetl", "ScriptLocation": "s3://b/three.py"}
    role = "arn:aws:iam::123456789012:role/GlueRole"
    three = {"Name": "three", "Role": role, "Command": command}
    assert "ResourceNumberLimitExceededException" in refused(glue.create_job, **three)
    assert "AlreadyExistsException" in refused(glue.create_job, **three | {"Name": "two"})
    run = start(narrow, "one")
    assert "ResourceNumberLimitExceededException" in refused(glue.start_job_run, JobName="two")
    glue.batch_stop_job_run(JobName="one", JobRunIds=[run])
    ended(narrow, "one", run)
    glue.batch_stop_job_run(JobName="two", JobRunIds=[start(narrow, "two")])
    glue.delete_job(JobName="one")
    glue.create_job(**three)


def test_sagemaker_names_the_limit_what_is_used_of_it_and_what_was_asked_for(narrow: LocalAws) -> None:
    s3, sagemaker = narrow.client("s3"), narrow.client("sagemaker")
    s3.create_bucket(Bucket="trainings")
    s3.put_object(Bucket="trainings", Key="in/rows.csv", Body=b"1\n")
    s3.put_object(Bucket="trainings", Key="code.tar.gz", Body=b"")
    request = {
        "TrainingJobName": "t-1",
        "RoleArn": "arn:aws:iam::123456789012:role/SageMaker",
        "AlgorithmSpecification": {
            "TrainingImage": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
            "TrainingInputMode": "File",
        },
        "HyperParameters": {
            "sagemaker_program": "train.py", "sagemaker_submit_directory": "s3://trainings/code.tar.gz"
        },
        "OutputDataConfig": {"S3OutputPath": "s3://trainings/out/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }  # fmt: skip
    said = refused(sagemaker.create_training_job, **request)
    assert "ResourceLimitExceeded" in said
    assert "is 0 Instances, with current utilization of 0 Instances and a request delta of 1 Instances" in said
    assert sagemaker.list_training_jobs()["TrainingJobSummaries"] == []


@pytest.mark.parametrize("quota", ["glue-jobs", "beds=3", "glue-jobs=many"])
def test_a_quota_that_is_none_is_refused_at_the_start(tmp_path: Path, quota: str) -> None:
    server = LocalAws(tmp_path / "state")
    with pytest.raises(AssertionError, match="is not NAME=N"):
        server.start("--quota", quota)
