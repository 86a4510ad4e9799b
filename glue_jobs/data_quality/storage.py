"""Small S3 objects: manifests and results. Tables go through Spark."""

from __future__ import annotations

import json
import mimetypes
import re
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import boto3
from botocore.exceptions import ClientError

RUN_DATE = re.compile(r"/run_date=(\d{4}-\d{2}-\d{2})/result\.json$")


def read_json(uri: str) -> dict[str, Any] | None:
    """The JSON object at ``uri``; None if there is none, or no such bucket."""
    bucket, key = _split(uri)
    try:
        body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in {"NoSuchKey", "NoSuchBucket", "404"}:
            return None
        raise
    return json.loads(body)


def write_json(uri: str, value: dict[str, Any]) -> None:
    bucket, key = _split(uri)
    body = json.dumps(value, indent=1, ensure_ascii=False).encode()
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")


def upload_folder(folder: Path, uri: str) -> None:
    """Every file under ``folder`` to ``uri``/…, with the content type a browser needs."""
    bucket, prefix = _split(uri)
    client = boto3.client("s3")
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        key = f"{prefix}/{path.relative_to(folder).as_posix()}"
        client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), ContentType=kind)


def previous_result(uri: str, before: date) -> dict[str, Any] | None:
    """The newest ``<uri>/run_date=D/result.json`` with D earlier than ``before``; None if there is none."""
    bucket, prefix = _split(uri)
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/run_date=")
    found = [
        (match.group(1), entry["Key"])
        for page in pages
        for entry in page.get("Contents", ())
        if (match := RUN_DATE.search(entry["Key"])) and match.group(1) < before.isoformat()
    ]
    return read_json(f"s3://{bucket}/{max(found)[1]}") if found else None


def _split(uri: str) -> tuple[str, str]:
    parts = urlparse(uri)
    return parts.netloc, parts.path.strip("/")
