"""Runs one command and takes it down, with everything it started, when the local AWS goes away.

Started as ``python -I -S supervisor.py ARGV...`` with a pipe from the server on stdin. The pipe is the
lifeline: its end of file means that the server died, however it died (SIGKILL included, on Linux and macOS
alike), and the whole process group is killed. A byte ``t`` or ``k`` on it asks for SIGTERM or SIGKILL. The
exit code is the command's, or 128 + signal as in a container. PR_SET_PDEATHSIG alone would not do: it follows
the *thread* that forked, and the server's threads come and go.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LINUX = sys.platform == "linux"


def prctl(option: int, argument: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0)


def die_with_parent() -> None:
    if LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def kill_descendants(group: int) -> None:
    """Kill the group and, on Linux, orphans that left it (they are re-parented to this sub-reaper)."""
    signal_group(group, signal.SIGKILL)
    while LINUX:
        try:
            children = [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
        except OSError:
            return
        if not children:
            return
        for pid in children:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def follow_lifeline(group: int) -> None:
    while True:
        command = os.read(0, 1)
        if command == b"t":
            signal_group(group, signal.SIGTERM)
        elif command == b"k":
            signal_group(group, signal.SIGKILL)
        else:
            signal_group(group, signal.SIGKILL)  # the main thread sees the exit and cleans up the rest
            return


def main(argv: list[str]) -> int:
    if LINUX:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=die_with_parent)
    except OSError as error:
        print(f"cannot start {argv[0]}: {error.strerror}", flush=True)
        return 127
    threading.Thread(target=follow_lifeline, args=(child.pid,), daemon=True).start()
    code = child.wait()
    kill_descendants(child.pid)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    exit_code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(exit_code)  # the lifeline thread may sit in read()
