"""Objects as plain files: <state>/s3/<bucket>/<key>, with what a file cannot hold in <state>/s3-meta.

A person can open the files and Spark reads and writes them in place. A file that something else wrote into a
bucket's folder is an object too. Three kinds of keys cannot be such a file and live in the hidden tree under the
hash of their key: those that are no relative path ("a//b", "../x", a trailing "/"), names that are hidden as
Hadoop's working files, and a key that is at the same time another key's folder. A symbolic link below a bucket's
folder is followed only to what lies in that folder too.
"""

from __future__ import annotations

import errno
import hashlib
import heapq
import json
import os
import re
import shutil
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from local_aws.kernel.errors import AwsError
from local_aws.s3.objects import Meta, copy_stream
from local_aws.s3.walk import HIDDEN, Walk, is_file, leads_out, walk_keys

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def no_such_key(key: str) -> AwsError:
    return AwsError("NoSuchKey", f"The specified key does not exist: {key}", 404)


def is_plain(key: str) -> bool:
    """Whether the key can be a file of that relative path."""
    parts = key.split("/")
    return (
        all(part not in ("", ".", "..") and len(part.encode()) <= 255 and not HIDDEN.fullmatch(part) for part in parts)
        and "\0" not in key
    )


class S3Store:
    """Buckets and objects on disk. Thread-safe; bodies are streamed, never held in memory."""

    def __init__(self, state_dir: Path):
        self.root = Path(state_dir) / "s3"
        self.meta_root = Path(state_dir) / "s3-meta"
        self.root.mkdir(parents=True, exist_ok=True)
        self.meta_root.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self._odd: dict[str, dict[str, str]] = {}  # bucket -> key -> hash of the keys that are no plain file
        for bucket in self.buckets():
            self._open_bucket(bucket)

    # buckets

    def _open_bucket(self, bucket: str) -> None:
        home = self.meta_root / bucket
        shutil.rmtree(home / "tmp", ignore_errors=True)
        for folder in ("tmp", "odd", "objects", "uploads"):
            (home / folder).mkdir(parents=True, exist_ok=True)
        self._odd[bucket] = {json.loads(p.read_text())["key"]: p.stem for p in (home / "odd").glob("*.json")}

    def buckets(self) -> list[str]:
        return sorted(p.name for p in self.root.iterdir() if p.is_dir() and _BUCKET.fullmatch(p.name))

    def has_bucket(self, bucket: str) -> bool:
        return bool(_BUCKET.fullmatch(bucket)) and (self.root / bucket).is_dir()

    def require_bucket(self, bucket: str) -> Path:
        """The bucket's folder; a folder that someone made by hand becomes a bucket."""
        if not self.has_bucket(bucket):
            raise AwsError("NoSuchBucket", f"The specified bucket does not exist: {bucket}", 404)
        if bucket not in self._odd:
            with self.lock:
                self._open_bucket(bucket)
        return self.root / bucket

    def created(self, bucket: str) -> float:
        return (self.meta_root / bucket / "uploads").stat().st_ctime

    def create_bucket(self, bucket: str) -> None:
        if not _BUCKET.fullmatch(bucket) or ".." in bucket:
            raise AwsError("InvalidBucketName", f"The specified bucket is not valid: {bucket}")
        with self.lock:
            if self.has_bucket(bucket):
                raise AwsError("BucketAlreadyOwnedByYou", f"You already own the bucket {bucket}.", 409)
            (self.root / bucket).mkdir()
            try:
                self._open_bucket(bucket)
            except OSError:
                (self.root / bucket).rmdir()
                raise

    def delete_bucket(self, bucket: str) -> None:
        folder = self.require_bucket(bucket)
        with self.lock:
            if next(self.keys(bucket), None) is not None:
                raise AwsError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409)
            shutil.rmtree(folder)
            shutil.rmtree(self.meta_root / bucket)
            self._odd.pop(bucket, None)

    # where things are

    def temporary(self, bucket: str) -> Path:
        """A fresh path on the same file system as the bucket, removed at the next start if left over."""
        return self.meta_root / bucket / "tmp" / uuid.uuid4().hex

    def path(self, bucket: str, key: str) -> Path:
        """The file that holds an existing object. Raises NoSuchKey."""
        folder = self.require_bucket(bucket)
        odd = self._odd[bucket].get(key)
        path = self.meta_root / bucket / "odd" / f"{odd}.body" if odd else folder / key
        if not (odd or is_plain(key)) or not is_file(path):
            raise no_such_key(key)
        if not odd:
            _refuse_way_out(folder, key, key)
        return path

    def _sidecar(self, bucket: str, key: str) -> Path:
        digest = hashlib.sha256(key.encode()).hexdigest()
        if digest == self._odd[bucket].get(key):
            return self.meta_root / bucket / "odd" / f"{digest}.json"
        return self.meta_root / bucket / "objects" / digest[:2] / f"{digest}.json"

    # reading

    def head(self, bucket: str, key: str) -> Meta:
        path = self.path(bucket, key)
        try:
            stat = path.stat()
        except OSError:
            raise no_such_key(key) from None
        try:
            meta = Meta(**json.loads(self._sidecar(bucket, key).read_text()))
            if (meta.size, meta.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
                return meta
        except (OSError, ValueError):
            pass
        # Written by something else than this API (Spark). Its ETag is of the multipart kind, which promises no MD5
        # of the content, so that listing a folder does not read its files.
        stamp = hashlib.md5(
            f"{stat.st_size}-{stat.st_mtime_ns}-{stat.st_ino}".encode(), usedforsecurity=False
        ).hexdigest()
        return Meta(key, stat.st_size, f"{stamp}-1", stat.st_mtime_ns)

    def open(self, bucket: str, key: str) -> tuple[Meta, BinaryIO]:
        """The object's metadata and its open file, of one and the same version."""
        with self.lock:
            meta = self.head(bucket, key)
            try:
                return meta, self.path(bucket, key).open("rb")
            except OSError:
                raise no_such_key(key) from None

    def keys(self, bucket: str, prefix: str = "", after: str = "") -> Iterator[str]:
        """Keys that start with `prefix` and are greater than `after`, sorted as S3 does: by code point, which is
        the order of their UTF-8 bytes."""
        folder = self.require_bucket(bucket)
        odd = sorted(k for k in list(self._odd[bucket]) if k.startswith(prefix) and k > after)
        start, slash, head = prefix.rpartition("/")
        plain: Iterable[str] = ()
        if (not slash or is_plain(start)) and not leads_out(folder, start):
            plain = walk_keys(Walk(folder, os.path.realpath(folder / start)), start + slash, head, after)
        return heapq.merge(plain, odd)

    # writing

    def commit(
        self, bucket: str, key: str, body: Path, meta: Meta, condition: Callable[[Meta | None], None] | None = None
    ) -> Meta:
        """Make the finished temporary file `body` the object, at once. `condition` sees the object it replaces."""
        self.require_bucket(bucket)
        if not 0 < len(key.encode()) <= 1024:
            raise AwsError("KeyTooLongError" if key else "InvalidArgument", "A key has 1 to 1024 bytes of UTF-8.")
        stat = body.stat()
        meta.size, meta.mtime_ns = stat.st_size, stat.st_mtime_ns
        with self.lock:
            if condition:
                condition(self._head_or_none(bucket, key))
            odd = self._odd[bucket]
            known = key in odd
            target = self._claim(bucket, key)
            try:
                self._write_meta(bucket, self._sidecar(bucket, key), meta)
                body.replace(target)
            except OSError:
                if not known and odd.pop(key, None) is None:
                    _prune(target.parent, self.root / bucket)
                raise
            target.with_name(f".{target.name}.crc").unlink(missing_ok=True)
        return meta

    def _claim(self, bucket: str, key: str) -> Path:
        """The file to write for a key: its own path, else one in the hidden tree."""
        target = self.root / bucket / key
        odd = self._odd[bucket]
        if key not in odd and is_plain(key) and not target.is_dir():
            _refuse_way_out(self.root / bucket, key.rpartition("/")[0], key)
            for _ in range(10):  # a delete may prune the folder in between
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if target.parent.is_dir():
                        return target
                except (FileExistsError, NotADirectoryError):
                    break
                except OSError as error:
                    if error.errno != errno.ENAMETOOLONG:  # the whole path, where each name is short enough
                        raise
                    break
        odd[key] = hashlib.sha256(key.encode()).hexdigest()
        return self.meta_root / bucket / "odd" / f"{odd[key]}.body"

    def _head_or_none(self, bucket: str, key: str) -> Meta | None:
        try:
            return self.head(bucket, key)
        except AwsError:
            return None

    def put_file(self, bucket: str, key: str, source: Path) -> Meta:
        """Store a copy of a local file."""
        draft = self.temporary(bucket)
        with source.open("rb") as stream:
            etag, _ = copy_stream(stream, draft)
        try:
            return self.commit(bucket, key, draft, Meta(key, 0, etag, 0))
        finally:
            draft.unlink(missing_ok=True)

    def set_tags(self, bucket: str, key: str, tags: dict[str, str]) -> None:
        with self.lock:
            meta = self.head(bucket, key)
            meta.tags = tags
            self._write_meta(bucket, self._sidecar(bucket, key), meta)

    def _write_meta(self, bucket: str, sidecar: Path, meta: Meta) -> None:
        draft = self.temporary(bucket)
        try:
            sidecar.parent.mkdir(exist_ok=True)
            draft.write_text(json.dumps(asdict(meta)))
            draft.replace(sidecar)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def delete(self, bucket: str, key: str, condition: Callable[[Meta | None], None] | None = None) -> None:
        """Remove an object; that it does not exist is no error, as on S3. `condition` sees what is to go."""
        folder = self.require_bucket(bucket)
        with self.lock:
            if condition:
                condition(self._head_or_none(bucket, key))
            try:
                path = self.path(bucket, key)
            except AwsError:
                return
            sidecar = self._sidecar(bucket, key)
            path.unlink(missing_ok=True)
            sidecar.unlink(missing_ok=True)
            if self._odd[bucket].pop(key, None) is None:
                path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
                _prune(path.parent, folder)


def _refuse_way_out(folder: Path, path: str, key: str) -> None:
    if leads_out(folder, path):
        raise AwsError(
            "AccessDenied", f"{key} lies behind a symbolic link out of its bucket, which is not followed", 403
        )


def _prune(folder: Path, root: Path) -> None:
    """Remove folders that a delete has left empty: S3 has none."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
