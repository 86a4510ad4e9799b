"""Writes docs/data-dictionary.md from the contracts: ``python -m contracts.dictionary``."""

from __future__ import annotations

from pathlib import Path

from contracts.loader import load_contract
from contracts.model import Column, Contract, DerivedFeature
from contracts.requests import bound_text, span_words
from contracts.values import as_text

TARGET = Path("docs/data-dictionary.md")
# In the order in which data flows, which is also the order in which a reader understands them.
TABLES = (
    "borrowers",
    "properties",
    "loans",
    "performance",
    "economic_indicators",
    "borrower_demographics",
    "loan_panel",
    "scoring_input",
    "scores",
    "quarantine",
)
DIRECTIONS = {-1: "falls", 0: "free", 1: "rises"}
LISTED_VALUES = 12
HEADER = "| column | type | unit | values | role | PD when it rises | personal | from | meaning |"
DERIVED_HEADER = "| feature | formula | unit | PD when it rises | meaning |"
INTRODUCTION = """\
# Data dictionary

Generated from `contracts/tables/*.odcs.yaml` by `python -m contracts.dictionary`; a test fails when they differ.
Change the contract, not this page.

* **Bold** columns are the table's key; \\* marks a column that may not be null.
* † marks a column whose invalid values are set to missing, counted and warned about. Of any other column an invalid
  value costs the row: it goes to quarantine.
* *role*: key, time, feature (the model learns from it), attribute (carried along), label, outcome (known only
  afterwards, never a feature), protected (fairness measures only), metadata.
* *PD when it rises*: the direction that the model is held to; "free" leaves it to the data. Text features are
  categories and have none.
* *personal*: direct or indirect personal data; such values stay out of logs and check results.
"""


def render() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *(_section(load_contract(name)) for name in TABLES)])


def _section(contract: Contract) -> str:
    rows = "\n".join(_row(contract, column) for column in contract.columns)
    lines = [
        f"## {contract.name}",
        "",
        f"{contract.description} Holds {contract.grain}. Contract version {contract.version}.",
        "",
        HEADER,
        "|" + " --- |" * (HEADER.count("|") - 1),
        rows,
        "",
    ]
    if contract.tolerated_invalid_percent:
        lines += [f"Up to {contract.tolerated_invalid_percent:g} % of rows may be set aside as invalid.", ""]
    if contract.derived:
        lines += ["Derived by the model from one row:", "", DERIVED_HEADER, "|" + " --- |" * 5]
        lines += [_derived_row(feature) for feature in contract.derived]
        lines += [""]
    if contract.factors:
        lines += ["Features that share one reason code:", ""]
        lines += [f"* {factor.label} (`{factor.name}`): {', '.join(factor.features)}" for factor in contract.factors]
        lines += [""]
    if contract.rules:
        lines += ["Rules about the whole table:", ""]
        lines += [
            f"* {rule.severity}: {rule.description} ({span_words(rule.minimum, rule.maximum, rule.unit)})"
            for rule in contract.rules
        ]
        lines += [""]
    return "\n".join(lines)


def _row(contract: Contract, column: Column) -> str:
    name = f"**{column.name}**" if column.name in contract.key else column.name
    direction = DIRECTIONS[column.monotone] if column.role == "feature" and not column.categorical else ""
    cells = [
        name + (r"\*" if column.required else "") + ("†" if column.dispensable else ""),
        column.type,
        column.unit or "",
        _values(column),
        column.role,
        direction,
        "" if column.pii == "none" else column.pii,
        ", ".join(column.sources),
        column.description,
    ]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _derived_row(feature: DerivedFeature) -> str:
    cells = [
        feature.name,
        f"`{feature.formula}`",
        feature.unit or "",
        DIRECTIONS[feature.monotone],
        feature.description + (f" In place of {', '.join(feature.replaces)}." if feature.replaces else ""),
    ]
    return "| " + " | ".join(cells) + " |"


def _values(column: Column) -> str:
    if column.allowed is not None:
        labels = column.allowed_labels or ("",) * len(column.allowed)
        shown = [
            f"`{as_text(value)}`" + (f" {label}" if label else "")
            for value, label in zip(column.allowed, labels, strict=True)
        ]
        more = f", … ({len(shown)} values)" if len(shown) > LISTED_VALUES else ""
        return ", ".join(shown[:LISTED_VALUES]) + more
    if column.bounded:
        return f"{bound_text(column.minimum) or ''} … {bound_text(column.maximum) or ''}"
    return f"`{column.pattern}`" if column.pattern else ""


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(render(), encoding="utf-8")
