"""Plugins cannot import contracts: what they state again agrees with it."""

from __future__ import annotations

from contracts import sources
from mortgage_risk.dag import params


def test_the_form_offers_the_sources_of_the_contracts() -> None:
    assert tuple(params.SOURCES) == tuple(sources.SOURCES)
    offered = params._source()
    assert offered.schema["enum"] == list(sources.SOURCES)
    assert set(offered.schema["values_display"]) == set(sources.SOURCES)
