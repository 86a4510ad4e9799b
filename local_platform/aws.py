"""Clients of the local AWS for the demo and the end-to-end tests."""

from __future__ import annotations

import json
from typing import Any

import boto3

from local_platform.settings import Platform

CREDENTIALS = {"region_name": "us-east-1", "aws_access_key_id": "local", "aws_secret_access_key": "local"}


def aws_client(platform: Platform, service: str) -> Any:
    return boto3.client(service, endpoint_url=platform.aws_url, **CREDENTIALS)  # type: ignore[call-overload]


def read_json(platform: Platform, uri: str) -> Any:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(aws_client(platform, "s3").get_object(Bucket=bucket, Key=key)["Body"].read())
