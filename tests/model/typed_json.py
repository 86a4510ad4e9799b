"""Is a JSON document exactly what its TypedDict says?"""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict


def misfits(value: Any, kind: Any, place: str = "") -> list[str]:
    """Where a value of JSON is not of the type, or an object has a key that its type does not know; a line each."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return []
    if is_typeddict(kind):
        if not isinstance(value, dict):
            return [f"{place} is no object"]
        hints = get_type_hints(kind)
        found = [f"{place} has no {key}" for key in kind.__required_keys__ - value.keys()]
        found += [f"{place} has {key}, which {kind.__name__} does not know" for key in value.keys() - hints.keys()]
        return found + [
            line for key in value.keys() & hints.keys() for line in misfits(value[key], hints[key], f"{place}.{key}")
        ]
    if origin in (Union, types.UnionType):
        return min((misfits(value, part, place) for part in parts), key=len)
    if origin is Literal:
        return [] if value in parts else [f"{place} is {value!r:.60}"]
    if origin is list:
        items = enumerate(value) if isinstance(value, list) else ()
        found = [] if isinstance(value, list) else [f"{place} is no list"]
        return found + [line for i, item in items for line in misfits(item, parts[0], f"{place}[{i}]")]
    if origin is not None:  # a mapping
        if not isinstance(value, dict):
            return [f"{place} is no object"]
        return [line for key, item in value.items() for line in misfits(item, parts[1], f"{place}.{key}")]
    fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)
    return [] if fits and (kind is bool or not isinstance(value, bool)) else [f"{place} is {value!r:.60}"]
