"""What S3 keeps of an object, and how its bytes are copied."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

CHUNK = 1 << 20
UNKNOWN_TYPE = "binary/octet-stream"  # of an object that came without a content type


@dataclass
class Meta:
    """What S3 keeps of an object beside its bytes. `mtime_ns` ties it to the file it describes."""

    key: str
    size: int
    etag: str
    mtime_ns: int
    content_type: str = UNKNOWN_TYPE
    headers: dict[str, str] = field(default_factory=dict)  # Cache-Control and the like, x-amz-meta-*, checksums
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def modified(self) -> float:
        return self.mtime_ns / 1e9


class Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


def copy_stream(
    stream: Readable, target: Path, size: int | None = None, each: Callable[[bytes], None] | None = None
) -> tuple[str, int]:
    """Copy a stream (or its next `size` bytes) to a new file: (MD5 in hex, bytes). Leaves no file on an error."""
    digest = hashlib.md5(usedforsecurity=False)
    done = 0
    try:
        with target.open("wb", buffering=0) as out:
            while chunk := stream.read(CHUNK if size is None else min(CHUNK, size - done)):
                view = memoryview(chunk)
                while view:
                    view = view[out.write(view) :]
                digest.update(chunk)
                if each:
                    each(chunk)
                done += len(chunk)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return digest.hexdigest(), done
