"""Bodies as streams: bounded reads, the aws-chunked encoding, ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from local_aws.kernel.errors import AwsError
from local_aws.s3.objects import CHUNK


class Limited:
    """At most `size` bytes of a stream (None: to its end). Iterable, so that it also serves as a response."""

    def __init__(self, stream: BinaryIO, size: int | None):
        self.stream = stream
        self.left = size

    def read(self, size: int = -1) -> bytes:
        if self.left is None:
            return self.stream.read(size)
        chunk = self.stream.read(self.left if size < 0 else min(size, self.left)) if self.left else b""
        self.left -= len(chunk)
        return chunk

    def readline(self) -> bytes:
        line = self.stream.readline(65536 if self.left is None else min(65536, self.left))
        if self.left is not None:
            self.left -= len(line)
        return line

    def missing(self) -> bool:
        """After reading to the end: whether the sender promised more."""
        return bool(self.left)

    def drain(self) -> None:
        while self.read(CHUNK):
            pass

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(CHUNK):
            yield chunk

    def close(self) -> None:
        self.stream.close()


class AwsChunked:
    """Decodes `aws-chunked` bodies (size[;signature] CRLF data CRLF … 0 CRLF trailers). Signatures are not checked."""

    def __init__(self, stream: Limited):
        self.stream = stream
        self.chunk_left = 0
        self.ended = False

    def read(self, size: int = -1) -> bytes:
        parts: list[bytes] = []
        while not self.ended and size != 0:
            if not self.chunk_left:
                line = self.stream.readline()
                if line == b"\r\n":
                    continue
                try:
                    self.chunk_left = int(line.partition(b";")[0].strip(), 16)
                except ValueError:
                    raise AwsError("IncompleteBody", "The aws-chunked body is broken off or malformed") from None
                if not self.chunk_left:
                    self.ended = True
                    self.stream.drain()
                    break
            data = self.stream.read(self.chunk_left if size < 0 else min(size, self.chunk_left))
            if not data:
                raise AwsError("IncompleteBody", "The aws-chunked body is broken off")
            self.chunk_left -= len(data)
            size -= len(data) if size > 0 else 0
            parts.append(data)
        return b"".join(parts)

    def missing(self) -> bool:
        return not self.ended

    def drain(self) -> None:
        self.stream.drain()


def ranged(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, end) of `bytes=a-b`, end exclusive; None for no range or one that is to be ignored (several, odd)."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", (header or "").replace(" ", ""))
    if not match or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise AwsError("InvalidRange", "The requested range is not satisfiable", 416)
    return start, end
