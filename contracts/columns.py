"""Reads one column of a contract: what ODCS says of it, typed, and refused where nothing could follow it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from contracts.model import BIGINT, PII_CLASSES, ROLES, TIMINGS, TYPES, Column, ContractError, LabelMapping
from contracts.values import NUMERIC, Value, as_text, read_value

if TYPE_CHECKING:
    from open_data_contract_standard.model import CustomProperty, SchemaProperty

COLUMN_PROPERTIES = {"role", "unit", "monotone", "missingCodes", "invalidValues", "labelMapping", "inherits", "timing"}
OPTIONS = {"minimum": (*NUMERIC, "date"), "maximum": (*NUMERIC, "date"), "pattern": ("string",)}
# What the standard has and nothing here would hold a table to.
UNREAD = {"unique": "primaryKey of the columns that identify a row", "quality": "rules of the table, under its quality",
          "properties": "columns without columns inside", "items": "columns without lists"}  # fmt: skip
# What an inheriting column takes from its parent and so must not state again.
INHERITED_PROPERTIES = ("unit", "missingCodes", "invalidValues", "labelMapping", "timing")
INHERITED_FIELDS = ("logicalTypeOptions", "enum", "description", "classification", "businessName")
LABEL_VALUES = (0, 1)


def own_column(where: str, prop: SchemaProperty) -> Column:
    """A column that stands for itself. ContractError, beginning with `where`, for what it may not say."""
    known = custom(prop.customProperties)
    options = prop.logicalTypeOptions or {}
    kind = prop.logicalType or ""
    _one_of(where, "logicalType", kind, TYPES)
    if unknown := sorted(set(options) - set(OPTIONS)):
        raise ContractError(
            f"{where}: logicalTypeOptions {', '.join(unknown)} would not be checked; there are {', '.join(OPTIONS)}"
        )
    for name in options:
        if kind not in OPTIONS[name]:
            raise ContractError(f"{where}: {name} is for {' and '.join(OPTIONS[name])} columns, this one is {kind}")
    for field, instead in UNREAD.items():
        if getattr(prop, field):
            raise ContractError(f"{where}: {field} would not be checked; say it as {instead}")
    column = Column(
        name=prop.name or "",
        type=kind,
        description=one_line(prop.description),
        role=as_text(known.get("role", "")),
        required=bool(prop.required),
        unit=known.get("unit"),
        allowed=tuple(_value(where, "enum", kind, entry.value) for entry in prop.enum) if prop.enum else None,
        allowed_labels=tuple(entry.label or "" for entry in prop.enum) if prop.enum else None,
        minimum=_value(where, "minimum", kind, options["minimum"]) if "minimum" in options else None,
        maximum=_value(where, "maximum", kind, options["maximum"]) if "maximum" in options else None,
        pattern=options.get("pattern"),
        monotone=as_direction(where, known.get("monotone", 0)),
        missing_codes=tuple(texts(where, "missingCodes", known["missingCodes"])) if "missingCodes" in known else (),
        pii=(prop.classification or "none").removesuffix("-pii"),
        critical=bool(prop.criticalDataElement),
        dispensable=_dispensable(where, known, prop),
        partitioned=bool(prop.partitioned),
        sources=tuple(prop.transformSourceObjects or ()),
        business_name=prop.businessName,
        label_mapping=_label_mapping(where, known["labelMapping"]) if "labelMapping" in known else None,
        timing=_timing(where, kind, known["timing"]) if "timing" in known else None,
        wide=_wide(where, kind, prop.physicalType),
    )
    _check_values(where, column)
    return _checked(where, column)


def inherited_column(where: str, prop: SchemaProperty, target: str, parent: Column) -> Column:
    """The `parent` column, which is `target`, under this name; role, monotone, required, critical and sources may be
    set anew.
    """
    known = custom(prop.customProperties)
    restated = [field for field in INHERITED_FIELDS if getattr(prop, field) is not None]
    restated += [field for field in INHERITED_PROPERTIES if field in known]
    if restated:
        raise ContractError(f"{where} inherits {target} and so must not state {', '.join(restated)} again")
    if prop.logicalType != parent.type:  # stated again because the standard's JSON schema asks for it
        raise ContractError(f"{where} is {prop.logicalType}, but inherits {target}, which is {parent.type}")
    column = replace(
        parent,
        name=prop.name or "",
        role=as_text(known.get("role", parent.role)),
        monotone=as_direction(where, known.get("monotone", parent.monotone)),
        required=parent.required if prop.required is None else prop.required,
        critical=parent.critical if prop.criticalDataElement is None else prop.criticalDataElement,
        dispensable=False,  # what is invalid was set to missing where the parent was read
        partitioned=bool(prop.partitioned),
        sources=tuple(prop.transformSourceObjects or parent.sources or (target,)),
        inherits=target,
    )
    return _checked(where, column)


def custom(properties: list[CustomProperty] | None) -> dict[str, Any]:
    """Custom properties by name."""
    return {entry.property or "": entry.value for entry in properties or []}


def one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def texts(where: str, what: str, entries: Any) -> list[str]:
    """A list of values as they are written. ContractError for anything else."""
    if not isinstance(entries, list):
        raise ContractError(f"{where}: {what} must be a list, such as [{entries if entries is not None else '-999'}]")
    for entry in entries:
        if entry is None or isinstance(entry, list | dict):
            raise ContractError(
                f"{where}: {what} holds {'nothing (null)' if entry is None else 'a list or mapping'}; write the value "
                "as it stands in the table, in quotes if need be. What is empty there needs no code"
            )
    return [as_text(entry) for entry in entries]


def number(where: str, what: str, written: Any) -> int | float:
    """A number as written. ContractError for anything else."""
    value = _value(where, what, "number", written)
    assert isinstance(value, int | float)
    return value


def _value(where: str, what: str, kind: str, written: Any) -> Value:
    (text,) = texts(where, what, [written])
    try:
        return read_value(kind, text)
    except ValueError as error:
        raise ContractError(f"{where}: {what} {error}; write {_example(kind)}") from None


def _example(kind: str) -> str:
    return {
        "integer": "whole numbers in decimal, such as 15 or -1",
        "number": "a number in decimal, such as 0.5 or -999",
        "date": "a day such as 2024-12-31",
        "boolean": "true or false",
    }[kind]


def as_direction(where: str, written: Any) -> int:
    """-1, 0 or 1 as written. ContractError for anything else."""
    text = as_text(written)
    if text not in ("-1", "0", "1", "+1"):
        raise ContractError(f"{where}: monotone is {text}; it must be one of -1, 0, 1")
    return int(text)


def _label_mapping(where: str, entry: Any) -> LabelMapping:
    fields = ("bad", "good", "indeterminate")
    if not isinstance(entry, dict) or set(entry) - set(fields) or not {"bad", "good"} <= set(entry):
        raise ContractError(f"{where}: labelMapping takes lists of values: bad, good and, if need be, indeterminate")
    read = {name: tuple(texts(where, f"labelMapping {name}", entry[name])) for name in entry}
    listed = [text for values in read.values() for text in values]
    if not (read["bad"] and read["good"]) or len(set(listed)) < len(listed):
        raise ContractError(f"{where}: labelMapping needs a value each for bad and good, and no value twice")
    return LabelMapping(**read)


def _timing(where: str, kind: str, written: Any) -> str:
    timing = as_text(written)
    if kind != "date":
        raise ContractError(f"{where}: timing is for date columns, this one is {kind}")
    _one_of(where, "timing", timing, TIMINGS)
    return timing


def _wide(where: str, kind: str, physical_type: str | None) -> bool:
    """Whether an integer has 64 bits. ContractError for a physical type that nothing here would make."""
    if physical_type is None:
        return False
    if (kind, physical_type) != ("integer", BIGINT):
        raise ContractError(f"{where}: physicalType is {physical_type!r}; it can only be {BIGINT}, of an integer")
    return True


def _dispensable(where: str, known: dict[str, Any], prop: SchemaProperty) -> bool:
    """Whether invalid values become missing. ContractError where a row, a label or a model needs the column."""
    if "invalidValues" not in known:
        return False
    if known["invalidValues"] != "missing":
        raise ContractError(f"{where}: invalidValues is {known['invalidValues']!r}; it can only be missing")
    if prop.required or prop.criticalDataElement or known.get("role") not in ("attribute", "outcome", "metadata"):
        raise ContractError(
            f"{where}: invalidValues is missing, but the column is needed: it is required, critical, or of role "
            f"{known.get('role')}. Only a dispensable attribute, outcome or metadata column may lose values."
        )
    return True


def _check_values(where: str, column: Column) -> None:
    """What a column says of its values must fit together."""
    allowed = column.allowed or ()
    if len(set(allowed)) < len(allowed):
        raise ContractError(f"{where}: enum lists {_named(v for v in allowed if allowed.count(v) > 1)} twice")
    if both := [value for value in allowed if column.codes.holds(column.type, value)]:
        raise ContractError(f"{where}: {_named(both)} is in enum and in missingCodes; it can be one of them")
    if column.minimum is not None and column.maximum is not None and column.minimum > column.maximum:
        raise ContractError(f"{where}: minimum {column.minimum} is above maximum {column.maximum}")
    try:
        _ = column.regex
    except re.error as error:
        raise ContractError(f"{where}: pattern {column.pattern!r} is no regular expression: {error}") from None
    if column.label_mapping is not None and column.role != "label":
        raise ContractError(f"{where}: labelMapping is for the column of role label")


def _checked(where: str, column: Column) -> Column:
    _one_of(where, "role", column.role, ROLES)
    _one_of(where, "classification", column.pii, PII_CLASSES)
    if not column.description:
        raise ContractError(f"{where} has no description")
    if column.monotone and (column.role != "feature" or column.type == "string"):
        why = "text has no order" if column.type == "string" else f"only features have a direction, it is {column.role}"
        raise ContractError(f"{where}: monotone is {column.monotone}, but {why}; leave it out")
    if column.role == "feature" and column.type == "date":
        raise ContractError(
            f"{where}: a date cannot be a feature; give it the role attribute, or time if the rows are split by it, "
            "and make a number of what matters, such as an age in months"
        )
    if column.role == "label":
        _check_label(where, column)
    return column


def _check_label(where: str, column: Column) -> None:
    if column.label_mapping is not None:
        return
    asked = "say which values are which with labelMapping: {bad: [...], good: [...]}"
    if column.type not in (*NUMERIC, "boolean"):
        raise ContractError(f"{where}: a label is 0 or 1, and this one is {column.type}; {asked}")
    if other := [value for value in column.allowed or () if value not in LABEL_VALUES]:
        raise ContractError(f"{where}: a label is 0 or 1, and enum lists {_named(other)}; {asked}")


def _named(values: Iterable[Value]) -> str:
    return ", ".join(dict.fromkeys(as_text(value) for value in values))


def _one_of(where: str, field: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ContractError(f"{where}: {field} is {value!r}; it must be one of {', '.join(known)}")
