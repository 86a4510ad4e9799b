"""The operators against the local AWS: real jobs with tiny scripts, and a server that dies in between."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from fake_aws import REQUIRED

from mortgage_risk.data.datasets import GlueDatasetOperator
from mortgage_risk.jobs.failures import AwsJobFailed
from mortgage_risk.jobs.packaging import PackageCodeOperator
from mortgage_risk.release import registry
from mortgage_risk.release.deployment import CreateModelOperator, DeployModelOperator
from mortgage_risk.settings import Settings
from mortgage_risk.training.train import TrainModelOperator

REPO = Path(__file__).resolve().parents[2]
PYTHON = REPO / ".runtimes/local-aws/bin/python"
RUNTIMES = [REPO / ".runtimes" / name for name in ("local-aws", "glue-5.1", "sagemaker-xgboost-3.2-0")]

pytestmark = pytest.mark.skipif(
    not all(path.exists() for path in RUNTIMES), reason="the local AWS and its runtimes are not installed"
)

GLUE_SCRIPT = """
import json, sys
import boto3
from awsglue.utils import getResolvedOptions
args = getResolvedOptions(sys.argv, ["output", "code_sha256"])
key = args["output"].split("/", 3)[3]
boto3.client("s3").put_object(Bucket="tiny", Key=key + "attempt=1/part.csv", Body=b"1\\n")
manifest = {"data_prefix": args["output"] + "attempt=1/", "rows": 1, "files": [{"key": key, "bytes": 2}]}
boto3.client("s3").put_object(Bucket="tiny", Key=key + "_manifest.json", Body=json.dumps(manifest).encode())
"""

BROKEN_SCRIPT = """
class SourceError(ValueError):
    pass
raise SourceError("the tape is cut")
"""

TRAINING_SCRIPT = """
import argparse, os, pathlib, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--mode", default="fine")
mode = parser.parse_known_args()[0].mode
print("oot-auc=0.81;", flush=True)
if mode == "slow":
    time.sleep(120)
if mode == "bad":
    sys.exit("no defaults in the panel")
if mode == "final":
    sys.exit("SplitError: train must hold both defaults and non-defaults")
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("a model")
"""


METRICS = '[{"Name": "oot-auc", "Regex": "oot-auc=([0-9.]+);"}]'


class LocalAws:
    def __init__(self, state: Path) -> None:
        self.state = state
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith("AWS")}
        command = [PYTHON, "-m", "local_aws", "--port", str(self.port), "--state-dir", self.state]
        command += ["--runtimes-dir", REPO / ".runtimes"]
        log = (self.state.parent / "local-aws.log").open("ab")
        self.process = subprocess.Popen([str(part) for part in command], cwd=REPO, env=env, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/_health", timeout=1).close()
                return
            except OSError:
                time.sleep(0.2)
        raise AssertionError((self.state.parent / "local-aws.log").read_text()[-2000:])

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    server = LocalAws(tmp_path_factory.mktemp("aws") / "state")
    before = dict(os.environ)
    os.environ.update(
        AWS_ENDPOINT_URL=server.url,
        AWS_DEFAULT_REGION="us-east-1",
        AIRFLOW_CONN_AWS_DEFAULT="aws://",
        AWS_ACCESS_KEY_ID="local",
        AWS_SECRET_ACCESS_KEY="local",
    )
    server.start()
    yield server
    server.kill()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def settings(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    root = tmp_path_factory.mktemp("code")
    files = {
        "contracts/__init__.py": "",
        "glue_jobs/tiny.py": GLUE_SCRIPT,
        "glue_jobs/broken.py": BROKEN_SCRIPT,
        "glue_jobs/mortgage_etl/__init__.py": "",
        "sagemaker_entrypoints/mortgage_training_script.py": TRAINING_SCRIPT,
        "sagemaker_entrypoints/metric_definitions.json": METRICS,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    import boto3

    boto3.client("s3").create_bucket(Bucket="tiny")
    boto3.client("s3").put_object(Bucket="tiny", Key="panel/part.parquet", Body=b"x")
    return Settings(**REQUIRED, bucket="tiny", job_code_root=root, deferrable=False, poll_seconds=1, git_commit="abc")


@pytest.fixture(scope="module")
def code(settings: Settings) -> dict[str, Any]:
    ti = type("Ti", (), {"xcom_push": lambda *_, **__: None})()
    return PackageCodeOperator(
        task_id="code", settings=settings, source="canonical", business_date="2019-12-31"
    ).execute({"ti": ti})


def train(settings: Settings, code: dict[str, Any], mode: str) -> TrainModelOperator:
    return TrainModelOperator(
        task_id="train_model",
        settings=settings,
        source="canonical",
        business_date="2019-12-31",
        code=code,
        panel={"data_prefix": "s3://tiny/panel/"},
        horizon_months=12,
        hyperparameters=json.dumps({"mode": mode}),
    )


INFERENCE = """
import os
def model_fn(folder):
    with open(os.path.join(folder, "pd")) as file:
        return float(file.read())
def input_fn(body, content_type):
    return body.splitlines()
def predict_fn(rows, pd):
    return [pd for _ in rows]
def output_fn(predictions, accept):
    return "\\n".join(f"{pd},M05,,,," for pd in predictions), accept
"""


def registered(pd: str) -> dict[str, Any]:
    """A model package of a model that gives every loan this PD, and does not start where it is no number."""
    import boto3

    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, text in {"pd": pd, "code/inference.py": INFERENCE}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    boto3.client("s3").put_object(Bucket="tiny", Key=f"models/{pd}/model.tar.gz", Body=archive.getvalue())
    sagemaker = boto3.client("sagemaker")
    registry.ensure_group(sagemaker, {"ModelPackageGroupName": "tiny"})
    container = {
        "Image": REQUIRED["image_uri"],
        "ModelDataUrl": f"s3://tiny/models/{pd}/model.tar.gz",
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
    }
    package = sagemaker.create_model_package(
        ModelPackageGroupName="tiny",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    return {
        "model_package_arn": package,
        "version": int(package.rpartition("/")[2]),
        "model_uri": container["ModelDataUrl"],
    }


def deploy(settings: Settings, context: Any, package: dict[str, Any]) -> dict[str, Any]:
    common = {"settings": settings, "source": "canonical", "business_date": "2019-12-31"}
    model = CreateModelOperator(task_id="create_model", package=package, **common).execute(context)
    return DeployModelOperator(
        task_id="update_endpoint", endpoint="tiny-pd", model=model, package=package, **common
    ).execute(context)


def answer() -> str:
    import boto3

    runtime = boto3.client("sagemaker-runtime")
    given = runtime.invoke_endpoint(EndpointName="tiny-pd", ContentType="text/csv", Accept="text/csv", Body=b"720,80")
    return given["Body"].read().decode()


def jobs(kind: str = "training") -> list[dict[str, Any]]:
    import boto3

    return boto3.client("sagemaker").list_training_jobs(SortBy="CreationTime")["TrainingJobSummaries"]


def test_a_glue_job_publishes_and_is_not_run_twice(settings, code, context) -> None:
    def prepare() -> GlueDatasetOperator:
        return GlueDatasetOperator(
            task_id="prepare",
            settings=settings,
            source="canonical",
            business_date="2019-12-31",
            script="tiny.py",
            arguments={"output": "s3://tiny/data/"},
            inputs=["s3://tiny/panel/"],
            prefix="s3://tiny/data/",
            code=code,
        )

    result = prepare().execute(context)
    assert (result["rows"], result["data_prefix"]) == (1, "s3://tiny/data/attempt=1/")
    assert prepare().execute(context) == result


def test_the_nights_share_a_definition_and_each_finds_its_own_run(settings, code, context) -> None:
    import boto3

    def prepare(day: str) -> dict[str, Any]:
        task = GlueDatasetOperator(
            task_id="night",
            settings=settings,
            source="canonical",
            business_date=day,
            script="tiny.py",
            arguments={"output": f"s3://tiny/nights/{day}/"},
            inputs=["s3://tiny/panel/"],
            prefix=f"s3://tiny/nights/{day}/",
            code=code,
        )
        return task.execute(context)

    days = [f"2020-01-0{n}" for n in (1, 2, 3)]
    with ThreadPoolExecutor(6) as pool:
        twice = list(pool.map(prepare, days * 2))
    assert twice[:3] == twice[3:], "of two workers at once both have the one run"
    assert len({result["job"] for result in twice}) == 3
    (definition,) = {result["job"].partition("/")[0] for result in twice}
    glue = boto3.client("glue")
    runs = glue.get_job_runs(JobName=definition)["JobRuns"]
    names = sorted(run["Arguments"]["--airflow_request"] for run in runs)
    nights = [name for name in names if name.startswith("night-")]
    assert [name[:24] for name in nights] == [f"night-canonical-{day.replace('-', '')}" for day in days]
    assert all(name.endswith("-1") for name in nights)
    claim = json.loads(boto3.client("s3").get_object(Bucket="tiny", Key=claim_key(settings, nights[0]))["Body"].read())
    assert twice[0]["job"] == f"{claim['definition']}/{claim['run']}"
    assert claim["asked_by"]["task_id"] == "night"


def claim_key(settings: Settings, attempt: str) -> str:
    return f"job-claims/{settings.model_name}/{attempt.rpartition('-')[0]}.json"


def test_training_gives_model_and_metrics_and_is_not_run_twice(settings, code, context) -> None:
    result = train(settings, code, "fine").execute(context)
    assert result["metrics"] == {"oot-auc": 0.81}
    assert result["model_uri"].endswith("/output/model.tar.gz")
    assert train(settings, code, "fine").execute(context) == result


def test_a_model_is_deployed_updated_and_kept_where_the_next_one_does_not_start(settings, context) -> None:
    import boto3

    first, second = registered("0.01"), registered("0.02")
    deployed = deploy(settings, context, first)
    assert answer().startswith("0.01,")
    assert deploy(settings, context, first) == deployed, "it serves already"
    deploy(settings, context, second)
    assert answer().startswith("0.02,")
    with pytest.raises(AwsJobFailed, match="ended before it answered /ping") as failure:
        deploy(settings, context, registered("none"))
    assert "could not convert string to float" in str(failure.value)
    assert answer().startswith("0.02,")
    deploy(settings, context, first)
    assert answer().startswith("0.01,")
    endpoint = boto3.client("sagemaker").describe_endpoint(EndpointName="tiny-pd")
    assert "FailureReason" not in endpoint, "an update that works leaves no word of the one that did not"
    boto3.client("sagemaker").delete_endpoint(EndpointName="tiny-pd")


def test_a_failing_script_shows_its_own_words(settings, code, context) -> None:
    with pytest.raises(AwsJobFailed, match="no defaults in the panel"):
        train(settings, code, "bad").execute(context)


def test_words_that_no_retry_can_change_end_the_task_at_once(settings, code, context) -> None:
    with pytest.raises(AirflowFailException, match=r"SplitError: train must hold both[\s\S]*would fail the same way"):
        train(settings, code, "final").execute(context)
    prefix = "s3://tiny/never/"
    ruined = GlueDatasetOperator(
        task_id="clean",
        settings=settings,
        source="canonical",
        business_date="2019-12-31",
        code=code,
        script="broken.py",
        arguments={"output": prefix},
        inputs=["s3://tiny/panel/"],
        prefix=prefix,
    )
    with pytest.raises(AirflowFailException, match=r"SourceError: the tape is cut[\s\S]*would fail the same way"):
        ruined.execute(context)


def test_a_killed_task_stops_its_job(settings, code, context, monkeypatch) -> None:
    task = train(settings, code, "slow")
    sleep = time.sleep

    def killed(seconds: float) -> None:
        sleep(1)
        task.on_kill()
        raise KeyboardInterrupt

    monkeypatch.setattr("mortgage_risk.jobs.operator.time.sleep", killed)
    with pytest.raises(KeyboardInterrupt):
        task.execute(context)
    monkeypatch.undo()
    deadline = time.monotonic() + 120
    while jobs()[0]["TrainingJobStatus"] not in ("Stopped", "Failed") and time.monotonic() < deadline:
        time.sleep(0.5)
    assert jobs()[0]["TrainingJobStatus"] == "Stopped"


def test_a_restart_of_the_server_is_survived_and_the_retry_is_a_new_attempt(
    settings, code, context, local_aws, monkeypatch
) -> None:
    """The wait goes on through the outage, the lost job is seen as failed, and Airflow's retry submits one
    new attempt.
    """
    task = train(replace(settings, training_instance_type="ml.m5.xlarge"), code, "slow")
    sleep, restarted = time.sleep, []

    def restart_once(seconds: float) -> None:
        if not restarted:
            restarted.append(True)
            local_aws.kill()
            sleep(1)
            local_aws.start()
        sleep(0.2)

    monkeypatch.setattr("mortgage_risk.jobs.operator.time.sleep", restart_once)
    before = len(jobs())
    with pytest.raises(AwsJobFailed, match="stopped while this job was running"):
        task.execute(context)
    assert len(jobs()) == before + 1
    assert jobs()[0]["TrainingJobName"].endswith("-1")
