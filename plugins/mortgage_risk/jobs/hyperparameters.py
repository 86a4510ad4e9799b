"""What a person sets of a training: typed in the form, or given as an object."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

DEFAULT_SEED = 20240131


def as_dict(value: str | Mapping[str, Any] | None) -> dict[str, Any]:
    """A templated dict arrives as JSON: of the form's text, where it was typed, or of nothing."""
    found = json.loads(value) if isinstance(value, str) else value
    return as_values(found) if isinstance(found, str) else dict(found or {})


def as_values(text: str) -> dict[str, Any]:
    """The parts of an object that is typed as text: `name = value`, one a line, or parted by commas; or JSON.

    Airflow's own field for an object cannot be typed in: it sets the text anew as soon as it is JSON, which
    `{"seed": 1` is on the way to 12, and the 2 comes after the brace.
    """
    if text.lstrip().startswith("{"):
        try:
            given: dict[str, Any] = json.loads(text)
        except ValueError as error:
            raise ValueError(f"this is not JSON: {error}") from error
        return given
    values = {}
    for part in filter(None, (part.strip() for part in re.split(r"[,\n]", text))):
        said = re.fullmatch(r'"?(\w+)"?\s*[=:]\s*(.+)', part)
        if not said:
            raise ValueError(f"'{part}' does not say name = value")
        values[said[1]] = _number(said[2])
    return values


def _number(text: str) -> Any:
    """The value of a text, a number where it is one."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (int, float)) and math.isfinite(value) else text
