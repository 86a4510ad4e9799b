"""The sources that loan tapes come from: their raw tables, and which table each of them feeds.

A raw table is one family of files under raw-data/<raw table>/. How its files are laid out is mortgage_etl/layouts/.
Plugins, which cannot import this, state the sources again; a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping

from contracts.loader import load_contract

Feeds = Mapping[str, tuple[str, ...]]

LOAN_TABLES = ("borrowers", "properties", "loans")
PERFORMANCE = "performance"
ECONOMIC_INDICATORS = "economic_indicators"
# Source -> raw table -> the tables that its rows give, in the order in which they are judged.
SOURCES: Mapping[str, Feeds] = {
    "canonical": {table: (table,) for table in (*LOAN_TABLES, PERFORMANCE)},
    "fannie_mae": {"fannie_mae_acquisition": LOAN_TABLES, "fannie_mae_performance": (PERFORMANCE,)},
    "fannie_mae_current": {"fannie_mae_current": (*LOAN_TABLES, PERFORMANCE)},
    "freddie_mac": {"freddie_mac_origination": LOAN_TABLES, "freddie_mac_performance": (PERFORMANCE,)},
}
# The economy is of no source: the canonical table or the public files serve every one.
PUBLIC_ECONOMIC = ("fhfa_hpi", "laus_unemployment", "pmms")
ECONOMIC: Feeds = dict.fromkeys((ECONOMIC_INDICATORS, *PUBLIC_ECONOMIC), (ECONOMIC_INDICATORS,))


def fed_tables(raw_table: str) -> tuple[str, ...]:
    """The tables that the rows of a raw table give. KeyError for a raw table that no source has."""
    return {name: fed for feeds in (*SOURCES.values(), ECONOMIC) for name, fed in feeds.items()}[raw_table]


def raw_table_of(source: str, table: str) -> str:
    """The raw table of a source that gives ``table``."""
    return next(raw for raw, fed in SOURCES[source].items() if table in fed)


def tolerated_invalid_percent(raw_table: str) -> float:
    """The share of a raw table's rows that may be refused: the strictest of the tables that they give."""
    return min(load_contract(table).tolerated_invalid_percent for table in fed_tables(raw_table))
