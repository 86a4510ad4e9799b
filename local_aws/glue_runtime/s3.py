"""The few S3 calls of the Glue runtime, through boto3 as the job's own would be."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def client(service: Any = "s3") -> Any:
    import boto3

    return boto3.client(service)


def split(uri: str) -> tuple[str, str]:
    """(bucket, key) of an s3:// URI."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in ("s3", "s3a", "s3n") or not bucket:
        raise ValueError(f"not an S3 URI: {uri}")
    return bucket, key


def folder_key(uri: str) -> tuple[str, str]:
    bucket, key = split(uri)
    return bucket, key.rstrip("/") + "/" if key.strip("/") else ""


def delete_older(uri: str, before: float) -> None:
    """Delete the objects under a path that were last written before a time (epoch seconds)."""
    bucket, prefix = folder_key(uri)
    for page in client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        old = [{"Key": item["Key"]} for item in page.get("Contents", []) if item["LastModified"].timestamp() <= before]
        if old:
            client().delete_objects(Bucket=bucket, Delete={"Objects": old, "Quiet": True})


def partition_folders(uri: str, keys: list[str]) -> list[tuple[list[str], str]]:
    """(values, URI) of every `key=value/…` folder below a path, as deep as there are keys."""
    from urllib.parse import unquote

    bucket, prefix = folder_key(uri)
    found: list[tuple[list[str], str]] = [([], prefix)]
    for key in keys:
        deeper = []
        for values, folder in found:
            pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder, Delimiter="/")
            for common in (c["Prefix"] for page in pages for c in page.get("CommonPrefixes", [])):
                name, equals, value = common[len(folder) : -1].partition("=")
                if equals and unquote(name) == key:
                    deeper.append(([*values, unquote(value)], common))
        found = deeper
    return [(values, f"s3://{bucket}/{folder}") for values, folder in found]
