"""Talking to AWS: clients, what an error means, patience with outages, small reads and writes on S3."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any, Protocol, TypeVar

from mortgage_risk.layout import MANIFEST, split_uri

log = logging.getLogger(__name__)
# Where each client found its credentials and endpoint was half of what a task's log said.
for _told in ("botocore.credentials", "botocore.configprovider"):
    logging.getLogger(_told).setLevel(logging.WARNING)

T = TypeVar("T")

_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
    "ProvisionedThroughputExceededException",
    "ServiceUnavailable",
    "InternalFailure",
    "InternalServiceException",
    "OperationTimeoutException",
}
# A quota of the account or a definition's own limit is used up: there will be room when something else has ended.
_AT_LIMIT = {"ResourceLimitExceeded", "ResourceNumberLimitExceededException", "ConcurrentRunsExceededException"}
_NOT_FOUND = {"404", "NoSuchKey", "EntityNotFoundException", "ResourceNotFound", "ResourceNotFoundException"}
_DUPLICATE = {
    "ResourceInUse",
    "AlreadyExistsException",
    "ConflictException",
    "IdempotentParameterMismatchException",
}
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}  # 412, 409, 404
# "… service limit 'ml.p3.2xlarge for training job usage' is 0 Instances, with current utilization of 0 Instances and a
# request delta of 1 Instances."
_QUOTA = re.compile(r"is (\d+) \w+, with current utilization of \d+ \w+ and a request delta of (\d+) ")
_INGEST_DATE = re.compile(r"/ingest_date=(\d{4}-\d{2}-\d{2})/")


class Busy(RuntimeError):
    """AWS still does something else with what is to be changed."""


def client(service: str, aws_conn_id: str, *, retries: bool = True) -> Any:
    """A boto3 client of the Airflow connection; without `retries` nothing is ever sent twice unseen."""
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
    from botocore.config import Config

    attempts: Any = {"total_max_attempts": 4, "mode": "standard"} if retries else {"total_max_attempts": 1}
    config = Config(retries=attempts, connect_timeout=10, read_timeout=60)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "ProvidersManager.hooks is deprecated")  # the Amazon provider's own call
        return AwsBaseHook(aws_conn_id=aws_conn_id, client_type=service, config=config).get_conn()


class Clients(Protocol):
    """boto3 clients by service. Without `retries` a client never sends anything twice unseen."""

    def __call__(self, service: str, *, retries: bool = True) -> Any: ...


def clients(aws_conn_id: str) -> Clients:
    """Those of one Airflow connection, each made once."""
    return cache(lambda service, *, retries=True: client(service, aws_conn_id, retries=retries))


def error_code(error: BaseException) -> str:
    return str(_answer(error).get("Code", ""))


def is_not_found(error: Exception) -> bool:
    """SageMaker says so with a ValidationException, the others with a code."""
    message = _answer(error).get("Message", "")
    return error_code(error) in _NOT_FOUND or (
        error_code(error) == "ValidationException"
        and re.search(r"could not find|does not exist|not found", message, re.IGNORECASE) is not None
    )


def is_duplicate(error: Exception) -> bool:
    """The name is taken: an answer ("it is there already"), not a failure."""
    message = _answer(error).get("Message", "")
    return error_code(error) in _DUPLICATE or (
        error_code(error) == "ValidationException" and "already exist" in message.lower()
    )


def is_at_limit(error: BaseException) -> bool:
    """AWS has no place for it now, and did nothing."""
    return error_code(error) in _AT_LIMIT


def is_beyond_limit(error: BaseException) -> bool:
    """AWS will never have a place for it: it alone is more than the quota."""
    quota = _QUOTA.search(_answer(error).get("Message", ""))
    return is_at_limit(error) and quota is not None and int(quota[2]) > int(quota[1])


def is_changed(error: BaseException) -> bool:
    """A conditional write was refused: the object is another by now, or just being written by somebody else."""
    return error_code(error) in _CHANGED


def is_refused(error: BaseException) -> bool:
    """It is certain that AWS did nothing: it said no, or was never reached."""
    from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)) < 500
    return isinstance(error, (EndpointConnectionError, ConnectTimeoutError))


def create_once(create: Callable[[], object]) -> bool:
    """`create()`; False where it is there already, by a call whose answer was lost or by another worker."""
    try:
        create()
    except Exception as error:
        if not is_duplicate(error):
            raise
        return False
    return True


def is_transient(error: BaseException) -> bool:
    """AWS or the way to it, which begins at Airflow's API (the connection), is ill or busy: throttling, 5xx, refused
    or broken connections. Asking again may help.
    """
    from airflow.sdk.exceptions import AirflowRuntimeError
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
    from botocore.parsers import ResponseParserError

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or error_code(error) in _THROTTLED
    if isinstance(error, AirflowRuntimeError):
        return _airflow_is_ill(error)
    return isinstance(error, (Busy, ConnectionError, HTTPClientError, ResponseParserError))


def _airflow_is_ill(error: Any) -> bool:
    """Airflow's API gave no answer, or none but that of an API whose token ran out while it was away."""
    if error.error.error.value == "PERMISSION_DENIED":
        return True
    status = (error.error.detail or {}).get("status_code")
    return error.error.error.value == "API_SERVER_ERROR" and (status is None or status >= 500 or status in (401, 403))


def _answer(error: BaseException) -> dict[str, Any]:
    """AWS's error document; empty if AWS did not answer."""
    told: dict[str, Any] = (getattr(error, "response", None) or {}).get("Error", {})
    return told


def retry_through_outage(call: Callable[[], T], outage_s: float) -> T:
    """`call()`, asked again through an outage of `outage_s` seconds at most. Only for calls that may be
    repeated.
    """
    start, pause = time.monotonic(), 1.0
    while True:
        try:
            return call()
        except Exception as error:
            if not is_transient(error) or time.monotonic() - start + pause > outage_s:
                raise
            log.warning("AWS does not answer (%s); asking again in %.0f s", error, pause)
            time.sleep(pause)
            pause = min(pause * 2, 30.0)


def exists(s3: Any, uri: str) -> bool:
    """True if the object exists or, for a URI that ends with '/', if anything lies below it."""
    bucket, key = split_uri(uri)
    found = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    return bool(found) and (key.endswith("/") or found[0]["Key"] == key)


def last_modified(s3: Any, uri: str) -> datetime:
    bucket, key = split_uri(uri)
    moment: datetime = s3.head_object(Bucket=bucket, Key=key)["LastModified"]
    return moment


def read_bytes(s3: Any, uri: str, first: int | None = None) -> bytes:
    """The object, or its first bytes."""
    bucket, key = split_uri(uri)
    part = {} if first is None else {"Range": f"bytes=0-{first - 1}"}
    body: bytes = s3.get_object(Bucket=bucket, Key=key, **part)["Body"].read()
    return body


def read_json(s3: Any, uri: str) -> Any:
    return json.loads(read_bytes(s3, uri))


def write_bytes(s3: Any, uri: str, body: bytes, content_type: str, kms_key_id: str = "", **condition: str) -> Any:
    """S3's answer. condition: IfMatch or IfNoneMatch."""
    bucket, key = split_uri(uri)
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id} if kms_key_id else {}
    return s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, **encryption, **condition)


def write_json(s3: Any, uri: str, value: Any, kms_key_id: str = "") -> None:
    body = json.dumps(value, indent=2, sort_keys=True, default=str).encode() + b"\n"
    write_bytes(s3, uri, body, "application/json", kms_key_id)


def list_uris(s3: Any, uri: str) -> list[str]:
    """The objects below `uri`, in the order of their names."""
    bucket, _ = split_uri(uri)
    return [f"s3://{bucket}/{item['Key']}" for item in _objects(s3, uri)]


def manifests(s3: Any, root: str, date_name: str) -> list[tuple[str, str]]:
    """(date, URI) of the published datasets below `root`, in folders `<date_name>=YYYY-MM-DD`, oldest first."""
    found = [uri for uri in list_uris(s3, root) if uri.endswith(f"/{MANIFEST}")]
    return sorted((uri.split(f"{date_name}=")[1][:10], uri) for uri in found)


def fingerprint(s3: Any, uri: str, until: str) -> str:
    """SHA-256 of names, sizes and ETags below `uri`, leaving out extracts ingested after the date `until`.

    Tells whether a job that reads `uri` as of `until` would read the same bytes as before.
    """
    digest = hashlib.sha256()
    for item in _objects(s3, uri):
        ingested = _INGEST_DATE.search(item["Key"])
        if not (ingested and ingested.group(1) > until):
            digest.update(f"{item['Key']} {item['Size']} {item['ETag']}\n".encode())
    return digest.hexdigest()


def ingest_dates(s3: Any, uri: str) -> dict[str, set[str]]:
    """Table → ingest dates (YYYY-MM-DD) of its deliveries below the raw-data root `uri`."""
    found: dict[str, set[str]] = {}
    for item in _objects(s3, uri):
        if ingested := _INGEST_DATE.search(item["Key"]):
            table = item["Key"][: ingested.start()].rpartition("/")[2]
            found.setdefault(table, set()).add(ingested.group(1))
    return found


def _objects(s3: Any, uri: str) -> Iterator[dict[str, Any]]:
    bucket, prefix = split_uri(uri)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])
