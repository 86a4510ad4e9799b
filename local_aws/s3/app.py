"""The S3 API over S3Store: what boto3, the AWS CLI, Arrow and Airflow's hooks use of it.

Signatures are not checked: a presigned URL and an unsigned GET work as a signed request does.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from typing import BinaryIO

from werkzeug.wrappers import Request, Response

from local_aws.kernel import errors
from local_aws.kernel.errors import AwsError
from local_aws.s3 import listing, multipart
from local_aws.s3.body import AwsChunked, Limited, ranged
from local_aws.s3.http import (
    KEPT_HEADERS,
    address,
    checksum_headers,
    condition,
    new_meta,
    not_modified,
    object_headers,
    parse_xml,
    receive,
    request_body,
    same_etag,
    xml,
)
from local_aws.s3.objects import Meta, copy_stream
from local_aws.s3.store import S3Store

Body = Limited | AwsChunked

_OVERRIDES = ("Content-Type", *KEPT_HEADERS)


class S3App:
    """Answers one request at a time per thread; see `__call__`."""

    def __init__(self, store: S3Store, region: str):
        self.store = store
        self.region = region
        self.uploads = multipart.Uploads(store)

    def __call__(self, request: Request) -> Response:
        bucket, key = address(request)
        body = request_body(request)
        try:
            response = self._route(request, bucket, key, body)
        except AwsError as error:
            response = errors.s3_response(error, f"/{bucket}/{key}")
        finally:
            body.drain()  # a client that still sends would see a reset connection, not the answer
        if request.method == "HEAD":
            response.response = []
        response.headers["x-amz-bucket-region"] = self.region
        response.headers["Accept-Ranges"] = "bytes"
        return response

    def _route(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        method, query = request.method, request.args
        what = next((name for name in query if name in _SUBRESOURCES), "")
        level = "object" if key else "bucket" if bucket else "service"
        handler = _ROUTES.get((level, method, what))
        if handler is None:
            raise errors.unsupported(f"S3 {method} {level} {'?' + what if what else ''}".strip())
        if bucket and (level, method, what) != ("bucket", "PUT", ""):
            self.store.require_bucket(bucket)
        return handler(self, request, bucket, key, body)

    # buckets

    def list_buckets(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        found = [{"Name": b, "CreationDate": listing.iso(self.store.created(b))} for b in self.store.buckets()]
        owner = {"ID": "local", "DisplayName": "local"}
        return xml("ListAllMyBucketsResult", {"Owner": owner, "Buckets": {"Bucket": found}})

    def create_bucket(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        self.store.create_bucket(bucket)
        return Response(headers={"Location": f"/{bucket}"})

    def head_bucket(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        return Response()

    def delete_bucket(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        self.store.delete_bucket(bucket)
        return Response(status=204)

    def location(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        return xml("LocationConstraint", "" if self.region == "us-east-1" else self.region)

    def versioning(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        return xml("VersioningConfiguration", {})

    def list_objects(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        version = 2 if request.args.get("list-type") == "2" else 1
        return xml("ListBucketResult", listing.list_objects(self.store, bucket, request.args, version))

    def delete_objects(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        wanted = parse_xml(body.read())
        keys = [item.findtext("Key") or "" for item in wanted.iter("Object")]
        for name in keys:
            self.store.delete(bucket, name)
        quiet = wanted.findtext("Quiet") == "true"
        return xml("DeleteResult", {"Deleted": [] if quiet else [{"Key": name} for name in keys]})

    # objects

    def get_object(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        try:
            if request.method == "HEAD":
                meta, stream = self.store.head(bucket, key), None
            else:
                meta, stream = self.store.open(bucket, key)
        except AwsError:
            if folder := self._shown_folder(request, bucket, key):
                return Response(status=302, headers={"Location": folder})
            raise
        response = Response(headers=object_headers(meta))
        try:
            if not_modified(request, meta):
                response.status_code = 304
                response.headers.pop("Content-Length")
                return response
            start, end = 0, meta.size
            if wanted := ranged(request.headers.get("Range"), meta.size):
                start, end = wanted
                response.status_code = 206
                response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{meta.size}"
            response.headers["Content-Length"] = str(end - start)
            for name in _OVERRIDES:
                if (value := request.args.get(f"response-{name.lower()}")) is not None:
                    response.headers[name] = value
            if stream:
                stream.seek(start)
                response.response = Limited(stream, end - start)
                response.direct_passthrough = True
                stream = None
            return response
        finally:
            if stream:
                stream.close()

    def _shown_folder(self, request: Request, bucket: str, key: str) -> str | None:
        """Where the console lists what lies below a key: a person who follows a link to a prefix wants that."""
        folder = f"{key.rstrip('/')}/"
        if "text/html" not in request.headers.get("Accept", "") or next(self.store.keys(bucket, folder), None) is None:
            return None
        return f"/_console/s3/{bucket}/{urllib.parse.quote(folder)}"

    def put_object(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        if "x-amz-copy-source" in request.headers:
            return self.copy_object(request, bucket, key, body)
        draft = self.store.temporary(bucket)
        etag, _ = receive(request, body, draft)
        try:
            meta = self.store.commit(bucket, key, draft, new_meta(request, key, etag), condition(request))
        finally:
            draft.unlink(missing_ok=True)
        return Response(headers={"ETag": f'"{meta.etag}"', **checksum_headers(meta)})

    def copy_object(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        source, stream = self.open_source(request)
        draft = self.store.temporary(bucket)
        with stream:
            etag, _ = copy_stream(stream, draft)
        meta = new_meta(request, key, etag)
        if request.headers.get("x-amz-metadata-directive", "COPY") == "COPY":
            meta.content_type, meta.headers = source.content_type, source.headers
        if request.headers.get("x-amz-tagging-directive", "COPY") == "COPY":
            meta.tags = source.tags
        try:
            meta = self.store.commit(bucket, key, draft, meta, condition(request))
        finally:
            draft.unlink(missing_ok=True)
        return xml("CopyObjectResult", {"ETag": f'"{etag}"', "LastModified": listing.iso(meta.modified)})

    def open_source(self, request: Request) -> tuple[Meta, BinaryIO]:
        """The object that x-amz-copy-source names, if its conditions hold."""
        name = urllib.parse.unquote(request.headers["x-amz-copy-source"].partition("?")[0]).lstrip("/")
        bucket, _, key = name.partition("/")
        meta, stream = self.store.open(bucket, key)
        match = request.headers.get("x-amz-copy-source-if-match")
        none_match = request.headers.get("x-amz-copy-source-if-none-match")
        if (match and not same_etag(match, meta)) or (none_match and same_etag(none_match, meta)):
            stream.close()
            raise AwsError("PreconditionFailed", "The copy source does not meet the condition", 412)
        return meta, stream

    def delete_object(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        self.store.delete(bucket, key, condition(request))
        return Response(status=204)

    def get_tags(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        tags = [{"Key": k, "Value": v} for k, v in self.store.head(bucket, key).tags.items()]
        return xml("Tagging", {"TagSet": {"Tag": tags}})

    def put_tags(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        found = parse_xml(body.read()).iter("Tag")
        self.store.set_tags(bucket, key, {t.findtext("Key") or "": t.findtext("Value") or "" for t in found})
        return Response()

    def delete_tags(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        self.store.set_tags(bucket, key, {})
        return Response(status=204)

    # multipart uploads

    def create_upload(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        upload = self.uploads.create(bucket, new_meta(request, key, ""))
        return xml("InitiateMultipartUploadResult", {"Bucket": bucket, "Key": key, "UploadId": upload})

    def put_part(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        upload, number = request.args["uploadId"], int(request.args.get("partNumber", 0))
        part = self.uploads.part_path(bucket, key, upload, number)
        draft = self.store.temporary(bucket)
        if "x-amz-copy-source" not in request.headers:
            etag, size = receive(request, body, draft)
            self.uploads.add_part(part, draft, etag, size)
            return Response(headers={"ETag": f'"{etag}"'})
        source, stream = self.open_source(request)
        with stream:
            start, end = ranged(request.headers.get("x-amz-copy-source-range"), source.size) or (0, source.size)
            stream.seek(start)
            etag, size = copy_stream(stream, draft, end - start)
        self.uploads.add_part(part, draft, etag, size)
        return xml("CopyPartResult", {"ETag": f'"{etag}"', "LastModified": listing.iso(source.modified)})

    def complete_upload(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        parts = [
            (int(part.findtext("PartNumber") or 0), (part.findtext("ETag") or "").strip('"'))
            for part in parse_xml(body.read()).iter("Part")
        ]
        meta = self.uploads.complete(bucket, key, request.args["uploadId"], parts, condition(request))
        result = {"Location": f"/{bucket}/{key}", "Bucket": bucket, "Key": key, "ETag": f'"{meta.etag}"'}
        return xml("CompleteMultipartUploadResult", result)

    def abort_upload(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        self.uploads.abort(bucket, key, request.args["uploadId"])
        return Response(status=204)

    def list_parts(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        upload = request.args["uploadId"]
        parts = [
            {"PartNumber": n, "ETag": f'"{etag}"', "Size": size}
            for n, etag, size in self.uploads.parts(bucket, key, upload)
        ]
        result = {"Bucket": bucket, "Key": key, "UploadId": upload, "IsTruncated": False, "Part": parts}
        return xml("ListPartsResult", result)

    def list_uploads(self, request: Request, bucket: str, key: str, body: Body) -> Response:
        uploads = [{"Key": key, "UploadId": upload} for key, upload in self.uploads.list(bucket)]
        return xml("ListMultipartUploadsResult", {"Bucket": bucket, "IsTruncated": False, "Upload": uploads})


Handler = Callable[[S3App, Request, str, str, Body], Response]

_ROUTES: dict[tuple[str, str, str], Handler] = {
    ("service", "GET", ""): S3App.list_buckets,
    ("bucket", "PUT", ""): S3App.create_bucket,
    ("bucket", "HEAD", ""): S3App.head_bucket,
    ("bucket", "DELETE", ""): S3App.delete_bucket,
    ("bucket", "GET", "location"): S3App.location,
    ("bucket", "GET", "versioning"): S3App.versioning,
    ("bucket", "GET", ""): S3App.list_objects,
    ("bucket", "POST", "delete"): S3App.delete_objects,
    ("bucket", "GET", "uploads"): S3App.list_uploads,
    ("object", "GET", ""): S3App.get_object,
    ("object", "HEAD", ""): S3App.get_object,
    ("object", "PUT", ""): S3App.put_object,
    ("object", "DELETE", ""): S3App.delete_object,
    ("object", "GET", "tagging"): S3App.get_tags,
    ("object", "PUT", "tagging"): S3App.put_tags,
    ("object", "DELETE", "tagging"): S3App.delete_tags,
    ("object", "POST", "uploads"): S3App.create_upload,
    ("object", "PUT", "uploadId"): S3App.put_part,
    ("object", "POST", "uploadId"): S3App.complete_upload,
    ("object", "DELETE", "uploadId"): S3App.abort_upload,
    ("object", "GET", "uploadId"): S3App.list_parts,
}

# Query parameters that choose another operation than the plain one; versionId is among them because there are none.
_SUBRESOURCES = frozenset(
    name
    for line in (
        "accelerate acl analytics attributes cors delete encryption intelligent-tiering inventory legal-hold lifecycle",
        "location logging metrics notification object-lock ownershipControls policy policyStatus publicAccessBlock",
        "replication requestPayment restore retention select tagging torrent uploadId uploads versionId versioning",
        "versions website",
    )
    for name in line.split()
)
