"""What whoever starts a run may say: in a form, by REST, on the command line or in a backfill.

Airflow holds each value against its parameter's schema, and takes a name that it does not know without a word. So a run
is refused twice: by the API server before it exists (`door`), and by its first tasks where it came in another way.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from mortgage_risk.release.decisions import override_problem

OVERRIDE = ("override_by", "override_reason")


class FormRefused(AirflowFailException):
    """What was given for the run makes no sense; nothing was done."""


def problems(given: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]], *, backfill: bool) -> list[str]:
    """What is wrong with the values given for a run, a sentence each.

    schemas: JSON schema of each parameter of the DAG. backfill: one of many runs, which share the values.
    """
    known = {name: value for name, value in given.items() if name in schemas}
    found = [_unknown(name, name, schemas) for name in given if name not in schemas]
    for name, value in known.items():
        found += dict.fromkeys(_wrong_values(name, value, schemas[name]))
    by, reason = (str(known.get(name) or "") for name in OVERRIDE)
    if problem := override_problem(by, reason):
        found.append(f"{problem}.")
    if backfill:
        dates = [name for name, value in known.items() if value and schemas[name].get("format") == "date"]
        found += [
            f"{name}: a backfill's runs have dates of their own, and {known[name]} would be the date of all of them. "
            "Leave it empty."
            for name in dates
        ]
        if by.strip() or reason.strip():
            found.append("An override releases one model, not a backfill's: start that run by itself.")
    return found


def as_values(text: str) -> dict[str, Any]:
    """The parts of an object that is typed as text: `name = value`, one a line, or parted by commas; or JSON.

    Airflow's own field for an object cannot be typed in: it sets the text anew as soon as it is JSON, which
    `{"seed": 1` is on the way to 12, and the 2 comes after the brace.
    """
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"this is not JSON: {error}") from error
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


def refuse(context: Mapping[str, Any]) -> None:
    """Before a task does anything: FormRefused where the run was given what it cannot be given.

    A teardown goes on: it has nothing to submit, and sums up refused runs too.
    """
    if getattr(context["task"], "is_teardown", False):
        return
    run, params = context["dag_run"], context["dag"].params
    schemas = {name: params.get_param(name).schema for name in params}
    if found := problems(run.conf or {}, schemas, backfill=run.run_type == "backfill"):
        raise FormRefused("Nothing was started. " + " ".join(found))


def _unknown(place: str, name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"There is no parameter {place}.{meant} There are {', '.join(known)}."


def _wrong_values(name: str, value: Any, schema: Mapping[str, Any]) -> list[str]:
    from jsonschema import Draft202012Validator, FormatChecker

    found = []
    if isinstance(value, str) and "properties" in schema:
        try:
            value = as_values(value)
        except ValueError as problem:
            return [f"{name}: {problem}."]
    for error in Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(value):
        place = ".".join(map(str, (name, *error.absolute_path)))
        if error.validator == "additionalProperties":
            parts = error.schema["properties"]
            found += [_unknown(f"{place}.{part}", part, parts) for part in error.instance if part not in parts]
        elif error.instance is None:
            found.append(f"{place} must not be empty.")
        elif error.validator == "format":
            found.append(f"{place}: {error.instance!r} is not a date of the calendar (YYYY-MM-DD).")
        else:
            found.append(f"{place}: {error.message}.")
    return found
