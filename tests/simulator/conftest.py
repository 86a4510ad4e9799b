from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pytest

from simulator.book import build_block
from simulator.economy import Economy, build_economy
from simulator.settings import BookSettings, parse_month

DEFAULT_CODES = ("02", "03", "09", "15")


@dataclass(frozen=True)
class Book:
    settings: BookSettings
    economy: Economy
    loans: pd.DataFrame
    performance: pd.DataFrame
    truth: pd.DataFrame


def month_number(dates: pd.Series) -> pd.Series:
    stamps = pd.to_datetime(dates)
    return stamps.dt.year * 12 + stamps.dt.month - 1


@pytest.fixture(scope="session")
def book() -> Book:
    """24,576 loans, 2006-2019, with the label of the design's section 5 beside the truth."""
    settings = BookSettings(3 * 8192, 11, parse_month("2006-01"), parse_month("2019-12"))
    economy = build_economy(settings)
    blocks = [build_block(settings, economy, i) for i in range(settings.blocks)]

    def frame(name: str) -> pd.DataFrame:
        return pa.concat_tables([getattr(b, name) for b in blocks]).to_pandas()

    performance, truth = frame("performance"), frame("truth")
    performance["t"], truth["t"] = month_number(performance.reporting_month), month_number(truth.month)
    performance["late"] = pd.to_numeric(performance.delinquency_status, errors="coerce")
    defaulted = (performance.late >= 3) | performance.zero_balance_code.isin(DEFAULT_CODES)
    default_month = performance[defaulted].groupby("loan_id").t.min()
    gap = truth.loan_id.map(default_month) - truth.t
    truth["default_in_horizon"] = ((gap > 0) & (gap <= 12)).astype(int)
    loans = frame("loans").merge(frame("borrowers")).merge(frame("properties"))
    loans["vintage"] = pd.to_datetime(loans.origination_date).dt.year
    loans["ever_default"] = loans.loan_id.isin(default_month.index)
    return Book(settings, economy, loans, performance, truth)
