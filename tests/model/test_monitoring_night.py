"""A night's document: quiet nights are quiet, planted faults are found on the first night."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mortgage_model.monitoring import model_monitor, scores
from mortgage_model.monitoring.effects import by_input, mean_contributions, named
from mortgage_model.monitoring.night import Night, monitor
from mortgage_model.monitoring.page import render_report
from mortgage_model.monitoring.recent import ACCEPTED_AFTER, Recent, carried
from mortgage_model.monitoring.scores import migration
from mortgage_model.scoring.artifact import MortgageModel, load_model, read_profile, to_json_text, with_nulls


@pytest.fixture(scope="module")
def model(trained) -> MortgageModel:
    return load_model(trained.model_dir)


@pytest.fixture(scope="module")
def profile(trained) -> dict:
    return read_profile(trained.model_dir)


@pytest.fixture(scope="module")
def book(panel, model) -> pd.DataFrame:
    """Loans of the last training-like year, in the columns the model reads."""
    rows = panel[panel["snapshot_month"].between("2012-01", "2014-12")]
    return rows[list(model.spec.inputs)].reset_index(drop=True)


def watch(model, profile, frame, date="2014-12-31", previous=None) -> dict:
    features = model.spec.transform(frame)
    probabilities = model.score(features)
    effects = mean_contributions(model, features)
    night = Night("canonical", date, "3", frame, probabilities, model.scale.assign(probabilities), effects)
    return monitor(night, profile, model.contract, list(model.scale.grades), previous)


@pytest.fixture(scope="module")
def quiet(model, profile, book) -> dict:
    return watch(model, profile, book.sample(4_000, random_state=1))


def kinds(document: dict, severity: str = "breach") -> set[tuple[str, str]]:
    return {(f["kind"], f["feature"]) for f in document["findings"] if f["severity"] == severity}


def test_the_document_is_json_of_aggregates_and_adds_up(quiet, book):
    assert json.loads(json.dumps(quiet, allow_nan=False)) == quiet
    assert quiet["rows"] == 4_000 == sum(quiet["score"]["grades"].values()) == sum(quiet["score"]["counts"])
    assert {row["feature"] for row in quiet["features"]} == set(book.columns)
    assert all(sum(row["counts"]) == 4_000 for row in quiet["features"])
    for levels in quiet["segments"].values():
        assert sum(level["n"] for level in levels.values()) == 4_000
    assert quiet["features"][0]["recent"] is None
    assert "first night" in quiet["features"][0]["recent_reason"]


def test_nights_drawn_from_one_book_give_no_alarm(model, profile, book, quiet):
    previous = quiet
    for seed in range(2, 10):
        previous = watch(model, profile, book.sample(4_000, random_state=seed), previous=previous)
        assert kinds(previous) == set()


@pytest.mark.parametrize(
    ("feature", "change"),
    [("dti", lambda v: v / 100), ("original_upb", lambda v: v / 1000), ("current_interest_rate", lambda v: v / 100)],
)
def test_a_unit_change_is_found_on_the_first_night(model, profile, book, quiet, feature, change):
    broken = book.sample(4_000, random_state=20)
    broken[feature] = change(broken[feature])
    found = watch(model, profile, broken, previous=quiet)
    assert found["verdict"] == "breach"
    assert feature in {name for _, name in kinds(found)}


def test_a_broken_feed_is_found_on_the_first_night(model, profile, book, quiet):
    broken = book.sample(4_000, random_state=21)
    broken["credit_score"] = np.nan
    assert ("missing", "credit_score") in kinds(watch(model, profile, broken, previous=quiet))
    assert ("rows", "") in kinds(watch(model, profile, book.sample(2_000, random_state=1), previous=quiet))
    gone = book.sample(4_000, random_state=22)
    gone["channel"] = "X"
    assert {("new_level", "channel"), ("range", "channel")} <= kinds(watch(model, profile, gone, previous=quiet))


def test_a_column_that_is_not_there_is_a_breach(model, profile, book, quiet):
    frame = book.sample(4_000, random_state=1)
    features = model.spec.transform(frame)
    probabilities = model.score(features)
    grades = model.scale.assign(probabilities)
    night = Night("canonical", "d", "3", frame.drop(columns="dti"), probabilities, grades, {})
    found = monitor(night, profile, model.contract, list(model.scale.grades), quiet)
    assert ("missing_column", "dti") in kinds(found)


def test_a_population_shift_of_psi_a_quarter_is_found_on_the_first_night(model, profile, book, quiet):
    """Loans with weak scores are drawn more often until the PSI of the credit score is 0.25."""
    weights = np.exp(-0.011 * (book["credit_score"].fillna(725) - 725))
    shifted = book.sample(4_000, replace=True, weights=weights, random_state=5)
    found = watch(model, profile, shifted, previous=quiet)
    row = next(row for row in found["features"] if row["feature"] == "credit_score")
    assert 0.2 < row["recent"]["psi"] < 0.5
    assert ("step", "credit_score") in kinds(found)


def test_a_broken_night_does_not_become_the_reference_until_it_has_lasted():
    good, bad = Recent((1.0, 0.0), 100.0, 0.1), Recent((0.0, 1.0), 100.0, 2.0)
    kept = good
    for _ in range(ACCEPTED_AFTER - 1):
        kept = carried(kept, bad, breach=True)
        assert kept.shares == good.shares
    assert carried(kept, bad, breach=True) == bad
    assert carried(kept, good, breach=False).breaches == 0


def test_another_models_reference_is_not_compared_with(model, profile, book, quiet):
    other = quiet | {"carry": quiet["carry"] | {"profile": "another"}}
    found = watch(model, profile, book.sample(4_000, random_state=3), previous=other)
    assert all(row["recent"] is None for row in found["features"])


def test_effects_add_up_to_the_margin_where_no_input_is_shared(model, book):
    per_feature = np.arange(len(model.spec.names), dtype=float)
    found = named(model, by_input(model, per_feature[None]))
    assert set(found) == set(model.spec.inputs)
    shared = {name for feature in model.spec.engineered for name in feature.inputs}
    alone = [name for name in model.spec.names if name in model.spec.inputs and name not in shared]
    assert alone
    assert {name: found[name] for name in alone} == {name: per_feature[model.spec.names.index(name)] for name in alone}
    shared = [name for name in model.spec.names if name in ("current_ltv", "current_cltv")]
    assert found["appraised_value"] == sum(per_feature[model.spec.names.index(name)] for name in shared)


def test_migration_counts_every_loan_once():
    before = pd.DataFrame({"loan_id": ["a", "b", "c"], "grade": ["M01", "M02", "M02"]})
    now = pd.DataFrame({"loan_id": ["a", "b", "d"], "grade": ["M02", "M01", "M01"]})
    found = migration(before, now, ["M01", "M02"])
    assert found["matrix"] == [[0, 1], [1, 0]]
    assert (found["new"], found["gone"], found["upgraded"], found["downgraded"]) == (1, 1, 1, 1)


def test_a_doubled_loan_and_a_grade_of_another_scale_do_not_upset_the_migration():
    before = pd.DataFrame({"loan_id": ["a", "a", "b", "c"], "grade": ["M01", "M02", "M02", "Z"]})
    now = pd.DataFrame({"loan_id": ["a", "b", "b", "c", "d"], "grade": ["M02", "M02", "M01", "M01", "M01"]})
    found = migration(before, now, ["M01", "M02"])
    assert found["matrix"] == [[0, 0], [1, 1]], "a stayed, b moved by its last row, c has no grade to move from"
    assert (found["new"], found["gone"], found["doubled"], found["other_grade"]) == (1, 0, 2, 1)
    assert found["upgraded"] + found["downgraded"] == 1
    nothing = migration(before[:0], now, ["M01", "M02"])
    assert (nothing["new"], nothing["gone"], np.sum(nothing["matrix"])) == (4, 0, 0)


def test_a_night_without_loans_has_no_quantiles():
    assert set(scores.quantiles(np.array([])).values()) == {None}
    assert scores.quantiles(np.array([0.25]))["p99"] == 0.25


def edge(book, name) -> pd.DataFrame:
    """A scoring input that a broken or a tiny source delivers."""
    frame = book.sample(50, random_state=1)
    if name == "one row":
        return frame.head(1)
    if name == "all null":
        return frame.assign(**{name: None if frame[name].dtype == "category" else np.nan for name in frame})
    if name == "all the same":
        return frame.iloc[[0] * 20]
    return frame.assign(**dict.fromkeys(frame.select_dtypes("number"), np.nan))


@pytest.mark.parametrize("name", ["one row", "all null", "all the same", "no number"])
def test_a_night_at_the_edge_gives_a_document_and_a_report(model, profile, book, quiet, name):
    frame = edge(book, name)
    first = watch(model, profile, frame)
    for previous in (quiet, first):
        document = with_nulls({**watch(model, profile, frame, previous=previous), "performance": None})
        assert json.loads(to_json_text(document)) == json.loads(json.dumps(document))
        assert "not_finite" not in document
        assert document["rows"] == len(frame) == sum(document["score"]["grades"].values())
        assert "loans</p>" in render_report(document)
        to_json_text([model_monitor.statistics(frame, model.contract), model_monitor.violations(document)])


def test_a_figure_that_is_not_finite_is_null_with_its_reason_and_named_where_it_may_not_be():
    document = {"a": {"b": [1.0, float("nan")], "c": np.float64("-inf")}, "d": 1}
    kept = with_nulls(document)
    assert kept == {"a": {"b": [1.0, None], "c": None}, "d": 1, "not_finite": {"a.b[1]": "nan", "a.c": "-inf"}}
    with pytest.raises(ValueError, match=r"a\.b\[1\] is nan, a\.c is -inf: not JSON compliant"):
        to_json_text(document)
