"""The plain files of a bucket as keys, in S3's order, and how far a symbolic link is followed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

LAST = "\U0010ffff"  # sorts behind every character a key can hold
HIDDEN = re.compile(r"\..*\.crc|_temporary|\.spark-staging-.*|\.hive-staging.*")


def is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than the file system takes
        return False


def is_inside(path: Path | str, folder: Path | str) -> bool:
    """Whether a path, all its symbolic links followed, is a folder or lies below it."""
    real, root = os.path.realpath(path), os.path.realpath(folder)
    return real == root or real.startswith(f"{root.rstrip('/')}/")


def leads_out(folder: Path, key: str) -> bool:
    """Whether a symbolic link on the way to a key leads out of its bucket's folder."""
    here = str(folder)
    for part in key.split("/"):
        here = f"{here}/{part}"
        if os.path.islink(here):  # noqa: PTH114  the quickest way, for every key of a listing
            return not is_inside(folder / key, folder)
    return False


@dataclass(frozen=True)
class Walk:
    """Where a walk is: the bucket's folder, the folders that symbolic links have led it from, all links resolved."""

    bucket: Path
    here: str
    trail: tuple[str, ...] = ()

    def into(self, entry: os.DirEntry[str]) -> Walk | None:
        """The walk below a folder; None for a link out of the bucket, or back to where the walk comes from."""
        if not entry.is_symlink():
            return Walk(self.bucket, f"{self.here}/{entry.name}", self.trail)
        real, trail = os.path.realpath(entry.path), (*self.trail, self.here)
        if not is_inside(real, self.bucket) or any(is_inside(place, real) for place in trail):
            return None
        return Walk(self.bucket, real, trail)


def walk_keys(walk: Walk, base: str, head: str, after: str) -> Iterator[str]:
    """Plain keys below `base` whose next name starts with `head`, in UTF-8 order, greater than `after`."""
    try:
        with os.scandir(walk.bucket / base) as entries:
            found = dict(_entries(walk, entries, head))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in sorted(found):
        key, below = base + name, found[name]
        if below is None:
            if key > after:
                yield key
        elif key + LAST > after:
            yield from walk_keys(below, key, "", after)


def _entries(walk: Walk, entries: Iterable[os.DirEntry[str]], head: str) -> Iterator[tuple[str, Walk | None]]:
    """(name, None) of a file; of a folder (name with the "/" that it sorts by, the walk below it)."""
    for entry in entries:
        if not entry.name.startswith(head) or HIDDEN.fullmatch(entry.name) or not _is_utf8(entry.name):
            continue
        if not entry.is_dir():
            if not entry.is_symlink() or (is_file(Path(entry.path)) and is_inside(entry.path, walk.bucket)):
                yield entry.name, None
        elif below := walk.into(entry):
            yield f"{entry.name}/", below


def _is_utf8(name: str) -> bool:
    """False for a file name that is no text: no key can be it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
