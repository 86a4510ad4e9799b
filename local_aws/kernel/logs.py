"""Job output into CloudWatch Logs (moto's backend) and, so that it outlives the server, into plain files.

``<state>/logs/<group>/<stream>.log`` holds one event a line: ISO timestamp, space, message.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from urllib.parse import quote, unquote

from moto.core import DEFAULT_ACCOUNT_ID
from moto.logs.models import LogsBackend, logs_backends

from local_aws.kernel import disk
from local_aws.kernel.lines import split_lines

MAX_EVENT_CHARACTERS = 256 * 1024 - 26  # CloudWatch's limit
RELOADED_EVENTS_PER_STREAM = 10_000
_EVENT_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (.*)", re.DOTALL)

_lock = threading.Lock()
_directory: Path | None = None
_region = "us-east-1"
_unwritten: dict[Path, list[str]] = {}  # lines that wait for room on the disk


def configure(state_dir: Path, region: str) -> None:
    """Set where logs go and bring back the streams of earlier runs; once, before any log is written."""
    global _directory, _region
    _directory, _region = Path(state_dir) / "logs", region
    for path in sorted(_directory.glob("*/*.log")):
        _reload(path)


def write_log(group: str, stream: str, lines: Iterable[str]) -> None:
    """Append lines to a log stream, creating group and stream; a blank line is kept as a space."""
    now = time.time()
    messages = [part[:MAX_EVENT_CHARACTERS] or " " for line in lines for part in line.split("\n")]
    if not messages:
        return
    with _lock:
        _put(group, stream, [(int(now * 1000), message) for message in messages])
        if _directory is not None:
            stamp = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")[:23] + "Z"
            _unwritten.setdefault(log_file(group, stream), []).extend(f"{stamp} {message}\n" for message in messages)
            _flush()


def flush() -> None:
    """Write what still waits for room, as far as there is any."""
    with _lock:
        _flush()


def _flush() -> None:
    for path in list(_unwritten):
        _append(path)


def _append(path: Path) -> None:
    """Write the lines that wait for a file. A full disk must not block the job whose output they are: they go on
    waiting, and the file ends with a whole line.
    """
    lines = _unwritten.pop(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab", buffering=0) as file:
            _write_whole(file, "".join(lines).encode())
    except OSError as error:
        if disk.is_full(error):
            _unwritten[path] = lines[-RELOADED_EVENTS_PER_STREAM:]


def _write_whole(file: FileIO, data: bytes) -> None:
    """Append all of it or nothing."""
    start, view = file.tell(), memoryview(data)
    try:
        while view:
            view = view[file.write(view) :]
    except OSError:
        file.truncate(start)
        raise


def log_file(group: str, stream: str) -> Path:
    """The file of a stream."""
    assert _directory is not None, "logs.configure() first"
    return _directory / quote(group, safe="") / f"{quote(stream, safe='')}.log"


def tail(group: str, stream: str, count: int = 20) -> list[str]:
    """The last messages of a stream, without timestamps."""
    path, text = log_file(group, stream), ""
    if path.exists():
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 64 * 1024))
            text = file.read().decode("utf-8", "replace")
    lines = split_lines(text + "".join(_unwritten.get(path, ())))[-count:]
    return [line.split(" ", 1)[-1] for line in lines]


def _backend() -> LogsBackend:
    return logs_backends[DEFAULT_ACCOUNT_ID][_region]


def _put(group: str, stream: str, events: list[tuple[int, str]]) -> None:
    backend = _backend()
    if group not in backend.groups:
        backend.create_log_group(group, {})
    if stream not in backend.groups[group].streams:
        backend.create_log_stream(group, stream)
    # The group's own method: the backend's refuses events older than 14 days.
    backend.groups[group].put_log_events(
        stream, [{"timestamp": timestamp, "message": message} for timestamp, message in events]
    )


def _reload(path: Path) -> None:
    events: list[tuple[int, str]] = []
    for line in split_lines(path.read_bytes().decode("utf-8", "replace"))[-RELOADED_EVENTS_PER_STREAM:]:
        match = _EVENT_LINE.fullmatch(line)
        if match:
            stamp = datetime.fromisoformat(match[1].replace("Z", "+00:00"))
            events.append((int(stamp.timestamp() * 1000), match[2]))
    if events:
        _put(unquote(path.parent.name), unquote(path.stem), events)
