"""The monthly life of a block of loans: performing states by the hazards, then what follows a default."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.economy import Economy
from simulator.hazards import CURED, CURRENT, DPD30, DPD60, REPURCHASE, Hazards, Transitions, judicial
from simulator.originations import Loans
from simulator.settings import HORIZON, BookSettings
from simulator.truth import true_pd

NOT_ON_BOOK = -1
DEFAULTED = 4
TERMINATED = 5
_MODIFICATIONS_SINCE = 2009 * 12 + 2  # HAMP, March 2009


@dataclass(frozen=True)
class Paths:
    """Grids (T, B) over the reporting months of the book and the loans of the block.

    days_past_due: months past due, NOT_ON_BOOK where no row is reported. zero_balance: code or 0. modified:
    since when is in the flag. true_pd: NaN where the loan is not an observation (not performing).
    """

    days_past_due: np.ndarray
    zero_balance: np.ndarray
    modified: np.ndarray
    rate_cut: np.ndarray
    true_pd: np.ndarray


def simulate_paths(loans: Loans, economy: Economy, settings: BookSettings, random: np.random.Generator) -> Paths:
    """Draw the path of every loan of a block and compute its true PD in each performing month."""
    months, size = settings.end - settings.start + 1, len(loans)
    hazards = Hazards(loans, economy, settings.relation_change)
    days = np.full((months, size), NOT_ON_BOOK, np.int16)
    codes = np.zeros((months, size), np.int8)
    flags = np.zeros((months, size), bool)
    cuts = np.zeros((months, size), np.float32)
    states = np.full((months, size), NOT_ON_BOOK, np.int8)

    state = np.full(size, NOT_ON_BOOK, np.int8)
    late = np.zeros(size, np.int16)
    modified = np.zeros(size, bool)
    cut = np.zeros(size, np.float32)
    default_age = np.zeros(size, np.int16)
    steps: list[Transitions] = []
    for i in range(months):
        month = settings.start + i
        n = hazards.on_book(month)
        code = np.zeros(size, np.int8)
        if i:
            previous = len(steps[-1].exit)
            draw = random.random((3, previous)).astype(np.float32)
            before = state[:previous].copy()
            _move_performing(steps[-1], state[:previous], late[:previous], code[:previous], draw)
            _modify(before, state[:previous], month, modified[:previous], cut[:previous], draw[2])
            _move_defaulted(
                loans,
                before == DEFAULTED,
                month,
                state,
                late,
                code,
                modified,
                cut,
                default_age,
                draw[:, :previous],
            )
            default_age[:previous] += state[:previous] == DEFAULTED
        state[:n][state[:n] == NOT_ON_BOOK] = CURRENT
        reported = (state != NOT_ON_BOOK) & ((state != TERMINATED) | (code > 0))
        days[i] = np.where(reported, late, NOT_ON_BOOK)
        states[i], codes[i], flags[i], cuts[i] = state, code, modified, cut
        steps.append(hazards.step(month))
    for month in range(settings.end + 1, settings.end + HORIZON):
        steps.append(hazards.step(month))
    return Paths(days, codes, flags, cuts, _truth(steps, states))


def _truth(steps: list[Transitions], states: np.ndarray) -> np.ndarray:
    truth = np.full(states.shape, np.nan, np.float32)
    for i, value in true_pd(steps):
        state = states[i, : value.shape[1]]
        performing = np.flatnonzero((state >= CURRENT) & (state <= DPD60))
        truth[i, performing] = value[state[performing], performing]
    return truth


def _move_performing(p: Transitions, state: np.ndarray, late: np.ndarray, code: np.ndarray, draw: np.ndarray) -> None:
    """One month of the Markov chain, in place, by one uniform number a loan."""
    u = draw[0]
    before = state.copy()

    def cascade(at: np.ndarray, exits: np.ndarray, moves: list[tuple[np.ndarray, int]]) -> None:
        edge = exits.copy()
        leaves = at & (u < edge)
        state[leaves] = TERMINATED
        repurchased = draw[1] * exits < np.float32(REPURCHASE)
        code[leaves] = np.where(repurchased[leaves], 6, 1)
        for probability, target in moves:
            upper = edge + probability
            state[at & (u >= edge) & (u < upper)] = target
            edge = upper

    cascade(before == CURRENT, p.exit, [(p.current_to_30, DPD30)])
    cascade(before == CURED, p.exit, [(p.cured_to_30, DPD30)])
    cascade(before == DPD30, p.exit_late, [(p.d30_to_60, DPD60), (p.d30_to_cured, CURED)])
    cascade(
        before == DPD60,
        p.exit_late,
        [(p.d60_to_default, DEFAULTED), (p.d60_to_cured, CURED), (p.d60_to_30, DPD30)],
    )
    performing = (before >= CURRENT) & (before <= DPD60)
    late[performing] = np.array([0, 0, 1, 2, 3, 0], np.int16)[state[performing]]


def _modify(
    before: np.ndarray, state: np.ndarray, month: int, modified: np.ndarray, cut: np.ndarray, draw: np.ndarray
) -> None:
    """Some cures of 60-day delinquencies are modifications: the flag, and a lower rate. It changes no
    hazard."""
    if month < _MODIFICATIONS_SINCE:
        return
    done = (before == DPD60) & (state == CURED) & (draw < 0.15) & ~modified
    modified |= done
    cut[done] = 1.0


def _move_defaulted(
    loans: Loans,
    defaulted: np.ndarray,
    month: int,
    state: np.ndarray,
    late: np.ndarray,
    code: np.ndarray,
    modified: np.ndarray,
    cut: np.ndarray,
    default_age: np.ndarray,
    draw: np.ndarray,
) -> None:
    """After default: arrears grow until liquidation, modification, reinstatement, pay-off or repurchase;
    re-performing loans may fall back. Outside the definition of the true PD, since default is absorbing
    there."""
    at = np.flatnonzero(defaulted)
    if not len(at):
        return
    u, v, w = draw[0][at], draw[1][at], draw[2][at]
    arrears, age = late[at], default_age[at]
    performing = arrears < 3

    pay_off = np.where(performing, 0.008, 0.010)
    repurchase = np.where((month < 2013 * 12) & (age < 24), 0.004, 0.0)
    sale = np.where((month >= 2015 * 12) & (age > 12), 0.004, 0.0)  # note sales: 15 non-performing, 16 re-performing
    liquidation = np.where(performing | (age < 5), 0.0, np.where(judicial(loans)[at], 0.035, 0.065))
    edges = np.cumsum([pay_off, repurchase, sale, liquidation], axis=0)
    event = np.sum(u >= edges, axis=0)
    how = np.where(v < 0.55, 9, np.where(v < 0.82, 3, 2))
    codes = np.choose(event, [np.full(len(at), 1), np.full(len(at), 6), np.where(performing, 16, 15), how, 0])
    code[at] = codes
    state[at[codes > 0]] = TERMINATED

    cures = np.where(age < 18, 0.055, 0.02)
    modification = cures * (0.55 if month >= _MODIFICATIONS_SINCE else 0.1)
    bad = ~performing & (codes == 0)
    cured = bad & (w < cures)
    by_modification = at[bad & (w < modification)]
    modified[by_modification] = True
    cut[by_modification] = 1.5
    falls = np.array([0.015, 0.30, 0.40])[np.minimum(arrears, 2)]
    recovers = performing & (v >= falls)
    late[at] = np.where(cured | recovers, 0, arrears + 1)
