"""Reads the monitoring index from S3: month files, each read again only when it has changed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from mortgage_risk.layout import Layout, split_uri
from mortgage_risk.monitoring.index import IndexRow

READERS = 8
KEPT_OBJECTS = 400
LISTED_SECONDS = 20.0  # a new night shows after so long at most
_SOURCE = re.compile(r"/source=([^/]+)/")


class IndexStore:
    """Nights by source. `s3` makes the client; it is asked for once, when something is first read."""

    def __init__(self, layout: Layout, s3: Callable[[], Any]) -> None:
        self.layout = layout
        self._make_client = s3
        self._client: Any = None
        self._lock = Lock()
        self._objects: dict[str, tuple[str, Any]] = {}
        self._listed: dict[str, tuple[float, list[tuple[str, str]]]] = {}

    def sources(self) -> list[str]:
        """Sources with at least one monitored night."""
        root = self.layout.monitoring_index("x").removesuffix("source=x/")
        found = (_SOURCE.search(f"/{key}") for key, _ in self._list(root))
        return sorted({match.group(1) for match in found if match})

    def nights(self, source: str) -> list[IndexRow]:
        """Every row of the index, oldest first."""
        listed = self._list(self.layout.monitoring_index(source))
        with ThreadPoolExecutor(READERS) as pool:
            months = pool.map(lambda item: self._read(*item), listed)
            return [row for month in months for row in month["nights"]]

    def night(self, source: str, day: str) -> dict[str, Any] | None:
        """The night's monitoring.json as it is, less what only the next night needs; None where there is none."""
        prefix = self._prefix(source, day)
        if prefix is None:
            return None
        return {key: value for key, value in self._document(prefix).items() if key not in ("carry", "segments")}

    def labels(self, nights: Sequence[IndexRow]) -> dict[str, dict[str, str]]:
        """Column → code → what it means, as the newest of these nights knew it."""
        prefix = next((row["prefix"] for row in reversed(nights) if row["prefix"]), None)
        return self._document(prefix).get("labels", {}) if prefix else {}

    def report_uri(self, source: str, day: str) -> str:
        """Where the report of a monitored night is."""
        return f"{self._prefix(source, day)}report.html"

    def _prefix(self, source: str, day: str) -> str | None:
        return next((row["prefix"] for row in self.nights(source) if row["date"] == day), None)

    @property
    def region(self) -> str:
        return str(self._s3().meta.region_name)

    def outcomes(self, source: str) -> dict[str, Any] | None:
        """The newest reading of outcomes; None before the first loan panel."""
        read = [outcomes for row in self.nights(source) if (outcomes := row["outcomes"])]
        found: dict[str, Any] | None = self._document(read[-1]["prefix"])["performance"] if read else None
        return found

    def _document(self, prefix: str) -> dict[str, Any]:
        # A job writes its folder once: the name is version enough.
        content: dict[str, Any] = self._read(split_uri(prefix)[1] + "monitoring.json", "")
        return content

    def _s3(self) -> Any:
        with self._lock:
            self._client = self._client or self._make_client()
            return self._client

    def _list(self, uri: str) -> list[tuple[str, str]]:
        """(key, ETag) of the objects below `uri`, by key."""
        known = self._listed.get(uri)
        if known is None or time.monotonic() - known[0] > LISTED_SECONDS:
            bucket, prefix = split_uri(uri)
            pages = self._s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            found = sorted((item["Key"], item["ETag"]) for page in pages for item in page.get("Contents", []))
            known = self._listed[uri] = (time.monotonic(), found)
        return known[1]

    def _read(self, key: str, etag: str) -> Any:
        known = self._objects.get(key)
        if known is None or known[0] != etag:
            body = self._s3().get_object(Bucket=self.layout.bucket, Key=key)["Body"].read()
            known = (etag, json.loads(body))
            if len(self._objects) >= KEPT_OBJECTS:
                self._objects.clear()
            self._objects[key] = known
        return known[1]
