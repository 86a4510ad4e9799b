"""Random harm to a running platform, the same for the same seed: what happens, to whom, for how long, after what pause.

What is hit depends on what lives at that moment; which kind of harm comes when does not.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from local_platform.running import processes
from tests.installation import Installation

SERVICES = ("local-aws", "postgres", "api-server", "scheduler", "dag-processor", "triggerer")
# A job that dies by itself for the third time has failed, and rightly: no job is killed more often, the full disk once.
# A part as it was started, or by the title that it gives itself.
PART = re.compile(r"(?:-m airflow |^airflow )(api[-_]server|scheduler|dag-processor|triggerer)\b")
KILLS_OF_A_JOB = 1
DISKS = 1


@dataclass
class Chaos:
    """disk: a folder whose disk may be filled; None: it is spared. log: what was done, for whoever reads a failure."""

    installation: Installation
    seed: int
    disk: Path | None = None
    pause: tuple[float, float] = (2.0, 12.0)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._started = time.monotonic()
        self._jobs_killed: Counter[str] = Counter()
        self.say(f"CHAOS_SEED={self.seed}")

    def events(self, number: int) -> Iterator[int]:
        """Do so much harm, one after the other; what comes after each event is the caller's."""
        kinds: list[tuple[float, Callable[[], str]]] = [
            (6, self.kill_a_service),
            (2, self.end_a_service),
            (3, self.halt_a_service),
            (4, self.kill_a_worker),
            (4, self.kill_a_task),
            (4, self.kill_a_job),
            (2, lambda: self.keep_away("api-server")),
            (2, lambda: self.keep_away("local-aws")),
        ]
        chosen = self._random.choices([k for _, k in kinds], [weight for weight, _ in kinds], k=number)
        if self.disk:
            chosen[self._random.randrange(number // 4, number)] = self.fill_the_disk
        for index, kind in enumerate(chosen):
            # drawn before it is known what lives, so that a seed stays the same story
            draws, pause = self._random.getrandbits(64), self._random.uniform(*self.pause)
            self._draw = random.Random(draws)
            self.say(f"{index + 1}: {kind()}")
            time.sleep(pause)
            yield index

    def say(self, text: str) -> None:
        self.log.append(f"{time.monotonic() - self._started:6.1f} s  {text}")
        print(self.log[-1], flush=True)

    def kill_a_service(self) -> str:
        name = self._draw.choice(SERVICES)
        return f"{name} is killed" if self._signal(name, signal.SIGKILL) else f"{name} is dead already"

    def end_a_service(self) -> str:
        name = self._draw.choice(SERVICES)
        number = signal.SIGINT if name == "postgres" else signal.SIGTERM
        return f"{name} is told to stop" if self._signal(name, number) else f"{name} is dead already"

    def halt_a_service(self) -> str:
        name, seconds = self._draw.choice(SERVICES), self._draw.uniform(5, 40)
        process = self._process(name)
        if process is None:
            return f"{name} is dead already"
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()
            time.sleep(seconds)
            process.resume()
        return f"{name} stood still for {seconds:.0f} s"

    def kill_a_worker(self) -> str:
        return self._kill(self._workers(), "worker")

    def kill_a_task(self) -> str:
        return self._kill([task for worker in self._workers() for task in children(worker)], "task")

    def kill_a_job(self) -> str:
        server = self._process("local-aws")
        jobs = {p.pid: name for p in children(server, recursive=True) if (name := job_of(p))} if server else {}
        spared = {pid for pid, name in jobs.items() if self._jobs_killed[name] >= KILLS_OF_A_JOB}
        if not (able := sorted(jobs.keys() - spared)):
            return "no job to kill"
        pid = self._draw.choice(able)
        self._jobs_killed[jobs[pid]] += 1
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return f"a process of job {jobs[pid]} is killed"

    def keep_away(self, name: str) -> str:
        seconds = self._draw.uniform(15, 60)
        with self.installation.unattended():
            self._signal(name, signal.SIGKILL)
            time.sleep(seconds)
        return f"{name} was away for {seconds:.0f} s"

    def fill_the_disk(self) -> str:
        assert self.disk is not None
        seconds = self._draw.uniform(10, 30)
        with full(self.disk):
            time.sleep(seconds)
        return f"the disk was full for {seconds:.0f} s"

    def _process(self, name: str) -> psutil.Process | None:
        return processes.running(self.installation.platform, name)

    def _signal(self, name: str, number: int) -> bool:
        process = self._process(name)
        if process is None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        return True

    def _workers(self) -> list[psutil.Process]:
        scheduler = self._process("scheduler")
        return [p for p in children(scheduler) if title(p).startswith("airflow worker")] if scheduler else []

    def _kill(self, able: list[psutil.Process], what: str) -> str:
        if not able:
            return f"no {what} to kill"
        process = self._draw.choice(sorted(able, key=lambda p: p.pid))
        said = title(process)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
        return f"{what} {process.pid} is killed ({said[:60]})"


def children(process: psutil.Process, recursive: bool = False) -> list[psutil.Process]:
    try:
        return process.children(recursive=recursive)
    except psutil.NoSuchProcess:
        return []


def title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:
        return ""


def job_of(process: psutil.Process) -> str | None:
    """The request that a process of the local AWS works for, whichever attempt at it; None for what is no job's."""
    try:
        argv, environment = process.cmdline(), process.environ()
    except psutil.Error:
        return None
    if any(part.endswith("supervisor.py") for part in argv):
        return None
    request = "--airflow_request"  # of a Glue run
    name = argv[argv.index(request) + 1] if request in argv[:-1] else None
    name = name or environment.get("PROCESSING_JOB_NAME") or environment.get("TRAINING_JOB_NAME")
    return re.sub(r"-\d$", "", name) if name else None


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """The disk of `folder` has no byte left when the block begins."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
        try:
            yield
        finally:
            filler.unlink()


def how_many_of_each(installation: Installation) -> dict[str, int]:
    """Living processes of each part of Airflow that were started as such: leaders of a session of their own."""
    found: Counter[str] = Counter()
    for process in processes.of_this_installation(installation.platform):
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == process.pid and (part := PART.search(" ".join(process.cmdline()))):
                found[part[1].replace("_", "-")] += 1
    return dict(found)
