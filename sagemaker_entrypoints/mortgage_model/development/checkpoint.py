"""Finished trials of a search, kept in a file, so that a training that was interrupted goes on where it was.

SageMaker copies /opt/ml/checkpoints to S3 while a job runs, and back when a job of spot instances is started anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "trials.json"


@dataclass(frozen=True)
class Trial:
    """One set of hyperparameters: mean log loss over the folds, and rounds kept per fold."""

    parameters: dict[str, int | float]
    log_loss: float
    rounds: tuple[int, ...]


class Checkpoint:
    """The trials of one request in `folder`; those left there by another request are not used.

    A request is its data, parameters and code, see `request_digest`.
    """

    def __init__(self, folder: Path, request: str) -> None:
        self.file = folder / FILE
        self.request = request
        self.trials = self._read()

    def _read(self) -> list[Trial]:
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
            if found["request"] != self.request:
                return []
            return [Trial(t["parameters"], t["log_loss"], tuple(t["rounds"])) for t in found["trials"]]
        except (OSError, ValueError, LookupError, TypeError):
            return []  # none yet, or cut short when its instance was taken back: the search begins anew

    def add(self, trial: Trial) -> None:
        """Record a trial; the file is whole at every moment."""
        self.trials.append(trial)
        document = {"request": self.request, "trials": [asdict(trial) for trial in self.trials]}
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps(document), encoding="utf-8")
        part.replace(self.file)


def request_digest(source: Path, facts: Mapping[str, object]) -> str:
    """SHA-256 of what decides a training: the Python files below `source`, and `facts` on data and parameters."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for file in sorted(source.rglob("*.py")):
        digest.update(f"{file.relative_to(source).as_posix()}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
