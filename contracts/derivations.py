"""Reads a table's derived features and reason factors (custom properties of the table), checked against its
columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from contracts.columns import as_direction
from contracts.formula import FormulaError, numbers_of
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
        if not isinstance(entry.get("replaces", []), list):
            raise ContractError(f"{where}: replaces must be a list of columns")
        direction = as_direction(where, entry.get("monotone", 0))
        feature = DerivedFeature(**{**entry, "monotone": direction, "replaces": tuple(entry.get("replaces", ()))})
        try:
            inputs, numbers = feature.inputs, numbers_of(feature.formula)
        except FormulaError as error:
            raise ContractError(f"{where}: {error}") from error
        unknown = [name for name in (*inputs, *feature.replaces) if name not in features]
        if unknown or not inputs:
            raise ContractError(
                f"{where} needs feature columns of the table, {', '.join(unknown) or 'none'} is not one"
            )
        if texts := [name for name in numbers if features[name].type == "string"]:
            raise ContractError(f"{where} calculates with {', '.join(texts)}, which is text; text takes missing() only")
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
        if not isinstance(entry["features"], list):
            raise ContractError(f"table {table}, reason factor {entry['name']!r}: features must be a list")
        factor = Factor(entry["name"], entry["label"], tuple(entry["features"]))
        wrong = [name for name in factor.features if name not in free or factor.features.count(name) > 1]
        if wrong:
            raise ContractError(
                f"table {table}, reason factor {factor.name!r}: {', '.join(wrong)} is no feature, "
                "or in a factor already"
            )
        free -= set(factor.features)
        declared.append(factor)
    names = [factor.name for factor in declared]
    if ambiguous := [name for name in names if name in free or names.count(name) > 1]:
        raise ContractError(f"table {table}: reason factor {ambiguous[0]!r} has the name of another factor or feature")
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
