"""Tuning jobs on the real server: trainings that really run, the best of them, and a stop that leaves none behind."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.local_aws.conftest import wait_for
from tests.local_aws.sagemaker_kit import IMAGE, ROLE, client, error_of, pack

if TYPE_CHECKING:
    from tests.local_aws.conftest import LocalAws

BUCKET = "sagemaker-tuning-tests"
SCRIPT = """
import argparse, os, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
parser.add_argument("--rate", type=float)
parser.add_argument("--seconds", type=float, default=0)
args = parser.parse_args()
time.sleep(args.seconds)
if args.depth == 2:
    sys.exit("no model of depth 2")
open(os.path.join(os.environ["SM_MODEL_DIR"], "model"), "w").write("x")
print(f"auc={args.depth + args.rate};")
"""


@pytest.fixture(scope="module")
def bucket(aws: LocalAws) -> str:
    s3 = client(aws, "s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="code.tar.gz", Body=pack({"train.py": SCRIPT}))
    s3.put_object(Bucket=BUCKET, Key="data/a.csv", Body=b"1,2\n")
    return BUCKET


def request(**changes: Any) -> dict[str, Any]:
    static = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"s3://{BUCKET}/code.tar.gz",
        **changes.pop("static", {}),
    }
    config = {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "auc"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 1},
        "ParameterRanges": {
            "IntegerParameterRanges": [{"Name": "depth", "MinValue": "2", "MaxValue": "9"}],
            "ContinuousParameterRanges": [
                {"Name": "rate", "MinValue": "0.01", "MaxValue": "0.3", "ScalingType": "Logarithmic"}
            ],
        },
        "RandomSeed": 7,
        **changes.pop("config", {}),
    }
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data/", "S3DataDistributionType": "FullyReplicated"}
    return {
        "HyperParameterTuningJobName": f"tune-{uuid.uuid4().hex[:8]}",
        "HyperParameterTuningJobConfig": config,
        "TrainingJobDefinition": {
            "StaticHyperParameters": static,
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "auc", "Regex": "auc=([0-9.]+);"}],
            },
            "RoleArn": ROLE,
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out/"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
        },
        **changes,
    }


def ended(aws: LocalAws, name: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        job = client(aws, "sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return job if job["HyperParameterTuningJobStatus"] in ("Completed", "Failed", "Stopped") else None

    return wait_for(look)


def trainings(aws: LocalAws, name: str) -> list[dict[str, Any]]:
    sagemaker = client(aws, "sagemaker")
    found = sagemaker.list_training_jobs(NameContains=name, MaxResults=50)["TrainingJobSummaries"]
    return [sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"]) for job in found]


def test_the_best_of_the_trainings_is_found(aws: LocalAws, bucket: str) -> None:
    asked = request()
    client(aws, "sagemaker").create_hyper_parameter_tuning_job(**asked)
    job = ended(aws, asked["HyperParameterTuningJobName"])
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    done = trainings(aws, asked["HyperParameterTuningJobName"])
    values = {d["TrainingJobName"]: d["FinalMetricDataList"][0]["Value"] for d in done if d.get("FinalMetricDataList")}
    best = job["BestTrainingJob"]
    assert len(done) == 3
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == max(values.values())
    assert values[best["TrainingJobName"]] == max(values.values())
    assert 2 <= int(best["TunedHyperParameters"]["depth"]) <= 9
    assert 0.01 <= float(best["TunedHyperParameters"]["rate"]) <= 0.3
    counters = job["TrainingJobStatusCounters"]
    assert counters["Completed"] + counters["NonRetryableError"] == 3


def test_a_tuning_job_of_failures_fails(aws: LocalAws, bucket: str) -> None:
    only_two = {"IntegerParameterRanges": [{"Name": "depth", "MinValue": "2", "MaxValue": "2"}]}
    limits = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}
    asked = request(config={"ParameterRanges": only_two, "ResourceLimits": limits}, static={"rate": "0.1"})
    client(aws, "sagemaker").create_hyper_parameter_tuning_job(**asked)
    job = ended(aws, asked["HyperParameterTuningJobName"])
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert "All training jobs failed" in job["FailureReason"]


def test_a_stop_stops_its_training_too(aws: LocalAws, bucket: str) -> None:
    asked = request(static={"seconds": "120"})
    name = asked["HyperParameterTuningJobName"]
    client(aws, "sagemaker").create_hyper_parameter_tuning_job(**asked)
    wait_for(lambda: [job for job in trainings(aws, name) if job["SecondaryStatus"] == "Training"] or None)
    client(aws, "sagemaker").stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert ended(aws, name)["HyperParameterTuningJobStatus"] == "Stopped"
    assert [job["TrainingJobStatus"] for job in trainings(aws, name)] == ["Stopped"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"Strategy": "Grid"}, "Strategy"),
        ({"HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "ks"}}, "objective metric ks"),
        ({"ParameterRanges": {}}, "no hyperparameter"),
    ],
)
def test_what_cannot_be_tuned_is_refused(aws: LocalAws, bucket: str, config: dict[str, Any], words: str) -> None:
    create = client(aws, "sagemaker").create_hyper_parameter_tuning_job
    assert words in json.dumps(error_of(create, **request(config=config)))
