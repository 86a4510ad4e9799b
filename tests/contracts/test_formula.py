"""Derived features: formulas are arithmetic and nothing else, and are checked against the table."""

from __future__ import annotations

import pytest

from contracts import ContractError, load_contract
from contracts.formula import FormulaError, columns_of, numbers_of, parse
from contracts.loader import parse_contract

TABLE = """
apiVersion: v3.2.0
kind: DataContract
id: one
version: 1.0.0
status: active
schema:
  - name: one
    customProperties:
      - property: derivedFeatures
        value: [{name: %s, formula: %s, label: L, description: D.%s}]
      - property: reasonFactors
        value: [{name: burden, label: Burden, features: [%s]}]
    properties:
      - {name: debt, logicalType: number, description: Debt., customProperties: [{property: role, value: feature}]}
      - {name: income, logicalType: number, description: Income., customProperties: [{property: role, value: feature}]}
      - {name: bad, logicalType: integer, description: Bad., customProperties: [{property: role, value: label}]}
"""


def table(name="dti", formula="100 * debt / income", more="", factor="debt, dti"):
    return TABLE % (name, formula, more, factor)


def test_columns_are_found_in_order():
    assert columns_of("log(b) + maximum(a, 2) / missing(b) - -c") == ("b", "a", "c")
    assert columns_of("`ltv [%]` / 100 + missing(`class`) * `ltv [%]`") == ("ltv [%]", "class")
    assert numbers_of("log(b) + missing(a) * missing(`c d`) - missing(b)") == ("b",)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("a +", "is not a formula"),
        ("ltv [%] / 100", "stands in backticks"),
        ("__import__('os')", "no function '__import__'"),
        ("a.b", "'a.b' may not be used"),
        ("a ** 2", "may not be used"),
        ("'text'", "may not be used"),
        ("a if b else c", "may not be used"),
        ("True", "may not be used"),
        ("log(a, b)", "log takes 1 values, not 2"),
        ("missing(a + b)", "missing() takes a column"),
        ("log(x=a)", "may not be used"),
    ],
)
def test_anything_but_arithmetic_is_refused(formula, said):
    with pytest.raises(FormulaError) as refused:
        parse(formula)
    assert said in str(refused.value)


def test_a_table_declares_its_derived_features():
    contract = parse_contract(table(more=", monotone: 1, replaces: [debt]"), "one.yaml")
    (dti,) = contract.derived
    assert (dti.inputs, dti.monotone, dti.replaces) == (("debt", "income"), 1, ("debt",))
    assert contract.factors[0].features == ("debt", "dti")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (table(formula="debt / bad"), "derived feature 'dti' needs feature columns of the table, bad is not one"),
        (table(formula="1 + 1"), "needs feature columns of the table, none is not one"),
        (table(formula="debt ** 2"), "may not be used"),
        (table(name="debt"), "there is another feature of that name"),
        (table(more=", monotone: 2"), "monotone is 2"),
        (table(more=", replaces: debt"), "replaces must be a list"),
        (table().replace("income, logicalType: number", "income, logicalType: string"), "calculates with income"),
        (table().replace("{name: burden,", "{name: income,"), "'income' has the name of another factor or feature"),
        (table(more=", colour: red"), "unknown colour"),
        (table(factor="debt, wage"), "wage is no feature, or in a factor already"),
        (table(factor="debt, debt"), "debt is no feature, or in a factor already"),
    ],
)
def test_a_wrong_declaration_is_refused(text, said):
    with pytest.raises(ContractError) as refused:
        parse_contract(text, "one.yaml")
    assert said in str(refused.value)


def test_the_panels_derived_features_are_described_and_in_factors():
    contract = load_contract("loan_panel")
    grouped = {name for factor in contract.factors for name in factor.features}
    assert {feature.name for feature in contract.derived} <= grouped
    assert all(feature.description.endswith(".") and feature.unit for feature in contract.derived)
