"""Loans as they are made: borrower, property, terms and rate, by vintage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.economy import Economy
from simulator.settings import BLOCK_LOANS, BookSettings
from simulator.states import STATES

CHANNELS = np.array(["R", "C", "B"])
PURPOSES = np.array(["P", "C", "R"])
PROPERTY_TYPES = np.array(["SF", "PU", "CO", "MH", "CP"])
OCCUPANCIES = np.array(["P", "I", "S"])
VALUATIONS = np.array(["appraisal", "avm", "bpo", "other"])
PRODUCTS = np.array(["FRM", "ARM"])

_FIRST_YEAR = 2003
# By year of origination, 2003-2020 (earlier and later years take the nearest): relative number of loans,
# mean credit score, mean LTV of purchase loans less 80, share of purchases, share of ARMs. Targets and
# sources: docs/simulator.md.
_VOLUME = [2.6, 1.4, 1.2, 1.1, 1.2, 1.1, 1.7, 1.3, 1.1, 1.7, 1.5, 0.9, 1.2, 1.4, 1.2, 1.1, 1.4, 2.0]
_SCORE = [725, 721, 719, 716, 716, 738, 761, 762, 762, 761, 752, 744, 748, 750, 745, 743, 749, 756]
_LTV_SHIFT = [0, 0, 0, 0, 2, 0, -4, -3, -2, -1, 1, 3, 2, 2, 3, 4, 3, 2]
_PURCHASE = [
    0.30,
    0.45,
    0.50,
    0.52,
    0.50,
    0.42,
    0.20,
    0.24,
    0.26,
    0.22,
    0.32,
    0.52,
    0.48,
    0.45,
    0.56,
    0.66,
    0.52,
    0.30,
]
_ARM = [
    0.12,
    0.20,
    0.18,
    0.14,
    0.10,
    0.07,
    0.02,
    0.04,
    0.05,
    0.03,
    0.02,
    0.04,
    0.03,
    0.02,
    0.03,
    0.03,
    0.02,
    0.01,
]


@dataclass(frozen=True)
class Loans:
    """One block of loans, arrays (B,) sorted by origination month. Codes index the arrays above; months are
    integers."""

    number: np.ndarray  # 0, 1, … over the whole book
    origination: np.ndarray
    state: np.ndarray
    zip3: np.ndarray
    channel: np.ndarray
    purpose: np.ndarray
    property_type: np.ndarray
    occupancy: np.ndarray
    valuation: np.ndarray
    product: np.ndarray
    units: np.ndarray
    borrowers: np.ndarray
    first_time: np.ndarray
    credit_score: np.ndarray
    dti: np.ndarray
    ltv: np.ndarray
    cltv: np.ndarray
    mi: np.ndarray  # coverage in percent, 0 = none
    rate: np.ndarray
    upb: np.ndarray
    term: np.ndarray
    value: np.ndarray
    score_missing: np.ndarray
    dti_missing: np.ndarray

    @property
    def first_report(self) -> np.ndarray:
        """Month of the first performance row, at loan age 0; the first payment is due a month later."""
        return self.origination + 1

    def __len__(self) -> int:
        return len(self.number)


def _by_year(table: list[float] | list[int], month: np.ndarray) -> np.ndarray:
    values: np.ndarray = np.array(table)[np.clip(month // 12 - _FIRST_YEAR, 0, len(table) - 1)]
    return values


def _choose(random: np.random.Generator, size: int, shares: list[float]) -> np.ndarray:
    return np.minimum(np.searchsorted(np.cumsum(shares), random.random(size), "right"), len(shares) - 1)


def _purpose(random: np.random.Generator, origination: np.ndarray) -> np.ndarray:
    draw, purchase = random.random(len(origination)), _by_year(_PURCHASE, origination)
    cash_out = np.where(origination < 2009 * 12, 0.60, 0.38) * (1 - purchase)
    return np.where(draw < purchase, 0, np.where(draw < purchase + cash_out, 1, 2))


def _ltv(random: np.random.Generator, origination: np.ndarray, purpose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size, shift = len(origination), _by_year(_LTV_SHIFT, origination)
    round_numbers = np.array([60.0, 70.0, 75.0, 80.0, 85.0, 90.0, 95.0, 97.0])[
        _choose(random, size, [0.06, 0.07, 0.08, 0.48, 0.04, 0.11, 0.14, 0.02])
    ]
    # more high-LTV purchases in the years whose shift is positive, fewer in the tight ones
    moved = random.random(size) < np.abs(shift) / 12
    round_numbers = np.where(moved, np.where(shift > 0, 95.0, 70.0), round_numbers)
    spread = np.floor(20 + 77 * random.beta(3.2, 1.6, size))
    purchase = np.where(random.random(size) < 0.75, round_numbers, spread)
    refinance = np.floor(15 + 80 * random.beta(3.4, 1.9, size)) + np.minimum(shift, 0)
    refinance = np.where(random.random(size) < 0.18, 80.0, refinance)
    cash_out = np.minimum(refinance, np.where(origination < 2009 * 12, 90.0, 80.0))
    ltv = np.clip(np.choose(purpose, [purchase, cash_out, refinance]), 10, 97)
    second = random.random(size) < np.where(origination < 2008 * 12, 0.14, 0.05)
    cltv = np.where(second, np.minimum(ltv + np.where(random.random(size) < 0.5, 10, 15), 100), ltv)
    return ltv, np.maximum(cltv, ltv)


def _origination(settings: BookSettings, random: np.random.Generator, size: int) -> np.ndarray:
    """Months of origination, sorted: by the year's volume, more in summer."""
    months = np.arange(settings.start - 1, settings.end)
    weights = _by_year(_VOLUME, months) * (1 + 0.15 * np.sin(2 * np.pi * (months % 12 - 3) / 12))
    cumulative = np.cumsum(weights) / weights.sum()
    drawn = np.minimum(np.searchsorted(cumulative, np.sort(random.random(size))), len(months) - 1)
    return np.asarray(months[drawn])


def _zip3(random: np.random.Generator, state: np.ndarray) -> np.ndarray:
    first, last = STATES.zip3_first[state], STATES.zip3_last[state]
    return np.asarray(first + np.floor(random.random(len(state)) * (last - first + 1)).astype(int))


def _credit_score(
    random: np.random.Generator, origination: np.ndarray, purpose: np.ndarray, occupancy: np.ndarray
) -> np.ndarray:
    """Left-skewed around the vintage's mean: a ceiling near 820 and a long tail below."""
    size = len(origination)
    mean = _by_year(_SCORE, origination) - np.where(purpose == 1, 8, 0) + np.where(occupancy == 1, 8, 0)
    skew = (random.gamma(3.0, 1.0, size) - 3.0) / np.sqrt(3.0)
    spread = np.clip(47 - (mean - 740) * 0.35, 34, 56)
    return np.asarray(np.round(np.clip(mean - spread * skew + 8 * random.standard_normal(size), 530, 832)))


def _dti(random: np.random.Generator, origination: np.ndarray) -> np.ndarray:
    """Debt to income in percent: higher, with a higher ceiling, before 2009."""
    boom = origination < 2009 * 12
    dti = np.where(boom, 38.5, 34.5) + 10.5 * random.standard_normal(len(origination))
    return np.round(np.clip(dti, 5, np.where(boom, 64, 50)))


def _upb(
    random: np.random.Generator,
    economy: Economy,
    origination: np.ndarray,
    state: np.ndarray,
    score: np.ndarray,
    ltv: np.ndarray,
) -> np.ndarray:
    """Amounts of the loans: the LTV's share of a price, in thousands, up to the conforming limit."""
    level = economy.house_price[state, economy.column(origination)] / economy.house_price[state, 0]
    wealth = 1 + 0.25 * (np.isin(STATES.codes[state], ["CA", "NY", "NJ", "MA", "WA", "DC", "HI", "MD"]))
    price = 205_000 * level**0.6 * wealth * np.exp(0.42 * random.standard_normal(len(state)) + 0.0012 * (score - 740))
    limit = np.where(origination < 2017 * 12, 417_000, 453_000)
    return np.asarray(np.maximum(np.round(np.minimum(price * ltv / 100, limit) / 1000) * 1000, 20_000))


def _term(random: np.random.Generator, product: np.ndarray, purpose: np.ndarray) -> np.ndarray:
    """Months: adjustable rates and most purchases run thirty years."""
    size = len(product)
    term = np.array([360, 240, 180])[_choose(random, size, [0.83, 0.05, 0.12])]
    return np.where((product == 1) | (purpose == 0) & (random.random(size) < 0.7), 360, term)


def originate_block(settings: BookSettings, economy: Economy, block: int, random: np.random.Generator) -> Loans:
    """Draw the loans of one block. The order of the draws is part of what a seed stands for."""
    size = settings.block_size(block)
    origination = _origination(settings, random, size)
    state = _choose(random, size, STATES.share.tolist())
    zip3 = _zip3(random, state)
    purpose = _purpose(random, origination)
    ltv, cltv = _ltv(random, origination, purpose)
    occupancy = _choose(random, size, [0.89, 0.07, 0.04])
    property_type = _choose(random, size, [0.66, 0.22, 0.10, 0.013, 0.007])
    units = np.where(property_type == 0, 1 + _choose(random, size, [0.965, 0.024, 0.006, 0.005]), 1)
    borrowers = 1 + _choose(random, size, [0.47, 0.52, 0.008, 0.002])
    first_time = (purpose == 0) & (occupancy == 0) & (random.random(size) < 0.42)
    product = (random.random(size) < _by_year(_ARM, origination)).astype(int)
    term = _term(random, product, purpose)
    score = _credit_score(random, origination, purpose, occupancy)
    dti = _dti(random, origination)
    upb = _upb(random, economy, origination, state, score, ltv)
    rate = (
        economy.mortgage_rate[economy.column(origination - 1)]
        + 0.0016 * np.clip(740 - score, -60, 120)
        + 0.004 * np.clip(ltv - 75, 0, 22)
        + 0.38 * (occupancy == 1)
        + 0.10 * (purpose == 1)
        - 0.55 * (term == 180)
        - 0.15 * (term == 240)
        - 0.60 * (product == 1)
        + 0.17 * random.standard_normal(size)
    )
    informative = 1.0 + 0.6 * (score < 680)  # a missing field points slightly to a weaker borrower
    return Loans(
        number=block * BLOCK_LOANS + np.arange(size),
        origination=origination,
        state=state,
        zip3=zip3,
        channel=_choose(random, size, [0.48, 0.36, 0.16]),
        purpose=purpose,
        property_type=property_type,
        occupancy=occupancy,
        valuation=_choose(random, size, [0.90, 0.07, 0.01, 0.02]),
        product=product,
        units=units,
        borrowers=borrowers,
        first_time=first_time,
        credit_score=score,
        dti=dti,
        ltv=ltv,
        cltv=cltv,
        mi=np.select([ltv > 95, ltv > 90, ltv > 85, ltv > 80], [35, 30, 25, 12], 0),
        rate=np.clip(np.round(rate * 8) / 8, 1.5, 15.0),
        upb=upb,
        term=term,
        value=np.round(upb / (ltv / 100), -2),
        score_missing=random.random(size) < settings.missing_credit_score_rate * informative,
        dti_missing=random.random(size) < settings.missing_dti_rate * informative,
    )
