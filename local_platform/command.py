"""How every command ends: 0, or one line of words that say what is wrong and what to do. Standard library at import."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from datetime import date
from typing import NoReturn

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
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}. Check that it exists and that you may read and write it."
    if type(error).__module__.startswith("botocore."):
        place = os.environ.get("AWS_ENDPOINT_URL") or "the local AWS"
        return f"{place}: {error} Does it run? `make status` shows it, `make up` starts it."
    return None


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
