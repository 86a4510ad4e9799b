"""What the last nights looked like: a reference that follows slow, honest change and notices a step.

The training sample is years old and a mortgage book ages, so against it half of the features drift for ever. A broken
feed, a new unit or a bought portfolio is a step against last week. Each night carries an exponentially weighted
average forward (weight 0.1, about the last ten nights), so tonight needs the night before and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mortgage_model.documents.monitoring import RecentFigures

WEIGHT = 0.1
# A distribution that stays different for so many nights is the new normal, and becomes the reference.
ACCEPTED_AFTER = 14


@dataclass(frozen=True)
class Recent:
    """Shares over the bins (they add to 1), the rows of a night, the effect on the log-odds, nights in breach."""

    shares: tuple[float, ...]
    rows: float
    effect: float | None
    breaches: int = 0

    @property
    def counts(self) -> np.ndarray:
        return np.asarray(self.shares) * self.rows

    @classmethod
    def of(cls, counts: np.ndarray, effect: float | None = None) -> Recent:
        rows = float(np.sum(counts))
        shares = np.asarray(counts, dtype=float) / rows if rows else np.zeros(len(counts))
        return cls(tuple(np.round(shares, 7).tolist()), rows, effect)

    @classmethod
    def from_json(cls, document: RecentFigures) -> Recent:
        return cls(tuple(document["shares"]), document["rows"], document["effect"], document["breaches"])

    def to_json(self) -> RecentFigures:
        return {
            "shares": list(self.shares),
            "rows": self.rows,
            "effect": self.effect,
            "breaches": self.breaches,
        }


def carried(recent: Recent | None, tonight: Recent, breach: bool) -> Recent:
    """The reference for the next night. A night in breach does not move it, until the change has been there long."""
    if recent is None:
        return tonight
    if breach and recent.breaches + 1 < ACCEPTED_AFTER:
        return Recent(recent.shares, recent.rows, recent.effect, recent.breaches + 1)
    if breach:
        return tonight

    def mixed(old: float | None, new: float | None) -> float | None:
        return new if old is None or new is None else (1 - WEIGHT) * old + WEIGHT * new

    shares = (1 - WEIGHT) * np.asarray(recent.shares) + WEIGHT * np.asarray(tonight.shares)
    rows = (1 - WEIGHT) * recent.rows + WEIGHT * tonight.rows
    return Recent(tuple(np.round(shares, 7).tolist()), rows, mixed(recent.effect, tonight.effect))
