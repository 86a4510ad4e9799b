"""A block of the book as Arrow tables in the canonical columns, with the true PD beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator import originations as o
from simulator.economy import Economy
from simulator.hazards import note_rate, scheduled_balance
from simulator.performance import NOT_ON_BOOK, Paths, simulate_paths
from simulator.settings import BookSettings
from simulator.states import STATES

LOSS_CODES = (2, 3, 9, 15)
UNKNOWN_DELINQUENCY = "XX"


@dataclass(frozen=True)
class Block:
    """Canonical tables of one block. Months are date32 at the first of the month. truth: loan_id, month,
    true_pd_12m."""

    borrowers: pa.Table
    borrower_demographics: pa.Table
    properties: pa.Table
    loans: pa.Table
    performance: pa.Table
    truth: pa.Table


def dates(months: np.ndarray) -> pa.Array:
    """Month numbers to date32."""
    return pa.array((np.asarray(months) - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]"))


def pick(labels: np.ndarray | list[str], codes: np.ndarray) -> pa.Array:
    return pa.array(list(labels), pa.string()).take(pa.array(np.asarray(codes, np.int32)))


def loan_ids(loans: o.Loans, layout: str) -> pa.Array:
    """Twelve digits; for Freddie Mac FyyQnnnnnnnn with the origination's year and quarter."""
    if layout != "freddie_mac":
        return pa.array((100_000_000_000 + loans.number).astype(str).tolist())
    year, quarter = loans.origination // 12 % 100, loans.origination % 12 // 3 + 1
    rows = zip(year, quarter, loans.number, strict=True)
    return pa.array([f"F{y:02d}Q{q}{n:07d}" for y, q, n in rows])


def _masked(values: np.ndarray, missing: np.ndarray) -> pa.Array:
    return pa.array(values.astype(np.int32), mask=missing)


def build_block(settings: BookSettings, economy: Economy, block: int) -> Block:
    """Draw a block and lay it out in tables."""
    random = settings.random(1, block)
    loans = o.originate_block(settings, economy, block, random)
    ids = loan_ids(loans, settings.layout)
    paths = simulate_paths(loans, economy, settings, random)
    demographics = _demographics(loans, ids, random)

    # Rows by loan, then month.
    loan, step = np.nonzero(paths.days_past_due.T != NOT_ON_BOOK)
    true_pd = paths.true_pd[step, loan]
    performing = np.isfinite(true_pd)
    unknown = performing & (random.random(len(loan)) < settings.unknown_delinquency_rate)
    performance = _performance(settings, economy, loans, ids, paths, (loan, step), unknown, random)
    observed = performing & ~unknown
    truth = pa.table(
        {
            "loan_id": ids.take(pa.array(loan[observed])),
            "month": dates(settings.start + step[observed]),
            "true_pd_12m": pa.array(true_pd[observed]),
        }
    )
    tables = _borrowers(loans, ids), demographics, _properties(loans, ids), _terms(loans, ids)
    return Block(*tables, performance, truth)


def _borrowers(loans: o.Loans, ids: pa.Array) -> pa.Table:
    return pa.table(
        {
            "loan_id": ids,
            "credit_score": _masked(loans.credit_score, loans.score_missing),
            "dti": _masked(loans.dti, loans.dti_missing),
            "number_of_borrowers": pa.array(loans.borrowers.astype(np.int32)),
            "first_time_homebuyer": pick(["N", "Y"], loans.first_time),
        }
    )


def _properties(loans: o.Loans, ids: pa.Array) -> pa.Table:
    return pa.table(
        {
            "loan_id": ids,
            "property_state": pick(STATES.codes, loans.state),
            "zip3": pick([f"{z:03d}" for z in range(1000)], loans.zip3),
            "property_type": pick(o.PROPERTY_TYPES, loans.property_type),
            "number_of_units": pa.array(loans.units.astype(np.int32)),
            "occupancy_status": pick(o.OCCUPANCIES, loans.occupancy),
            "appraised_value": pa.array(loans.value),
            "appraisal_date": dates(loans.origination - 1),
            "valuation_method": pick(o.VALUATIONS, loans.valuation),
        }
    )


def _terms(loans: o.Loans, ids: pa.Array) -> pa.Table:
    return pa.table(
        {
            "loan_id": ids,
            "channel": pick(o.CHANNELS, loans.channel),
            "loan_purpose": pick(o.PURPOSES, loans.purpose),
            "product_type": pick(o.PRODUCTS, loans.product),
            "interest_rate": pa.array(loans.rate),
            "original_upb": pa.array(loans.upb),
            "original_term": pa.array(loans.term.astype(np.int32)),
            "origination_date": dates(loans.origination),
            "first_payment_date": dates(loans.origination + 2),
            "ltv": pa.array(loans.ltv.astype(np.int32)),
            "cltv": pa.array(loans.cltv.astype(np.int32)),
            "mi_percentage": _masked(loans.mi, loans.mi == 0),
        }
    )


def _performance(
    settings: BookSettings,
    economy: Economy,
    loans: o.Loans,
    ids: pa.Array,
    paths: Paths,
    rows: tuple[np.ndarray, np.ndarray],
    unknown: np.ndarray,
    random: np.random.Generator,
) -> pa.Table:
    """One row per loan and month on book, at positions `rows`; the status of `unknown` rows is hidden."""
    loan, step = rows
    month = settings.start + step
    late, code = paths.days_past_due[step, loan], paths.zero_balance[step, loan].astype(int)
    age = month - loans.first_report[loan]
    last_balance = loans.upb[loan] * scheduled_balance(loans, age - 1 - np.maximum(late - 1, 0), loan)
    balance = loans.upb[loan] * scheduled_balance(loans, age - late, loan)
    closed = code > 0
    status = np.where(closed | unknown, 0, late + 1)
    labels = [UNKNOWN_DELINQUENCY, *(str(n) for n in range(int(late.max(initial=0)) + 1))]

    price = economy.house_price[loans.state[loan], economy.column(month)]
    price = price / economy.house_price[loans.state[loan], economy.column(loans.origination[loan])]
    proceeds = (
        loans.value[loan] * price * np.where(code == 9, 0.62, 0.74) * np.exp(0.15 * random.standard_normal(len(loan)))
    )
    carry = last_balance * (loans.rate[loan] / 1200 * late + 0.06)
    insured = loans.mi[loan] / 100 * (last_balance + carry)
    loss = np.round(np.clip(last_balance + carry - proceeds - insured, -0.02 * last_balance, None), 2)
    lost = np.isin(code, LOSS_CODES)
    rate = note_rate(loans, economy, month, loan) - paths.rate_cut[step, loan]
    return pa.table(
        {
            "loan_id": ids.take(pa.array(loan)),
            "reporting_month": dates(month),
            "current_upb": pa.array(np.where(closed, 0.0, np.round(balance, 2))),
            "current_interest_rate": pa.array(np.round(np.maximum(rate, 1.0), 3)),
            "loan_age": pa.array(age.astype(np.int32)),
            "months_to_maturity": pa.array(np.maximum(loans.term[loan] - age, 0).astype(np.int32)),
            "delinquency_status": pick(labels, status),
            "modification_flag": pick(["N", "Y"], paths.modified[step, loan]),
            "zero_balance_code": pick(["", *(f"{n:02d}" for n in range(1, 17))], code),
            "zero_balance_date": pc.if_else(pa.array(closed), dates(month), pa.scalar(None, pa.date32())),
            "net_loss": pa.array(loss, mask=~lost),
        }
    )


def _demographics(loans: o.Loans, ids: pa.Array, random: np.random.Generator) -> pa.Table:
    """Protected attributes: related to score and DTI as they are in the US, without any effect of their own
    on default.

    About one borrower in ten did not say. Shares follow the HMDA reports roughly.
    """
    size = len(loans)
    weak = np.clip((740 - loans.credit_score) / 100, -0.8, 1.5)
    draw = random.random(size)
    black = np.clip(0.055 * np.exp(0.7 * weak), 0, 0.25)
    hispanic = np.clip(0.095 * np.exp(0.45 * weak), 0, 0.25)
    asian = np.clip(0.065 * np.exp(-0.4 * weak), 0, 0.15)
    race = np.sum(draw >= np.cumsum([black, hispanic, asian, np.full(size, 0.02)], axis=0), axis=0)
    age = 44 - 6 * loans.first_time - 2 * weak + 12 * random.standard_normal(size)
    band = np.searchsorted([25, 35, 45, 55, 65, 75], np.clip(age, 20, 90), "right")
    sex = np.where(loans.borrowers > 1, 2 * (random.random(size) < 0.85), random.random(size) < 0.55).astype(int)
    silent = random.random(size) < 0.1
    races = ["black", "hispanic", "asian", "two_or_more", "white", "not_provided"]
    return pa.table(
        {
            "loan_id": ids,
            "age_band": pick(["<25", "25-34", "35-44", "45-54", "55-64", "65-74", ">74"], band),
            "sex": pick(["female", "male", "joint", "not_provided"], np.where(silent, 3, sex)),
            "race_ethnicity": pick(races, np.where(silent, 5, race)),
        }
    )
