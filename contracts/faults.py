"""Failures that trying again cannot mend, and how they leave a job.

A job that fails for its data or settings ends with one line, `<name of a DataFault>: <words>`: as the exception of a
Glue script, as the last line on stderr of a SageMaker script. AWS puts it into FailureReason, ErrorMessage or
ExitMessage, and the operator, seeing the name, does not try again (plugins/mortgage_risk/jobs/state.py lists the
names; a test compares).
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import NoReturn

LONGEST = 900  # FailureReason and ExitMessage hold 1024


class DataFault(ValueError):
    """The data, a contract or a setting is at fault: the same again fails the same way. The message says which.

    `advice` says what would do, where the program can tell.
    """

    advice: str = ""


class SettingError(DataFault):
    """A setting or argument of a job may not be what it is."""


def exit_with(error: Exception, message_file: Path | None = None) -> NoReturn:
    """End a script with one line on stderr, `<type>: <words>`; a traceback would bury it.

    `message_file`: what AWS shows as a Processing job's ExitMessage, whose FailureReason has no words. Written where
    its folder is there.
    """
    line = f"{type(error).__name__}: {error}"
    if advice := getattr(error, "advice", ""):
        print(advice, flush=True)
    if message_file and message_file.parent.is_dir():
        with contextlib.suppress(OSError):
            message_file.write_text(line[:LONGEST], encoding="utf-8")
    sys.exit(line)
