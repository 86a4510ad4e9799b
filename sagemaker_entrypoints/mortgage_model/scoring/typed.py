"""Values of a file as the contract's column means them, whatever types the file stores: Arrow in, Arrow out.

The comparison is that of contracts/values.py, on whole columns; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.model import Column
from contracts.values import FALSE, NO_VALUE, NUMBER, NUMERIC, TRUE, WHOLE_AS_FRACTION, as_text, typed_value

Values: TypeAlias = pa.Array | pa.ChunkedArray
STORED_NUMBERS = (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal, pa.types.is_boolean)


@dataclass(frozen=True)
class Typed:
    """A column of n rows: `values` are float64 for numbers and truths (1 and 0), text for text and dates (YYYY-MM-DD),
    null where the row has none: `absent` (n, bool) marks the empty ones and the missing codes, `unreadable` (n, bool)
    those that are not of the column's type.
    """

    values: pa.Array
    absent: np.ndarray
    unreadable: np.ndarray


def typed(stored: Values, column: Column) -> Typed:
    """`stored` as values of `column`."""
    values = _plain(stored)
    if column.type not in (*NUMERIC, "boolean"):
        return _text(values, column)
    return _number(values, column)


def _number(values: pa.Array, column: Column) -> Typed:
    kind = values.type
    if any(is_kind(kind) for is_kind in STORED_NUMBERS):
        numbers = _floats(values)
        absent = np.isnan(numbers)
        unreadable = np.isinf(numbers)
    else:
        texts = as_texts(values)
        absent = _blank(texts, column)
        numbers = _truths(texts) if column.type == "boolean" else _parsed(texts, column)
        unreadable = ~absent & ~np.isfinite(numbers)
    if codes := [float(code) for code in column.codes.values if isinstance(code, int | float)]:
        same = np.float32 if pa.types.is_float32(kind) else np.float64
        coded = np.isin(numbers.astype(same), np.array(codes, dtype=same))
        absent, unreadable = absent | coded, unreadable & ~coded
    if column.type == "integer":
        unreadable = unreadable | (~absent & (numbers != np.floor(numbers)))
    elif column.type == "boolean":
        unreadable = unreadable | (~absent & ~np.isin(numbers, (0, 1)))
    return Typed(pa.array(numbers, pa.float64(), mask=absent | unreadable), absent, unreadable)


def _floats(values: pa.Array) -> np.ndarray:
    """float64, NaN for null."""
    values = values.cast(pa.uint8()) if pa.types.is_boolean(values.type) else values
    return values.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False)


def _parsed(texts: pa.Array, column: Column) -> np.ndarray:
    """Numbers of texts, NaN for what is none. A percent sign is read where the column's unit is percent."""
    if column.unit == "percent":
        texts = pc.replace_substring_regex(texts, r"\s*%$", "")
    spelled = pc.match_substring_regex(texts, f"^{NUMBER}$")
    plain = pc.replace_substring_regex(pc.if_else(spelled, texts, None), r"^\+", "")
    return _floats(plain.cast(pa.float64()))


def _truths(texts: pa.Array) -> np.ndarray:
    lower = pc.utf8_lower(texts)
    true, false = (flags(pc.is_in(lower, pa.array(words))) for words in (TRUE, FALSE))
    return np.where(true, 1.0, np.where(false, 0.0, np.nan))


def _text(values: pa.Array, column: Column) -> Typed:
    texts = as_texts(values)
    absent = _blank(texts, column)
    if column.type == "date":
        read = per_value(texts, lambda text: None if (day := typed_value("date", text)) is None else as_text(day))
        absent |= flags(pc.is_in(read, pa.array([as_text(day) for day in column.codes.values], pa.string())))
        unreadable = ~absent & flags(read.is_null())
        return Typed(pc.if_else(pa.array(absent), None, read), absent, unreadable)
    if column.allowed:
        whole = pc.replace_substring_regex(texts, WHOLE_AS_FRACTION, r"\1")
        texts = pc.if_else(pc.is_in(whole, pa.array(column.allowed, pa.string())), whole, texts)
    return Typed(pc.if_else(pa.array(absent), None, texts), absent, np.zeros(len(texts), dtype=bool))


def _plain(values: Values) -> pa.Array:
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def as_texts(stored: Values) -> pa.Array:
    """Trimmed text, null for null and NaN."""
    values = _plain(stored)
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        values = per_value(values, lambda value: None if value != value else as_text(value))
    return pc.utf8_trim_whitespace(values.cast(pa.string()))


def _blank(texts: pa.Array, column: Column) -> np.ndarray:
    """Rows that hold nothing, a word for it that is not one of the column's values, or a code by its text."""
    codes = column.codes
    words = set(NO_VALUE) - set(column.allowed or ())
    blank = flags(texts.is_null()) | flags(pc.is_in(texts, pa.array(["", *words, *codes.texts])))
    if codes.whole_texts:
        whole = pc.replace_substring_regex(texts, WHOLE_AS_FRACTION, r"\1")
        blank |= flags(pc.is_in(whole, pa.array(sorted(codes.whole_texts))))
    return blank


def per_value(values: pa.Array, function: Callable[[Any], str | None]) -> pa.Array:
    """`function` of every value as text, called once for each that occurs; null for null."""
    encoded = values.dictionary_encode()
    known = encoded.dictionary.to_pylist()
    found = pa.array([None if value is None else function(value) for value in known], pa.string())
    return found.take(encoded.indices)


def flags(values: Any) -> np.ndarray:
    return values.fill_null(False).to_numpy(zero_copy_only=False).astype(bool)
