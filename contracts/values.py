"""What a value means: the one comparison of a table's values with its contract's, by the column's type.

YAML guesses a type from the look of a value (NO is false, 017 is fifteen, 1e3 is text), and files store one value in
many ways (-999, "-999.0", a decimal). So the loader keeps every value of a contract as it is written, and here the
column's type decides: a value of a numeric column is a number, of a text column the text. What stores values otherwise
than as Python objects compares by the same `Codes`: Spark in mortgage_etl/quarantine.py, Arrow in
mortgage_model/scoring/typed.py.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Value = str | int | float | bool | dt.date

NUMERIC = ("integer", "number")
# A decimal number, the only spelling of one: no 0x1F, 1_000, 12:30, nan.
NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
# A whole number that a program with no missing integers has written as a fraction: the code 99 of a text column.
WHOLE_AS_FRACTION = r"^([+-]?[0-9]+)\.0+$"
# How exports write "no value": SQL, R, pandas, spreadsheets. The same words that pandas reads as missing.
NO_VALUE = (
    *("NULL", "null", "Null", r"\N", "NA", "N/A", "n/a", "#N/A", "<NA>", "None", "none"),
    *("NaN", "nan", "NAN", "NaT", "(null)", "<null>"),
)
TRUE = ("true", "t", "yes", "y", "1", "1.0")
FALSE = ("false", "f", "no", "n", "0", "0.0")
TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "date": "a date YYYY-MM-DD",
    "boolean": "true or false",
}

_NUMBER = re.compile(NUMBER, re.ASCII)
_MIDNIGHT = re.compile(r"[ T]00:00(:00(\.0+)?)?Z?$", re.ASCII)
_WHOLE = re.compile(r"[+-]?[0-9]+", re.ASCII)


def read_value(kind: str, text: str) -> Value:
    """The value that `text` spells in a column of logical type `kind`. ValueError, in words, for none.

    A number is a float unless it is written without point and exponent.
    """
    text = text if kind == "string" else text.strip()
    if kind == "string":
        return text
    if kind in NUMERIC and _NUMBER.fullmatch(text):
        number = int(text) if _WHOLE.fullmatch(text) else float(text)
        if math.isfinite(number) and (kind == "number" or number == int(number)):
            return int(number) if kind == "integer" else number
    if kind == "date" and len(day := _MIDNIGHT.sub("", text)) == len("YYYY-MM-DD"):
        return dt.date.fromisoformat(day)
    if kind == "boolean" and text.lower() in TRUE + FALSE:
        return text.lower() in TRUE
    raise ValueError(f"{text!r} is not {TYPE_WORDS.get(kind, kind)}")


def typed_value(kind: str, value: Any) -> Value | None:
    """A stored `value` (text, number of any kind, decimal, date, timestamp) as one of type `kind`; None for no such."""
    if kind == "boolean" and isinstance(value, bool):
        return value
    try:
        return read_value(kind, as_text(value))
    except ValueError:
        return None


def as_text(value: Any) -> str:
    """The text of a stored value; whole numbers without a point, dates and midnights as YYYY-MM-DD."""
    value = value.item() if hasattr(value, "item") else value  # of numpy
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return str(value)


@dataclass(frozen=True)
class Codes:
    """A column's codes for "unknown", as they compare: numbers of a numeric column and days of a date column by value,
    every other code by its text.
    """

    texts: frozenset[str] = frozenset()
    values: frozenset[int | float | dt.date] = frozenset()

    @classmethod
    def of(cls, kind: str, texts: Iterable[str]) -> Codes:
        """The codes written as `texts` for a column of type `kind`."""
        plain: set[str] = set()
        values: set[Any] = set()
        for text in texts:
            value = typed_value(kind, text) if kind in (*NUMERIC, "date") else None
            # A code may be what the column's values cannot: 99.5 for "unknown" among whole numbers.
            value = typed_value("number", text) if value is None and kind in NUMERIC else value
            if value is None:
                plain.add(text.strip())
            else:
                values.add(value)
        return cls(frozenset(plain), frozenset(values))

    def __bool__(self) -> bool:
        return bool(self.texts or self.values)

    @property
    def whole_texts(self) -> frozenset[str]:
        """The texts that are whole numbers, which a file may hold as a fraction: "99" as 99.0."""
        return frozenset(text for text in self.texts if _WHOLE.fullmatch(text))

    def holds(self, kind: str, value: Any) -> bool:
        """Whether a stored value of a column of type `kind` is one of the codes."""
        text = as_text(value).strip()
        if text in self.texts or re.sub(WHOLE_AS_FRACTION, r"\1", text) in self.whole_texts:
            return True
        typed = typed_value("number" if kind in NUMERIC else kind, value) if self.values else None
        return typed is not None and typed in self.values
