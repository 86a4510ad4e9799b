"""Reads a table's derived features and reason factors (custom properties of the table), checked against its
columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contracts.formula import FormulaError
from contracts.model import Column, ContractError, DerivedFeature, Factor

DERIVED_FIELDS = {"name", "formula", "label", "description", "unit", "monotone", "replaces"}
FACTOR_FIELDS = {"name", "label", "features"}


def derived_features(table: str, columns: Sequence[Column], entries: Any) -> tuple[DerivedFeature, ...]:
    """The derived features; ContractError for an unknown field, a formula or column that is not allowed."""
    features = {column.name: column for column in columns if column.role == "feature"}
    derived: list[DerivedFeature] = []
    for entry in _entries(table, "derivedFeatures", entries, DERIVED_FIELDS, required=("name", "formula")):
        where = f"table {table}, derived feature {entry['name']!r}"
        if not entry.get("description") or not entry.get("label"):
            raise ContractError(f"{where} has no description or no label")
        feature = DerivedFeature(**{**entry, "replaces": tuple(entry.get("replaces", ()))})
        try:
            inputs = feature.inputs
        except FormulaError as error:
            raise ContractError(f"{where}: {error}") from error
        unknown = [name for name in (*inputs, *feature.replaces) if name not in features]
        if unknown or not inputs:
            raise ContractError(
                f"{where} needs feature columns of the table, {', '.join(unknown) or 'none'} is not one"
            )
        if feature.monotone not in (-1, 0, 1):
            raise ContractError(f"{where}: monotone is {feature.monotone!r}; it must be one of -1, 0, 1")
        if feature.name in features or feature.name in {known.name for known in derived}:
            raise ContractError(f"{where}: there is another feature of that name")
        derived.append(feature)
    return tuple(derived)


def factors(
    table: str, columns: Sequence[Column], derived: Sequence[DerivedFeature], entries: Any
) -> tuple[Factor, ...]:
    """The declared reason factors; ContractError for a feature that is unknown or in two factors."""
    free = {column.name for column in columns if column.role == "feature"} | {feature.name for feature in derived}
    declared = []
    for entry in _entries(table, "reasonFactors", entries, FACTOR_FIELDS, required=("name", "label", "features")):
        factor = Factor(entry["name"], entry["label"], tuple(entry["features"]))
        wrong = [name for name in factor.features if name not in free or factor.features.count(name) > 1]
        if wrong:
            raise ContractError(
                f"table {table}, reason factor {factor.name!r}: {', '.join(wrong)} is no feature, "
                "or in a factor already"
            )
        free -= set(factor.features)
        declared.append(factor)
    return tuple(declared)


def _entries(table: str, what: str, entries: Any, fields: set[str], required: tuple[str, ...]) -> list[dict[str, Any]]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ContractError(f"table {table}: {what} must be a list of mappings")
    for entry in entries:
        unknown, absent = set(entry) - fields, [field for field in required if not entry.get(field)]
        if unknown or absent:
            raise ContractError(
                f"table {table}, {what} {entry.get('name')!r}: "
                f"unknown {', '.join(sorted(unknown)) or 'nothing'}, missing {', '.join(absent) or 'nothing'}"
            )
    return entries
