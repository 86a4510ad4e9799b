"""The server's own behaviour: health, errors in each protocol's shape, what it refuses, the console."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

from local_aws.console import duration, readable
from tests.local_aws.conftest import ROOT, LocalAws


def test_health(aws: LocalAws) -> None:
    health = aws.health()
    assert health["status"] == "ok"
    assert {"s3", "glue", "sagemaker", "iam"} <= set(health["services"])
    assert isinstance(health["running_jobs"], list)


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("glue", "list_ml_transforms", {}),  # moto: action unknown
        ("cloudwatch", "list_metric_streams", {}),
        ("ssm", "list_nodes", {}),
        ("ec2", "describe_instances", {}),  # services that are not offered: query, JSON and REST protocols
        ("dynamodb", "list_tables", {}),
        ("lambda", "list_functions", {}),
        ("s3", "put_bucket_acl", {"Bucket": "b", "ACL": "private"}),
        ("s3", "get_object", {"Bucket": "b", "Key": "k", "VersionId": "1"}),
    ],
)
def test_the_unsupported_is_a_client_error_that_names_the_api(
    aws: LocalAws, service: str, operation: str, arguments: dict[str, str]
) -> None:
    with pytest.raises(ClientError) as error:
        getattr(aws.client(service), operation)(**arguments)
    answer = error.value.response
    assert answer["Error"]["Code"] == "UnsupportedOperation"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400, "botocore retries a 5xx"
    assert "local_aws does not support" in answer["Error"]["Message"]


def test_an_unexpected_failure_is_a_client_error_with_its_message(aws: LocalAws) -> None:
    body = b'{"JobName": ["not", "a", "name"]}'
    request = urllib.request.Request(aws.endpoint_url, data=body, headers={"X-Amz-Target": "AWSGlue.GetJob"})
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    assert error.value.code == 400
    answer = error.value.read().decode()
    assert "InternalFailure" in answer
    assert "glue GetJob" in answer
    assert "Traceback" in aws.log.read_text()


def test_services_of_moto_answer(aws: LocalAws) -> None:
    assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"
    iam = aws.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    assert iam.get_role(RoleName="r")["Role"]["RoleName"] == "r"
    topic = aws.client("sns").create_topic(Name="t")["TopicArn"]
    queue = aws.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody="hello")
    assert topic.endswith(":t")
    assert aws.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"
    aws.client("secretsmanager").create_secret(Name="s", SecretString="x")
    aws.client("ssm").put_parameter(Name="/p", Value="v", Type="String")
    aws.client("events").put_rule(Name="rule", ScheduleExpression="rate(1 day)")
    key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
    assert aws.client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    point = [{"MetricName": "m", "Value": 1.0}]
    aws.client("cloudwatch").put_metric_data(Namespace="n", MetricData=point)
    assert aws.client("cloudwatch").list_metrics(Namespace="n")["Metrics"][0]["MetricName"] == "m"


def test_console_pages(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="console")
    s3.put_object(Bucket="console", Key="a/<script>&.txt", Body=b"x")
    assert "Jobs" in aws.get("/_console/")
    assert "/_console/s3/console/" in aws.get("/_console/s3/")
    assert "/_console/s3/console/a/" in aws.get("/_console/s3/console/")
    folder = aws.get("/_console/s3/console/a/")
    assert "&lt;script&gt;&amp;.txt" in folder
    assert "<script>" not in folder
    assert 'href="/console/a/%3Cscript%3E%26.txt"' in folder
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/my/group")
    logs.create_log_stream(logGroupName="/my/group", logStreamName="one/two")
    logs.put_log_events(
        logGroupName="/my/group",
        logStreamName="one/two",
        logEvents=[{"timestamp": 4102444800000, "message": "<b>line</b>"}],
    )
    assert "/_console/logs/%2Fmy%2Fgroup/one%2Ftwo" in aws.get("/_console/logs/%2Fmy%2Fgroup/")
    for path in ("/_console/s3/nowhere/", "/_console/glue/no/run", "/_console/logs/none/", "/_console/what"):
        with pytest.raises(urllib.error.HTTPError) as error:
            aws.get(path)
        assert error.value.code == 404


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, ""), (-0.4, "0 s"), (0.4, "0 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7500, "2 h 05 min")],
)
def test_how_long_a_job_took(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_description_has_dates_for_epoch_seconds() -> None:
    description = {"StartedOn": 0.0, "Timeout": 480, "Steps": [{"EndTime": 86400.5, "Status": "x"}], "Value": 1.5}
    assert readable(description) == {
        "StartedOn": "1970-01-01 00:00:00 UTC",
        "Timeout": 480,
        "Steps": [{"EndTime": "1970-01-02 00:00:00 UTC", "Status": "x"}],
        "Value": 1.5,
    }


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("a/manifest.json", "application/json"),
        ("events.ndjson", "text/plain; charset=utf-8"),
        ("scores.csv.out", "text/plain; charset=utf-8"),
        ("report.html", "text/html; charset=utf-8"),
        ("loans.csv", "text/csv; charset=utf-8"),
        ("chart.svg", "image/svg+xml"),
        ("loans.csv.gz", "binary/octet-stream"),
        ("part-0.parquet", "binary/octet-stream"),
        ("name.json/plain", "binary/octet-stream"),
    ],
)
def test_what_came_without_a_type_is_shown_by_its_name(aws: LocalAws, key: str, kind: str) -> None:
    s3 = aws.client("s3")
    if "types" not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket="types")
    s3.put_object(Bucket="types", Key=key, Body=b"{}")
    assert s3.get_object(Bucket="types", Key=key)["ContentType"] == kind
    s3.copy_object(Bucket="types", Key="copy", CopySource=f"types/{key}")
    assert s3.head_object(Bucket="types", Key="copy")["ContentType"] == "binary/octet-stream"
    s3.put_object(Bucket="types", Key=key, Body=b"{}", ContentType="text/x-own")
    assert s3.head_object(Bucket="types", Key=key)["ContentType"] == "text/x-own"


def test_a_person_who_opens_a_prefix_sees_its_objects(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="prefixes")
    s3.put_object(Bucket="prefixes", Key="a b/run#1/part.csv", Body=b"x")
    for path in ("/prefixes/a%20b/run%231/", "/prefixes/a%20b/run%231"):
        page = urllib.request.Request(aws.endpoint_url + path, headers={"Accept": "text/html,*/*"})
        with urllib.request.urlopen(page) as answer:
            assert answer.url == f"{aws.endpoint_url}/_console/s3/prefixes/a%20b/run%231/"
            assert "part.csv" in answer.read().decode()
        for request in (aws.endpoint_url + path, aws.endpoint_url + "/prefixes/a"):
            with pytest.raises(urllib.error.HTTPError) as error:
                urllib.request.urlopen(request)
            assert error.value.code == 404, "a program is told what S3 would tell it"


def test_a_taken_port_is_said_plainly(aws: LocalAws, tmp_path: object) -> None:
    command = [sys.executable, "-m", "local_aws", "--port", str(aws.port), "--state-dir", str(tmp_path)]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert f"127.0.0.1:{aws.port}" in second.stderr
    assert "Traceback" not in second.stderr
