"""Requests checked against botocore's service model, with the service's words for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import jmespath
from botocore.loaders import Loader
from botocore.model import ServiceModel

from local_aws.kernel.errors import AwsError

# Java's Unicode classes in terms of Python's; \w also takes the underscore.
_CLASSES = {r"\p{L}": r"\w", r"\p{N}": r"\w", r"\p{Z}": " \u00a0\u2000-\u200a\u2028\u2029\u202f\u3000"}


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


@cache
def service_model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")


def validate(operation: str, params: Mapping[str, Any]) -> None:
    """Check a request against the operation's input shape; ValidationException lists every violation."""
    shape = service_model().operation_model(operation).input_shape
    problems = list(_violations(shape, params, "")) if shape else []
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        raise invalid(f"{len(problems)} validation {noun} detected: {'; '.join(problems)}")


def refuse(operation: str, params: Mapping[str, Any], supported: Mapping[str, set[Any]]) -> None:
    """Refuse parameters that would change the result here.

    ``supported`` gives the values allowed at JMESPath places; an empty set allows none at all.
    """
    for path, allowed in supported.items():
        found = jmespath.search(path, params)
        for value in found if isinstance(found, list) and "[]" in path else [found]:
            if value not in (None, [], {}) and not (isinstance(value, (str, int, bool)) and value in allowed):
                place = path.replace("[]", "")
                hint = f" (only {', '.join(map(str, sorted(allowed)))})" if allowed else ""
                raise invalid(f"{operation}: {place}={value!r} is not supported by the local AWS{hint}")


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    """What of a value is not as its shape says, in the service's words."""
    check = _CHECKS.get(shape.type_name)
    if check is None:
        return
    types, noun, further = check
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        yield _wrong(value, path, f"Member must be {noun}")
    else:
        yield from further(shape, value, path)


def _structure(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _wrong(None, _join(path, name), "Member must not be null")
    for name, item in value.items():
        if name not in shape.members:
            yield f"Unknown parameter '{_join(path, name)}'"
        elif item is not None:
            yield from _violations(shape.members[name], item, _join(path, name))


def _list(shape: Any, value: list[Any], path: str) -> Iterator[str]:
    yield from _limits(shape, value, path, len(value))
    for index, item in enumerate(value, 1):
        yield from _violations(shape.member, item, f"{path}.{index}.member")


def _map(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    yield from _limits(shape, value, path, len(value))
    for name, item in value.items():
        yield from _violations(shape.key, name, f"{path}.key")
        yield from _violations(shape.value, item, f"{path}.{name}")


def _string(shape: Any, value: str, path: str) -> Iterator[str]:
    yield from _limits(shape, value, path, len(value))
    if getattr(shape, "enum", None) and value not in shape.enum:
        yield _wrong(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern")
    compiled = _compiled(pattern) if pattern else None
    if compiled and not compiled.fullmatch(value):
        yield _wrong(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _number(shape: Any, value: float, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and value < low:
        yield _wrong(value, path, f"Member must have value greater than or equal to {low}")
    if high is not None and value > high:
        yield _wrong(value, path, f"Member must have value less than or equal to {high}")


# type of shape -> (Python types, what a violation calls them, what else is checked)
_CHECKS: dict[str, tuple[tuple[type, ...], str, Callable[[Any, Any, str], Iterator[str]]]] = {
    "structure": ((Mapping,), "an object", _structure),
    "list": ((list,), "a list", _list),
    "map": ((Mapping,), "a map", _map),
    "string": ((str,), "a string", _string),
    **dict.fromkeys(("integer", "long", "float", "double"), ((int, float), "a number", _number)),
}


def _limits(shape: Any, value: Any, path: str, length: int) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and length < low:
        yield _wrong(value, path, f"Member must have length greater than or equal to {low}")
    if high is not None and length > high:
        yield _wrong(value, path, f"Member must have length less than or equal to {high}")


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    for java, python in _CLASSES.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(re.sub(r"\$\{\d+,\d+\}$", "", pattern), re.DOTALL)
    except re.error:
        return None  # Java syntax that Python does not have; length limits still hold


def _join(path: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name


def _wrong(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:300]}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"
