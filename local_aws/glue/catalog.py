"""Keeps moto's Data Catalog (databases, tables, partitions) over restarts: a snapshot after every change."""

from __future__ import annotations

import logging
import pickle
import threading
from functools import partial
from pathlib import Path

from moto.glue.models import glue_backends

from local_aws.kernel import disk
from local_aws.kernel.config import ACCOUNT_ID, Config

log = logging.getLogger(__name__)

_lock = threading.Lock()


def install(config: Config) -> None:
    folder = config.state_dir / "glue" / "catalog"
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.pickle"):
        try:
            glue_backends[ACCOUNT_ID][path.stem].databases = pickle.loads(path.read_bytes())  # noqa: S301  our own file
        except Exception:
            log.exception("The catalog in %s cannot be read; starting with an empty one", path)
    config.after_moto["glue"] = lambda target, region: _save(folder, target, region)


def _save(folder: Path, target: str, region: str) -> None:
    action = target.rpartition(".")[2]
    if not action.removeprefix("Batch").startswith(("Create", "Update", "Delete")):
        return
    try:
        _write(folder, region)
    except OSError as error:
        if not disk.is_full(error):
            raise
        # The change is made and answered; its copy on disk follows.
        later = partial(disk.when_there_is_room, partial(_write, folder, region))
        threading.Thread(target=later, name="glue-catalog", daemon=True).start()


def _write(folder: Path, region: str) -> None:
    with _lock:
        path = folder / f"{region}.pickle"
        draft = path.with_suffix(".writing")
        try:
            draft.write_bytes(pickle.dumps(glue_backends[ACCOUNT_ID][region].databases))
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
