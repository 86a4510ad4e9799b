"""The true PD: probability of default within 12 months given the loan's state at t, by backward recursion.

V_h(t, s) = probability that a loan in transient state s at month t defaults by t+h, along the economy's
realised path:

    V_0 = 0,   V_h(t, s) = P_t(s -> default) + sum over transient s' of P_t(s -> s') V_(h-1)(t+1, s')

with the very matrices P_t that the path was drawn from, pay-off being absorbing without default. All h =
1..12 are updated together, so a pass over the months gives V_12 for every loan and month at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simulator.hazards import CURED, CURRENT, DPD30, DPD60, Transitions
from simulator.settings import HORIZON


def true_pd(steps: list[Transitions]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (month index, V_12 as (4, n)) from the last month back. steps[i] moves month i to i+1.

    Loans on book at month i are the first len(steps[i].exit) of the block. Months within the horizon of the
    end of `steps` are needed to start the recursion and are not yielded.
    """
    if not steps:
        return
    size = len(steps[-1].exit)
    value = np.zeros((4, HORIZON + 1, size), np.float32)
    for i in range(len(steps) - 1, -1, -1):
        p = steps[i]
        n = len(p.exit)
        later = value[:, :-1, :n]
        now = np.empty((4, HORIZON, n), np.float32)
        now[CURRENT] = p.current_to_30 * later[DPD30] + (1 - p.exit - p.current_to_30) * later[CURRENT]
        now[CURED] = p.cured_to_30 * later[DPD30] + (1 - p.exit - p.cured_to_30) * later[CURED]
        stay30 = 1 - p.exit_late - p.d30_to_60 - p.d30_to_cured
        now[DPD30] = p.d30_to_60 * later[DPD60] + p.d30_to_cured * later[CURED] + stay30 * later[DPD30]
        stay60 = 1 - p.exit_late - p.d60_to_default - p.d60_to_cured - p.d60_to_30
        now[DPD60] = (
            p.d60_to_default + p.d60_to_cured * later[CURED] + p.d60_to_30 * later[DPD30] + stay60 * later[DPD60]
        )
        value[:, 1:, :n] = now
        if i <= len(steps) - HORIZON:
            yield i, value[:, HORIZON, :n]
