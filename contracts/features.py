"""What the model may learn from."""

from __future__ import annotations

from contracts.model import Column, Contract


def model_features(contract: Contract) -> tuple[Column, ...]:
    """The feature columns in the table's order; each carries its monotone direction."""
    return contract.with_role("feature")


def monotone_constraints(contract: Contract) -> dict[str, int]:
    """Numeric feature -> direction of PD (-1, 0, 1), as XGBoost's ``monotone_constraints`` wants it."""
    return {column.name: column.monotone for column in model_features(contract) if not column.categorical}
