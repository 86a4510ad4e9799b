"""How a raw file is laid out, as data: which columns it has and how each becomes a canonical one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pyspark.sql import Column

from mortgage_etl.layouts.parsers import Parser


@dataclass(frozen=True)
class Field:
    """Canonical column ``name``, read from raw column ``source`` (header name, or a label for messages).

    ``position`` is the column's place from 0 in a file without header. ``missing`` are texts that mean unknown, on top
    of the contract's; ``mapping`` translates the layout's codes, and leaves other texts as they are.
    """

    name: str
    source: str
    parse: Parser
    position: int = -1
    missing: tuple[str, ...] = ()
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RawTable:
    """One family of raw files.

    ``feeds`` are the canonical tables its rows give; ``key`` the canonical columns that may not repeat; ``derived``
    canonical columns computed from parsed ones, of which those in ``needed`` cannot be dispensed with. A file without
    header has one of ``widths`` columns; ``moved`` says which canonical columns stand elsewhere in a file of a width.
    """

    name: str
    delimiter: str
    header: bool
    fields: tuple[Field, ...]
    feeds: tuple[str, ...]
    key: tuple[str, ...]
    widths: tuple[int, ...] = ()
    moved: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    derived: Mapping[str, Callable[[], Column]] = field(default_factory=dict)
    needed: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (*(entry.name for entry in self.fields), *self.derived)

    def positions(self, width: int) -> dict[str, int]:
        """Where each field stands in a file without header that has ``width`` columns."""
        moved = self.moved.get(width, {})
        return {entry.source: moved.get(entry.name, entry.position) for entry in self.fields}
