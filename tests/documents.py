"""Holds real documents against the types by which the plugins read them. Standard library: it runs in every runtime."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

PLUGINS = Path(__file__).resolve().parents[1] / "plugins" / "mortgage_risk"


def type_named(name: str) -> Any:
    """A type of mortgage_risk/documents.py, or of xcoms.py (`xcoms.Dataset`).

    Read by its path: the package beside it may need Airflow.
    """
    file, _, name = f"documents.{name}".rpartition(".")
    file = file.rpartition(".")[2]
    module = sys.modules.get(f"{file}_of_the_plugins")
    if module is None:
        spec = importlib.util.spec_from_file_location(f"{file}_of_the_plugins", PLUGINS / f"{file}.py")
        assert spec
        assert spec.loader
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return getattr(module, name)


def misfits(value: Any, kind: Any, place: str = "") -> list[str]:
    """Where `value`, as JSON gives it, is not of `kind` (a type, or the name of one of mortgage_risk/documents.py).

    A sentence each; none where it fits. That an object has more than its TypedDict names is no misfit.
    """
    if isinstance(kind, str):
        kind, place = type_named(kind), kind
    if kind is Any:
        return []
    origin, parts = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        return _of_object(value, kind, place)
    if origin in (Union, types.UnionType):
        tried = [misfits(value, part, place) for part in parts]
        return min(tried, key=len)
    if origin is Literal:
        return [] if value in parts else [f"{place} is {value!r}, not one of {', '.join(parts)}"]
    if origin in (list, dict):
        if not isinstance(value, origin):
            return [f"{place} is {value!r}, not a {origin.__name__}"]
        items = value.items() if origin is dict else enumerate(value)
        return [found for name, item in items for found in misfits(item, parts[-1], f"{place}[{name!r}]")]
    number = kind is float and isinstance(value, int)
    if (isinstance(value, kind) or number) and not (isinstance(value, bool) and kind is not bool):
        return []
    return [f"{place} is {value!r}, not {kind.__name__}"]


def _of_object(value: Any, kind: Any, place: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{place} is {value!r}, not an object"]
    found = []
    for name, part in get_type_hints(kind, include_extras=True).items():
        optional = get_origin(part) is NotRequired
        if name in value:
            found += misfits(value[name], get_args(part)[0] if optional else part, f"{place}[{name!r}]")
        elif not (optional or name in kind.__optional_keys__):
            found.append(f"{place} has no {name!r}")
    return found
