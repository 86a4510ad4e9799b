"""The platform's own raw tables: CSV with a header, as in contracts/tables."""

from __future__ import annotations

import pyarrow as pa

from simulator.book import Block
from simulator.layouts.base import Dirt, Layout


def tables(block: Block) -> dict[str, pa.Table]:
    return {
        "borrowers": block.borrowers,
        "borrower_demographics": block.borrower_demographics,
        "properties": block.properties,
        "loans": block.loans,
        "performance": block.performance,
    }


LAYOUT = Layout(
    name="canonical",
    tables=tables,
    header=True,
    delimiter=",",
    suffix="csv",
    dirt={
        "borrowers": Dirt(key=(0,), credit_score=1, number=2),
        "properties": Dirt(key=(0,), state=1, number=4),
        "loans": Dirt(key=(0,), number=4, balance=5, future=7),
        "performance": Dirt(key=(0, 1), moved=1, future=1, balance=2, number=2, orphans=True),
    },
)
