"""How a table's rows are split for training and validation."""

from __future__ import annotations

from dataclasses import dataclass, field

OUT_OF_TIME, GROUPED_K_FOLD = "out_of_time", "grouped_k_fold"


@dataclass(frozen=True)
class NearDuplicates:
    """Rows alike in every column: `equal` (missing equals missing), within a share of the larger value
    (`relative`), within a distance (`absolute`). A missing value is near none, but to any in `missing_matches`.
    """

    equal: tuple[str, ...] = ()
    relative: dict[str, float] = field(default_factory=dict)
    absolute: dict[str, float] = field(default_factory=dict)
    missing_matches: tuple[str, ...] = ()


@dataclass(frozen=True)
class Split:
    """`out_of_time`: by the time column (mortgage_model/table/periods.py), with an embargo of `horizon_months`; or
    `grouped_k_fold`: `folds` folds that keep the rows of a key, and near-duplicates, together.
    """

    method: str
    folds: int = 5
    near_duplicates: NearDuplicates | None = None
    horizon_months: int = 12
    oot_months: int = 12
