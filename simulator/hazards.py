"""Monthly transition probabilities of a performing loan: the law the book is drawn from.

Four transient states: CURRENT (never 30+ days past due so far), CURED (current again after a delinquency),
DPD30, DPD60; two exits: default (90+ days past due, reached from DPD60 only) and leaving without default
(pay-off, rarely a repurchase).

Every driver is a panel feature at month t or a deterministic function of the loan's terms and the published
economy: unemployment of t-2 and house prices of t-3, which is what the publication lags leave known at t.
There is no frailty term. Shapes of the effects follow the usual agency findings (roll rates rise with
mark-to-market LTV and unemployment; refinancing is an S-curve in the rate incentive with seasoning,
seasonality and burn-out, as in Richard and Roll 1989).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.economy import Economy
from simulator.originations import Loans
from simulator.states import STATES

CURRENT, CURED, DPD30, DPD60 = range(4)
UNEMPLOYMENT_LAG = 2
HOUSE_PRICE_LAG = 3
REPURCHASE = 3e-5  # monthly, of a performing loan
SCORE_WEIGHT = -0.0092  # log-odds per point of credit score
CHANGED_LEVEL = 0.6

# Turnover by calendar month, January first: sales peak in summer.
_SEASON = np.array([0.72, 0.75, 0.95, 1.02, 1.12, 1.22, 1.20, 1.18, 1.03, 1.00, 0.92, 0.89], np.float32)


@dataclass(frozen=True)
class Transitions:
    """Probabilities of the step t -> t+1 for the loans on book at t, each (n,) float32. The rest of a row's
    mass stays."""

    exit: np.ndarray  # from CURRENT or CURED
    current_to_30: np.ndarray
    cured_to_30: np.ndarray
    exit_late: np.ndarray  # from DPD30 or DPD60
    d30_to_60: np.ndarray
    d30_to_cured: np.ndarray
    d60_to_default: np.ndarray
    d60_to_cured: np.ndarray
    d60_to_30: np.ndarray


def _logistic(x: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def scheduled_balance(loans: Loans, age: np.ndarray, index: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Balance after `age` payments of the level-payment loan at its note rate, as a share of the original
    balance."""
    growth = 1.0 + loans.rate[index] / 1200.0
    full = growth ** loans.term[index]
    return np.asarray((full - growth ** np.clip(age, 0, loans.term[index])) / (full - 1.0))


def note_rate(
    loans: Loans, economy: Economy, month: int | np.ndarray, index: np.ndarray | slice = slice(None)
) -> np.ndarray:
    """Rate in force: an ARM is a 5/1 that resets every year to the market less half a point, at most 2
    points away."""
    age = month - loans.first_report[index]
    rate = loans.rate[index]
    reset_month = month - np.maximum(age - 60, 0) % 12
    market = economy.mortgage_rate[economy.column(reset_month)] - 0.5
    reset = np.round(np.clip(market, rate - 2.0, rate + 2.0) * 8) / 8
    return np.where((loans.product[index] == 1) & (age >= 60), reset, rate)


class Hazards:
    """The law for one block of loans. Call `step` for successive months: burn-out accumulates on the way.

    From month `relation_change` on, the credit score counts half as much and everybody's log-odds of falling behind
    are higher by CHANGED_LEVEL: the same loans default more often, and for other reasons than a model has learnt.
    """

    def __init__(self, loans: Loans, economy: Economy, relation_change: int | None = None) -> None:
        self.loans, self.economy, self.relation_change = loans, economy, relation_change
        self.months_in_the_money = np.zeros(len(loans), np.float32)
        self.static = self._static_index(loans).astype(np.float32)
        origin = economy.column(loans.origination)
        self.price_at_origination = economy.house_price[loans.state, origin]

    @staticmethod
    def _static_index(loans: Loans) -> np.ndarray:
        """Log-odds of what is known at origination, zero for an average prime purchase loan."""
        score = loans.credit_score - 740
        index: np.ndarray = (
            SCORE_WEIGHT * score
            + 0.000012 * np.maximum(-score, 0) ** 2
            + 0.016 * (loans.dti - 36)
            - 0.45 * (loans.borrowers >= 2)
            + 0.22 * (loans.purpose == 1)
            + 0.08 * (loans.purpose == 2)
            + 0.25 * (loans.occupancy == 1)
            - 0.10 * (loans.occupancy == 2)
            + 0.10 * (loans.channel == 1)
            + 0.25 * (loans.channel == 2)
            + 0.35 * (loans.property_type == 3)
            + 0.12 * (loans.units - 1)
            - 0.40 * (loans.term < 360)
            + 0.20 * (loans.product == 1)
        )
        return index

    def on_book(self, month: int) -> int:
        """Number of loans (a prefix of the block) that report at `month` or did before."""
        return int(np.searchsorted(self.loans.first_report, month, "right"))

    def step(self, month: int) -> Transitions:
        loans, economy, n = self.loans, self.economy, self.on_book(month)
        known = slice(0, n)
        column = economy.column(month)
        state = loans.state[known]
        age = (month - loans.first_report[known]).astype(np.float32)

        unemployment = economy.unemployment[state, column - UNEMPLOYMENT_LAG]
        change = unemployment - economy.unemployment[state, column - UNEMPLOYMENT_LAG - 12]
        price = economy.house_price[state, column - HOUSE_PRICE_LAG] / self.price_at_origination[known]
        ltv_now = (loans.cltv[known] * scheduled_balance(loans, age, known) / price).astype(np.float32)
        rate = note_rate(loans, economy, month, known)
        incentive = (rate - economy.mortgage_rate[column]).astype(np.float32)

        index = (
            self.static[known]
            + 0.010 * np.clip(ltv_now - 60, -30, 40)
            + 0.013 * np.clip(ltv_now - 100, 0, 60)
            + 0.11 * (unemployment - 5.5)
            + 0.10 * np.clip(change, -2, 5)
            + 0.12 * np.clip(incentive, -1, 2)
            + 0.20 * np.clip(rate - loans.rate[known], 0, 2)
            - 1.1 * np.exp(-age / 9)
            - 0.005 * np.clip(age - 60, 0, 60)
        ).astype(np.float32)

        if self.relation_change is not None and month >= self.relation_change:
            index += CHANGED_LEVEL - 0.5 * SCORE_WEIGHT * (loans.credit_score[known] - 740)

        exit_ = self._exit(month, age, ltv_now, incentive)
        matured = age + 1 >= loans.term[known]
        exit_ = np.where(matured, np.float32(1.0), exit_ + np.float32(REPURCHASE))
        exit_late = np.where(matured, np.float32(1.0), 0.3 * exit_)

        stays = 1 - exit_
        late_stays = 1 - exit_late
        worse = 0.25 * index
        d30_to_60 = late_stays * _logistic(-2.1 + worse)
        d60_to_default = late_stays * _logistic(-1.0 + worse)
        return Transitions(
            exit=exit_,
            current_to_30=stays * _logistic(-5.05 + index),
            cured_to_30=stays * _logistic(-4.25 + 0.8 * index),
            exit_late=exit_late,
            d30_to_60=d30_to_60,
            d30_to_cured=(late_stays - d30_to_60) * _logistic(0.3 - worse),
            d60_to_default=d60_to_default,
            d60_to_cured=(late_stays - d60_to_default) * _logistic(-0.9 - worse),
            d60_to_30=(late_stays - d60_to_default) * (1 - _logistic(-0.9 - worse)) * 0.3,
        )

    def _exit(self, month: int, age: np.ndarray, ltv_now: np.ndarray, incentive: np.ndarray) -> np.ndarray:
        """Single monthly mortality of pay-off: turnover plus refinancing."""
        loans, n = self.loans, len(age)
        score, upb = loans.credit_score[:n], loans.upb[:n]
        money = self.months_in_the_money[:n]
        can_refinance = _logistic((97 - ltv_now) / 7)
        if month >= 2009 * 12 + 5:  # HARP
            can_refinance = np.maximum(can_refinance, 0.35)
        turnover = 0.088 * np.minimum(age / 30, 1) * _SEASON[(month + 1) % 12] * np.clip(1 + 0.35 * incentive, 0.6, 1.3)
        refinance = (
            0.60
            * _logistic(4.0 * (incentive - 0.65))
            * np.minimum(age / 10, 1)
            * can_refinance
            * np.clip(1 + (score - 740) / 250, 0.35, 1.25)
            * np.clip((upb / 200_000) ** 0.4, 0.5, 1.3)
            / (1 + 0.020 * money)
        )
        money += (incentive > 0.5) & (age >= 6)
        annual: np.ndarray = np.clip(turnover * (0.35 + 0.65 * can_refinance) + refinance, 0, 0.85)
        return (1 - (1 - annual) ** (1 / 12)).astype(np.float32)


def judicial(loans: Loans) -> np.ndarray:
    return np.asarray(STATES.judicial[loans.state])
