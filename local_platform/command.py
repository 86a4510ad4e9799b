"""How every command ends: 0, or one line of words that say what is wrong and what to do. Standard library at import."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, NoReturn

INTERRUPTED = 128 + signal.SIGINT


class CommandError(RuntimeError):
    """What was asked for cannot be done. The message says what was found and what to do, for the person who asked."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the words of a command in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def ended(command: Callable[[], int | None]) -> int:
    """Run a command; its exit code. An error that a person can mend is one line on stderr, a defect its traceback."""
    try:
        return command() or 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Exception as error:
        if not (words := in_words(error)):
            raise
        print(f"error: {words}", file=sys.stderr)
        return 1


def in_words(error: Exception) -> str | None:
    """What to tell a person of an error that is no defect of the program; None of one that is."""
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}. Check the path, its permissions and the room on its disk."
    if type(error).__module__.startswith("botocore."):
        place = os.environ.get("AWS_ENDPOINT_URL", "")
        return f"the local AWS {place}: {error}. Does it run? `make status` shows it, `make up` starts it."
    return None


@contextlib.contextmanager
def own_group(command: Sequence[str], **how: Any) -> Iterator[subprocess.Popen[str]]:
    """A process and whatever it starts, as one group that ends with the block, also where that is interrupted."""
    with subprocess.Popen(command, start_new_session=True, text=True, **how) as process:
        try:
            yield process
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise


def a_date(text: str) -> str:
    """A day as YYYY-MM-DD; the same text."""
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no date; it must be YYYY-MM-DD")


def a_number(text: str) -> int:
    """A whole number from 1."""
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number; it must be a whole number from 1")
