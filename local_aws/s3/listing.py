"""ListObjects and ListObjectsV2."""

from __future__ import annotations

import base64
import datetime as dt
import urllib.parse
from collections.abc import Mapping
from typing import Any

from local_aws.kernel.errors import AwsError
from local_aws.s3.store import S3Store
from local_aws.s3.walk import LAST


def iso(epoch: float) -> str:
    moment = dt.datetime.fromtimestamp(epoch, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def list_objects(store: S3Store, bucket: str, query: Mapping[str, str], version: int) -> dict[str, Any]:
    """One page of a bucket's listing as the content of ListBucketResult."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    try:
        wanted = min(1000, int(query.get("max-keys", 1000)))
        if wanted < 0:
            raise ValueError
    except ValueError:
        raise AwsError("InvalidArgument", "max-keys must be an integer between 0 and 2147483647") from None
    token = query.get("continuation-token", "")
    after = query.get("marker" if version == 1 else "start-after", "")
    if token:
        after = _decode(token)
    if delimiter and after.startswith(prefix) and delimiter in after[len(prefix) :]:
        # a marker inside a common prefix (or the common prefix itself) is behind all of it
        end = after.index(delimiter, len(prefix)) + len(delimiter)
        if version == 1 or token:
            after = after[:end] + LAST

    contents: list[dict[str, Any]] = []
    folders: list[str] = []
    last = ""
    truncated = False
    keys = store.keys(bucket, prefix, after)
    while wanted and (key := next(keys, None)) is not None:
        if len(contents) + len(folders) == wanted:
            truncated = True
            break
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        if cut >= 0:
            last = key[: cut + len(delimiter)]
            folders.append(last)
            keys = store.keys(bucket, prefix, last + LAST)
            continue
        try:
            meta = store.head(bucket, key)
        except AwsError:
            continue  # deleted since the folder was read
        last = key
        contents.append(
            {
                "Key": key,
                "LastModified": iso(meta.modified),
                "ETag": f'"{meta.etag}"',
                "Size": meta.size,
                "StorageClass": "STANDARD",
            }
        )

    encoding = query.get("encoding-type")
    encode = urllib.parse.quote if encoding == "url" else str
    for item in contents:
        item["Key"] = encode(item["Key"])
    result: dict[str, Any] = {
        "Name": bucket,
        "Prefix": encode(prefix),
        "Delimiter": encode(delimiter) if delimiter else None,
        "MaxKeys": wanted,
        "EncodingType": encoding,
        "IsTruncated": truncated,
        "Contents": contents,
        "CommonPrefixes": [{"Prefix": encode(folder)} for folder in folders],
    }
    if version == 1:
        result["Marker"] = encode(query.get("marker", ""))
        result["NextMarker"] = encode(last) if truncated else None
    else:
        result["KeyCount"] = len(contents) + len(folders)
        result["StartAfter"] = encode(query["start-after"]) if "start-after" in query else None
        result["ContinuationToken"] = token or None
        result["NextContinuationToken"] = _encode(last) if truncated else None
    return result


def _encode(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _decode(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        raise AwsError("InvalidArgument", "The continuation token provided is incorrect") from None
