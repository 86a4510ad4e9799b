from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils import check_random_state

from contracts import load_contract
from mortgage_model.scoring import booster, reasons
from mortgage_model.scoring.artifact import load_model

CODES = [f"reason_{i}" for i in (1, 2, 3, 4)]


@pytest.fixture(scope="module")
def model(trained):
    return load_model(trained.model_dir)


@pytest.fixture(scope="module")
def rows(panel, model):
    return panel.tail(400)[list(model.contract.column_names)].reset_index(drop=True)


@pytest.fixture(scope="module")
def codes(model, rows):
    return reasons.reason_codes(model, rows)


def test_contributions_and_base_add_up_to_the_margin(model, rows):
    parts = reasons.contributions(model, rows)
    margins = booster.margin(model.booster, model.spec.transform(rows))
    np.testing.assert_allclose(parts.sum(axis=1) + reasons.base_margin(model), margins, atol=1e-4)


def test_contributions_are_shapley_values(model, rows):
    """Against the definition, by sampling: a feature's mean effect over orders in which features become known.

    The value of a set of known features is the tree's mean over training paths, which a tree computes by itself:
    TreeSHAP's own game (Lundberg et al. 2020, algorithm 1).
    """
    trees = model.booster.trees_to_dataframe()
    names = list(model.spec.names)
    row = model.spec.transform(rows).to_numpy()[:1]
    nodes = trees.set_index("ID").to_dict("index")

    def expected(known: set[str]) -> float:
        def below(node: str) -> float:
            entry = nodes[node]
            if entry["Feature"] == "Leaf":
                return entry["Gain"]
            if entry["Feature"] in known:
                value = row[0, names.index(entry["Feature"])]
                side = entry["Missing"] if np.isnan(value) else entry["Yes"] if value < entry["Split"] else entry["No"]
                return below(side)
            yes, no = entry["Yes"], entry["No"]
            covers = nodes[yes]["Cover"], nodes[no]["Cover"]
            return (below(yes) * covers[0] + below(no) * covers[1]) / sum(covers)

        return sum(below(f"{tree}-0") for tree in range(5))

    small = model.booster[:5]
    used = sorted(set(trees.loc[(trees["Tree"] < 5) & (trees["Feature"] != "Leaf"), "Feature"]))
    random = check_random_state(0)
    effects = dict.fromkeys(used, 0.0)
    draws = 100
    for _ in range(draws):
        known: set[str] = set()
        before = expected(known)
        for name in random.permutation(used):
            known.add(name)
            after = expected(known)
            effects[name] += (after - before) / draws
            before = after
    exact = small.predict(booster.xgb.DMatrix(row, feature_names=names), pred_contribs=True)[0]
    for name in used:
        assert effects[name] == pytest.approx(exact[names.index(name)], abs=0.03), name


def test_a_reason_raises_the_pd_against_the_usual_loan(model, rows, codes):
    features = model.spec.transform(rows)
    margins = booster.margin(model.booster, features)
    given = codes.stack()
    assert len(given) > len(rows), "most loans have reasons"
    for factor in given.str.partition(":")[0].unique():
        told = codes.apply(lambda column, factor=factor: column.str.partition(":")[0] == factor).any(axis=1).to_numpy()
        moved = booster.margin(model.booster, reasons.at_reference(model, features, factor))
        assert (moved[told] < margins[told]).all(), factor


def test_reasons_are_distinct_and_come_in_order(model, rows, codes):
    parts = reasons.contributions(model, rows)
    for index, given in codes.iterrows():
        named = [code.partition(":")[0] for code in given.dropna()]
        assert len(named) == len(set(named))
        assert given.notna().tolist() == sorted(given.notna(), reverse=True), "no gap before a reason"
        strengths = parts.loc[index, named].to_numpy()
        assert (np.diff(strengths) <= 0).all()
        assert (strengths > 0).all()


def test_directions_say_where_the_loan_stands(model, rows):
    usual = rows.iloc[[0]].assign(
        credit_score=740.0, dti=30.0, appraised_value=rows.loc[0, "current_upb"] * 2, house_price_index_ratio=1.0,
        ltv=60.0, cltv=60.0, delinquency_status=0, months_since_delinquency=np.nan,
        **{name: 0 for name in rows if name.startswith(("worst_delinquency", "times_"))},
    )  # fmt: skip
    wanted = {
        "credit_score:low": {"credit_score": 500.0},
        "payment_burden:high": {"dti": 60.0},
        "delinquency:high": {"delinquency_status": 2, "worst_delinquency_12m": 2},
        "loan_to_value:high": {"appraised_value": usual["appraised_value"] / 2.5},
    }
    for code, change in wanted.items():
        given = reasons.reason_codes(model, usual.assign(**change)).iloc[0].dropna().tolist()
        assert given[0] == code, (code, given)


def test_only_what_the_model_scores_is_a_factor(model):
    known = reasons.factors(model.contract, model.spec.names)
    members = [name for factor in known for name in factor.features]
    assert sorted(members) == sorted(model.spec.names)
    assert len({factor.name for factor in known}) == len(known)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("loan_to_value:high", "Loan-to-value ratio is high"),
        ("credit_score:missing", "Credit score is missing"),
        ("property_state:category", "State of the property"),
        ("house_price_index_growth_12m:low", "House-price growth in the state is low"),
    ],
)
def test_codes_in_plain_words(code, text):
    assert reasons.explain(load_contract("loan_panel"), code) == text


@pytest.mark.parametrize("code", ["", "colour:high", "credit_score:odd", "credit_score"])
def test_an_unknown_code_is_refused(code):
    with pytest.raises(ValueError, match="is no reason code of contract loan_panel"):
        reasons.explain(load_contract("loan_panel"), code)
