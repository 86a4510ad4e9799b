"""Between HTTP and S3Store: what is asked for, bodies received and checked, headers, conditions."""

from __future__ import annotations

import base64
import mimetypes
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Callable
from pathlib import Path

from moto.core.request import EnvironHeaders
from werkzeug.datastructures import Headers
from werkzeug.http import http_date, parse_date
from werkzeug.wrappers import Request, Response

from local_aws.kernel.errors import AwsError
from local_aws.s3.body import AwsChunked, Limited
from local_aws.s3.objects import UNKNOWN_TYPE, Meta, copy_stream
from local_aws.s3.xml import Element, document

KEPT_HEADERS = ("Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires")


_TYPES = mimetypes.MimeTypes()  # of the standard library alone, whatever this machine has in /etc
for _extension in (".jsonl", ".ndjson", ".log", ".yaml", ".yml", ".toml", ".md", ".sql", ".out"):
    _TYPES.add_type("text/plain", _extension)


def address(request: Request) -> tuple[str, str]:
    """(bucket, key), from the raw path: a WSGI path has lost what was escaped."""
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.path
    raw = re.sub(r"^https?://[^/]*", "", raw).partition("?")[0]
    path = urllib.parse.unquote(raw, errors="surrogateescape")[1:]
    try:
        path.encode()
    except UnicodeEncodeError:
        raise AwsError("InvalidURI", "The key is not UTF-8.") from None
    host = request.host.partition(":")[0]
    virtual = re.fullmatch(r"(.+)\.(?:s3[.-].*|localhost)", host)
    if virtual:
        return virtual.group(1), path
    bucket, _, key = path.partition("/")
    return bucket, key


def request_body(request: Request) -> Limited | AwsChunked:
    encoded = request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
    if "chunked" in request.headers.get("Transfer-Encoding", ""):
        stream = Limited(request.environ["wsgi.input"], None)
    else:
        stream = Limited(request.environ["wsgi.input"], int(request.headers.get("Content-Length") or 0))
    return AwsChunked(stream) if encoded else stream


def receive(request: Request, body: Limited | AwsChunked, draft: Path) -> tuple[str, int]:
    """Write the request's body to the file `draft` and check it: (MD5, bytes). No file is left on an error."""
    crc = 0

    def add(chunk: bytes) -> None:
        nonlocal crc
        crc = zlib.crc32(chunk, crc)

    wanted_crc = request.headers.get("x-amz-checksum-crc32")
    etag, size = copy_stream(body, draft, each=add if wanted_crc else None)
    wanted_md5 = request.headers.get("Content-MD5")
    problem = None
    if body.missing():
        problem = AwsError("IncompleteBody", "The body is shorter than its Content-Length")
    elif wanted_md5 and base64.b64encode(bytes.fromhex(etag)).decode() != wanted_md5:
        problem = AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")
    elif wanted_crc and base64.b64encode(crc.to_bytes(4, "big")).decode() != wanted_crc:
        problem = AwsError("BadDigest", "The CRC32 you specified did not match what we received.")
    if problem:
        draft.unlink()
        raise problem
    return etag, size


def new_meta(request: Request, key: str, etag: str) -> Meta:
    kept = {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers}
    encodings = [e.strip() for e in kept.pop("Content-Encoding", "").split(",")]
    if encoding := ",".join(e for e in encodings if e and e != "aws-chunked"):
        kept["Content-Encoding"] = encoding
    # moto's headers keep the spelling of x-amz-meta-a_b, which a WSGI environment loses
    for name, value in EnvironHeaders(request.environ).items():
        lowered = name.lower()
        if lowered.startswith("x-amz-meta-") or lowered == "x-amz-checksum-crc32":
            kept[lowered] = value
    tags = dict(urllib.parse.parse_qsl(request.headers.get("x-amz-tagging", ""), keep_blank_values=True))
    return Meta(key, 0, etag, 0, request.headers.get("Content-Type") or UNKNOWN_TYPE, kept, tags)


def object_headers(meta: Meta) -> Headers:
    headers = Headers(
        {
            "Content-Type": meta.content_type if meta.content_type != UNKNOWN_TYPE else guessed_type(meta.key),
            "Content-Length": str(meta.size),
            "ETag": f'"{meta.etag}"',
            "Last-Modified": http_date(meta.modified),
        }
    )
    # Checksums are not sent back: they would be compared with a range's bytes.
    headers.update({k: v for k, v in meta.headers.items() if not k.startswith("x-amz-checksum-")})
    if meta.tags:
        headers["x-amz-tagging-count"] = str(len(meta.tags))
    return headers


def guessed_type(key: str) -> str:
    """What an object that was stored without a content type is by its key, so that a browser shows it."""
    kind, encoding = _TYPES.guess_type(key.rpartition("/")[2], strict=False)
    if kind is None or encoding is not None:
        return UNKNOWN_TYPE
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def checksum_headers(meta: Meta) -> dict[str, str]:
    return {k: v for k, v in meta.headers.items() if k.startswith("x-amz-checksum-")}


def same_etag(header: str, meta: Meta) -> bool:
    return any(tag.strip().strip('"') in ("*", meta.etag) for tag in header.split(","))


def not_modified(request: Request, meta: Meta) -> bool:
    """Whether the answer is 304; raises PreconditionFailed for 412."""
    headers = request.headers
    since, until = parse_date(headers.get("If-Modified-Since")), parse_date(headers.get("If-Unmodified-Since"))
    modified = int(meta.modified)
    if "If-Match" in headers:
        failed = not same_etag(headers["If-Match"], meta)
    else:
        failed = until is not None and modified > until.timestamp()
    if failed:
        raise AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)
    if "If-None-Match" in headers:
        return same_etag(headers["If-None-Match"], meta)
    return since is not None and modified <= since.timestamp()


def condition(request: Request) -> Callable[[Meta | None], None]:
    """The check of a conditional write, made while nobody else can write."""
    match, none_match = request.headers.get("If-Match"), request.headers.get("If-None-Match")
    if none_match not in (None, "*"):
        raise AwsError("NotImplemented", "A header you provided implies functionality that is not implemented", 501)

    def check(current: Meta | None) -> None:
        if current is None:
            if match:
                raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
            return
        if none_match or (match and not same_etag(match, current)):
            raise AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412)

    return check


def xml(root: str, content: Element | str) -> Response:
    return Response(document(root, content), content_type="application/xml")


def parse_xml(body: bytes) -> ElementTree.Element:
    """The request's XML with the namespace taken off its tags."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314  a client of this server may run code on it anyway
    except ElementTree.ParseError:
        raise AwsError("MalformedXML", "The XML you provided was not well-formed") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
