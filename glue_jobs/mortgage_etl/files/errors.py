"""What can be wrong with a source as a whole. Single bad rows are no error: they go to quarantine."""

from __future__ import annotations

from contracts.faults import DataFault


class SourceError(DataFault):
    """A source cannot be read as it stands. The message names the file, what was found and what to do."""


class NoExtractYet(SourceError):
    """A table has extracts, but none at or before the business date."""
