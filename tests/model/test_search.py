from __future__ import annotations

import numpy as np
import pytest

from contracts import load_contract
from mortgage_model.development import boosting
from mortgage_model.development.hyperparameters import HYPERPARAMETERS, parse_arguments
from mortgage_model.development.search import Range, panel_space, search
from mortgage_model.development.splits import SplitError, time_ordered_folds
from mortgage_model.months import month_number
from mortgage_model.scoring import booster
from mortgage_model.scoring.features import FeatureSpec
from mortgage_model.statistics.calibration import log_loss

START = {**parse_arguments([]), "n_estimators": 40, "learning_rate": 0.3, "early_stopping_rounds": 5}
PANEL_SPACE = panel_space()


@pytest.fixture(scope="module")
def development(panel):
    rows = panel[panel["snapshot_month"] < "2013-01"].reset_index(drop=True)
    labels = rows["default_in_horizon"].to_numpy()
    spec = FeatureSpec.fit(rows, labels, load_contract("loan_panel"))
    folds = time_ordered_folds(rows["snapshot_month"].to_numpy(dtype=str), 12, 2, 12)
    return spec, spec.transform(rows), labels, folds


@pytest.fixture(scope="module")
def searched(development):
    spec, features, labels, folds = development
    return search(features, labels, folds, spec.constraints, START, PANEL_SPACE, trials=4)


def test_folds_move_forward_in_time_with_an_embargo(panel):
    months = panel["snapshot_month"].to_numpy(dtype=str)
    folds = time_ordered_folds(months, 12, 3, 12)
    assert len(folds) == 3
    assert max(months[folds[-1][1]]) == max(months)
    for train, valid in folds:
        gap = month_number(min(months[valid])) - month_number(max(months[train])) - 1
        assert gap == 12
        assert len(np.unique(months[valid])) == 12


def test_a_panel_too_short_for_a_fold_is_refused():
    with pytest.raises(SplitError, match="2010-01 to 2010-12 is too short for a fold of 6 months"):
        time_ordered_folds(np.array([f"2010-{m:02d}" for m in range(1, 13)]), 12, 2, 6)


def test_the_best_trial_wins_and_all_are_recorded(searched, development):
    spec, features, labels, folds = development
    assert len(searched.trials) == 5
    assert searched.trials[0].parameters == {name: START[name] for name in PANEL_SPACE}
    losses = [trial.log_loss for trial in searched.trials]
    assert searched.best == int(np.argmin(losses))
    best = searched.trials[searched.best]
    by_hand = []
    for train, valid in folds:
        rows = boosting.bin_rows(features.iloc[train], labels[train], features.iloc[valid], labels[valid])
        trees = boosting.fit(rows, spec.constraints, {**START, **best.parameters})
        margins = booster.margin(trees, features.iloc[valid])
        np.testing.assert_array_equal(searched.margins[valid], margins)
        by_hand.append(log_loss(labels[valid], 1 / (1 + np.exp(-margins))))
    assert best.log_loss == pytest.approx(np.mean(by_hand), rel=1e-9)
    assert searched.hyperparameters["n_estimators"] == round(np.mean(best.rounds))


def test_the_seed_decides_the_draws(searched, development):
    spec, features, labels, folds = development
    again = search(features, labels, folds, spec.constraints, START, PANEL_SPACE, trials=4)
    assert again.to_json() == searched.to_json()
    other = search(features, labels, folds, spec.constraints, {**START, "seed": 1}, PANEL_SPACE, trials=1)
    assert other.trials[1].parameters != searched.trials[1].parameters


def test_a_spent_budget_ends_the_search(development):
    spec, features, labels, folds = development
    short = search(features, labels, folds, spec.constraints, START, PANEL_SPACE, trials=50, seconds=0.001)
    assert (len(short.trials), short.ended_by) == (1, "seconds")


@pytest.mark.parametrize("values", [Range(2, 4), Range(0.5, 1.0), Range(0.01, 100.0, log=True)])
def test_draws_stay_in_range(values):
    random = np.random.default_rng(0)
    drawn = [values.draw(random) for _ in range(300)]
    assert min(drawn) >= values.low
    assert max(drawn) <= values.high
    assert all(isinstance(value, int) == isinstance(values.low, int) for value in drawn)
    if values.log:
        assert 1 / 3 < np.median(drawn) < 3, "as many draws below the geometric mean as above"


def test_the_panel_is_searched_within_what_a_training_takes():
    limits = {parameter.name: parameter for parameter in HYPERPARAMETERS}
    for name, tried in PANEL_SPACE.items():
        assert limits[name].minimum <= tried.low < tried.high <= limits[name].maximum, name
        whole = isinstance(tried.low, int) and isinstance(tried.high, int)
        assert whole == (limits[name].type is int), name
