"""Log lines of a job: what was done, with counts and seconds since the start."""

from __future__ import annotations

import time

_STARTED = time.monotonic()


def say(message: str) -> None:
    """Print one line at once, so that a job that dies has said how far it came."""
    print(f"[{time.monotonic() - _STARTED:7.1f} s] {message}", flush=True)
