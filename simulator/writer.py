"""Writes a book: DIR/<table>/ingest_date=<date>/part-<block>.<suffix>, like raw-data/, and DIR/truth/ beside
it.

One block at a time (or one per worker process), so memory does not grow with the book.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from simulator.book import build_block
from simulator.dirt import dirty_lines
from simulator.economy import Economy, build_economy, economic_releases
from simulator.layouts import LAYOUT_BY_NAME, canonical
from simulator.layouts.base import Dirt, Layout
from simulator.settings import BookSettings, month_text

ECONOMY_DIRT = Dirt(key=(0, 1, 2), moved=2, number=4, state=1)


@dataclass
class Counts:
    """rows: written per table, planted ones included; planted: table -> kind -> rows."""

    loans: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    planted: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, other: Counts) -> None:
        self.loans += other.loans
        self.rows.update(other.rows)
        for table, kinds in other.planted.items():
            self.planted.setdefault(table, Counter()).update(kinds)


def write_book(
    settings: BookSettings, out: Path, workers: int = 1, progress: Callable[[int], None] = lambda loans: None
) -> Counts:
    """Write the whole book under `out` and return its counts. `progress` is called with the loans of each
    block done.

    Raises FileExistsError where `out` already holds something: an extract is complete or absent, never mixed.
    """
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty; give a new folder")
    economy = build_economy(settings)
    total = _write_economy(settings, economy, out)
    for counts in _write_blocks(settings, economy, out, workers):
        total.add(counts)
        progress(counts.loans)
    _write_json(out / "truth" / "dirt.json", _dirt_summary(total))
    _write_json(out / "truth" / "book.json", _book_summary(settings, total))
    return total


def _write_blocks(settings: BookSettings, economy: Economy, out: Path, workers: int) -> Iterator[Counts]:
    if workers <= 1 or settings.blocks == 1:
        for block in range(settings.blocks):
            yield write_block(settings, economy, out, block)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, settings.blocks), mp_context=context) as pool:
        jobs = [pool.submit(write_block, settings, economy, out, block) for block in range(settings.blocks)]
        for job in as_completed(jobs):
            yield job.result()


def write_block(settings: BookSettings, economy: Economy, out: Path, block: int) -> Counts:
    """Build one block and write its part of every table."""
    layout = LAYOUT_BY_NAME[settings.layout]
    tables = build_block(settings, economy, block)
    counts = Counts(loans=settings.block_size(block))
    random = settings.random(2, block)
    for name, table in layout.tables(tables).items():
        dirt = layout.dirt.get(name)
        lines, kinds = dirty_lines(table, dirt, layout, settings, random, block) if dirt else ([], Counter())
        _write_csv(table, _part(settings, out, name, block, layout.suffix), layout, lines)
        counts.rows[name] = len(table) + len(lines)
        if kinds:
            counts.planted[name] = kinds
    path = out / "truth" / "true_pd_12m" / f"part-{block:05d}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(tables.truth, path)
    return counts


def _write_economy(settings: BookSettings, economy: Economy, out: Path) -> Counts:
    table = economic_releases(economy, settings)
    random = settings.random(2, settings.blocks)
    lines, kinds = dirty_lines(table, ECONOMY_DIRT, canonical.LAYOUT, settings, random, 0)
    _write_csv(table, _part(settings, out, "economic_indicators", 0, "csv"), canonical.LAYOUT, lines)
    rows = Counter({"economic_indicators": len(table) + len(lines)})
    return Counts(rows=rows, planted={"economic_indicators": kinds} if kinds else {})


def _part(settings: BookSettings, out: Path, table: str, block: int, suffix: str) -> Path:
    return out / table / f"ingest_date={settings.ingest_date}" / f"part-{block:05d}.{suffix}"


def _write_csv(table: pa.Table, path: Path, layout: Layout, extra_lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = pacsv.WriteOptions(
        include_header=layout.header, delimiter=layout.delimiter, quoting_style="none", quoting_header="none"
    )
    with path.open("wb") as file:
        pacsv.write_csv(table, file, options)
        file.write("".join(line + "\n" for line in extra_lines).encode())


def _dirt_summary(total: Counts) -> dict[str, object]:
    tables = {
        table: {
            "rows_written": total.rows[table],
            "planted": dict(sorted(kinds.items())),
            "total": kinds.total(),
        }
        for table, kinds in sorted(total.planted.items())
    }
    return {"tables": tables, "total": sum(kinds.total() for kinds in total.planted.values())}


def _book_summary(settings: BookSettings, total: Counts) -> dict[str, object]:
    return {
        **asdict(settings),
        "start": month_text(settings.start),
        "end": month_text(settings.end),
        "relation_change": month_text(settings.relation_change) if settings.relation_change else None,
        "ingest_date": settings.ingest_date.isoformat(),
        "rows": dict(sorted(total.rows.items())),
    }


def _write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def default_workers(settings: BookSettings) -> int:
    """All processors for a large book; a small one is done before a second process has started."""
    return (os.cpu_count() or 1) if settings.blocks > 4 else 1
