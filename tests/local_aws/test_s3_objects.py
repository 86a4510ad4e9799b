"""S3 as boto3 uses it, against the real server."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import LocalAws

BUCKET = "objects"


@pytest.fixture(scope="module")
def s3(aws: LocalAws) -> Any:
    client = aws.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def read(s3: Any, key: str, **options: Any) -> bytes:
    return s3.get_object(Bucket=BUCKET, Key=key, **options)["Body"].read()


def test_an_object_keeps_its_bytes_type_and_metadata(s3: Any, aws: LocalAws) -> None:
    s3.put_object(
        Bucket=BUCKET,
        Key="reports/a.html",
        Body=b"<h1>hi</h1>",
        ContentType="text/html",
        CacheControl="no-cache",
        Metadata={"run_id": "7", "x-y": "z"},
    )
    head = s3.head_object(Bucket=BUCKET, Key="reports/a.html")
    assert head["ContentType"] == "text/html"
    assert head["CacheControl"] == "no-cache"
    assert head["Metadata"] == {"run_id": "7", "x-y": "z"}
    assert head["ETag"] == f'"{hashlib.md5(b"<h1>hi</h1>").hexdigest()}"'
    assert head["ContentLength"] == 11
    assert (aws.state_dir / "s3" / BUCKET / "reports" / "a.html").read_bytes() == b"<h1>hi</h1>"
    with urllib.request.urlopen(f"{aws.endpoint_url}/{BUCKET}/reports/a.html") as answer:  # a browser, unsigned
        assert answer.read() == b"<h1>hi</h1>"
        assert answer.headers["Content-Type"] == "text/html"


def test_ranges(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="range", Body=b"0123456789")
    assert read(s3, "range", Range="bytes=2-4") == b"234"
    assert read(s3, "range", Range="bytes=7-") == b"789"
    assert read(s3, "range", Range="bytes=-3") == b"789"
    assert read(s3, "range", Range="bytes=5-500") == b"56789"
    assert s3.get_object(Bucket=BUCKET, Key="range", Range="bytes=2-4")["ContentRange"] == "bytes 2-4/10"
    with pytest.raises(ClientError) as error:
        read(s3, "range", Range="bytes=10-12")
    assert code(error) == "InvalidRange"


def test_what_does_not_exist(s3: Any) -> None:
    with pytest.raises(ClientError) as error:
        read(s3, "nowhere")
    assert code(error) == "NoSuchKey"
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="no-such-bucket", Key="x")
    assert code(error) == "NoSuchBucket"
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="no-such-bucket", Key="x", Body=b"y" * 3_000_000)
    assert code(error) == "NoSuchBucket"
    for missing in (lambda: s3.head_object(Bucket=BUCKET, Key="nowhere"), lambda: s3.head_bucket(Bucket="nowhere")):
        with pytest.raises(ClientError) as error:
            missing()
        assert code(error) == "404"
    s3.delete_object(Bucket=BUCKET, Key="nowhere")


def test_conditional_reads_and_writes(s3: Any) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key="once", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=BUCKET, Key="once", Body=b"2", IfNoneMatch="*")
    assert code(error) == "PreconditionFailed"
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=BUCKET, Key="once", Body=b"2", IfMatch='"other"')
    assert code(error) == "PreconditionFailed"
    assert read(s3, "once") == b"1"
    with pytest.raises(ClientError) as error:
        read(s3, "once", IfNoneMatch=etag)
    assert code(error) == "304"
    s3.put_object(Bucket=BUCKET, Key="once", Body=b"2", IfMatch=etag)
    with pytest.raises(ClientError) as error:
        read(s3, "once", IfMatch=etag)
    assert code(error) == "PreconditionFailed"


def test_a_conditional_write_of_what_is_not_there_and_a_conditional_delete(s3: Any) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=BUCKET, Key="never", Body=b"1", IfMatch='"any"')
    assert (code(error), error.value.response["ResponseMetadata"]["HTTPStatusCode"]) == ("NoSuchKey", 404)
    etag = s3.put_object(Bucket=BUCKET, Key="kept", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as error:
        s3.delete_object(Bucket=BUCKET, Key="kept", IfMatch='"other"')
    assert (code(error), error.value.response["ResponseMetadata"]["HTTPStatusCode"]) == ("PreconditionFailed", 412)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=BUCKET, Key="kept", Body=b"2", IfNoneMatch='"other"')
    assert code(error) == "NotImplemented", "S3 knows '*' only"
    assert read(s3, "kept") == b"1"
    s3.delete_object(Bucket=BUCKET, Key="kept", IfMatch=etag)
    s3.put_object(Bucket=BUCKET, Key="kept", Body=b"3", IfNoneMatch="*")


def test_of_many_writers_over_the_same_version_one_wins(s3: Any) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key="claim", Body=b"free")["ETag"]
    put = functools.partial(s3.put_object, Bucket=BUCKET, Key="claim", IfMatch=etag)
    with ThreadPoolExecutor(12) as pool:
        refused = [pool.submit(put, Body=b"%d" % n) for n in range(12)]
        errors = [str(future.exception()) for future in refused if future.exception()]
    assert len(errors) == 11
    assert all("PreconditionFailed" in error for error in errors)


def test_of_many_conditional_writers_one_wins(s3: Any) -> None:
    won: list[int] = []

    def write(number: int) -> None:
        try:
            s3.put_object(Bucket=BUCKET, Key="race", Body=str(number).encode(), IfNoneMatch="*")
            won.append(number)
        except ClientError:
            pass

    threads = [threading.Thread(target=write, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert read(s3, "race") == str(won[0]).encode()


def test_copy_keeps_or_replaces_metadata(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="from/ö =+", Body=b"copy me", ContentType="text/csv", Metadata={"a": "1"})
    source = {"Bucket": BUCKET, "Key": "from/ö =+"}
    s3.copy_object(Bucket=BUCKET, Key="to", CopySource=source)
    assert s3.head_object(Bucket=BUCKET, Key="to")["Metadata"] == {"a": "1"}
    assert s3.head_object(Bucket=BUCKET, Key="to")["ContentType"] == "text/csv"
    s3.copy_object(Bucket=BUCKET, Key="to", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"})
    assert s3.head_object(Bucket=BUCKET, Key="to")["Metadata"] == {"b": "2"}
    assert read(s3, "to") == b"copy me"


def test_delete_objects_and_buckets(s3: Any, aws: LocalAws) -> None:
    s3.create_bucket(Bucket="short-lived")
    for key in ("a/b/c", "a/d", "e"):
        s3.put_object(Bucket="short-lived", Key=key, Body=b"x")
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket="short-lived")
    assert code(error) == "BucketNotEmpty"
    wanted = [{"Key": key} for key in ("a/b/c", "a/d", "e", "never-was")]
    answer = s3.delete_objects(Bucket="short-lived", Delete={"Objects": wanted})
    assert [item["Key"] for item in answer["Deleted"]] == ["a/b/c", "a/d", "e", "never-was"]
    assert list((aws.state_dir / "s3" / "short-lived").iterdir()) == [], "empty folders are gone too"
    s3.delete_bucket(Bucket="short-lived")
    assert "short-lived" not in [b["Name"] for b in s3.list_buckets()["Buckets"]]


def test_tags(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="tagged", Body=b"", Tagging="a=1&b=x%20y")
    assert s3.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b", "Value": "x y"},
    ]
    s3.put_object_tagging(Bucket=BUCKET, Key="tagged", Tagging={"TagSet": [{"Key": "c", "Value": "3"}]})
    assert s3.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"] == [{"Key": "c", "Value": "3"}]


def test_presigned_urls(s3: Any) -> None:
    put = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "signed/ü"})
    urllib.request.urlopen(urllib.request.Request(put, data=b"by url", method="PUT")).close()
    params = {"Bucket": BUCKET, "Key": "signed/ü", "ResponseContentType": "text/plain"}
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", Params=params)) as answer:
        assert answer.read() == b"by url"
        assert answer.headers["Content-Type"] == "text/plain"


def test_multipart_by_hand(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts", ContentType="text/plain")["UploadId"]
    part = {"Bucket": BUCKET, "Key": "parts", "UploadId": upload}
    first, second = os.urandom(5 << 20), b"the end"
    etags = [s3.upload_part(**part, PartNumber=n, Body=b)["ETag"] for n, b in ((2, second), (1, first))]
    s3.put_object(Bucket=BUCKET, Key="third", Body=b"0123456789")
    copied = s3.upload_part_copy(**part, PartNumber=3, CopySource=f"{BUCKET}/third", CopySourceRange="bytes=2-4")[
        "CopyPartResult"
    ]["ETag"]
    assert [p["PartNumber"] for p in s3.list_parts(**part)["Parts"]] == [1, 2, 3]
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]] == ["parts"]
    parts = [{"PartNumber": 1, "ETag": etags[1]}, {"PartNumber": 2, "ETag": "wrong"}]
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(**part, MultipartUpload={"Parts": parts})
    assert code(error) == "InvalidPart"
    parts = [{"PartNumber": 2, "ETag": etags[0]}, {"PartNumber": 3, "ETag": copied}]
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(**part, MultipartUpload={"Parts": parts})
    assert code(error) == "EntityTooSmall"
    parts = [{"PartNumber": 1, "ETag": etags[1]}, {"PartNumber": 2, "ETag": etags[0]}]
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": parts})
    assert read(s3, "parts") == first + second
    assert s3.head_object(Bucket=BUCKET, Key="parts")["ETag"].endswith('-2"')
    assert s3.head_object(Bucket=BUCKET, Key="parts")["ContentType"] == "text/plain"
    with pytest.raises(ClientError) as error:
        s3.abort_multipart_upload(**part)
    assert code(error) == "NoSuchUpload"


def test_120_mb_through_the_transfer_manager(s3: Any, aws: LocalAws, tmp_path: Path) -> None:
    """Threads, multipart and ranged reads; the server's memory stays far below the object's size."""
    source, target = tmp_path / "up", tmp_path / "down"
    with source.open("wb") as out:
        for _ in range(120):
            out.write(os.urandom(1 << 20))
    before = resident_mb(aws)
    s3.upload_file(str(source), BUCKET, "big")
    s3.download_file(BUCKET, "big", str(target))
    assert digest(source) == digest(target)
    assert resident_mb(aws) - before < 60
    s3.delete_object(Bucket=BUCKET, Key="big")


def digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha1").hexdigest()


def resident_mb(aws: LocalAws) -> float:
    try:
        pages = int(Path(f"/proc/{aws.process.pid}/statm").read_text().split()[1])
    except FileNotFoundError:
        pytest.skip("no /proc here to read the server's memory from")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_files_written_beside_the_api_are_objects(s3: Any, aws: LocalAws) -> None:
    folder = aws.state_dir / "s3" / BUCKET / "spark"
    (folder / "_temporary" / "0").mkdir(parents=True)
    (folder / "_temporary" / "0" / "part-0").write_text("not yet")
    (folder / "p=1").mkdir()
    (folder / "p=1" / "part-0").write_text("a")
    (folder / "p=1" / ".part-0.crc").write_text("crc")
    (folder / "empty").mkdir()
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="spark/")["Contents"]
    assert [item["Key"] for item in listed] == ["spark/p=1/part-0"]
    folders = s3.list_objects_v2(Bucket=BUCKET, Prefix="spark/", Delimiter="/")["CommonPrefixes"]
    assert folders == [{"Prefix": "spark/p=1/"}]
    etag = s3.head_object(Bucket=BUCKET, Key="spark/p=1/part-0")["ETag"]
    assert etag == listed[0]["ETag"] == s3.head_object(Bucket=BUCKET, Key="spark/p=1/part-0")["ETag"]
    (folder / "p=1" / "part-0").write_text("other")
    assert s3.head_object(Bucket=BUCKET, Key="spark/p=1/part-0")["ETag"] != etag
    assert read(s3, "spark/p=1/part-0") == b"other"
    s3.put_object(Bucket=BUCKET, Key="spark/p=1/part-0", Body=b"by the API")
    assert not (folder / "p=1" / ".part-0.crc").exists(), "Hadoop would compare the new bytes with it"


def test_a_broken_upload_changes_nothing(s3: Any, aws: LocalAws) -> None:
    s3.put_object(Bucket=BUCKET, Key="whole", Body=b"before")
    request = urllib.request.Request(f"{aws.endpoint_url}/{BUCKET}/whole", data=b"after", method="PUT")
    request.add_header("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    assert error.value.code == 400
    assert b"BadDigest" in error.value.read()
    assert read(s3, "whole") == b"before"
    assert not list((aws.state_dir / "s3-meta" / BUCKET / "tmp").iterdir())


def test_aws_chunked_bodies(s3: Any, aws: LocalAws) -> None:
    """As the SDKs of other languages send streams."""
    body = b"5;chunk-signature=00\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"
    request = urllib.request.Request(f"{aws.endpoint_url}/{BUCKET}/chunked", data=body, method="PUT")
    request.add_header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    request.add_header("Content-Encoding", "aws-chunked")
    urllib.request.urlopen(request).close()
    assert read(s3, "chunked") == b"hello world"
    assert "ContentEncoding" not in s3.head_object(Bucket=BUCKET, Key="chunked")


def test_everything_survives_a_kill(own_aws: LocalAws) -> None:
    s3 = own_aws.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="a/b.html", Body=b"x", ContentType="text/html", Metadata={"m": "1"})
    s3.put_object(Bucket="kept", Key="a/", Body=b"")
    before = {o["Key"]: o["ETag"] for o in s3.list_objects_v2(Bucket="kept")["Contents"]}
    own_aws.restart(number=9)
    assert {o["Key"]: o["ETag"] for o in s3.list_objects_v2(Bucket="kept")["Contents"]} == before
    head = s3.head_object(Bucket="kept", Key="a/b.html")
    assert (head["ContentType"], head["Metadata"]) == ("text/html", {"m": "1"})


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    """The server may write no file above 3 MB (RLIMIT_FSIZE): its write() fails as on a full disk."""
    import resource
    import signal

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))

    server = LocalAws(tmp_path / "state")
    server.start(preexec_fn=limit)
    try:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="full")
        s3.put_object(Bucket="full", Key="k", Body=b"old")
        with pytest.raises(ClientError) as error:
            s3.put_object(Bucket="full", Key="k", Body=b"x" * (8 << 20))
        assert code(error) == "InsufficientStorage"
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503, "an SDK asks again"
        assert "full" in error.value.response["Error"]["Message"]
        assert s3.get_object(Bucket="full", Key="k")["Body"].read() == b"old"
        assert [o["Key"] for o in s3.list_objects_v2(Bucket="full")["Contents"]] == ["k"]
        assert not list((tmp_path / "state" / "s3-meta" / "full" / "tmp").iterdir())
        s3.put_object(Bucket="full", Key="k", Body=b"new")
        assert s3.get_object(Bucket="full", Key="k")["Body"].read() == b"new"
    finally:
        server.stop()
