"""CheckpointConfig: a folder of a training job and an S3 prefix, kept in step while the job runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from local_aws.kernel import disk
from local_aws.kernel.errors import AwsError
from local_aws.kernel.state import Record
from local_aws.sagemaker.containers import OPT_ML, Sandbox
from local_aws.sagemaker.objects import DataError, Objects
from local_aws.sagemaker.validation import invalid

LOCAL_PATH = f"{OPT_ML}/checkpoints"
INTERVAL_SECONDS = 1.0


def validate(config: Record) -> None:
    """Refuse a LocalPath that is not below /opt/ml."""
    if not config.get("LocalPath", LOCAL_PATH).startswith(f"{OPT_ML}/"):
        raise invalid(f"CheckpointConfig.LocalPath must begin with {OPT_ML}/ in the local AWS")


@contextmanager
def synchronised(objects: Objects, config: Record | None, sandbox: Sandbox) -> Iterator[None]:
    """The folder filled from S3 before, and copied to S3 during and after: what a job that dies has left is there for
    the next one that names the prefix. DataError where it cannot be copied in the end.
    """
    if not config:
        yield
        return
    folder = sandbox.path(config.get("LocalPath", LOCAL_PATH))
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(DataError):  # none yet
        first = partial(objects.download, config["S3Uri"], folder)
        disk.when_there_is_room(first, patience_s=disk.PATIENCE_SECONDS)
    copied, ended = _stamps(folder), threading.Event()

    def copy_changes() -> None:
        for path, stamp in _stamps(folder).items():
            if copied.get(path) != stamp:
                objects.upload_file(path, f"{config['S3Uri'].rstrip('/')}/{path.relative_to(folder).as_posix()}")
                copied[path] = stamp

    def watch() -> None:
        while not ended.wait(INTERVAL_SECONDS):
            # A file may be renamed while it is read; the next round, or the last one, copies it.
            with suppress(OSError, AwsError, DataError):
                copy_changes()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        disk.when_there_is_room(copy_changes, patience_s=disk.PATIENCE_SECONDS)


def _stamps(folder: Path) -> dict[Path, tuple[int, int]]:
    """What tells whether a file has changed: size and time of writing."""
    found = {}
    for path in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError):
            if path.is_file():
                found[path] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found
