"""The ETL's own reading of a lender's files, in its runtime: what it says of them is what the Glue job would say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from local_platform.command import CommandError, own_group
from local_platform.environments import GLUE, ROOT, runtime_python

ERROR, WARNING = "error: ", "warning: "


class UnreadableFiles(CommandError):
    """The ETL refuses the files; the message is its own."""


def as_argument(files: Mapping[str, Sequence[Path]]) -> str:
    """Files by raw table, as the ETL's --files takes them."""
    return json.dumps({table: [str(path.resolve()) for path in paths] for table, paths in files.items()})


def reconcile(*arguments: str, stdout: IO[str] | int | None = None) -> str:
    """Run mortgage_etl.reconcile; what it printed, where ``stdout`` is a pipe. Warnings go to stderr as they come.

    UnreadableFiles with the ETL's error. The rest of its stderr is Spark's talk, shown only where no error is told.
    """
    command = [str(runtime_python(GLUE)), "-m", "mortgage_etl.reconcile", *arguments]
    path = os.pathsep.join([str(ROOT), str(ROOT / "glue_jobs")])
    error, last_words = "", ""
    environment = {**os.environ, "PYTHONPATH": path}
    with own_group(command, env=environment, stdout=stdout, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(WARNING):
                print(line, end="", file=sys.stderr, flush=True)
            elif line.startswith(ERROR):
                error = line.removeprefix(ERROR).strip()
            elif line.strip():
                last_words = line.strip()
        printed = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise UnreadableFiles(error or f"the ETL ended with exit code {process.returncode}: {last_words}")
    return printed
