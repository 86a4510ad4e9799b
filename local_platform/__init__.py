"""The whole platform on one machine: its environments, its processes, and the demo that drives it.

`python -m local_platform <command>` is what `make` and docker-compose.yaml both run, so that a laptop and a
container start the same processes with the same settings.

Rooms: running (processes, their upkeep, the state they keep), delivery (a lender's files), clients (what asks the
running platform), commands, and history, which runs in another runtime. environments, command and settings know none.
"""

import sys
from types import TracebackType


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C while a program of this package is still being imported (see command.py) is no traceback either."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _uncaught
