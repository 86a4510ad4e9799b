"""Multipart uploads: each part a file in the hidden tree until the upload is completed or aborted."""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from local_aws.kernel.errors import AwsError
from local_aws.s3.objects import CHUNK, Meta
from local_aws.s3.store import S3Store

_SMALLEST_PART = 5 << 20


class Uploads:
    """The open uploads of a store: <meta>/<bucket>/uploads/<id>/{upload.json, <number>-<etag>-<size>}."""

    def __init__(self, store: S3Store):
        self.store = store

    def create(self, bucket: str, meta: Meta) -> str:
        upload = uuid.uuid4().hex
        folder = self.store.meta_root / bucket / "uploads" / upload
        folder.mkdir()
        try:
            (folder / "upload.json").write_text(json.dumps(asdict(meta)))
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return upload

    def _open(self, bucket: str, key: str, upload: str) -> tuple[Path, Meta]:
        folder = self.store.meta_root / bucket / "uploads" / upload
        try:
            meta = Meta(**json.loads((folder / "upload.json").read_text())) if upload.isalnum() else None
        except OSError:
            meta = None
        if meta is None or meta.key != key:
            raise AwsError("NoSuchUpload", "The specified multipart upload does not exist.", 404)
        return folder, meta

    def part_path(self, bucket: str, key: str, upload: str, number: int) -> Path:
        """Where a part goes, before its ETag is known."""
        if not 1 <= number <= 10000:
            raise AwsError("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
        return self._open(bucket, key, upload)[0] / str(number)

    def add_part(self, part: Path, draft: Path, etag: str, size: int) -> None:
        with self.store.lock:
            for previous in part.parent.glob(f"{part.name}-*"):
                previous.unlink()
            draft.replace(part.with_name(f"{part.name}-{etag}-{size}"))

    def parts(self, bucket: str, key: str, upload: str) -> list[tuple[int, str, int]]:
        """(number, ETag, bytes) in order."""
        folder, _ = self._open(bucket, key, upload)
        found = (p.name.split("-") for p in folder.iterdir() if p.name != "upload.json")
        return sorted((int(number), etag, int(size)) for number, etag, size in found)

    def complete(
        self,
        bucket: str,
        key: str,
        upload: str,
        wanted: list[tuple[int, str]],
        condition: Callable[[Meta | None], None],
    ) -> Meta:
        """Join the parts into the object. Nothing changes when it fails."""
        folder, meta = self._open(bucket, key, upload)
        have = {number: (etag, size) for number, etag, size in self.parts(bucket, key, upload)}
        if not wanted:
            raise AwsError("MalformedXML", "A completed upload names at least one part")
        if [n for n, _ in wanted] != sorted({n for n, _ in wanted}):
            raise AwsError("InvalidPartOrder", "The list of parts was not in ascending order.")
        if any(have.get(number, ("", 0))[0] != etag for number, etag in wanted):
            raise AwsError("InvalidPart", "One or more of the specified parts could not be found.")
        if any(have[number][1] < _SMALLEST_PART for number, _ in wanted[:-1]):
            raise AwsError("EntityTooSmall", "Every part but the last must have at least 5 MiB.")
        files = [folder / f"{number}-{have[number][0]}-{have[number][1]}" for number, _ in wanted]
        digest = hashlib.md5(b"".join(bytes.fromhex(etag) for _, etag in wanted), usedforsecurity=False).hexdigest()
        meta.etag = f"{digest}-{len(wanted)}"
        draft = self.store.temporary(bucket)
        try:
            with draft.open("wb") as out:
                for file in files:
                    with file.open("rb") as part:
                        shutil.copyfileobj(part, out, CHUNK)
            self.store.commit(bucket, key, draft, meta, condition)
        finally:
            draft.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        return meta

    def abort(self, bucket: str, key: str, upload: str) -> None:
        folder, _ = self._open(bucket, key, upload)
        shutil.rmtree(folder, ignore_errors=True)

    def list(self, bucket: str) -> list[tuple[str, str]]:
        """(key, upload id), sorted."""
        folder = self.store.meta_root / bucket / "uploads"
        return sorted((json.loads(p.read_text())["key"], p.parent.name) for p in folder.glob("*/upload.json"))
