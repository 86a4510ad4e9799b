"""Who is let in: programs with a name of this machine, no page of another site, nobody without the token."""

from __future__ import annotations

import base64
import http.client
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_aws.door import is_loopback
from tests.local_aws.conftest import ROOT, LocalAws
from tests.local_aws.sagemaker_kit import IMAGE, ROLE, pack, wait_for

# How a page names a service without a header that would need the server's consent
SAGEMAKER = "/?X-Amz-Credential=a/20260101/us-east-1/sagemaker/aws4_request"
RENDERED = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def ask(
    aws: LocalAws, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", aws.port, timeout=30)
    try:
        connection.request(method, path, body, {"Host": f"127.0.0.1:{aws.port}"} | headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def bucket(aws: LocalAws) -> str:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="door")
    for key, kind in (("page.html", "text/html"), ("drawing.svg", "image/svg+xml"), ("paper.pdf", "application/pdf")):
        s3.put_object(Bucket="door", Key=key, Body=b"<script>alert(1)</script>", ContentType=kind)
    s3.put_object(Bucket="door", Key="precious", Body=b"x")
    return "door"


def test_which_names_mean_this_machine() -> None:
    for name in ("127.0.0.1", "127.8.8.8", "::1", "localhost", "bucket.localhost"):
        assert is_loopback(name)
    for name in ("0.0.0.0", "10.0.0.1", "::", "localhost.evil.example", "notlocalhost", "127.0.0.1.nip.io", ""):
        assert not is_loopback(name)


PATHS = ["/", "/door/precious", "/_console/", "/_health", "/endpoints/x/invocations", "/moto-api/reset", SAGEMAKER]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.nip.io:{port}",
        "0.0.0.0:{port}",
        "localhost:{port}@evil.example",
        "",
    ],
)
def test_a_name_that_is_not_ours_is_refused_everywhere(aws: LocalAws, bucket: str, host: str) -> None:
    for method, path in itertools.product(("GET", "POST"), PATHS):
        status, _, body = ask(aws, method, path, {"Host": host.format(port=aws.port)})
        assert status == 403
        assert b"AccessDenied" in body


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:{port}", "LOCALHOST:{port}", "door.localhost:{port}", "[::1]:{port}"]
)
def test_names_of_this_machine_are_served(aws: LocalAws, bucket: str, host: str) -> None:
    key = "/precious" if host.startswith("door.") else "/door/precious"
    assert ask(aws, "GET", key, {"Host": host.format(port=aws.port)})[0] == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost:{port}", "file://"]
)
def test_a_foreign_origin_is_refused_everywhere(aws: LocalAws, bucket: str, origin: str) -> None:
    for method, path in itertools.product(("GET", "POST", "PUT", "DELETE"), PATHS):
        status, headers, body = ask(aws, method, path, {"Origin": origin.format(port=aws.port)})
        assert status == 403
        assert b"AccessDenied" in body
        assert not [name for name in headers if name.lower().startswith("access-control-")]
    assert aws.client("s3").get_object(Bucket="door", Key="precious")["Body"].read() == b"x"


def test_no_preflight_is_answered(aws: LocalAws) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    for path, wanted in itertools.product(PATHS, (headers, {})):
        status, answered, _ = ask(aws, "OPTIONS", path, wanted)
        assert status == 403
        assert not [name for name in answered if name.lower().startswith("access-control-")]


def test_the_own_origin_is_served(aws: LocalAws, bucket: str) -> None:
    own = {"Origin": f"http://127.0.0.1:{aws.port}", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert ask(aws, "PUT", "/door/own", own, b"x")[0] == 200
    assert ask(aws, "GET", "/_console/", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"})[0] == 200


def test_a_link_from_elsewhere_opens_what_only_shows(aws: LocalAws, bucket: str) -> None:
    for site in ("cross-site", "same-site", "none"):
        link = RENDERED | {"Sec-Fetch-Site": site}
        assert ask(aws, "GET", "/_console/", link)[0] == 200
        assert ask(aws, "GET", "/door/page.html", link)[0] == 200
        image = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        assert ask(aws, "GET", "/door/drawing.svg", image)[0] == 200
        for action in ("Action=CreateTopic&Name=t", "Action=ListUsers"):
            for service in ("sns", "iam"):
                path = f"/?X-Amz-Credential=a/20260101/us-east-1/{service}/aws4_request&{action}"
                assert ask(aws, "GET", path, link)[0] == 403
                assert ask(aws, "GET", path, {})[0] == 403, "nor where a browser does not say so"
    frame = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    fetch = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}
    for headers in (frame, fetch):
        assert ask(aws, "GET", "/door/page.html", headers)[0] == 403


def test_a_stored_document_has_an_origin_of_its_own(aws: LocalAws, bucket: str) -> None:
    for path in (
        "/door/page.html",
        "/door/drawing.svg",
        "/door/precious?response-content-type=text/html",
        "/door/absent",
    ):
        _, headers, _ = ask(aws, "GET", path, {})
        assert headers["Content-Security-Policy"].startswith("sandbox allow-scripts")
        assert "allow-same-origin" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" not in ask(aws, "GET", "/door/paper.pdf", {})[1], (
        "Chrome shows no PDF in a sandbox"
    )
    assert "default-src 'none'" in ask(aws, "GET", "/_console/", {})[1]["Content-Security-Policy"]


def test_state_is_its_owners(own_aws: LocalAws) -> None:
    s3 = own_aws.client("s3")
    s3.create_bucket(Bucket="door")
    s3.put_object(Bucket="door", Key="a/b", Body=b"x")
    own_aws.stop()
    (own_aws.state_dir / "s3").chmod(0o755)  # as an older version left it
    own_aws.start()
    files = list(own_aws.state_dir.rglob("*"))
    assert files
    for path in files:
        assert not path.stat().st_mode & 0o077, path


def test_a_model_serves_no_page(aws: LocalAws, bucket: str) -> None:
    """Its container listens on a port of its own, which a page can find."""
    s3, client = aws.client("s3"), aws.client("sagemaker")
    inference = "def model_fn(d): return 1\ndef transform_fn(model, body, kind, accept): return body, accept\n"
    s3.put_object(Bucket=bucket, Key="m/model.tar.gz", Body=pack({"code/inference.py": inference}))
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/m/model.tar.gz", "Environment": environment}
    client.create_model(ModelName="door", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {"VariantName": "all", "ModelName": "door", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    client.create_endpoint_config(EndpointConfigName="door", ProductionVariants=[variant])
    client.create_endpoint(EndpointName="door", EndpointConfigName="door")
    wait_for(lambda: client.describe_endpoint(EndpointName="door")["EndpointStatus"] == "InService")
    port = int(next(aws.state_dir.glob("sagemaker/containers/endpoint-door-*/port")).read_text())

    def invoke(headers: dict[str, str]) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", "/invocations", b"1", {"Content-Type": "text/plain"} | headers)
        return connection.getresponse().status

    assert invoke({}) == 200
    assert invoke({"Host": f"evil.example:{port}"}) == 403
    assert invoke({"Origin": "http://evil.example"}) == 403
    assert invoke({"Sec-Fetch-Site": "cross-site"}) == 403
    client.delete_endpoint(EndpointName="door")


# A bind that others reach


def command(state_dir: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "local_aws", "--host", "0.0.0.0", "--port", str(port), "--state-dir", str(state_dir)]


def test_a_bind_that_others_reach_wants_a_token(aws: LocalAws, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "LOCAL_AWS_TOKEN"}
    refused = subprocess.run(
        command(tmp_path, 0), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert refused.returncode == 1
    assert "LOCAL_AWS_TOKEN" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A server as in a container: on all addresses, with a name and a token."""
    server = LocalAws(tmp_path_factory.mktemp("guarded") / "state")
    server.start("--host", "0.0.0.0", "--allow-host", "local-aws", env={"LOCAL_AWS_TOKEN": "s3cret/+="})
    yield server
    server.stop()


def client(aws: LocalAws, service: str, token: str | None) -> Any:
    return aws.client(service, aws_session_token=token)


def test_clients_show_the_token_as_session_token(guarded: LocalAws) -> None:
    for token in (None, "", "wrong", "s3cret", "s3cret/+=x"):
        for service, call in (("s3", "list_buckets"), ("sagemaker", "list_models"), ("iam", "list_users")):
            with pytest.raises(ClientError) as error:
                getattr(client(guarded, service, token), call)()
            assert error.value.response["Error"]["Code"] == "InvalidClientTokenId"
            assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    s3 = client(guarded, "s3", "s3cret/+=")
    s3.create_bucket(Bucket="guarded")
    s3.put_object(Bucket="guarded", Key="k", Body=b"x" * 5_000_000)
    assert client(guarded, "sagemaker", "s3cret/+=").list_models()["Models"] == []
    assert client(guarded, "iam", "s3cret/+=").list_users()["Users"] == []
    for version in ("s3", "s3v4"):
        signer = guarded.client("s3", aws_session_token="s3cret/+=", config=Config(signature_version=version))
        url = signer.generate_presigned_url("get_object", {"Bucket": "guarded", "Key": "k"})
        assert ask(guarded, "GET", url.removeprefix(guarded.endpoint_url), {})[0] == 200


def test_a_large_body_without_the_token_is_answered(guarded: LocalAws) -> None:
    with pytest.raises(ClientError) as error:
        client(guarded, "s3", "wrong").put_object(Bucket="guarded", Key="big", Body=b"x" * 20_000_000)
    assert error.value.response["Error"]["Code"] == "InvalidClientTokenId"


def test_a_person_shows_the_token_as_password(guarded: LocalAws) -> None:
    status, headers, _ = ask(guarded, "GET", "/_console/", {"Accept": "text/html,*/*", **RENDERED})
    assert status == 401
    assert headers["WWW-Authenticate"].startswith("Basic ")
    password = {"Authorization": "Basic " + base64.b64encode(b"anybody:s3cret/+=").decode()}
    assert ask(guarded, "GET", "/_console/", {"Accept": "text/html", **password})[0] == 200
    assert ask(guarded, "GET", "/_console/", {"Origin": "http://evil.example", **password})[0] == 403


def test_health_says_that_it_is_up_and_no_more(guarded: LocalAws) -> None:
    assert guarded.health()["running_jobs"] == []
    assert ask(guarded, "GET", "/_health", {"Host": f"local-aws:{guarded.port}"})[0] == 200
    assert ask(guarded, "GET", "/_health", {"Host": f"other:{guarded.port}"})[0] == 403


def test_a_job_has_the_token(guarded: LocalAws) -> None:
    s3, sagemaker = client(guarded, "s3", "s3cret/+="), client(guarded, "sagemaker", "s3cret/+=")
    s3.create_bucket(Bucket="jobs")
    script = "import boto3; boto3.client('s3').put_object(Bucket='jobs', Key='done', Body=b'x')"
    sagemaker.create_processing_job(
        ProcessingJobName="guarded",
        RoleArn=ROLE,
        AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["python", "-c", script]},
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
    )
    wait_for(
        lambda: sagemaker.describe_processing_job(ProcessingJobName="guarded")["ProcessingJobStatus"] != "InProgress"
    )
    assert s3.get_object(Bucket="jobs", Key="done")["Body"].read() == b"x"
