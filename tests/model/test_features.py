from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from contracts import load_contract
from mortgage_model.development.record import describe_features
from mortgage_model.scoring.features import OTHER, FeatureError, FeatureSpec
from mortgage_model.scoring.formulas import payment

CONTRACT = load_contract("loan_panel")


@pytest.fixture(scope="module")
def fitted(panel):
    rows = panel[panel["default_in_horizon"].notna()].reset_index(drop=True)
    return rows, FeatureSpec.fit(rows, rows["default_in_horizon"].to_numpy(), CONTRACT)


def test_derived_features_equal_their_formulas(fitted):
    rows, spec = fitted
    features = spec.transform(rows)
    current_ltv = 100 * rows["current_upb"] / (rows["appraised_value"] * rows["house_price_index_ratio"])
    incentive = rows["current_interest_rate"] - rows["mortgage_rate_30y"]

    def payment(balance, rate, months):
        discount = (1 + rows[rate] / 1200) ** -rows[months]
        return rows[balance] * rows[rate] / 1200 / (1 - discount)

    expected = {
        "current_ltv": current_ltv,
        "current_cltv": current_ltv * rows["cltv"] / rows["ltv"],
        "rate_incentive": incentive,
        "burnout": incentive.clip(lower=0) * rows["loan_age"],
        "payment_shock": rows["current_interest_rate"] - rows["interest_rate"],
        "payment_burden": rows["dti"]
        * payment("current_upb", "current_interest_rate", "months_to_maturity")
        / payment("original_upb", "interest_rate", "original_term"),
        "paydown_ratio": rows["current_upb"] / rows["original_upb"],
        "seasoning": rows["loan_age"] / (rows["loan_age"] + rows["months_to_maturity"]),
        "dti_missing": rows["dti"].isna().astype(float),
        "credit_score_missing": rows["credit_score"].isna().astype(float),
    }
    assert list(expected) == [feature.name for feature in CONTRACT.derived]
    for name, values in expected.items():
        np.testing.assert_allclose(features[name], values, rtol=4e-6, atol=1e-4)


def test_the_annuity_is_the_textbooks():
    """A loan of 100,000 at 6 % over 360 months costs 599.55 a month; without interest it is paid in equal parts."""
    with np.errstate(all="ignore"):
        found = payment(np.full(4, 1e5), np.array([6.0, 0.0, -1.0, 6.0]), np.array([360.0, 250.0, 360.0, 0.0]))
    np.testing.assert_allclose(found, [599.5505, 400.0, np.nan, np.nan], atol=5e-5)


def test_the_reference_is_a_usual_training_row(fitted):
    rows, spec = fitted
    reference = dict(zip(spec.names, spec.reference, strict=True))
    assert reference["credit_score"] == rows["credit_score"].quantile(0.5, interpolation="lower")
    assert spec.levels["occupancy_status"][int(reference["occupancy_status"])] == "P"
    assert reference["months_since_delinquency"] is None, "most loans never were late"


def test_an_input_seen_only_through_a_derived_feature_is_not_a_feature_itself(fitted):
    _, spec = fitted
    replaced = {name for feature in CONTRACT.derived for name in feature.replaces}
    assert {"appraised_value", "mortgage_rate_30y"} <= replaced <= set(spec.inputs)
    assert not replaced & set(spec.names)


def test_directions_come_from_the_contract(fitted):
    _, spec = fitted
    direction = dict(zip(spec.names, spec.constraints, strict=True))
    for column in CONTRACT.with_role("feature"):
        if column.name in direction:
            assert direction[column.name] == (0 if column.categorical else column.monotone)
    assert direction["credit_score"] == -1
    assert direction["current_ltv"] == 1
    assert direction["rate_incentive"] == 0


def test_no_label_outcome_protected_or_metadata_column_is_read(fitted):
    rows, spec = fitted
    forbidden = {
        c.name
        for role in ("label", "outcome", "protected", "metadata", "key", "time")
        for c in CONTRACT.with_role(role)
    }
    assert not forbidden & (set(spec.inputs) | set(spec.names))
    pd.testing.assert_frame_equal(spec.transform(rows), spec.transform(rows[list(spec.inputs)]))


def test_levels_are_ordered_by_default_rate_and_rare_ones_pooled(fitted):
    rows, spec = fitted
    assert OTHER in spec.levels["property_state"]
    assert "PR" not in spec.levels["property_state"]
    assert OTHER in spec.levels["loan_purpose"]
    assert "U" not in spec.levels["loan_purpose"]
    occupancy = rows.groupby("occupancy_status")["default_in_horizon"].mean()
    assert spec.levels["occupancy_status"][-1] == occupancy.idxmax() == "I"


def test_unseen_and_missing_levels(fitted):
    rows, spec = fitted
    frame = rows.head(3).copy()
    frame["property_state"] = ["GU", "CA", None]
    frame["channel"] = ["?", "R", None]
    features = spec.transform(frame)
    states, channels = spec.levels["property_state"], spec.levels["channel"]
    np.testing.assert_array_equal(features["property_state"], [states.index(OTHER), states.index("CA"), np.nan])
    np.testing.assert_array_equal(features["channel"], [np.nan, channels.index("R"), np.nan])


def test_storage_type_does_not_change_the_features(fitted):
    rows, spec = fitted
    compact = rows.copy()
    for column in CONTRACT.with_role("feature"):
        compact[column.name] = compact[column.name].astype("category" if column.categorical else "float32")
    pd.testing.assert_frame_equal(spec.transform(compact), spec.transform(rows), check_exact=True)


def test_json_round_trip(fitted):
    rows, spec = fitted
    again = FeatureSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    pd.testing.assert_frame_equal(again.transform(rows), spec.transform(rows), check_exact=True)


def test_division_by_nothing_is_missing_not_infinite(fitted):
    rows, spec = fitted
    frame = rows.head(4).assign(appraised_value=[0.0, np.nan, -5.0, 1e5], original_upb=[0.0, np.nan, 1e5, 1e5])
    features = spec.transform(frame)
    assert features["current_ltv"].isna().tolist() == [True, True, True, False]
    assert features["paydown_ratio"].isna().tolist() == [True, True, False, False]
    assert not np.isinf(features.to_numpy()).any()


def test_a_missing_or_textual_column_is_named(fitted):
    rows, spec = fitted
    with pytest.raises(FeatureError, match="column dti is missing"):
        spec.transform(rows.drop(columns="dti"))
    with pytest.raises(FeatureError, match="column dti must hold numbers"):
        spec.transform(rows.head(2).assign(dti=["a", "b"]))


def test_every_feature_is_described(fitted):
    _, spec = fitted
    described = describe_features(spec, CONTRACT)
    assert tuple(described) == spec.names
    assert all(entry["description"] and entry["inputs"] for entry in described.values())
    assert described["current_ltv"]["unit"] == "percent"
