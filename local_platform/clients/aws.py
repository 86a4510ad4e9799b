"""Clients of the local AWS for the demo and the end-to-end tests."""

from __future__ import annotations

import json
from typing import Any

import boto3

from local_platform.running.services import aws_environment
from local_platform.settings import Platform


def aws_client(platform: Platform, service: Any) -> Any:
    environment = aws_environment(platform)
    return boto3.client(
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
    )


def read_json(platform: Platform, uri: str) -> Any:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(aws_client(platform, "s3").get_object(Bucket=bucket, Key=key)["Body"].read())
