"""The truth is the truth: it equals the matrix products, and what happens agrees with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from simulator.economy import build_economy
from simulator.hazards import CURED, CURRENT, DPD30, DPD60, Hazards, Transitions
from simulator.originations import originate_block
from simulator.settings import HORIZON, BookSettings, parse_month
from simulator.truth import true_pd


def auc(label: np.ndarray, score: np.ndarray) -> float:
    ranks = pd.Series(score).rank().to_numpy()
    events = label.sum()
    return float((ranks[label == 1].sum() - events * (events + 1) / 2) / (events * (len(label) - events)))


def matrix(p: Transitions, loan: int) -> np.ndarray:
    """6 x 6 transition matrix of one loan: four transient states, default, gone."""
    m = np.zeros((6, 6))
    default, gone = 4, 5
    m[CURRENT, [DPD30, gone]] = p.current_to_30[loan], p.exit[loan]
    m[CURED, [DPD30, gone]] = p.cured_to_30[loan], p.exit[loan]
    m[DPD30, [DPD60, CURED, gone]] = p.d30_to_60[loan], p.d30_to_cured[loan], p.exit_late[loan]
    m[DPD60, [default, CURED, DPD30]] = p.d60_to_default[loan], p.d60_to_cured[loan], p.d60_to_30[loan]
    m[DPD60, gone] = p.exit_late[loan]
    return m + np.diag(1 - m.sum(axis=1))


@pytest.fixture(scope="module")
def steps() -> list[Transitions]:
    settings = BookSettings(40, 5, parse_month("2007-01"), parse_month("2010-12"))
    economy = build_economy(settings)
    hazards = Hazards(originate_block(settings, economy, 0, settings.random(1, 0)), economy)
    return [hazards.step(month) for month in range(settings.start, settings.end + HORIZON)]


def test_probabilities_are_probabilities(steps: list[Transitions]) -> None:
    for p in steps[::7]:
        for loan in range(len(p.exit)):
            m = matrix(p, loan)
            assert m.min() >= -1e-6
            assert m.max() <= 1 + 1e-6


def test_recursion_equals_the_product_of_the_matrices(steps: list[Transitions]) -> None:
    for i, value in true_pd(steps):
        if i % 9:
            continue
        for loan in range(0, value.shape[1], 5):
            product = np.eye(6)
            for p in steps[i : i + HORIZON]:
                product = product @ matrix(p, loan)
            np.testing.assert_allclose(value[:, loan], product[:4, 4], rtol=2e-4, atol=1e-7)


def test_truth_covers_every_reported_month(steps: list[Transitions]) -> None:
    assert {i for i, _ in true_pd(steps)} == set(range(len(steps) - HORIZON + 1))


def test_the_worse_the_state_the_higher_the_pd(steps: list[Transitions]) -> None:
    _, value = next(iter(true_pd(steps)))
    assert (np.diff(value, axis=0) > 0).all()


def test_truth_is_given_for_exactly_the_observations(book) -> None:  # type: ignore[no-untyped-def]
    p = book.performance
    alive = (p.zero_balance_code == "") & p.late.le(2)
    bad = p[(p.late >= 3) | p.zero_balance_code.isin(["02", "03", "09", "15"])].groupby("loan_id").t.min()
    not_yet = ~(p.t >= p.loan_id.map(bad))
    expected = p[alive & not_yet][["loan_id", "t"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(expected, book.truth[["loan_id", "t"]], check_dtype=False)


def test_truth_is_calibrated_in_every_decile(book) -> None:  # type: ignore[no-untyped-def]
    """One month a year, so that outcome windows do not overlap and the binomial error holds."""
    t = book.truth
    yearly = t[(t.t % 12 == 5) & (t.t <= book.settings.end - HORIZON)].copy()
    yearly["decile"] = pd.qcut(yearly.true_pd_12m, 10, labels=False)
    yearly["variance"] = yearly.true_pd_12m * (1 - yearly.true_pd_12m)
    sums = yearly.groupby("decile")[["default_in_horizon", "true_pd_12m", "variance"]].sum()
    z = (sums.default_in_horizon - sums.true_pd_12m) / np.sqrt(sums.variance)
    assert z.abs().max() < 3.5, z
    total = sums.sum()
    assert abs(total.default_in_horizon - total.true_pd_12m) < 3 * np.sqrt(total.variance)


def test_auc_of_the_truth_is_that_of_a_good_mortgage_model(book) -> None:  # type: ignore[no-untyped-def]
    t = book.truth
    for first, last in (("2008-01", "2011-12"), ("2012-01", "2018-12")):
        sample = t[t.t.between(parse_month(first), parse_month(last))]
        assert 0.80 <= auc(sample.default_in_horizon.to_numpy(), sample.true_pd_12m.to_numpy()) <= 0.89
    current = t[t.t <= book.settings.end - HORIZON].merge(book.performance[["loan_id", "t", "late"]])
    current = current[current.late == 0]
    assert 0.70 <= auc(current.default_in_horizon.to_numpy(), current.true_pd_12m.to_numpy()) <= 0.85
