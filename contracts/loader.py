"""Reads ``tables/*.odcs.yaml`` (Open Data Contract Standard v3) into contracts.

What the standard has a field for stands in that field; the rest (role, unit, monotone direction, missing
codes, inheritance) stands in ``customProperties``.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.columns import COLUMN_PROPERTIES, custom, inherited_column, number, one_line, own_column
from contracts.derivations import derived_features, factors
from contracts.model import SEVERITIES, Column, Contract, ContractError, Rule
from contracts.split import Split
from contracts.split_property import SplitDeclarationError, read_split
from contracts.values import as_text

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality, SchemaProperty

SUFFIX = ".odcs.yaml"
TABLE_PROPERTIES = {"toleratedInvalidPercent", "derivedFeatures", "reasonFactors", "split"}
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
    except UnicodeDecodeError as error:
        raise ContractError(f"contract file {path} cannot be read: it is not UTF-8") from error
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
    document = _as_written(text, where)
    odcs = _validated(document, where)
    unread = _unread_fields(document, odcs.model_dump(by_alias=True, exclude_unset=True))
    if unread:
        raise ContractError(f"{where}: the standard has no field {', '.join(unread)}")
    if not odcs.schema_ or len(odcs.schema_) != 1:
        raise ContractError(f"{where} must describe exactly one table under 'schema'")
    table = odcs.schema_[0]
    name = table.name or ""
    properties = table.properties or []
    columns = tuple(_column(name, place, prop, (*heirs, name)) for place, prop in enumerate(properties, start=1))
    names = [column.name for column in columns]
    repeated = sorted({column for column in names if names.count(column) > 1})
    if repeated:
        raise ContractError(f"table {name} lists column {', '.join(repeated)} more than once")
    keyed = sorted((prop.primaryKeyPosition or 1, prop.name or "") for prop in properties if prop.primaryKey)
    known = custom(table.customProperties)
    unknown = set(known) - TABLE_PROPERTIES
    if unknown:
        raise ContractError(f"table {name}: unknown custom property {', '.join(sorted(unknown))}")
    derived = derived_features(name, columns, known.get("derivedFeatures", []))
    return Contract(
        name=name,
        version=odcs.version or "",
        description=one_line(table.description),
        grain=one_line(table.dataGranularityDescription),
        columns=columns,
        rules=tuple(_rule(name, names, quality) for quality in table.quality or []),
        key=tuple(column for _, column in keyed),
        tolerated_invalid_percent=float(
            number(f"table {name}", "toleratedInvalidPercent", known.get("toleratedInvalidPercent", 0))
        ),
        derived=derived,
        factors=factors(name, columns, derived, known.get("reasonFactors", [])),
        split=_split(name, columns, known),
    )


def _as_written(text: str, where: str) -> Any:
    """The document with every value as the text it is written as: YAML would guess that NO is false and 017 fifteen.
    The reader of each field knows its type. Nothing, `~` and `null` are None.
    """
    # Imported here: serving reads no YAML, and its container has none of these packages.
    import yaml

    class AsWritten(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml's is ten times faster
        yaml_implicit_resolvers = {  # noqa: RUF012
            "": [("tag:yaml.org,2002:null", re.compile(r"^$"))],
            "~": [("tag:yaml.org,2002:null", re.compile(r"^~$"))],
            "n": [("tag:yaml.org,2002:null", re.compile(r"^null$"))],
            "<": [("tag:yaml.org,2002:merge", re.compile(r"^<<$"))],
        }

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
            if twice := sorted({str(key) for key in keys if keys.count(key) > 1}):
                line = node.start_mark.line + 1
                raise ContractError(f"{where}: {', '.join(twice)} stands twice in the entry that begins in line {line}")
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader=AsWritten)
    except yaml.YAMLError as error:
        raise ContractError(f"{where} is not an Open Data Contract Standard document: {error}") from error


def _validated(document: Any, where: str) -> Any:
    import pydantic
    from open_data_contract_standard.model import OpenDataContractStandard

    try:
        return OpenDataContractStandard.model_validate(document)
    except pydantic.ValidationError as error:
        found = [f"{'.'.join(map(str, one['loc'])) or 'the document'}: {one['msg']}" for one in error.errors()]
        raise ContractError(f"{where} is not an Open Data Contract Standard document: {'; '.join(found)}") from error


def _split(table: str, columns: tuple[Column, ...], known: dict[str, Any]) -> Split | None:
    if "split" not in known:
        return None
    try:
        return read_split(known["split"], columns)
    except SplitDeclarationError as error:
        raise ContractError(f"table {table}: {error}") from error


def _column(table: str, place: int, prop: SchemaProperty, heirs: tuple[str, ...]) -> Column:
    name = prop.name or ""
    if not name or name != name.strip() or not name.isprintable():
        raise ContractError(
            f"table {table}: the name of column {place} is {name!r}; it must be the header's, without blanks around it"
        )
    where = f"{table}.{name}"
    known = custom(prop.customProperties)
    if unknown := set(known) - COLUMN_PROPERTIES:
        raise ContractError(f"{where}: unknown custom property {', '.join(sorted(unknown))}")
    if "inherits" not in known:
        return own_column(where, prop)
    target = as_text(known["inherits"])
    parent_table, _, parent_name = target.partition(".")
    try:
        parent = _load(parent_table, heirs).column(parent_name)
    except ContractError as error:
        raise ContractError(f"{where} inherits {target!r}, which cannot be resolved: {error}") from error
    return inherited_column(where, prop, target, parent)


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
    bounds = {end: number(where, end, rule[end]) for end in ("minimum", "maximum") if end in rule}
    return Rule(
        name=quality.name,
        severity=quality.severity,
        description=one_line(quality.description),
        unit=quality.unit,
        metric=rule["metric"],
        column=rule.get("column"),
        **bounds,
    )


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
