"""The rules of a contract's column as Spark conditions."""

from __future__ import annotations

from pyspark.sql import Column

from contracts.model import Column as ContractColumn


def broken_rules(contract: ContractColumn, value: Column) -> list[tuple[Column, str]]:
    """(condition, reason) of each rule that ``value``, of the column's type, can break, in the order of reasons.

    A missing value breaks none but that it is required: the other conditions are null.
    """
    rules = [(value.isNull(), "missing_required")] if contract.required else []
    if contract.allowed:
        rules.append((~value.isin(*contract.allowed), "not_allowed"))
    if contract.bounded:
        rules.append((contract.outside(value), "out_of_range"))
    if contract.pattern:
        rules.append((~value.rlike(contract.pattern), "bad_format"))
    return rules
