"""Single objects of a dataset: on S3 through boto3, or in a plain folder (tests, notebooks)."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def read_json(uri: str) -> Any:
    """The object's JSON. FileNotFoundError if there is no such object."""
    if not _is_s3(uri):
        return json.loads(Path(uri).read_text(encoding="utf-8"))
    bucket, key = _split(uri)
    try:
        return json.loads(_s3().get_object(Bucket=bucket, Key=key)["Body"].read())
    except _s3().exceptions.NoSuchKey as error:
        raise FileNotFoundError(uri) from error


def write_bytes(uri: str, body: bytes) -> None:
    """Write one object; readers see the old or the new one, never a part."""
    if _is_s3(uri):
        bucket, key = _split(uri)
        _s3().put_object(Bucket=bucket, Key=key, Body=body)
        return
    path = Path(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(body)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(uri: str, value: Any) -> None:
    write_bytes(uri, json.dumps(value, indent=1).encode())


def list_objects(prefix: str) -> list[tuple[str, int]]:
    """(URI, bytes) of everything below ``prefix`` (which ends with '/'), sorted; Spark's hidden files left out."""
    if _is_s3(prefix):
        bucket, key = _split(prefix)
        pages = _s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        found = [(f"s3://{bucket}/{item['Key']}", item["Size"]) for page in pages for item in page.get("Contents", [])]
    else:
        found = [(str(path), path.stat().st_size) for path in Path(prefix).rglob("*") if path.is_file()]
    return sorted((uri, size) for uri, size in found if not _hidden(uri))


def delete_prefix(prefix: str) -> None:
    """Delete everything below ``prefix`` (which ends with '/'); nothing to delete is fine."""
    if not _is_s3(prefix):
        shutil.rmtree(prefix, ignore_errors=True)
        return
    bucket, key = _split(prefix)
    for page in _s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key):
        keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
        if keys:
            _s3().delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


def delete_object(uri: str) -> None:
    if not _is_s3(uri):
        Path(uri).unlink(missing_ok=True)
        return
    bucket, key = _split(uri)
    _s3().delete_object(Bucket=bucket, Key=key)


def _hidden(uri: str) -> bool:
    name = uri.rsplit("/", 1)[-1]
    return name.startswith(".") or name == "_SUCCESS"


def _is_s3(uri: str) -> bool:
    return uri.startswith("s3://")


def _split(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri, allow_fragments=False)
    return parts.netloc, parts.path.lstrip("/")


@cache
def _s3() -> Any:
    import boto3

    return boto3.client("s3")
