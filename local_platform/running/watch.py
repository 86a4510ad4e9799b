"""When a service is started, left alone or replaced. Pure: the time and what was seen are given."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

START_SECONDS = 300.0  # a machine at its limit takes as long to come up
ILL_SECONDS = 120.0  # busy cores make anybody late; this long, nobody
CALM_SECONDS = 60.0  # well for as long: what was before is forgotten
# Before the next start after the first, second, … failure; the last one again and again: a disk that was full for a
# night must not need a hand in the morning.
PAUSES = (0.0, 2.0, 5.0, 10.0, 30.0, 60.0)
BLIND_SECONDS = 30.0  # who has not looked for so long (a laptop that slept) does not know since when it has been so


class Act(Enum):
    NOTHING = "nothing"
    START = "start"
    REPLACE = "replace"


@dataclass
class Watch:
    """One service. failures: deaths, replacements and vain starts since it was last well for CALM_SECONDS."""

    failures: int = 0
    try_at: float = float("-inf")
    _looked_at: float = float("-inf")
    _lived: bool = False
    _well_since: float | None = None
    _ill_since: float | None = None
    _was_well: bool = False

    def look(self, now: float, alive: bool, well: bool | None, may_start: bool) -> Act:
        """What to do at `now` (seconds, monotonic) about a service that is seen so.

        well: None where it cannot be known. may_start: those that it needs are well.
        """
        blind, self._looked_at = now - self._looked_at > BLIND_SECONDS, now
        if blind or well is None or not may_start:
            self._ill_since = None
        if not alive:
            if self._lived:
                self.failed(now)
            self._lived = may_start and now >= self.try_at  # from its start, however short its life
            return Act.START if self._lived else Act.NOTHING
        self._lived = True
        if well:
            self._was_well = True
            self._ill_since = None
            self._well_since = now if self._well_since is None or blind else self._well_since
            if now - self._well_since >= CALM_SECONDS:
                self.failures = 0
            return Act.NOTHING
        self._well_since = None
        if well is None or not may_start:
            return Act.NOTHING
        self._ill_since = now if self._ill_since is None else self._ill_since
        if now - self._ill_since < (ILL_SECONDS if self._was_well else START_SECONDS):
            return Act.NOTHING
        self.failed(now)
        return Act.REPLACE

    def failed(self, now: float) -> None:
        """It died, was ended, or could not be started."""
        self.try_at = now + PAUSES[min(self.failures, len(PAUSES) - 1)]
        self.failures += 1
        self._lived = self._was_well = False
        self._well_since = self._ill_since = None
