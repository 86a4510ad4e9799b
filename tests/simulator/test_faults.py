"""Faults arrive on their nights, as described, and leave everything else alone."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from simulator.faults import Fault, plant

FIRST, LATER = date(2014, 3, 1), date(2014, 3, 2)


@pytest.fixture
def book() -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"credit_score": random.normal(720, 50, 20_000), "dti": random.normal(34, 9, 20_000)})
    frame.loc[:99, "credit_score"] = np.nan
    return frame, np.array([f"L{i}" for i in range(len(frame))], dtype=object)


def test_a_fault_is_read_from_its_text() -> None:
    assert Fault.parse("unit_change@2014-03-01") == Fault("unit_change", FIRST)
    assert Fault.parse("population@2014-03-01..2014-03-02") == Fault("population", FIRST, LATER)
    with pytest.raises(ValueError, match="unit_change, broken_feed, population"):
        Fault.parse("typo@2014-03-01")


def test_nothing_happens_on_other_nights(book) -> None:
    faults = (Fault("unit_change", FIRST, FIRST), Fault("broken_feed", LATER))
    frame, _ = plant(*book, date(2014, 2, 28), faults, seed=1)
    pd.testing.assert_frame_equal(frame, book[0])
    frame, _ = plant(*book, LATER, faults, seed=1)
    assert frame["credit_score"].isna().all()
    assert frame["dti"].equals(book[0]["dti"])


def test_a_unit_change_divides_the_dti(book) -> None:
    frame, _ = plant(*book, FIRST, (Fault("unit_change", FIRST),), seed=1)
    assert np.allclose(frame["dti"] * 100, book[0]["dti"])


def test_a_bought_book_has_a_psi_of_a_quarter_and_new_loans(book) -> None:
    frame, ids = plant(*book, FIRST, (Fault("population", FIRST),), seed=1)
    before, after = book[0]["credit_score"].dropna(), frame["credit_score"].dropna()
    edges = np.quantile(before, np.linspace(0, 1, 11)[1:-1])
    e, a = (np.bincount(np.searchsorted(edges, v), minlength=10) / len(v) for v in (before, after))
    assert np.sum((a - e) * np.log(a / e)) == pytest.approx(0.25, abs=0.05)
    assert len(set(ids)) == len(ids) == len(frame)
    again, _ = plant(*book, LATER, (Fault("population", FIRST),), seed=1)
    pd.testing.assert_frame_equal(again, frame)
