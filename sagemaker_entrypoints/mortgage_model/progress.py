"""What a job tells its log while it runs."""

from __future__ import annotations

import time

STARTED = time.monotonic()


def say(line: str) -> None:
    """Print a line of progress with the seconds since the start."""
    print(f"[{time.monotonic() - STARTED:6.1f} s] {line}", flush=True)
