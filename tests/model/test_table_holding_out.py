"""Any table: rows that are not independent stay together, events are spread, and noise is told as noise."""

from __future__ import annotations

import io
import json
from pathlib import Path

import mortgage_table_script as script
import numpy as np
import pandas as pd
import pytest
from any_table import BAD, FOLDS, contract
from hypothesis import given, settings
from hypothesis import strategies as st
from inference import Request, input_fn, output_fn, predict_fn
from sklearn import metrics

from contracts.model import Contract
from contracts.split import NearDuplicates
from mortgage_model.development import scorecard
from mortgage_model.development.hyperparameters import parse_arguments
from mortgage_model.development.splits import SplitError
from mortgage_model.scoring.artifact import load_model
from mortgage_model.scoring.booster import known_as
from mortgage_model.scoring.challenger import Challenger
from mortgage_model.scoring.features import FeatureError
from mortgage_model.statistics import NotComputable, discrimination
from mortgage_model.table.cross_validation import TABLE_START, Settings, cross_validate
from mortgage_model.table.evidence import Evidence
from mortgage_model.table.groups import group_rows, grouped_folds
from mortgage_model.validation.evaluation import POINT_METRICS
from mortgage_model.validation.monotonicity import violations

KEY, TIME = ("borrower", "string", "key"), ("period", "integer", "time")
FEATURES = (("x", "number", "feature"), ("y", "number", "feature"))
BY_KEY = contract(KEY, *FEATURES, BAD, split="{method: grouped_k_fold, folds: 5}")
BY_TIME = contract(KEY, TIME, *FEATURES, BAD, split="{method: out_of_time, horizonMonths: 12, ootMonths: 12}")


def evidence(frame: pd.DataFrame, table: Contract) -> Evidence:
    quick = Settings({**parse_arguments([]), **TABLE_START, "n_estimators": 60, "seed": 1}, 0, 1)
    return cross_validate(frame.drop(columns="bad"), frame["bad"].to_numpy(np.int8), table, quick, lambda told: None)[0]


def noise(borrowers: int, rows: int, share: float = 0.3, seed: int = 3) -> pd.DataFrame:
    """Features and label that are a borrower's own, the same on each of its rows, and nothing to do with each other."""
    random = np.random.default_rng(seed)
    of_row = np.repeat(np.arange(borrowers), rows)
    x, y = (random.normal(size=borrowers)[of_row] + random.normal(0, 0.01, of_row.size) for _ in "xy")
    period = np.tile(np.arange(1, rows + 1), borrowers)
    bad = (random.random(borrowers) < share).astype(int)[of_row]
    return pd.DataFrame({"borrower": of_row.astype(str), "period": period.astype(str), "x": x, "y": y, "bad": bad})


def auc(found: Evidence) -> float:
    return discrimination.auc(found.labels, found.ranking)


def test_rows_of_one_borrower_do_not_tell_each_others_label():
    frame = noise(240, 6)
    found = evidence(frame, BY_KEY)
    assert 0.35 < auc(found) < 0.65
    by_borrower = pd.Series(found.folds).groupby(frame["borrower"].to_numpy()[found.rows]).nunique()
    assert (by_borrower == 1).all()
    without_key = contract(*FEATURES, BAD, split="{method: grouped_k_fold, folds: 5}")
    assert auc(evidence(frame, without_key)) > 0.9, "which is what it looks like where the contract names no key"


def test_rows_hang_together_by_key_and_by_near_duplicates_through_each_other():
    frame = pd.DataFrame({"a": ["1", "1", None, "2", None, "3"], "b": ["x", "y", "y", "z", "w", None]})
    frame["v"] = [0.0, 1, 2, 3, 0, 9]
    assert group_rows(frame, None, ["a"]).tolist() == [0, 0, 1, 2, 3, 4]
    assert group_rows(frame, None, ["a", "b"]).tolist() == [0, 0, 0, 1, 2, 3]
    near = NearDuplicates(absolute={"v": 0.5})
    assert group_rows(frame, near, ["a", "b"]).tolist() == [0, 0, 0, 1, 0, 2]
    assert group_rows(frame, None).tolist() == list(range(6))


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_folds_get_their_share_of_the_events(data):
    n, folds = data.draw(st.integers(30, 200)), data.draw(st.integers(2, 5))
    labels = np.zeros(n, dtype=int)
    labels[: data.draw(st.integers(folds, n - folds))] = 1
    labels = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(labels)
    found = grouped_folds(np.arange(n), folds, 7, labels)
    assert np.ptp([labels[held].sum() for _, held in found]) <= 1
    assert np.ptp([len(held) for _, held in found]) <= 1


def test_out_of_time_a_loan_may_be_seen_before_as_long_as_its_rows_end_with_its_event():
    random = np.random.default_rng(5)
    rows = []
    for loan in range(400):
        risk = random.normal()
        for period in range(1, 61, 6):
            bad = int(random.random() < 0.15 / (1 + np.exp(-2 * risk)))
            rows.append((str(loan), str(period), risk + random.normal(0, 0.5), random.normal(), bad))
            if bad:
                break
    frame = pd.DataFrame(rows, columns=["borrower", "period", "x", "y", "bad"])
    found = evidence(frame, BY_TIME)
    assert found.notes == ("Times are whole numbers of months; held out are 49 to 55.",)
    assert auc(found) > 0.6
    # The same with rows after the event: what is learnt from would hold the outcome of the rows held out.
    again = noise(300, 3).assign(period=lambda t: t["period"].map({"1": "1", "2": "20", "3": "48"}))
    with pytest.raises(SplitError, match=r"600 more rows are of keys that are held out too and go on after an event"):
        evidence(again, BY_TIME)
    fresh = noise(600, 1, seed=8)
    fresh = fresh.assign(borrower="new" + fresh["borrower"], period=np.where(fresh.index % 2, "3", "24"))
    found = evidence(pd.concat([again, fresh], ignore_index=True), BY_TIME)
    assert "600 of 1,200 earlier rows were not learnt from" in found.notes[1]
    assert 0.35 < auc(found) < 0.65


@pytest.mark.parametrize("events", [1, 2, 4, 8, 9])
def test_too_few_events_are_refused_with_the_number_that_is_needed(events):
    frame = noise(900, 1, 0.0)
    frame.loc[: events - 1, "bad"] = 1
    said = f"5 folds: {events} events of 900 rows are too few for figures that mean anything; at least 10 are needed"
    with pytest.raises(SplitError, match=said):
        evidence(frame, BY_KEY)
    with pytest.raises(SplitError, match=f"{events} rows without event of 900 rows are too few"):
        evidence(frame.assign(bad=1 - frame["bad"]), BY_KEY)


def test_events_of_one_borrower_are_one():
    frame = noise(90, 10, 0.0)
    frame.loc[frame["borrower"] == "3", "bad"] = 1
    with pytest.raises(SplitError, match="10 events in 1 independent groups of 900 rows are too few"):
        evidence(frame, BY_KEY)


def test_folds_that_cannot_be_made_say_which_role_to_change():
    frame = noise(40, 20).assign(borrower="1")
    with pytest.raises(SplitError, match="in 1 independent groups"):
        evidence(frame, BY_KEY)


def test_out_of_time_months_without_events_name_the_setting():
    frame = noise(300, 3).assign(period=lambda t: t["period"].map({"1": "1", "2": "20", "3": "48"}))
    frame.loc[frame["period"] == "48", "bad"] = 0
    with pytest.raises(SplitError, match=r"the rows held out, 48 to 48: 0 events .* a longer ootMonths, or more rows"):
        evidence(frame, BY_TIME)


def test_random_labels_are_told_as_chance_in_the_report_and_beside_the_figures(tmp_path, capsys):
    frame = noise(600, 1, 0.1, seed=4)
    frame.to_csv(tmp_path / "t.csv", index=False)
    figures = script.run(BY_KEY, tmp_path / "t.csv", tmp_path / "out", trials=0)
    assert 0.35 < figures["auc"] < 0.65
    told = "The model ranks no better than chance: AUC"
    assert told in capsys.readouterr().out
    assert told in Path(figures["report"]).read_text()


def test_features_that_never_vary_are_told_and_refused_where_there_are_no_others():
    frame = noise(300, 1)
    with pytest.raises(FeatureError, match="no feature can tell one row from another: x, y never vary"):
        evidence(frame.assign(x=1.0, y=np.nan), BY_KEY)
    assert evidence(frame.assign(y=5.0), BY_KEY).notes == ("Features that never vary, and so carry nothing: y.",)


def test_a_model_without_a_split_says_that_no_feature_carries_anything(tmp_path, capsys):
    frame = noise(300, 1, 0.2).assign(x=0.0, y=lambda t: np.where(t.index % 150 == 0, 1.0, 0.0))
    frame.to_csv(tmp_path / "t.csv", index=False)
    figures = script.run(BY_KEY, tmp_path / "t.csv", tmp_path / "out", trials=0)
    told = capsys.readouterr().out
    assert "no better than chance" in told
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_placements_compare_scores_with_those_of_their_own_fold_alone():
    random = np.random.default_rng(0)
    labels, scores, fold = random.integers(0, 2, 90), np.round(random.normal(size=90), 1), np.arange(90) % 3
    found = discrimination.placements(labels, scores, fold)
    own = [metrics.roc_auc_score(labels[fold == f], scores[fold == f]) for f in range(3)]
    events = [labels[fold == f].sum() for f in range(3)]
    assert found[labels == 1].mean() == pytest.approx(np.average(own, weights=events))
    assert discrimination.auc(labels, found) == pytest.approx(np.average(own, weights=events), abs=0.01)
    np.testing.assert_allclose(found, discrimination.placements(labels, scores + 100 * fold, fold))
    one = np.zeros(90)
    assert discrimination.auc(labels, discrimination.placements(labels, scores, one)) == pytest.approx(
        discrimination.auc(labels, scores)
    )
    with pytest.raises(NotComputable, match="observations of a fold defaulted"):
        discrimination.placements(labels, scores, labels)


def test_an_upside_down_ranking_has_a_negative_ks():
    labels, scores = np.array([0, 0, 0, 1, 1]), np.array([0.5, 0.4, 0.3, 0.2, 0.1])
    assert discrimination.signed_ks(labels, scores) == -1.0
    assert discrimination.signed_ks(labels, -scores) == 1.0
    assert POINT_METRICS["ks"](labels, scores) == -1.0


NAMES = ["ltv [%]", "dti<=60", "a%5Bb", 'say "x"', "größe, m", "pd", "grade", "label"]
NAMES += ["index", "OTHER", "f0", "1", "a\\b", "x:y"]


def test_any_column_name_is_trained_served_and_explained(tmp_path):
    random = np.random.default_rng(2)
    frame = pd.DataFrame({name: random.normal(size=300).round(3) for name in NAMES})
    frame["Art, [neu]"] = random.choice(["a", "b"], 300)
    risk = frame[NAMES[:6]].sum(axis=1)
    frame["bad"] = (risk + random.normal(size=300) > 1.5).astype(int)
    table = contract(
        *((name, "number", "feature", "", "{property: monotone, value: 1}") for name in NAMES),
        ("Art, [neu]", "string", "feature"), BAD, split=FOLDS,
    )  # fmt: skip
    frame.to_csv(tmp_path / "t.csv", index=False)
    figures = script.run(table, tmp_path / "t.csv", tmp_path / "out", trials=0)
    assert figures["auc"] > 0.7
    model = load_model(tmp_path / "out" / "model")
    assert model.spec.names == (*NAMES, "Art, [neu]")
    inputs = frame.drop(columns="bad")
    expected = model.predict(inputs)
    csv = inputs.to_csv(index=False, header=False)
    body, kind = output_fn(predict_fn(input_fn(csv, "text/csv"), model), "text/csv")
    answer = pd.read_csv(io.StringIO(body), header=None)
    assert kind == "text/csv"
    np.testing.assert_allclose(answer[0], expected["pd"])
    assert answer.shape == (300, 6)
    rows = json.dumps({"records": inputs.to_dict("records")}).encode()
    body, _ = output_fn(predict_fn(Request("application/json", rows), model), "application/json")
    predictions = json.loads(body)["predictions"]
    np.testing.assert_allclose([row["pd"] for row in predictions], expected["pd"])
    codes = {reason["code"].rpartition(":")[0] for row in predictions for reason in row["reasons"]}
    assert codes <= {*NAMES, "Art, [neu]"}
    assert len(codes) > 5
    assert violations(model.booster, {known_as(name): 1 for name in NAMES}) == []
    benchmark = scorecard.fit(model.spec, model.spec.transform(inputs), frame["bad"].to_numpy())
    stored = json.loads(json.dumps(benchmark.to_json()))
    np.testing.assert_array_equal(Challenger.from_json(stored, model.spec).predict(inputs), benchmark.predict(inputs))
    page = Path(figures["report"]).read_text()
    assert "<code>dti&lt;=60</code>" in page
    assert "<code>say &quot;x&quot;</code>" in page
