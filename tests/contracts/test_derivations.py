"""What is derived from the contracts: features, suites, request checks, dictionary."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import Column, Contract, ContractError, Rule, load_contract, table_names
from contracts.dictionary import TABLES, TARGET, render
from contracts.expectations import Check, build_suite
from contracts.requests import validate_record

RUN_DATE = dt.date(2019, 12, 31)
ROOT = Path(__file__).resolve().parents[2]


def test_scoring_input_is_loan_id_and_the_panels_features_in_order() -> None:
    features = [column.name for column in load_contract("loan_panel").with_role("feature")]
    assert load_contract("scoring_input").column_names == ("loan_id", *features)


def test_monotone_directions_are_those_of_credit_risk() -> None:
    features = load_contract("loan_panel").with_role("feature")
    directions = {column.name: column.monotone for column in features if not column.categorical}
    falls = {"credit_score", "number_of_borrowers", "months_since_delinquency"}
    falls |= {"house_price_index_growth_12m", "house_price_index_ratio"}
    assert {name for name, direction in directions.items() if direction == -1} == falls
    rises = {name for name, direction in directions.items() if direction == 1}
    assert {"dti", "ltv", "cltv", "delinquency_status", "times_60dpd_12m", "modified", "unemployment_rate"} <= rises
    assert "channel" not in directions


def checks_of(table: str, column: str | None = None, previous_rows: int | None = None) -> list[Check]:
    suite = build_suite(load_contract(table), RUN_DATE, previous_rows)
    return [check for check in suite if column is None or check.column == column]


@pytest.mark.parametrize("table", table_names())
def test_every_column_is_checked_for_type_and_nulls(table: str) -> None:
    suite = checks_of(table)
    for column in load_contract(table).columns:
        kinds = {check.type for check in suite if check.column == column.name}
        assert {"expect_column_values_to_be_in_type_list", "expect_column_values_to_not_be_null"} <= kinds
        assert ("expect_column_values_to_be_in_set" in kinds) == (column.allowed is not None)
        if column.minimum is not None:
            assert "expect_column_values_to_be_between" in kinds


def test_all_null_is_an_error_only_where_the_model_depends_on_the_column() -> None:
    severities = {
        column: check.severity
        for column in ("dti", "mi_percentage")
        for check in checks_of("loan_panel", column)
        if "not_be_null" in check.type
    }
    assert severities == {"dti": "error", "mi_percentage": "warning"}


def test_row_count_is_compared_only_with_a_previous_run() -> None:
    counts = "expect_table_row_count_to_be_between"
    assert len([check for check in checks_of("loans") if check.type == counts]) == 1
    bounds = {
        c.severity: c.kwargs for c in checks_of("loans", previous_rows=1000) if c.type == counts and "then" in c.claim
    }
    assert bounds["warning"] == {"min_value": 800, "max_value": 1200}
    assert bounds["error"] == {"min_value": 500, "max_value": None}


def test_freshness_counts_a_month_from_its_end_and_a_release_from_its_day() -> None:
    def oldest(table: str) -> dict[str, str]:
        return {c.severity: c.kwargs["min_value"] for c in checks_of(table) if "max" in c.type}

    assert oldest("performance") == {"warning": "2019-11-01", "error": "2019-09-01"}
    assert oldest("economic_indicators") == {"warning": "2019-11-16", "error": "2019-09-02"}


def test_unknown_metric_is_refused() -> None:
    rule = Rule("r", "median", "error", "It is fine.", minimum=1)
    contract = Contract("t", "1", "d", "g", (Column("a", "string", "d", "key"),), (rule,), ("a",))
    with pytest.raises(ContractError, match="unknown metric 'median'"):
        build_suite(contract, RUN_DATE)


def good_record() -> dict[str, object]:
    record: dict[str, object] = {}
    for column in load_contract("scoring_input").columns:
        if column.allowed:
            record[column.name] = column.allowed[0]
        elif column.type == "string":
            record[column.name] = "L1"
        else:
            record[column.name] = math.ceil(column.minimum or 0)
    return record


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"credit_score": 299}, "credit_score must be between 300 and 850 points"),
        ({"credit_score": 700.5}, "credit_score must be a whole number"),
        ({"interest_rate": "6"}, "interest_rate must be a number, not '6'"),
        ({"interest_rate": float("nan")}, "interest_rate must be a number, not nan"),
        ({"interest_rate": True}, "interest_rate must be a number, not True"),
        ({"property_state": "ZZ"}, "property_state must be one of AL, AK"),
        ({"original_upb": None}, "original_upb is null; it is required"),
        ({"fico": 700}, "'fico' is not a field of scoring_input"),
        ({"loan_id": "a b"}, "loan_id must be text of the form"),
    ],
)
def test_bad_field_is_told_in_words(change: dict[str, object], said: str) -> None:
    (problem,) = validate_record(load_contract("scoring_input"), {**good_record(), **change})
    assert problem.startswith(said)


def test_missing_fields() -> None:
    contract, record = load_contract("scoring_input"), good_record()
    assert validate_record(contract, record) == []
    del record["dti"]
    assert validate_record(contract, record) == []
    del record["original_term"]
    assert validate_record(contract, record)[0].startswith("original_term is missing; it is required")


def test_dates_and_personal_values() -> None:
    contract = load_contract("loans")
    loan = {
        "loan_id": "A",
        "interest_rate": 5,
        "original_upb": 2000,
        "original_term": 360,
        "origination_date": "2007-06-01",
    }
    assert validate_record(contract, loan) == []
    (problem,) = validate_record(contract, {**loan, "origination_date": "06/2007"})
    assert problem == "origination_date must be a date YYYY-MM-DD, not '06/2007'"
    (problem,) = validate_record(contract, {**loan, "original_upb": -12345})
    assert "12345" not in problem


anything = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()))


@settings(deadline=None)
@given(record=st.dictionaries(st.sampled_from([*load_contract("scoring_input").column_names, "x"]), anything))
def test_any_record_gets_an_answer(record: dict[str, object]) -> None:
    problems = validate_record(load_contract("scoring_input"), {**good_record(), **record})
    assert all(isinstance(problem, str) and problem for problem in problems)
    assert ("x" in record) == any("is not a field" in problem for problem in problems)


@settings(deadline=None)
@given(value=st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_number_is_refused_exactly_outside_its_range(value: float) -> None:
    problems = validate_record(load_contract("scoring_input"), {**good_record(), "dti": value})
    assert bool(problems) == (not 0 <= value <= 100)


def test_dictionary_covers_every_table_and_is_up_to_date() -> None:
    assert set(TABLES) == set(table_names())
    assert (ROOT / TARGET).read_text(encoding="utf-8") == render(), "run: python -m contracts.dictionary"
