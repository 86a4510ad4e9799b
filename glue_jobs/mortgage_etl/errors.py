"""What stops a job: a source that is wrong as a whole, or counts that do not add up. Single bad rows are no error."""

from __future__ import annotations

from contracts.faults import DataFault


class SourceError(DataFault):
    """A source cannot be read as it stands. The message names the file, what was found and what to do."""


class NoExtractYet(SourceError):
    """A table has extracts, but none at or before the business date."""


class ReconciliationError(RuntimeError):
    """Rows in, out and quarantined do not add up: a defect of this program or of the storage, never of the data."""
