"""Publishing a dataset: data first, under a prefix of its own; the manifest that points to it last.

Readers go through the manifest, so they see the old dataset until the one write that replaces it. Whatever fails before
leaves the old dataset as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from mortgage_etl.publishing import objects
from mortgage_etl.run.progress import say

MANIFEST = "_manifest.json"


def publish_attempt(
    dataset: str, job_run_id: str, write: Callable[[str], None], describe: Callable[[str], dict[str, Any]]
) -> dict[str, Any]:
    """Publish ``dataset`` (a prefix) and return its manifest.

    ``write`` gets the attempt's prefix and fills it; ``describe`` then gives the manifest's own entries (rows, counts,
    columns, …) and may raise to refuse what was written. Attempts that the new manifest does not name are deleted.
    """
    root = f"{dataset.rstrip('/')}/"
    attempt = f"{root}attempt={job_run_id}/"
    objects.delete_prefix(attempt)  # left behind by a run of this id that died
    try:
        write(attempt)
        files = objects.list_objects(attempt)
        manifest = {
            "data_prefix": attempt,
            "files": [{"key": uri.removeprefix(root), "bytes": size} for uri, size in files],
            **describe(attempt),
            "job_run_id": job_run_id,
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        objects.write_json(root + MANIFEST, manifest)
    except BaseException:
        objects.delete_prefix(attempt)  # a full disk stays full otherwise
        raise
    say(f"published {len(files)} files, {sum(size for _, size in files):,} bytes: {attempt}")
    older = {uri.removeprefix(root).split("/")[0] for uri, _ in objects.list_objects(root)}
    for name in sorted(older):
        if name.startswith("attempt=") and f"{root}{name}/" != attempt:
            objects.delete_prefix(f"{root}{name}/")
    return manifest


def read_manifest(dataset: str) -> dict[str, Any]:
    """The manifest of a published dataset. FileNotFoundError if it was never published."""
    return objects.read_json(f"{dataset.rstrip('/')}/{MANIFEST}")
