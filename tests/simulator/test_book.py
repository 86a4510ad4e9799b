"""The book looks like the public one, within stated bands (docs/simulator.md)."""

from __future__ import annotations

import pandas as pd
import pyarrow.compute as pc
import pytest

from contracts import load_contract
from simulator.book import build_block
from simulator.economy import build_economy, economic_releases
from simulator.settings import BookSettings, parse_month
from simulator.states import STATES

# vintages: share of loans that ever default by 2019-12, from - to
DEFAULT_BANDS = {(2006, 2007): (0.10, 0.18), (2009, 2010): (0.02, 0.06), (2012, 2014): (0.008, 0.03)}
# years: conditional prepayment rate, from - to
CPR_BANDS = {2009: (0.17, 0.32), 2012: (0.18, 0.32), 2014: (0.06, 0.15), 2018: (0.05, 0.13)}
SCORE_BANDS = {2006: (708, 722), 2010: (754, 768), 2014: (738, 752), 2018: (736, 750)}


@pytest.mark.parametrize(("vintages", "band"), DEFAULT_BANDS.items())
def test_default_rate_by_vintage(book, vintages, band) -> None:  # type: ignore[no-untyped-def]
    rate = book.loans[book.loans.vintage.between(*vintages)].ever_default.mean()
    assert band[0] <= rate <= band[1]


@pytest.mark.parametrize(("year", "band"), CPR_BANDS.items())
def test_prepayment_speed_by_year(book, year, band) -> None:  # type: ignore[no-untyped-def]
    rows = book.performance[book.performance.t // 12 == year]
    monthly = (rows.zero_balance_code == "01").mean()
    assert band[0] <= 1 - (1 - monthly) ** 12 <= band[1]


@pytest.mark.parametrize(("vintage", "band"), SCORE_BANDS.items())
def test_credit_score_by_vintage(book, vintage, band) -> None:  # type: ignore[no-untyped-def]
    loans = book.loans[book.loans.vintage == vintage]
    assert band[0] <= loans.credit_score.mean() <= band[1]
    assert loans.credit_score.between(300, 850).sum() == loans.credit_score.notna().sum()


def test_ltv_and_dti(book) -> None:  # type: ignore[no-untyped-def]
    loans = book.loans
    assert 68 <= loans.ltv.mean() <= 77
    assert 0.12 <= (loans.ltv > 80).mean() <= 0.32
    assert 0.15 <= (loans.ltv == 80).mean() <= 0.40
    assert (loans.mi_percentage.notna() == (loans.ltv > 80)).all()
    assert (loans.cltv >= loans.ltv).all()
    assert 33 <= loans.dti.mean() <= 40


def test_missing_values_at_their_rates(book) -> None:  # type: ignore[no-untyped-def]
    assert 0.001 < book.loans.credit_score.isna().mean() < 0.006
    assert 0.010 < book.loans.dti.isna().mean() < 0.022
    alive = book.performance[book.performance.zero_balance_code == ""]
    assert 0.5e-4 < (alive.delinquency_status == "XX").mean() < 2e-4


def test_what_follows_a_default(book) -> None:  # type: ignore[no-untyped-def]
    p = book.performance
    assert set(p.zero_balance_code) <= {"", "01", "02", "03", "06", "09", "15", "16"}
    lost = p[p.net_loss.notna()]
    assert set(lost.zero_balance_code) <= {"02", "03", "09", "15"}
    previous = p.shift(1).loc[lost.index]
    assert (previous.loan_id == lost.loan_id).all()
    assert (previous.late >= 2).all()
    severity = lost.net_loss.sum() / previous.current_upb.sum()
    assert 0.20 <= severity <= 0.50
    late = p[p.late >= 3].drop_duplicates("loan_id").loan_id
    assert p[p.loan_id.isin(late)].groupby("loan_id").late.last().eq(0).mean() > 0.1  # some cure


def test_arrears_grow_by_a_month_at_most_and_months_are_gapless(book) -> None:  # type: ignore[no-untyped-def]
    p = book.performance
    same = p.loan_id.eq(p.loan_id.shift())
    assert (p.t.diff()[same] == 1).all()
    assert (p.loan_age.diff()[same] == 1).all()
    assert (p.late.diff()[same].dropna() <= 1).all()
    assert not p.duplicated(["loan_id", "t"]).any()
    closed = p.zero_balance_code != ""
    assert (~same.shift(-1, fill_value=False))[closed].all()  # nothing after a zero-balance row
    assert (p.current_upb >= 0).all()


def test_states_crash_by_their_betas() -> None:
    settings = BookSettings(1, 2, parse_month("2006-01"), parse_month("2019-12"))
    economy = build_economy(settings)
    crisis = slice(economy.column(parse_month("2006-01")), economy.column(parse_month("2012-12")))
    prices = pd.DataFrame(economy.house_price[:, crisis].T, columns=STATES.codes)
    fall = prices.min() / prices.max() - 1
    assert -0.65 < fall["NV"] < -0.45
    assert (fall[["CA", "FL", "AZ"]] < -0.30).all()
    assert fall["TX"] > -0.12
    jobs = pd.DataFrame(economy.unemployment[:, crisis].T, columns=STATES.codes)
    assert jobs["NV"].max() > 11 > 6 > jobs["ND"].max()


def test_releases_come_out_with_their_lags_and_none_after_the_extract() -> None:
    settings = BookSettings(1, 2, parse_month("2018-01"), parse_month("2019-12"))
    releases = economic_releases(build_economy(settings), settings).to_pandas()
    assert not releases.duplicated(["month", "state", "release_date"]).any()
    assert (releases.release_date <= settings.ingest_date).all()
    lag = pd.to_datetime(releases.release_date) - (pd.to_datetime(releases.month) + pd.offsets.MonthEnd(0))
    assert set(lag[releases.unemployment_rate.notna()].dt.days) == {50}
    assert set(lag[releases.mortgage_rate_30y.notna()].dt.days) == {0}
    assert lag[releases.house_price_index.notna()].dt.days.between(60, 122).all()
    indicators = ["unemployment_rate", "house_price_index", "mortgage_rate_30y"]
    assert (releases[indicators].notna().sum(axis=1) == 1).all()


def test_protected_attributes_are_the_contracts() -> None:
    settings = BookSettings(3000, 4, parse_month("2010-01"), parse_month("2011-12"))
    table = build_block(settings, build_economy(settings), 0).borrower_demographics
    contract = load_contract("borrower_demographics")
    for name in ("age_band", "sex", "race_ethnicity"):
        assert set(table[name].to_pylist()) <= set(contract.column(name).allowed)
    assert 0.05 < pc.mean(pc.equal(table["sex"], "not_provided")).as_py() < 0.15
