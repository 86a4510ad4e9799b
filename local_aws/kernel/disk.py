"""A full disk: what is asked for is refused until there is room, what the server does by itself waits for it."""

from __future__ import annotations

import errno
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from local_aws.kernel.errors import AwsError

T = TypeVar("T")

PATIENCE_SECONDS = 600.0  # with a job's data; what a job has ended as is kept for as long as it takes
_PAUSE_SECONDS = 0.5
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

log = logging.getLogger(__name__)
_closing = threading.Event()


def give_up() -> None:
    """The server stops: end every wait."""
    _closing.set()


def is_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in _FULL


def refusal(error: BaseException) -> AwsError:
    """The answer to a request that needed room: nothing was done, and by this status an SDK asks again."""
    return AwsError("InsufficientStorage", f"The disk of local_aws is full: {error}", 503)


def when_there_is_room(
    write: Callable[[], T], *, patience_s: float = math.inf, check: Callable[[], None] = lambda: None
) -> T:
    """What `write` gives, called again for as long as the disk is full; its error once that lasted too long.

    `write` leaves nothing behind when it fails; `check` raises to end the wait. Not to be called under a lock.
    """
    started = time.monotonic()
    waits = False
    while True:
        check()
        try:
            return write()
        except OSError as error:
            if not is_full(error) or time.monotonic() - started > patience_s or _closing.is_set():
                raise
            if not waits:
                log.warning("the disk is full, waiting for room: %s", error)
                waits = True
        _closing.wait(_PAUSE_SECONDS)
