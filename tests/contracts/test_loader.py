"""Contracts: the files are valid, inherit correctly, and wrong ones are refused with the reason."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from contracts import ContractError, load_contract, table_names
from contracts.loader import parse_contract

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
TABLES = {
    "borrowers",
    "borrower_demographics",
    "properties",
    "loans",
    "economic_indicators",
    "performance",
    "loan_panel",
    "scoring_input",
    "scores",
    "quarantine",
}
MINIMAL = """
apiVersion: v3.2.0
kind: DataContract
id: one
version: 1.0.0
status: active
schema:
  - name: one
    properties:
      - name: loan_id
        logicalType: string
        description: The loan.
        customProperties:
          - {property: role, value: key}
"""
INHERITING = MINIMAL.replace("        description: The loan.\n", "").replace(
    "{property: role, value: key}", "{property: inherits, value: %s}"
)


def test_every_table_has_a_contract() -> None:
    assert set(table_names()) == TABLES


@pytest.mark.parametrize("table", sorted(TABLES))
def test_contract_is_odcs_and_complete(table: str) -> None:
    document = OpenDataContractStandard.from_file(str(CONTRACTS / "tables" / f"{table}.odcs.yaml"))
    assert (document.kind, document.apiVersion, document.name) == ("DataContract", "v3.2.0", table)
    contract = load_contract(table)
    assert contract.name == table
    assert contract.key
    assert contract.description
    assert contract.grain
    assert set(contract.key) <= set(contract.column_names)
    for column in contract.columns:
        assert column.minimum is None or column.maximum is None or column.minimum <= column.maximum
        assert column.role == "feature" or column.monotone == 0
        for source in column.sources:
            load_contract(source.partition(".")[0]).column(source.partition(".")[2])


def test_inherited_column_takes_everything_from_its_origin() -> None:
    origin, heir = (
        load_contract("borrowers").column("credit_score"),
        load_contract("scoring_input").column("credit_score"),
    )
    assert heir.inherits == "loan_panel.credit_score"
    assert heir.sources == ("borrowers.credit_score",)
    for field in ("type", "unit", "minimum", "maximum", "description", "monotone", "pii", "missing_codes", "critical"):
        assert getattr(heir, field) == getattr(origin, field), field


def test_what_no_model_or_label_needs_can_be_dispensed_with() -> None:
    raw = ("borrowers", "properties", "loans", "performance")
    dispensable = {column.name for table in raw for column in load_contract(table).columns if column.dispensable}
    assert dispensable == {
        "zip3",
        "appraisal_date",
        "first_payment_date",
        "modification_flag",
        "zero_balance_date",
        "net_loss",
    }
    assert not any(column.dispensable for column in load_contract("loan_panel").columns)


def test_no_protected_or_outcome_column_reaches_a_feature() -> None:
    forbidden = {
        f"{table}.{column.name}"
        for table in TABLES
        for column in load_contract(table).columns
        if column.role in ("protected", "outcome", "label")
    }
    assert "performance.net_loss" in forbidden
    assert "borrower_demographics.sex" in forbidden
    for column in load_contract("loan_panel").with_role("feature"):
        assert not forbidden & set(column.sources), column.name


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (MINIMAL.replace("logicalType: string", "logicalType: money"), "logicalType is 'money'"),
        (MINIMAL.replace("value: key", "value: king"), "role is 'king'"),
        (
            MINIMAL.replace("description:", "descriptoin:"),
            "the standard has no field schema.0.properties.0.descriptoin",
        ),
        (MINIMAL.replace("property: role", "property: rolle"), "one.loan_id: unknown custom property rolle"),
        (MINIMAL + "      - {name: loan_id, logicalType: string}\n", "one.loan_id: role is ''"),
        (MINIMAL.replace("kind:", "id: two\nkind:"), "id stands twice in the entry that begins in line 2"),
        (MINIMAL.replace("kind:", "sort:"), "is not an Open Data Contract Standard document"),
        (MINIMAL.replace("schema:", "schema: ["), "is not an Open Data Contract Standard document"),
        (
            MINIMAL + "          - {property: invalidValues, value: missing}\n",
            "one.loan_id: invalidValues is missing, but the column is needed",
        ),
        (MINIMAL + "          - {property: invalidValues, value: median}\n", "it can only be missing"),
        (INHERITING % "loans.loan_no", "table loans has no column 'loan_no'"),
        (INHERITING % "lones.loan_id", "there is no contract 'lones'"),
        (INHERITING % "loans.ltv", "is string, but inherits loans.ltv, which is number"),
        (INHERITING % "one.loan_id", "inheritance goes in a circle: one <- one"),
        (
            (INHERITING % "loans.loan_id").replace(
                "logicalType: string", "logicalType: string\n        description: X"
            ),
            "must not state description again",
        ),
    ],
)
def test_wrong_contract_is_refused_with_the_reason(wrong: str, said: str) -> None:
    with pytest.raises(ContractError) as raised:
        parse_contract(wrong, "one.odcs.yaml")
    assert said in str(raised.value)


LABELLED = MINIMAL.replace("value: key}", "value: label}%s").replace("logicalType: string", "logicalType: %s")


@pytest.mark.parametrize(
    ("kind", "mapping", "said"),
    [
        ("string", "", "one.loan_id: a label is 0 or 1, and this one is string; say which values are which"),
        ("integer\n        enum: [{value: 1}, {value: 2}]", "", "enum lists 2; say which values are which"),
        ("string", "{bad: [a]}", "labelMapping takes lists of values: bad, good"),
        ("string", "{bad: [a], good: [b], ugly: [c]}", "labelMapping takes lists of values"),
        ("string", "{bad: [a], good: [a]}", "no value twice"),
        ("string", "{bad: [], good: [a]}", "needs a value each"),
    ],
)
def test_a_label_that_says_nothing_is_refused(kind: str, mapping: str, said: str) -> None:
    more = f"\n          - {{property: labelMapping, value: {mapping}}}" if mapping else ""
    with pytest.raises(ContractError) as raised:
        parse_contract(LABELLED % (kind, more), "one.odcs.yaml")
    assert said in str(raised.value)


def test_a_label_is_mapped_as_it_is_written() -> None:
    more = "\n          - {property: labelMapping, value: {bad: [NO, 2], good: [Fully Paid], indeterminate: [Current]}}"
    (column,) = parse_contract(LABELLED % ("string", more), "one.odcs.yaml").columns
    assert column.label_mapping is not None
    assert (column.label_mapping.bad, column.label_mapping.good) == (("NO", "2"), ("Fully Paid",))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"metric": "sum", "column": "upb", "minimum": 1}, "column 'upb', which the table does not have"),
        ({"metric": "sum"}, "takes metric, column, and minimum or maximum"),
        ({"metric": "sum", "most": 3}, "takes metric, column, and minimum or maximum"),
    ],
)
def test_wrong_rule_is_refused(rule: dict, said: str) -> None:
    document = yaml.safe_load(MINIMAL)
    quality = {"name": "r", "description": "D.", "type": "custom", "engine": "e", "severity": "error"}
    document["schema"][0]["quality"] = [{**quality, "implementation": rule}]
    with pytest.raises(ContractError, match=said):
        parse_contract(yaml.safe_dump(document), "one.odcs.yaml")


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(ContractError, match="tables are borrower_demographics, borrowers"):
        load_contract("nothing")
    with pytest.raises(ContractError, match="it has loan_id, credit_score"):
        load_contract("borrowers").column("fico")
    with pytest.raises(ContractError, match="roles are key"):
        load_contract("borrowers").with_role("king")


def test_package_loads_from_a_zip_and_without_spark(tmp_path: Path) -> None:
    archive = tmp_path / "libs.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for path in CONTRACTS.rglob("*"):
            if path.suffix in {".py", ".yaml"}:
                out.write(path, path.relative_to(CONTRACTS.parent))
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import contracts, contracts.arrow_schema, contracts.expectations, contracts.requests, contracts.spark_schema\n"
        "assert 'libs.zip' in contracts.__file__\n"
        "assert not {'pyspark', 'great_expectations'} & set(sys.modules)\n"
        "print(len(contracts.load_contract('scoring_input').columns))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(archive)], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == str(len(load_contract("scoring_input").columns)), done.stderr
