"""PSI and CSI against scipy's Kullback-Leibler divergence, and their invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from mortgage_model.statistics import NotComputable
from mortgage_model.statistics import stability as s

counts = st.lists(st.integers(0, 500), min_size=4, max_size=4).map(np.array).filter(lambda a: a.sum() > 0)


def test_psi_is_the_symmetrised_kullback_leibler_divergence():
    e, a = np.array([1200, 3400, 2000, 800]), np.array([900, 3000, 2600, 1500])
    smoothed_e, smoothed_a = e + s.PSEUDO_COUNT, a + s.PSEUDO_COUNT
    expected = entropy(smoothed_a, smoothed_e) + entropy(smoothed_e, smoothed_a)
    assert s.psi(e, a) == pytest.approx(expected, rel=1e-12)


def test_psi_of_large_samples_by_hand():
    """Shares 0.5 / 0.5 against 0.6 / 0.4: 0.1 ln 1.2 - 0.1 ln 0.8 = 0.0405."""
    assert s.psi(np.array([500_000, 500_000]), np.array([600_000, 400_000])) == pytest.approx(0.0405465, abs=1e-5)


@given(counts, counts)
@settings(max_examples=100, deadline=None)
def test_psi_is_symmetric_and_never_negative(e, a):
    assert s.psi(e, a) >= 0
    assert (s.psi_terms(e, a) >= 0).all()
    assert s.psi(e, a) == pytest.approx(s.psi(a, e), abs=1e-12)
    assert s.psi(e, e) == 0


def test_an_empty_bin_gives_a_finite_psi():
    assert 0 < s.psi(np.array([100, 0]), np.array([50, 50])) < 10


def test_numeric_table_counts_everything_and_gives_missing_its_own_bin():
    reference = np.concatenate((np.arange(100.0), [np.nan] * 10))
    labels, e, a = s.numeric_table(reference, np.array([5.0, 500.0, -3.0, np.nan]))
    assert len(labels) == len(e) == len(a) == 11
    assert labels[-1] == s.MISSING
    assert e.tolist() == [10] * 11
    assert a.sum() == 4
    assert a[-1] == 1
    without_missing, *_ = s.numeric_table(np.arange(100.0), np.arange(50.0))
    assert s.MISSING not in without_missing


def test_numeric_table_of_a_constant_has_one_edge():
    labels, e, a = s.numeric_table(np.full(50, 2.0), np.array([2.0, 3.0]))
    assert labels == ["≤ 2", "> 2"]
    assert e.tolist() == [50, 0]
    assert a.tolist() == [1, 1]


def test_no_rows_has_no_psi():
    with pytest.raises(NotComputable, match="no rows"):
        s.psi(np.array([1, 2]), np.array([0, 0]))
    with pytest.raises(NotComputable, match="no values"):
        s.numeric_table(np.array([np.nan]), np.array([1.0]))
