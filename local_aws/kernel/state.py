"""Durable records: one JSON file per resource, written atomically, that outlive the server."""

from __future__ import annotations

import copy
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from local_aws.kernel import disk

#: A request, an answer, or what is kept of both: its fields are those of the service's API.
Record = dict[str, Any]

#: FailureReason of a job that was running when the server ended.
INTERRUPTED = "InternalServerError: The local AWS stopped while this job was running"


class Collection:
    """A thread-safe mapping of names to JSON records, held in memory and mirrored to ``directory``.

    Records handed out are copies: change one through :meth:`update` or :meth:`put`, never in place.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._directory.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._records: dict[str, Record] = {}
        for path in sorted(directory.glob("*.json")):
            entry = json.loads(path.read_text())
            self._records[entry["name"]] = entry["record"]

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._records

    def __len__(self) -> int:
        with self._lock:
            return len(self._records)

    def get(self, name: str) -> Record | None:
        """A copy of the record, or None."""
        with self._lock:
            return copy.deepcopy(self._records.get(name))

    def values(self) -> list[Record]:
        """Copies of all records, oldest first."""
        with self._lock:
            return copy.deepcopy(list(self._records.values()))

    def items(self) -> list[tuple[str, Record]]:
        with self._lock:
            return copy.deepcopy(list(self._records.items()))

    def put(self, name: str, record: Record) -> None:
        """Store a record under a name, replacing what was there."""
        with self._lock:
            record = copy.deepcopy(record)
            self._write(name, record)
            self._records[name] = record

    def add(self, name: str, record: Record) -> bool:
        """Store a record unless the name is taken; says whether it was stored."""
        with self._lock:
            if name in self._records:
                return False
            self.put(name, record)
            return True

    def update(self, name: str, **changes: Any) -> Record:
        """Set fields of a record and return a copy of it; KeyError when it does not exist."""
        with self.edit(name) as record:
            record.update(changes)
            return copy.deepcopy(record)

    def note(self, name: str, change: Callable[[Record], None]) -> Record:
        """`edit` for what the next start would find out anyway, as how far a job is: on a full disk in memory alone."""
        with self._lock:
            record = copy.deepcopy(self._records[name])
            change(record)
            try:
                self.put(name, record)
            except OSError as error:
                if not disk.is_full(error):
                    raise
                self._records[name] = record
            return copy.deepcopy(record)

    def settle(self, name: str, change: Callable[[Record], None]) -> Record:
        """`edit` for what must not be lost and no client asks for again, as how a job ended: waits for room."""

        def write() -> Record:
            with self.edit(name) as record:
                change(record)
                return copy.deepcopy(record)

        return disk.when_there_is_room(write)

    @contextmanager
    def edit(self, name: str) -> Iterator[Record]:
        """Read-modify-write of one record under the lock; nothing is stored when the block raises."""
        with self._lock:
            record = copy.deepcopy(self._records[name])
            yield record
            self.put(name, record)

    def delete(self, name: str) -> Record | None:
        with self._lock:
            record = self._records.pop(name, None)
            self._path(name).unlink(missing_ok=True)
            return record

    @property
    def lock(self) -> threading.RLock:
        """For operations that must see several records unchanged."""
        return self._lock

    def resume(self, is_open: Callable[[Record], bool], mark: Callable[[Record], None]) -> list[str]:
        """At start-up: apply ``mark`` to every record that the previous server left open, and name them."""
        left = [(name, record) for name, record in self.items() if is_open(record)]
        for name, _ in left:
            self.note(name, mark)
        return [name for name, _ in left]

    def _path(self, name: str) -> Path:
        encoded = quote(name, safe="")
        return self._directory / f"{encoded.replace('.', '%2E')}.json"

    def _write(self, name: str, record: Record) -> None:
        path = self._path(name)
        temporary = path.with_suffix(".writing")
        try:
            with temporary.open("w") as file:
                json.dump({"name": name, "record": record}, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
