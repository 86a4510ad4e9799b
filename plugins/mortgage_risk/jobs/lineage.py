"""OpenLineage events of the jobs: what each read and wrote, under the S3 URIs, and which model it was about.

Setting `lineage_url`: '' for none; file:///path appends a line of JSON per event; http(s)://… posts it. Written to the
specification (openlineage.io, object model 2-0-2) with the standard library: it is a small JSON document.
"""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PRODUCER = "urn:mortgage-default-risk"
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
SECONDS_TO_POST = 10


def run_event(
    *,
    dag_id: str,
    task_id: str,
    run_id: str,
    try_key: str,
    ended_at: datetime,
    inputs: Sequence[str],
    outputs: Sequence[str],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """A COMPLETE RunEvent. inputs, outputs: S3 URIs or ARNs. facts: the run facet 'mortgageRisk'.

    The same try gives the same run UUID, so an event that is sent again is the same event.
    """
    run_uuid = uuid.uuid5(uuid.NAMESPACE_URL, f"{dag_id}/{task_id}/{run_id}/{try_key}")
    facet = {"_producer": PRODUCER, "_schemaURL": f"{PRODUCER}:run-facet"}
    return {
        "eventType": "COMPLETE",
        "eventTime": ended_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "run": {"runId": str(run_uuid), "facets": {"mortgageRisk": {**facet, "airflow_run_id": run_id, **facts}}},
        "job": {"namespace": "mortgage-risk", "name": f"{dag_id}.{task_id}"},
        "inputs": [dataset(uri) for uri in inputs],
        "outputs": [dataset(uri) for uri in outputs],
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
    }


def dataset(uri: str) -> dict[str, str]:
    """OpenLineage's naming: namespace s3://bucket, name the path. An ARN is split at its last colon."""
    if "://" in uri:
        parts = urlsplit(uri)
        return {"namespace": f"{parts.scheme}://{parts.netloc}", "name": parts.path.strip("/") or "/"}
    namespace, _, name = uri.rpartition(":")
    return {"namespace": namespace, "name": name}


def emit(url: str, event: Mapping[str, Any]) -> None:
    """Deliver one event; raises what goes wrong on the way."""
    body = json.dumps(event, sort_keys=True).encode()
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(parts.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            stream.write(body + b"\n")  # one write: lines of two tasks do not mix
        return
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310  (settings: http(s))
    urllib.request.urlopen(request, timeout=SECONDS_TO_POST).close()  # noqa: S310
