"""Any key is a key: names, listing order, pages and delimiters, checked against a plain Python model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from local_aws.kernel.errors import AwsError
from local_aws.s3.listing import list_objects
from local_aws.s3.objects import Meta
from local_aws.s3.store import S3Store
from tests.local_aws.conftest import LocalAws

ODD = ["../x", "..", ".", "/", "a/", "a//b", "a", "a/b", ".x.crc", "_temporary/y", "x" * 300, "d/" * 200 + "e", "\n"]
PIECES = st.sampled_from(
    ["a", "b", "=", " ", "/", ".", "..", "%2F", "é", "\x01", "+", "~", "?", "#", "\U0001f600", "-", "!"]
)
KEYS = st.one_of(st.lists(PIECES, min_size=1, max_size=6).map("".join), st.sampled_from(ODD))


def put(store: S3Store, key: str, body: bytes) -> None:
    draft = store.temporary("bkt")
    draft.write_bytes(body)
    store.commit("bkt", key, draft, Meta(key, 0, "etag", 0))


def pages(store: S3Store, size: int, version: int, **query: str) -> tuple[list[str], list[str]]:
    """(keys, common prefixes) of all pages, in order."""
    keys: list[str] = []
    folders: list[str] = []
    query["max-keys"] = str(size)
    while True:
        page = list_objects(store, "bkt", query, version)
        assert len(page["Contents"]) + len(page["CommonPrefixes"]) <= size
        keys += [item["Key"] for item in page["Contents"]]
        folders += [item["Prefix"] for item in page["CommonPrefixes"]]
        if not page["IsTruncated"]:
            return keys, folders
        query["marker" if version == 1 else "continuation-token"] = page[
            "NextMarker" if version == 1 else "NextContinuationToken"
        ]


@settings(max_examples=60, deadline=None)
@given(
    keys=st.sets(KEYS, min_size=1, max_size=12),
    prefix=st.one_of(st.just(""), KEYS),
    delimiter=st.sampled_from(["", "/", "a", "="]),
    size=st.integers(1, 5),
    version=st.sampled_from([1, 2]),
)
@example(keys={"a", "a/b", "a-b", "a/", "a//"}, prefix="a", delimiter="/", size=1, version=2)
def test_listing_is_that_of_a_sorted_set(keys: set[str], prefix: str, delimiter: str, size: int, version: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = S3Store(Path(folder))
        store.create_bucket("bkt")
        for key in sorted(keys, key=hash):
            put(store, key, key.encode())
        for key in keys:
            _, stream = store.open("bkt", key)
            with stream:
                assert stream.read() == key.encode()

        found = sorted((k for k in keys if k.startswith(prefix)), key=str.encode)
        cuts = [k.find(delimiter, len(prefix)) if delimiter else -1 for k in found]
        expected_folders = sorted({k[: c + len(delimiter)] for k, c in zip(found, cuts, strict=True) if c >= 0})
        expected = [k for k, c in zip(found, cuts, strict=True) if c < 0]
        assert pages(store, size, version, prefix=prefix, delimiter=delimiter) == (expected, expected_folders)

        again = S3Store(Path(folder))
        assert list(again.keys("bkt")) == sorted(keys)
        for key in keys:
            again.delete("bkt", key)
        assert list(again.keys("bkt")) == []
        assert list((Path(folder) / "s3" / "bkt").iterdir()) == []
        assert sorted(p.name for p in Path(folder).iterdir()) == ["s3", "s3-meta"], "nothing was written elsewhere"


@pytest.mark.parametrize("key", [*ODD, "a=b/c d/é.txt", "q?x=1#y", "%2F", "ctl\x01", "\U0001f600", " "])
def test_odd_keys_over_http(aws: LocalAws, key: str) -> None:
    s3 = aws.client("s3")
    _ensure(s3, "odd-keys")
    s3.put_object(Bucket="odd-keys", Key=key, Body=key.encode(), Metadata={"n": "1"})
    answer = s3.get_object(Bucket="odd-keys", Key=key)
    assert answer["Body"].read() == key.encode()
    assert answer["Metadata"] == {"n": "1"}
    assert key in [o["Key"] for o in s3.list_objects_v2(Bucket="odd-keys", Prefix=key)["Contents"]]
    s3.delete_object(Bucket="odd-keys", Key=key)
    assert "Contents" not in s3.list_objects_v2(Bucket="odd-keys", Prefix=key)


def _ensure(s3: Any, bucket: str) -> None:
    if bucket not in [b["Name"] for b in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket)


@pytest.mark.parametrize("bucket", ["..", "a", "UPPER", "a/b", "-x-", "x..y"])
def test_bucket_names_are_checked(bucket: str, tmp_path: Path) -> None:
    store = S3Store(tmp_path)
    with pytest.raises(AwsError, match="not valid"):
        store.create_bucket(bucket)
    with pytest.raises(AwsError, match="does not exist"):
        store.require_bucket(bucket)


def test_a_key_has_1024_bytes_at_most(tmp_path: Path) -> None:
    store = S3Store(tmp_path)
    store.create_bucket("bkt")
    put(store, "é" * 512, b"")
    with pytest.raises(AwsError, match="1024"):
        put(store, "é" * 513, b"")


@pytest.fixture
def linked(tmp_path: Path) -> tuple[S3Store, Path]:
    """A bucket with links below it, and a folder outside that some of them lead to."""
    store, outside = S3Store(tmp_path / "state"), tmp_path / "outside"
    store.create_bucket("bkt")
    put(store, "real/a", b"inside")
    outside.mkdir()
    (outside / "secret").write_text("outside")
    bucket = tmp_path / "state" / "s3" / "bkt"
    (bucket / "folder").symlink_to(outside)
    (bucket / "file").symlink_to(outside / "secret")
    (bucket / "relative").symlink_to("../../../outside/secret")
    (bucket / "dangling").symlink_to(outside / "absent")
    (bucket / "real" / "loop").symlink_to("..")
    (bucket / "alias").symlink_to("real")
    (bucket / "real" / "b").symlink_to("a")
    return store, outside


def test_a_link_is_followed_only_inside_its_bucket(linked: tuple[S3Store, Path]) -> None:
    store, outside = linked
    assert list(store.keys("bkt")) == ["alias/a", "alias/b", "real/a", "real/b"]
    for prefix in ("folder/", "folder/sec", "file", "relative", "dangling"):
        assert list(store.keys("bkt", prefix)) == []
    assert list(store.keys("bkt", "alias/")) == ["alias/a", "alias/b"]
    for key in ("folder/secret", "file", "relative"):
        for read in (store.head, store.open, store.path):
            with pytest.raises(AwsError, match="symbolic link out of its bucket"):
                read("bkt", key)
        store.delete("bkt", key)
    with pytest.raises(AwsError, match="symbolic link out of its bucket"):
        put(store, "folder/new", b"x")
    with pytest.raises(AwsError, match="symbolic link out of its bucket"):
        put(store, "folder/deep/new", b"x")
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"secret": "outside"}
    put(store, "alias/c", b"through")
    assert store.path("bkt", "real/c").read_bytes() == b"through"


def test_what_overwrites_a_link_overwrites_the_link(linked: tuple[S3Store, Path]) -> None:
    store, outside = linked
    for key in ("file", "relative", "dangling", "folder"):
        put(store, key, b"new")
        assert store.path("bkt", key).read_bytes() == b"new"
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"secret": "outside"}


def test_two_links_to_each_other_end(tmp_path: Path) -> None:
    store = S3Store(tmp_path)
    store.create_bucket("bkt")
    for key in ("one/k", "two/k"):
        put(store, key, b"")
    (tmp_path / "s3/bkt/one/x").symlink_to("../two")
    (tmp_path / "s3/bkt/two/y").symlink_to("../one")
    assert list(store.keys("bkt")) == ["one/k", "one/x/k", "two/k", "two/y/k"]


def test_the_api_does_not_follow_a_link_out(own_aws: LocalAws, tmp_path: Path) -> None:
    s3 = own_aws.client("s3")
    s3.create_bucket(Bucket="bkt")
    s3.put_object(Bucket="bkt", Key="k", Body=b"x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("outside")
    (own_aws.state_dir / "s3" / "bkt" / "out").symlink_to(tmp_path / "outside")
    upload = s3.create_multipart_upload(Bucket="bkt", Key="out/parts")["UploadId"]
    part = s3.upload_part(Bucket="bkt", Key="out/parts", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    refused: list[tuple[Any, dict[str, Any]]] = [
        (s3.get_object, {"Key": "out/secret"}),
        (s3.put_object, {"Key": "out/new", "Body": b"x"}),
        (s3.copy_object, {"Key": "copy", "CopySource": "bkt/out/secret"}),
        (s3.copy_object, {"Key": "out/copy", "CopySource": "bkt/k"}),
        (s3.complete_multipart_upload, {"Key": "out/parts", "UploadId": upload, "MultipartUpload": parts}),
    ]
    for call, arguments in refused:
        with pytest.raises(ClientError) as error:
            call(Bucket="bkt", **arguments)
        assert error.value.response["Error"]["Code"] == "AccessDenied"
    s3.delete_object(Bucket="bkt", Key="out/secret")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="bkt")["Contents"]] == ["k"]
    assert {path.name: path.read_text() for path in (tmp_path / "outside").iterdir()} == {"secret": "outside"}
