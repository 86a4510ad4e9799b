"""Reads ``tables/*.odcs.yaml`` (Open Data Contract Standard v3) into contracts.

What the standard has a field for stands in that field; the rest (role, unit, monotone direction, missing
codes, inheritance) stands in ``customProperties``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.derivations import derived_features, factors
from contracts.model import PII_CLASSES, ROLES, SEVERITIES, TYPES, Column, Contract, ContractError, Rule
from contracts.split import Split, SplitDeclarationError, read_split

if TYPE_CHECKING:
    from open_data_contract_standard.model import CustomProperty, DataQuality, SchemaProperty

SUFFIX = ".odcs.yaml"
TABLE_PROPERTIES = {"toleratedInvalidPercent", "derivedFeatures", "reasonFactors", "split"}
COLUMN_PROPERTIES = {"role", "unit", "monotone", "missingCodes", "invalidValues", "inherits"}
# What an inheriting column takes from its parent and so must not state again.
INHERITED_FIELDS = ("logicalTypeOptions", "enum", "description", "classification", "businessName")
RULE_FIELDS = {"metric", "column", "minimum", "maximum"}


def table_names() -> tuple[str, ...]:
    """Every table that has a contract, sorted."""
    names = (entry.name for entry in (files("contracts") / "tables").iterdir())
    return tuple(sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)))


def load_contract(name: str) -> Contract:
    """The contract of table ``name``, inherited columns resolved; ContractError if it is absent or wrong."""
    return _load(name, ())


def load_contract_file(path: str | Path) -> Contract:
    """The contract in an ODCS file anywhere: a lender's own table. ContractError if it is absent or wrong."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ContractError(f"contract file {path} cannot be read: {error.strerror}") from error
    return parse_contract(text, str(path))


@cache
def _load(name: str, heirs: tuple[str, ...]) -> Contract:
    """``heirs`` are the tables whose inheritance led here, to notice a circle."""
    if name in heirs:
        raise ContractError(f"inheritance goes in a circle: {' <- '.join((*heirs, name))}")
    resource = files("contracts") / "tables" / f"{name}{SUFFIX}"
    if not resource.is_file():  # files() rather than a path: on Glue the package is imported from a zip
        raise ContractError(f"there is no contract {name!r}; tables are {', '.join(table_names())}")
    return parse_contract(resource.read_text(encoding="utf-8"), f"contracts/tables/{name}{SUFFIX}", heirs)


def parse_contract(text: str, where: str, heirs: tuple[str, ...] = ()) -> Contract:
    """A contract from ODCS YAML ``text``; ``where`` names the file in messages."""
    # Imported here: serving reads no YAML, and its container has none of these packages.
    import pydantic
    import yaml
    from open_data_contract_standard.model import OpenDataContractStandard

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times faster where built in
    try:
        document = yaml.load(text, Loader=loader)
        odcs = OpenDataContractStandard.model_validate(document)
    except (yaml.YAMLError, pydantic.ValidationError) as error:
        raise ContractError(f"{where} is not an Open Data Contract Standard document: {error}") from error
    unread = _unread_fields(document, odcs.model_dump(by_alias=True, exclude_unset=True))
    if unread:
        raise ContractError(f"{where}: the standard has no field {', '.join(unread)}")
    if not odcs.schema_ or len(odcs.schema_) != 1:
        raise ContractError(f"{where} must describe exactly one table under 'schema'")
    table = odcs.schema_[0]
    name = table.name or ""
    properties = table.properties or []
    columns = tuple(_column(name, prop, (*heirs, name)) for prop in properties)
    names = [column.name for column in columns]
    repeated = sorted({column for column in names if names.count(column) > 1})
    if repeated:
        raise ContractError(f"table {name} lists column {', '.join(repeated)} more than once")
    keyed = sorted((prop.primaryKeyPosition or 1, prop.name or "") for prop in properties if prop.primaryKey)
    custom = _custom(table.customProperties)
    unknown = set(custom) - TABLE_PROPERTIES
    if unknown:
        raise ContractError(f"table {name}: unknown custom property {', '.join(sorted(unknown))}")
    derived = derived_features(name, columns, custom.get("derivedFeatures", []))
    return Contract(
        name=name,
        version=odcs.version or "",
        description=_one_line(table.description),
        grain=_one_line(table.dataGranularityDescription),
        columns=columns,
        rules=tuple(_rule(name, names, quality) for quality in table.quality or []),
        key=tuple(column for _, column in keyed),
        tolerated_invalid_percent=float(custom.get("toleratedInvalidPercent", 0.0)),
        derived=derived,
        factors=factors(name, columns, derived, custom.get("reasonFactors", [])),
        split=_split(name, columns, custom),
    )


def _split(table: str, columns: tuple[Column, ...], custom: dict[str, Any]) -> Split | None:
    if "split" not in custom:
        return None
    times = [column.name for column in columns if column.role == "time"]
    try:
        return read_split(custom["split"], [column.name for column in columns], times)
    except SplitDeclarationError as error:
        raise ContractError(f"table {table}: {error}") from error


def _column(table: str, prop: SchemaProperty, heirs: tuple[str, ...]) -> Column:
    where = f"{table}.{prop.name}"
    custom = _custom(prop.customProperties)
    unknown = set(custom) - COLUMN_PROPERTIES
    if unknown:
        raise ContractError(f"{where}: unknown custom property {', '.join(sorted(unknown))}")
    if "inherits" in custom:
        return _inherited(where, prop, custom, heirs)
    options = prop.logicalTypeOptions or {}
    classification = prop.classification or "none"
    column = Column(
        name=prop.name or "",
        type=prop.logicalType or "",
        description=_one_line(prop.description),
        role=custom.get("role", ""),
        required=bool(prop.required),
        unit=custom.get("unit"),
        allowed=tuple(entry.value for entry in prop.enum) if prop.enum else None,
        allowed_labels=tuple(entry.label or "" for entry in prop.enum) if prop.enum else None,
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        pattern=options.get("pattern"),
        monotone=custom.get("monotone", 0),
        missing_codes=tuple(custom.get("missingCodes", ())),
        pii=classification.removesuffix("-pii"),
        critical=bool(prop.criticalDataElement),
        dispensable=_dispensable(where, custom, prop),
        partitioned=bool(prop.partitioned),
        sources=tuple(prop.transformSourceObjects or ()),
        business_name=prop.businessName,
    )
    return _checked(where, column)


def _dispensable(where: str, custom: dict[str, Any], prop: SchemaProperty) -> bool:
    """Whether invalid values become missing. ContractError where a row, a label or a model needs the column."""
    if "invalidValues" not in custom:
        return False
    if custom["invalidValues"] != "missing":
        raise ContractError(f"{where}: invalidValues is {custom['invalidValues']!r}; it can only be missing")
    if prop.required or prop.criticalDataElement or custom.get("role") not in ("attribute", "outcome", "metadata"):
        raise ContractError(
            f"{where}: invalidValues is missing, but the column is needed: it is required, critical, or of role "
            f"{custom.get('role')}. Only a dispensable attribute, outcome or metadata column may lose values."
        )
    return True


def _inherited(where: str, prop: SchemaProperty, custom: dict[str, Any], heirs: tuple[str, ...]) -> Column:
    """The parent's column under this name; role, monotone, required, critical and sources may be set anew."""
    target = custom["inherits"]
    restated = [field for field in INHERITED_FIELDS if getattr(prop, field) is not None]
    restated += [field for field in ("unit", "missingCodes", "invalidValues") if field in custom]
    if restated:
        raise ContractError(f"{where} inherits {target} and so must not state {', '.join(restated)} again")
    parent_table, _, parent_name = str(target).partition(".")
    try:
        parent = _load(parent_table, heirs).column(parent_name)
    except ContractError as error:
        raise ContractError(f"{where} inherits {target!r}, which cannot be resolved: {error}") from error
    if prop.logicalType != parent.type:  # stated again because the standard's JSON schema asks for it
        raise ContractError(f"{where} is {prop.logicalType}, but inherits {target}, which is {parent.type}")
    column = replace(
        parent,
        name=prop.name or "",
        role=custom.get("role", parent.role),
        monotone=custom.get("monotone", parent.monotone),
        required=parent.required if prop.required is None else prop.required,
        critical=parent.critical if prop.criticalDataElement is None else prop.criticalDataElement,
        dispensable=False,  # what is invalid was set to missing where the parent was read
        partitioned=bool(prop.partitioned),
        sources=tuple(prop.transformSourceObjects or parent.sources or (target,)),
        inherits=target,
    )
    return _checked(where, column)


def _checked(where: str, column: Column) -> Column:
    for field, value, known in (
        ("logicalType", column.type, TYPES),
        ("role", column.role, ROLES),
        ("monotone", column.monotone, (-1, 0, 1)),
        ("classification", column.pii, PII_CLASSES),
    ):
        if value not in known:
            raise ContractError(f"{where}: {field} is {value!r}; it must be one of {', '.join(map(str, known))}")
    if not column.description:
        raise ContractError(f"{where} has no description")
    return column


def _rule(table: str, columns: list[str], quality: DataQuality) -> Rule:
    where = f"{table}, quality rule {quality.name!r}"
    rule = quality.implementation if isinstance(quality.implementation, dict) else {}
    if not quality.name or not quality.description or "metric" not in rule:
        raise ContractError(f"{where} needs a name, a description and implementation.metric")
    if set(rule) - RULE_FIELDS or not {"minimum", "maximum"} & set(rule):
        raise ContractError(f"{where}: implementation takes metric, column, and minimum or maximum or both")
    if quality.severity not in SEVERITIES:
        raise ContractError(f"{where}: severity is {quality.severity!r}; it must be error or warning")
    if rule.get("column") not in (None, *columns):
        raise ContractError(f"{where} speaks of column {rule['column']!r}, which the table does not have")
    return Rule(
        name=quality.name,
        severity=quality.severity,
        description=_one_line(quality.description),
        unit=quality.unit,
        **rule,
    )


def _custom(properties: list[CustomProperty] | None) -> dict[str, Any]:
    return {entry.property or "": entry.value for entry in properties or []}


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _unread_fields(document: Any, read: Any, path: str = "") -> list[str]:
    """Paths in the document that the typed model does not know: nested ones it would drop silently."""
    if isinstance(document, dict) and isinstance(read, dict):
        return [
            found
            for field, value in document.items()
            for found in (
                _unread_fields(value, read[field], f"{path}{field}.") if field in read else [f"{path}{field}"]
            )
        ]
    if isinstance(document, list) and isinstance(read, list):
        return [
            found
            for index, (one, other) in enumerate(zip(document, read, strict=True))
            for found in _unread_fields(one, other, f"{path}{index}.")
        ]
    return []
