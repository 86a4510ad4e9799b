"""The layouts of a source's raw tables, in the order in which they are judged."""

from __future__ import annotations

from contracts.sources import SOURCES
from mortgage_etl.errors import SourceError
from mortgage_etl.layouts import canonical, fannie_mae, freddie_mac
from mortgage_etl.layouts.raw_table import RawTable

LAYOUTS = {
    raw.name: raw for raw in (*canonical.TABLES, *fannie_mae.LEGACY_TABLES, fannie_mae.CURRENT, *freddie_mac.TABLES)
}


def raw_tables(source: str) -> tuple[RawTable, ...]:
    """The loan-level raw tables of a source. SourceError if there is no such source."""
    if source not in SOURCES:
        raise SourceError(f"there is no source {source!r}; sources are {', '.join(SOURCES)}")
    return tuple(LAYOUTS[name] for name in SOURCES[source])
