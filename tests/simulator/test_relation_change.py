"""A planted change of the default relation: the same book before its month, other defaults after, in the truth too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simulator.book import Block, build_block
from simulator.economy import build_economy
from simulator.settings import HORIZON, BookSettings, parse_month

PLAIN = BookSettings(8192, 3, parse_month("2009-01"), parse_month("2014-12"), unknown_delinquency_rate=0.0)
CHANGE = "2012-07"


@pytest.fixture(scope="module")
def books() -> tuple[Block, Block]:
    changed = replace(PLAIN, relation_change=parse_month(CHANGE))
    economy = build_economy(PLAIN)
    return build_block(PLAIN, economy, 0), build_block(changed, economy, 0)


def late_after(block: Block) -> pd.DataFrame:
    """Rows from a quarter after the change on: loan_id, late (30+), credit_score."""
    rows = block.performance.to_pandas()
    rows = rows[pd.to_datetime(rows["reporting_month"]) >= "2012-10"]
    rows["late"] = pd.to_numeric(rows["delinquency_status"], errors="coerce") >= 1
    return rows.merge(block.borrowers.to_pandas()[["loan_id", "credit_score"]].dropna())


def test_the_book_is_the_same_until_the_month_of_the_change(books) -> None:
    states = ["loan_id", "reporting_month", "delinquency_status", "zero_balance_code", "current_upb"]
    before = [
        rows.loc[pd.to_datetime(rows["reporting_month"]) <= CHANGE, states].reset_index(drop=True)
        for rows in (block.performance.to_pandas() for block in books)
    ]
    pd.testing.assert_frame_equal(*before)
    assert books[0].performance.num_rows != books[1].performance.num_rows


def test_more_loans_fall_behind_and_the_score_says_less_about_which(books) -> None:
    plain, changed = (late_after(block) for block in books)
    assert changed["late"].mean() > 1.3 * plain["late"].mean()

    def gap(rows: pd.DataFrame) -> float:
        return float(rows.loc[~rows["late"], "credit_score"].mean() - rows.loc[rows["late"], "credit_score"].mean())

    assert gap(changed) < 0.8 * gap(plain)


def test_the_true_pd_follows_the_changed_law(books) -> None:
    """One month a year, as in test_true_pd: defaults within the binomial error of what the truth expects."""
    performance, truth = books[1].performance.to_pandas(), books[1].truth.to_pandas()
    month = pd.to_datetime(performance["reporting_month"]).dt.to_period("M")
    late = pd.to_numeric(performance["delinquency_status"], errors="coerce") >= 3
    bad = late | performance["zero_balance_code"].isin(["02", "03", "09", "15"])
    first = performance.assign(month=month)[bad].groupby("loan_id")["month"].min()
    for day in ("2012-08", "2013-08"):
        rows = truth[pd.to_datetime(truth["month"]).dt.to_period("M") == day]
        due = rows["loan_id"].map(first).astype("period[M]")
        ahead = (due - pd.Period(day)).map(lambda gap: gap.n if not pd.isna(gap) else np.inf)
        expected = rows["true_pd_12m"].astype(float)
        error = np.sqrt((expected * (1 - expected)).sum())
        assert abs(((ahead > 0) & (ahead <= HORIZON)).sum() - expected.sum()) < 3 * error
