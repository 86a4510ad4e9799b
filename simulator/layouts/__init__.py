"""File layouts of a book: which tables a block becomes, how they are written, where dirt can be planted.

Every layout module offers `tables(block) -> dict[table name, pa.Table]` with the columns in the order of the
files, and `LAYOUT`.
"""

from __future__ import annotations

from simulator.layouts import canonical, fannie_mae, fannie_mae_current, freddie_mac
from simulator.layouts.base import Layout

LAYOUT_BY_NAME: dict[str, Layout] = {
    layout.name: layout
    for layout in (canonical.LAYOUT, fannie_mae.LAYOUT, fannie_mae_current.LAYOUT, freddie_mac.LAYOUT)
}
