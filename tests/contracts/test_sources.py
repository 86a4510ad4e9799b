"""What is said of sources, dates and tables stands once: every other place agrees with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from contracts import ContractError, load_contract, table_names
from contracts.arrow_schema import arrow_schema
from contracts.loader import parse_contract
from contracts.sources import ECONOMIC, SOURCES, fed_tables, raw_table_of, tolerated_invalid_percent
from local_platform.delivery import landing
from simulator.layouts import LAYOUT_BY_NAME
from simulator.settings import LAYOUTS

ROOT = Path(__file__).resolve().parents[2]
MINIMAL = """
apiVersion: v3.2.0
kind: DataContract
id: one
version: 1.0.0
status: active
schema:
  - name: one
    properties:
      - name: x
        logicalType: %s
        %s
        description: D.
        customProperties: [{property: role, value: attribute}%s]
"""


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_gives_every_table_once(source: str) -> None:
    fed = [table for tables in SOURCES[source].values() for table in tables]
    assert sorted(fed) == ["borrowers", "loans", "performance", "properties"]
    assert all(raw_table_of(source, table) in SOURCES[source] for table in fed)


def test_every_raw_table_feeds_tables_that_have_contracts() -> None:
    raws = [raw for feeds in (*SOURCES.values(), ECONOMIC) for raw in feeds]
    assert len(raws) == len(set(raws)), "a raw table is of one source"
    for raw in raws:
        assert set(fed_tables(raw)) <= set(table_names())
        assert tolerated_invalid_percent(raw) == 5
    with pytest.raises(KeyError):
        fed_tables("tapes")


def test_simulator_and_landing_know_the_same_sources_and_tables() -> None:
    assert tuple(LAYOUTS) == tuple(LAYOUT_BY_NAME) == tuple(SOURCES)
    assert {source: set(tables) for source, tables in landing.SOURCES.items()} == {
        source: set(feeds) for source, feeds in SOURCES.items()
    }
    assert set(landing.ECONOMIC) == set(ECONOMIC)


def test_dirt_is_planted_in_raw_tables_of_the_source() -> None:
    for name, layout in LAYOUT_BY_NAME.items():
        assert set(layout.dirt) == set(SOURCES[name])


def test_documents_name_sources_that_there_are() -> None:
    text = (ROOT / "docs/simulator.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"--layout ((?:\w+ \| )+\w+)", text)
    assert {"canonical", *listed.split(" | ")} == set(SOURCES)


def test_dates_say_whether_they_lie_in_the_past() -> None:
    said = {
        f"{table}.{column.name}": column.timing
        for table in table_names()
        for column in load_contract(table).columns
        if column.timing
    }
    assert said == {
        "performance.reporting_month": "past",
        "loans.origination_date": "past",
        "loans.first_payment_date": "scheduled",
        "properties.appraisal_date": "past",
        "loan_panel.origination_date": "past",
        "loan_panel.first_payment_date": "scheduled",
        "loan_panel.appraisal_date": "past",
    }


def test_months_are_the_dates_whose_unit_is_a_month() -> None:
    months = {column.name for table in table_names() for column in load_contract(table).columns if column.is_month}
    assert months == {"reporting_month", "zero_balance_date", "origination_date", "first_payment_date", "month"}


@pytest.mark.parametrize(
    ("kind", "field", "custom", "said"),
    [
        ("date", "", ", {property: timing, value: soon}", "one.x: timing is 'soon'; it must be one of past, scheduled"),
        ("number", "", ", {property: timing, value: past}", "one.x: timing is for date columns, this one is number"),
        ("number", "physicalType: bigint", "", "one.x: physicalType is 'bigint'; it can only be bigint, of an integer"),
        ("integer", "physicalType: tinyint", "", "one.x: physicalType is 'tinyint'"),
    ],
)
def test_what_a_column_may_not_say_is_refused(kind: str, field: str, custom: str, said: str) -> None:
    with pytest.raises(ContractError, match=re.escape(said)):
        parse_contract(MINIMAL % (kind, field, custom), "one.odcs.yaml")


def test_the_published_schema_is_the_contracts() -> None:
    pytest.importorskip("pyarrow")
    contract = load_contract("scores")
    schema = arrow_schema(contract)
    assert tuple(schema.names) == contract.column_names
    assert [str(field.type) for field in schema] == [
        *("string", "date32[day]", "double", "string", "string", "string", "string", "string", "int32", "string")
    ]
    assert {field.name for field in schema if field.nullable} == {"reason_1", "reason_2", "reason_3", "reason_4"}
    assert str(arrow_schema(load_contract("quarantine")).field("row_number").type) == "int64"
