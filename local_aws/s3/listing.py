"""ListObjects and ListObjectsV2."""

from __future__ import annotations

import base64
import datetime as dt
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from local_aws.kernel.errors import AwsError
from local_aws.s3.objects import Meta
from local_aws.s3.store import S3Store
from local_aws.s3.walk import LAST
from local_aws.s3.xml import Element


def iso(epoch: float) -> str:
    moment = dt.datetime.fromtimestamp(epoch, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@dataclass(frozen=True)
class Asked:
    """What a listing is asked for; `after` is the key or common prefix behind which it begins."""

    prefix: str
    delimiter: str
    limit: int
    after: str

    @classmethod
    def by(cls, query: Mapping[str, str], version: int) -> Asked:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        token = query.get("continuation-token", "")
        after = _decode(token) if token else query.get("marker" if version == 1 else "start-after", "")
        if (version == 1 or token) and delimiter and after.startswith(prefix) and delimiter in after[len(prefix) :]:
            # a marker inside a common prefix (or the common prefix itself) is behind all of it
            after = after[: after.index(delimiter, len(prefix)) + len(delimiter)] + LAST
        return cls(prefix, delimiter, _limit(query.get("max-keys", "1000")), after)


@dataclass(frozen=True)
class Page:
    """The objects and common prefixes of one answer, the last of both, and whether more follow."""

    objects: list[Meta]
    folders: list[str]
    last: str
    truncated: bool


def _limit(text: str) -> int:
    try:
        limit = min(1000, int(text))
        if limit < 0:
            raise ValueError
    except ValueError:
        raise AwsError("InvalidArgument", "max-keys must be an integer between 0 and 2147483647") from None
    return limit


def _page(store: S3Store, bucket: str, asked: Asked) -> Page:
    objects: list[Meta] = []
    folders: list[str] = []
    last = ""
    keys = store.keys(bucket, asked.prefix, asked.after)
    while asked.limit and (key := next(keys, None)) is not None:
        if len(objects) + len(folders) == asked.limit:
            return Page(objects, folders, last, truncated=True)
        cut = key.find(asked.delimiter, len(asked.prefix)) if asked.delimiter else -1
        if cut >= 0:
            last = key[: cut + len(asked.delimiter)]
            folders.append(last)
            keys = store.keys(bucket, asked.prefix, last + LAST)
            continue
        try:
            objects.append(store.head(bucket, key))
        except AwsError:
            continue  # deleted since the folder was read
        last = key
    return Page(objects, folders, last, truncated=False)


def list_objects(store: S3Store, bucket: str, query: Mapping[str, str], version: int) -> Element:
    """One page of a bucket's listing as the content of ListBucketResult."""
    asked = Asked.by(query, version)
    page = _page(store, bucket, asked)
    encoding = query.get("encoding-type")
    encode = urllib.parse.quote if encoding == "url" else str
    result: Element = {
        "Name": bucket,
        "Prefix": encode(asked.prefix),
        "Delimiter": encode(asked.delimiter) if asked.delimiter else None,
        "MaxKeys": asked.limit,
        "EncodingType": encoding,
        "IsTruncated": page.truncated,
        "Contents": [
            {
                "Key": encode(meta.key),
                "LastModified": iso(meta.modified),
                "ETag": f'"{meta.etag}"',
                "Size": meta.size,
                "StorageClass": "STANDARD",
            }
            for meta in page.objects
        ],
        "CommonPrefixes": [{"Prefix": encode(folder)} for folder in page.folders],
    }
    if version == 1:
        result["Marker"] = encode(query.get("marker", ""))
        result["NextMarker"] = encode(page.last) if page.truncated else None
    else:
        result["KeyCount"] = len(page.objects) + len(page.folders)
        result["StartAfter"] = encode(query["start-after"]) if "start-after" in query else None
        result["ContinuationToken"] = query.get("continuation-token") or None
        result["NextContinuationToken"] = _encode(page.last) if page.truncated else None
    return result


def _encode(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _decode(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        raise AwsError("InvalidArgument", "The continuation token provided is incorrect") from None
