"""State house prices and unemployment, the national mortgage rate, and when each figure was published.

National paths run through rounded public annual figures (see docs/simulator.md); states follow them by their
betas with noise of their own, drawn from the seed. Nothing here is a copy of a published series.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.settings import HORIZON, BookSettings, month_end
from simulator.states import STATES

HISTORY = 48  # months before `start`, so that 12-month changes and lags exist for the first loan
UNEMPLOYMENT_RELEASE_DAYS = 50  # after the month's end (BLS LAUS)
HOUSE_PRICE_RELEASE_DAYS = 60  # after the quarter's end (FHFA)

_FIRST_ANCHOR_YEAR = 1990
# 30-year fixed rate, annual average, percent: Freddie Mac PMMS.
_MORTGAGE_RATE = [
    10.13, 9.25, 8.39, 7.31, 8.38, 7.93, 7.81, 7.60, 6.94, 7.44,
    8.05, 6.97, 6.54, 5.83, 5.84, 5.87, 6.41, 6.34, 6.03, 5.04,
    4.69, 4.45, 3.66, 3.98, 4.17, 3.85, 3.65, 3.99, 4.54, 3.94,
    3.11, 2.96, 5.34, 6.81, 6.72, 6.60, 6.60,
]  # fmt: skip
# Civilian unemployment rate, annual average, percent: US Bureau of Labor Statistics.
_UNEMPLOYMENT = [
    5.6, 6.8, 7.5, 6.9, 6.1, 5.6, 5.4, 4.9, 4.5, 4.2,
    4.0, 4.7, 5.8, 6.0, 5.5, 5.1, 4.6, 4.6, 5.8, 9.3,
    9.6, 8.9, 8.1, 7.4, 6.2, 5.3, 4.9, 4.4, 3.9, 3.7,
    8.1, 5.4, 3.6, 3.6, 4.0, 4.2, 4.2,
]  # fmt: skip
# Growth of US house prices over the year, percent, rounded: FHFA house price index.
_HOUSE_PRICE_GROWTH = [
    1.0, 1.5, 2.0, 2.0, 2.0, 2.5, 3.0, 3.5, 5.0, 5.0,
    6.5, 6.5, 6.5, 6.5, 9.0, 10.0, 4.5, -1.5, -8.5, -4.5,
    -4.0, -4.0, 4.5, 7.0, 5.0, 5.5, 5.5, 6.0, 5.5, 5.0,
    9.0, 16.0, 8.0, 5.5, 4.5, 4.0, 4.0,
]  # fmt: skip
_TREND_GROWTH = 3.5
_RECOVERY_BETA = 0.4  # after 2012 the states' cycles move closer together


@dataclass(frozen=True)
class Economy:
    """first: first month; mortgage_rate (M,) percent; unemployment, house_price (S, M), percent and index."""

    first: int
    mortgage_rate: np.ndarray
    unemployment: np.ndarray
    house_price: np.ndarray

    def column(self, month: int | np.ndarray) -> int | np.ndarray:
        return month - self.first


def _autoregressive(random: np.random.Generator, shape: tuple[int, ...], sd: float, persistence: float) -> np.ndarray:
    """Stationary AR(1) noise along the last axis with standard deviation `sd`."""
    noise: np.ndarray = random.standard_normal(shape) * sd * np.sqrt(1 - persistence**2)
    noise[..., 0] = random.standard_normal(shape[:-1]) * sd
    for i in range(1, shape[-1]):
        noise[..., i] += persistence * noise[..., i - 1]
    return noise


def build_economy(settings: BookSettings) -> Economy:
    """The paths from HISTORY months before the start to a PD horizon past the end."""
    random = settings.random(0)
    first, last = settings.start - HISTORY, settings.end + HORIZON + 1
    months = np.arange(first, last + 1)
    states = len(STATES.codes)
    mid_year = (np.arange(_FIRST_ANCHOR_YEAR, _FIRST_ANCHOR_YEAR + len(_UNEMPLOYMENT)) * 12 + 5.5).astype(float)

    rate = np.interp(months, mid_year, _MORTGAGE_RATE)
    rate = np.round(rate + _autoregressive(random, rate.shape, 0.17, 0.75), 2)

    national = np.interp(months, mid_year, _UNEMPLOYMENT)
    unemployment = (
        5.0
        + STATES.unemployment_offset[:, None]
        + STATES.unemployment_beta[:, None] * (national - 5.0)
        + _autoregressive(random, (states, len(months)), 0.45, 0.97)
    )
    unemployment = np.round(np.clip(unemployment, 1.8, 20.0), 1)

    growth = np.interp(months, mid_year, _HOUSE_PRICE_GROWTH)
    beta = np.where(
        months < 2013 * 12, STATES.price_beta[:, None], 1 + (STATES.price_beta[:, None] - 1) * _RECOVERY_BETA
    )
    growth = _TREND_GROWTH + beta * (growth - _TREND_GROWTH)
    growth = growth + _autoregressive(random, (states, len(months)), 1.5, 0.92)
    house_price = np.round(100.0 * np.exp(np.cumsum(growth, axis=1) / 1200.0), 2)
    return Economy(first, rate, unemployment, house_price)


def economic_releases(economy: Economy, settings: BookSettings) -> pa.Table:
    """`economic_indicators`: one row per (month, state, release), an indicator being null in another's
    release.

    The mortgage rate is out at the month's end, unemployment 50 days later; the house price index comes by
    quarter, its three monthly rows together 60 days after the quarter's end. Only what was out by the ingest
    date is in the extract.
    """
    months = range(economy.first, settings.end + 1)
    parts: list[pa.Table] = []
    names = ("unemployment_rate", "house_price_index", "mortgage_rate_30y")
    for month in months:
        column = economy.column(month)
        quarter_end = month // 3 * 3 + 2
        released = {
            "mortgage_rate_30y": (
                month_end(month),
                np.full(len(STATES.codes), economy.mortgage_rate[column]),
            ),
            "unemployment_rate": (
                month_end(month) + dt.timedelta(days=UNEMPLOYMENT_RELEASE_DAYS),
                economy.unemployment[:, column],
            ),
            "house_price_index": (
                month_end(quarter_end) + dt.timedelta(days=HOUSE_PRICE_RELEASE_DAYS),
                economy.house_price[:, column],
            ),
        }
        for name, (date, values) in released.items():
            if date > settings.ingest_date:
                continue
            size = len(values)
            parts.append(
                pa.table(
                    {
                        "month": pa.array([dt.date(month // 12, month % 12 + 1, 1)] * size, pa.date32()),
                        "state": pa.array(STATES.codes.tolist()),
                        "release_date": pa.array([date] * size, pa.date32()),
                        **{n: pa.array(values) if n == name else pa.nulls(size, pa.float64()) for n in names},
                    }
                )
            )
    return pa.concat_tables(parts)
