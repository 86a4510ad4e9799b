"""Models, batch transform and endpoints with a real served model."""

from __future__ import annotations

import gzip
import json
import signal
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import wait_for
from tests.local_aws.sagemaker_kit import IMAGE, ROLE, error_of, finished, log_lines, pack, read

if TYPE_CHECKING:
    from tests.local_aws.conftest import LocalAws

BUCKET = "sagemaker-transform-tests"
# Adds up the numbers of a row; says how many rows a request held; fails on a word.
INFERENCE = """
import json, os, time

def model_fn(model_dir):
    with open(os.path.join(model_dir, "scale")) as f:
        return float(f.read())

def input_fn(body, content_type):
    if content_type != "text/csv":
        return [json.loads(line) for line in body.decode().splitlines()]
    rows = [[float(v) for v in line.split(",")] for line in body.splitlines()]
    if rows and rows[0][0] < 0:
        time.sleep(300)
    return rows

def predict_fn(rows, scale):
    return [(scale * sum(row["x"] if isinstance(row, dict) else row), len(rows)) for row in rows]

def output_fn(predictions, accept):
    if accept == "text/csv":
        return "\\n".join(f"{total},{count}" for total, count in predictions), accept
    return "\\n".join(json.dumps({"sum": total}) for total, _ in predictions), accept
"""


@pytest.fixture(scope="module")
def ready(aws: LocalAws) -> LocalAws:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for scale in (1, 10):
        body = pack({"scale": str(scale), "code/inference.py": INFERENCE})
        s3.put_object(Bucket=BUCKET, Key=f"models/{scale}/model.tar.gz", Body=body)
    objects = {
        "rows/a.csv": "A1,1,2\nA2,3,4\n\n",
        "rows/more/b.csv": 'B1,5,6\r\n"B,2",7,8',
        "bad/a.csv": "A1,1,2\n",
        "bad/b.csv": "B1,1,x\n",
        "bad/c.csv": "C1,3,4\n",
        "hang/a.csv": "A1,-1,2\n",
        "lines/a.jsonl": '{"id": 1, "x": [1, 2]}\n{"id": 2, "x": [3]}\n',
        "manifest": json.dumps([{"prefix": f"s3://{BUCKET}/rows/"}, "a.csv"]),
    }
    for key, text in objects.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    s3.put_object(Bucket=BUCKET, Key="packed/a.csv.gz", Body=gzip.compress(b"A1,1,2\n"))
    create_model(aws, "sums", 1)
    create_model(aws, "tenfold", 10)
    return aws


def create_model(aws: LocalAws, name: str, scale: int | str) -> None:
    aws.client("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=ROLE,
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{BUCKET}/models/{scale}/model.tar.gz",
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        },
    )


def request(key: str, data_type: str = "S3Prefix", **changes: Any) -> dict[str, Any]:
    name = f"job-{uuid.uuid4().hex[:12]}"
    source = {"S3DataSource": {"S3DataType": data_type, "S3Uri": f"s3://{BUCKET}/{key}"}}
    output = {"S3OutputPath": f"s3://{BUCKET}/out/{name}", "Accept": "text/csv", "AssembleWith": "Line"}
    return {
        "TransformJobName": name,
        "ModelName": "sums",
        "TransformInput": {"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": output,
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "BatchStrategy": "MultiRecord",
        "DataProcessing": {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-2,-1]"},
        **changes,
    }


def run(aws: LocalAws, params: dict[str, Any]) -> dict[str, Any]:
    aws.client("sagemaker").create_transform_job(**params)
    job = finished(aws, "transform", params["TransformJobName"])
    job["lines"] = log_lines(aws, "TransformJobs", params["TransformJobName"])
    return job


def output(aws: LocalAws, params: dict[str, Any], name: str) -> str:
    return read(aws, f"{params['TransformOutput']['S3OutputPath']}/{name}.out").decode()


def test_filters_and_join_over_several_files(ready: LocalAws) -> None:
    params = request("rows/", MaxConcurrentTransforms=2)
    job = run(ready, params)
    assert job["TransformJobStatus"] == "Completed", (job, job["lines"])
    assert output(ready, params, "a.csv") == "A1,3.0,2\nA2,7.0,2\n"
    assert output(ready, params, "more/b.csv") == 'B1,11.0,2\n"B,2",15.0,2\n'
    assert any("MaxConcurrentTransforms=2" in line for line in job["lines"])


def test_single_records_of_a_manifest_without_join(ready: LocalAws) -> None:
    params = request("manifest", "ManifestFile", BatchStrategy="SingleRecord", DataProcessing={"InputFilter": "$[1,2]"})
    job = run(ready, params)
    assert job["TransformJobStatus"] == "Completed", (job, job["lines"])
    assert output(ready, params, "a.csv") == "3.0,1\n7.0,1\n"


def test_json_lines_join_and_compressed_input(ready: LocalAws) -> None:
    params = request("lines/", DataProcessing={"JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"})
    params["TransformInput"]["ContentType"] = params["TransformOutput"]["Accept"] = "application/jsonlines"
    packed = request("packed/")
    packed["TransformInput"]["CompressionType"] = "Gzip"
    client = ready.client("sagemaker")
    client.create_transform_job(**packed)
    job = run(ready, params)
    assert job["TransformJobStatus"] == "Completed", (job, job["lines"])
    assert [json.loads(line) for line in output(ready, params, "a.jsonl").splitlines()] == [
        {"id": 1, "SageMakerOutput": {"sum": 3.0}},
        {"id": 2, "SageMakerOutput": {"sum": 3.0}},
    ]
    assert finished(ready, "transform", packed["TransformJobName"])["TransformJobStatus"] == "Completed"
    assert output(ready, packed, "a.csv.gz") == "A1,3.0,1\n"


ECHO = """
import json

def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    text = body.decode() if isinstance(body, bytes) else body
    return [line for line in text.split("\\n") if line], content_type

def predict_fn(data, model):
    return data

def output_fn(data, accept):
    lines, kind = data
    if kind == "text/csv":
        return "\\n".join(str(len(line)) for line in lines), kind
    echoes = [{"echo": json.loads(line)["name"]} for line in lines]
    return "\\n".join(json.dumps(echo, ensure_ascii=False) for echo in echoes), kind
"""


def test_odd_lines_and_odd_keys(ready: LocalAws) -> None:
    """Blank lines, separators that are text, a byte order mark, "#" in a key, a prefix that its sibling shares."""
    s3 = ready.client("s3")
    s3.put_object(Bucket=BUCKET, Key="models/echo/model.tar.gz", Body=pack({"code/inference.py": ECHO}))
    create_model(ready, "echo", "echo")
    tables = {
        "run#1?/blank.csv": '"first row"\n\n"second, row"\n  \n\r\n"third"\n',
        "run#1?/separators.csv": "A\u0085B,1\nC\u2028D,2\n",
        "run#1?/mark.csv": "\ufeff1.5,1\n2.5,2\n",
        "run#1?x/sibling.csv": "B,2\n",
    }
    lines = {"odd lines/a.jsonl": '\ufeff{"name": "one\u2028two"}\n \n{"name": "pl\u0085ain"}\n'}
    for key, text in (tables | lines).items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    of_tables = request("run#1?", ModelName="echo", DataProcessing={"JoinSource": "Input"})
    of_lines = request("odd lines/", ModelName="echo", DataProcessing={"JoinSource": "Input"})
    of_lines["TransformInput"]["ContentType"] = of_lines["TransformOutput"]["Accept"] = "application/jsonlines"
    for params in (of_tables, of_lines):
        job = run(ready, params)
        assert job["TransformJobStatus"] == "Completed", (job, job["lines"])
    assert output(ready, of_tables, "blank.csv") == '"first row",11\n"second, row",13\n"third",7\n'
    assert output(ready, of_tables, "separators.csv") == "A\u0085B,1,5\nC\u2028D,2,5\n"
    assert output(ready, of_tables, "mark.csv") == "1.5,1,5\n2.5,2,5\n"
    assert output(ready, of_tables, "run#1?x/sibling.csv") == "B,2,3\n"
    assert [json.loads(line) for line in output(ready, of_lines, "a.jsonl").strip().split("\n")] == [
        {"name": "one\u2028two", "SageMakerOutput": {"echo": "one\u2028two"}},
        {"name": "pl\u0085ain", "SageMakerOutput": {"echo": "pl\u0085ain"}},
    ]


def test_two_objects_never_share_an_output(ready: LocalAws) -> None:
    for key in ("pair/in/in_old/a.csv", "pair/in_old/a.csv"):
        ready.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"A1,1,2\n")
    code, message = error_of(ready.client("sagemaker").create_transform_job, **request("pair/in"))
    assert code == "ValidationException"
    assert "pair/in/in_old/a.csv and pair/in_old/a.csv would both become in_old/a.csv" in message
    assert 'end it with "/"' in message


def test_a_bad_record_fails_the_job_and_spares_the_other_files(ready: LocalAws) -> None:
    params = request("bad/")
    job = run(ready, params)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: See job logs for more information.")
    assert f"{BUCKET}/bad/b.csv" in job["FailureReason"]
    assert "500" in job["FailureReason"]
    assert output(ready, params, "a.csv") == "A1,3.0,1\n"
    assert output(ready, params, "c.csv") == "C1,7.0,1\n"
    with pytest.raises(ClientError):
        output(ready, params, "b.csv")
    assert any("could not convert string to float" in line for line in job["lines"])


def test_stop(ready: LocalAws) -> None:
    params = request("hang/")
    name, client = params["TransformJobName"], ready.client("sagemaker")
    client.create_transform_job(**params)
    wait_for(lambda: any("MaxPayloadInMB" in line for line in log_lines(ready, "TransformJobs", name)))
    client.stop_transform_job(TransformJobName=name)
    assert finished(ready, "transform", name)["TransformJobStatus"] == "Stopped"


def test_a_model_that_does_not_load_fails_the_job(ready: LocalAws) -> None:
    body = pack({"code/inference.py": INFERENCE})
    ready.client("s3").put_object(Bucket=BUCKET, Key="models/0/model.tar.gz", Body=body)
    create_model(ready, "broken", 0)
    job = run(ready, request("rows/", ModelName="broken"))
    assert job["TransformJobStatus"] == "Failed"
    assert "did not" not in job["FailureReason"]
    assert "/ping" in job["FailureReason"]
    assert any("No such file" in line for line in job["lines"])


def test_refusals(ready: LocalAws) -> None:
    client = ready.client("sagemaker")
    for changes, words in (
        ({"ModelName": "absent"}, "Could not find model"),
        ({"MaxPayloadInMB": 50, "MaxConcurrentTransforms": 3}, "must not exceed 100"),
        ({"DataProcessing": {"InputFilter": "$.x"}}, "cannot select columns"),
        ({"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2}}, "InstanceCount"),
    ):
        code, message = error_of(client.create_transform_job, **request("rows/", **changes))
        assert code == "ValidationException"
        assert words in message
    code, message = error_of(client.create_transform_job, **request("nothing/"))
    assert code == "ValidationException"
    assert message.startswith("No S3 objects found")
    code, message = error_of(create_model, aws=ready, name="sums", scale=1)
    assert code == "ValidationException"
    assert message.startswith("Cannot create already existing model")
    code, message = error_of(create_model, aws=ready, name="dataless", scale=7)
    assert code == "ValidationException"
    assert message.startswith("Could not find model data")


def test_an_endpoint_answers_is_updated_and_deleted(ready: LocalAws) -> None:
    client, runtime = ready.client("sagemaker"), ready.client("sagemaker-runtime")
    for name in ("sums", "tenfold"):
        variant = {
            "VariantName": "all",
            "ModelName": name,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
        }
        client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    client.create_endpoint(EndpointName="live", EndpointConfigName="sums")

    def status() -> str:
        return client.describe_endpoint(EndpointName="live")["EndpointStatus"]

    def ask(body: str) -> str:
        answer = runtime.invoke_endpoint(EndpointName="live", Body=body, ContentType="text/csv", Accept="text/csv")
        assert answer["InvokedProductionVariant"] == "all"
        assert answer["ContentType"] == "text/csv"
        return answer["Body"].read().decode()

    wait_for(lambda: status() == "InService")
    assert ask("1,2") == "3.0,1"
    with pytest.raises(ClientError) as caught:
        ask("1,x")
    assert caught.value.response["Error"]["Code"] == "ModelError"
    client.update_endpoint(EndpointName="live", EndpointConfigName="tenfold")
    assert ask("1,2") in ("3.0,1", "30.0,1"), "the old container serves until the new one is up"
    wait_for(lambda: status() == "InService")
    assert ask("1,2") == "30.0,1"
    client.delete_endpoint(EndpointName="live")
    assert error_of(runtime.invoke_endpoint, EndpointName="live", Body=b"1")[0] == "ValidationError"
    assert error_of(client.describe_endpoint, EndpointName="live")[0] == "ValidationException"


def test_after_a_restart_an_endpoint_serves_again_and_a_running_transform_has_failed(own_aws: LocalAws) -> None:
    s3, client = own_aws.client("s3"), own_aws.client("sagemaker")
    s3.create_bucket(Bucket=BUCKET)
    body = pack({"scale": "1", "code/inference.py": INFERENCE})
    s3.put_object(Bucket=BUCKET, Key="models/1/model.tar.gz", Body=body)
    s3.put_object(Bucket=BUCKET, Key="hang/a.csv", Body=b"A1,-1,2\n")
    create_model(own_aws, "sums", 1)
    variant = {
        "VariantName": "all",
        "ModelName": "sums",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    client.create_endpoint_config(EndpointConfigName="sums", ProductionVariants=[variant])
    client.create_endpoint(EndpointName="live", EndpointConfigName="sums")
    params = request("hang/")
    client.create_transform_job(**params)

    def ask() -> bytes | None:
        if client.describe_endpoint(EndpointName="live")["EndpointStatus"] != "InService":
            return None
        runtime = own_aws.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName="live", Body="1,2", ContentType="text/csv", Accept="text/csv")
        return answer["Body"].read()

    assert wait_for(ask) == b"3.0,1"
    own_aws.restart(signal.SIGKILL)
    job = client.describe_transform_job(TransformJobName=params["TransformJobName"])
    assert job["TransformJobStatus"] == "Failed"
    assert "local AWS stopped" in job["FailureReason"]
    assert wait_for(ask) == b"3.0,1"
