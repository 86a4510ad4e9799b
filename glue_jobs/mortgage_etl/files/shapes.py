"""What the beginning of a raw file says of the whole: that it is text, and where its columns stand."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mortgage_etl.files.errors import SourceError
from mortgage_etl.layouts.raw_table import RawTable

HEAD_BYTES = 1 << 16
DELIMITERS = {",": "comma", "|": "pipe", ";": "semicolon", "\t": "tab"}
SAVE_AS_TEXT = "Save it as plain text in UTF-8 (in Excel: 'CSV UTF-8')."
UNPACK = "Unpack it and land the files that are in it."
# How files begin that are no text: what each is, and what to do with it.
NO_TEXT = {
    b"\x1f\x8b": ("compressed by gzip, but its name does not end in .gz", "Rename it (lower case)."),
    b"PK\x03\x04": ("a ZIP archive or an Excel workbook", f"{UNPACK} A workbook: save it as 'CSV UTF-8'."),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", SAVE_AS_TEXT),
    b"PAR1": ("a Parquet file", "Export it as text."),
    b"BZh": ("compressed by bzip2", UNPACK),
    b"\x28\xb5\x2f\xfd": ("compressed by zstd", UNPACK),
    b"\xfd7zXZ": ("compressed by xz", UNPACK),
    b"7z\xbc\xaf": ("a 7-Zip archive", UNPACK),
    b"%PDF": ("a PDF document", "Export the data as text."),
}
NUMBER_OR_DATE = re.compile(r"[0-9][0-9./-]*")


@dataclass(frozen=True)
class Shape:
    """``positions`` of the wanted columns by raw name, in the order of the layout's fields.

    A line has at least ``least`` and at most ``width`` columns; what stands beyond is blank. ``heading``: line 1 holds
    names.
    """

    positions: tuple[tuple[str, int], ...]
    least: int
    width: int
    heading: bool


def first_lines(path: str, head: bytes) -> list[str]:
    """The lines in the first ``HEAD_BYTES`` of a file. SourceError where it is no text, or text of another encoding."""
    for start, (what, to_do) in NO_TEXT.items():
        if head.startswith(start):
            raise SourceError(f"{path} is {what}. {to_do}")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head.count(0) > len(head) // 4:
        raise SourceError(f"{path} is UTF-16 text (Excel's 'Unicode text'). {SAVE_AS_TEXT}")
    lines = re.split(r"\r\n|\r|\n", head.decode("utf-8", "replace").lstrip("\ufeff"))
    return lines[:-1] if len(head) >= HEAD_BYTES and len(lines) > 1 else lines


def shape_of(raw: RawTable, path: str, lines: Sequence[str]) -> Shape:
    """How the file's columns stand, from its first lines. SourceError where they are not those of ``raw``."""
    if not any(map(str.strip, lines)):
        raise SourceError(f"{path} has no rows. Land the {raw.name} extract again; an unneeded file must be removed.")
    return _from_names(raw, path, lines[0]) if raw.header else _from_width(raw, path, lines)


def _from_names(raw: RawTable, path: str, line: str) -> Shape:
    """Names are read without regard to capitals."""
    names = [name.strip().lower() for name in next(csv.reader([line], delimiter=raw.delimiter), [])]
    wanted = [field.source for field in raw.fields]
    found = Counter(names)
    missing = [name for name in wanted if not found[name]]
    if missing:
        raise SourceError(f"{path}: {_missing_names(raw, line, names, missing)}")
    if twice := [name for name in wanted if found[name] > 1]:
        raise SourceError(f"{path}: the header has {', '.join(twice)} twice. Export {raw.name} with each column once.")
    least = max(index for index, name in enumerate(names) if name) + 1  # a header may end in separators
    return Shape(tuple((name, names.index(name)) for name in wanted), least, len(names), heading=True)


def _missing_names(raw: RawTable, line: str, names: list[str], missing: list[str]) -> str:
    again = f"Export {raw.name} again with every column of its contract"
    other = _delimiter_of(line)
    if len(names) == 1 and other not in (None, raw.delimiter):
        found, needed = DELIMITERS[other], DELIMITERS[raw.delimiter]
        return (
            f"the header is separated by {found}, not by {needed}. Export {raw.name} again with {needed} as separator."
        )
    if len(missing) == len(raw.fields):  # the line's content may be a person's, so it is not repeated
        return f"its first line is no header: it has none of the columns {', '.join(missing)}. {again}, names first."
    return f"the header lacks {', '.join(missing)}; it has {', '.join(filter(None, names))}. {again}."


def _from_width(raw: RawTable, path: str, lines: Sequence[str]) -> Shape:
    """The width that most of the first lines have; lines may end in separators."""
    fitting: Counter[int] = Counter()
    for line in filter(str.strip, lines):
        fields = line.split(raw.delimiter)
        width = len(fields)
        while width not in raw.widths and width > min(raw.widths) and not fields[width - 1].strip():
            width -= 1
        if width in raw.widths:
            fitting[width] += 1
    if not fitting:
        raise SourceError(f"{path}: {_wrong_width(raw, next(filter(str.strip, lines), ''))}")
    width = fitting.most_common(1)[0][0]
    first = [field.strip() for field in lines[0].split(raw.delimiter)]
    heading = any(first) and not any(NUMBER_OR_DATE.fullmatch(field) for field in first)
    return Shape(tuple(raw.positions(width).items()), width, width, heading)


def _wrong_width(raw: RawTable, line: str) -> str:
    expected = f"{in_words(raw.widths)} columns separated by {DELIMITERS[raw.delimiter]}"
    other = _delimiter_of(line)
    if raw.delimiter not in line and other:
        found = f"its lines are separated by {DELIMITERS[other]}"
    else:
        found = f"its first line has {line.count(raw.delimiter) + 1}"
    return f"{raw.name} has {expected}, but {found}. Check that the right file was landed."


def in_words(numbers: Sequence[int]) -> str:
    """``22 to 32 or 35``"""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [f"{run[0]} to {run[-1]}" if len(run) > 2 else " or ".join(map(str, run)) for run in runs]
    return " or ".join(words)


def _delimiter_of(line: str) -> str | None:
    best = max(DELIMITERS, key=line.count)
    return best if best in line else None
