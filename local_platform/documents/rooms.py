"""The rooms of the house and which imports which: the pictures of docs/decisions/rooms.md, from the real imports.

`python -m local_platform.documents.rooms` writes them; a test fails where the page shows other arrows than there are.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import grimp

from local_platform.checks import SOURCES
from local_platform.environments import ROOT

PAGE = ROOT / "docs/decisions/rooms.md"
ENTRY = {"dags": "dags", "glue_jobs": "glue_jobs (scripts)", "sagemaker_entrypoints": "sagemaker_entrypoints (scripts)"}
PACKAGES = ("mortgage_risk", "mortgage_etl", "data_quality", "mortgage_model", "contracts", "simulator", "local_aws")
AT_THE_ROOT = "at the root"


@dataclass(frozen=True)
class Picture:
    """Rooms, with those that know no other, and how many imports make each arrow (who imports, what is imported)."""

    rooms: frozenset[str]
    arrows: Counter[tuple[str, str]]


def build_graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ENTRY, *PACKAGES, "local_platform", "benchmarks", cache_dir=None)


def house(graph: grimp.ImportGraph) -> Picture:
    """The arrows between packages; benchmarks and what runs the house on a laptop are not shown, they may use all."""

    def package(module: str) -> str | None:
        top = module.partition(".")[0]
        return ENTRY.get(top, top if top in PACKAGES else None)

    return _picture(graph, package)


def rooms_of(graph: grimp.ImportGraph, package: str) -> Picture:
    """The arrows between the rooms (folders) of a package; the modules at its root count as one room."""

    def room(module: str) -> str | None:
        parts = module.split(".")
        if parts[0] != package or len(parts) == 1:
            return None
        return parts[1] if len(parts) > 2 or graph.find_children(module) else AT_THE_ROOT

    return _picture(graph, room)


def _picture(graph: grimp.ImportGraph, room_of: Callable[[str], str | None]) -> Picture:
    placed = {module: room for module in graph.modules if (room := room_of(module))}
    arrows: Counter[tuple[str, str]] = Counter()
    for module, room in placed.items():
        for imported in graph.find_modules_directly_imported_by(module):
            if imported in placed and placed[imported] != room:
                arrows[room, placed[imported]] += 1
    return Picture(frozenset(placed.values()), arrows)


def root_modules(graph: grimp.ImportGraph, package: str) -> str:
    return ", ".join(sorted(m.rpartition(".")[2] for m in graph.find_children(package) if not graph.find_children(m)))


def mermaid(picture: Picture, labels: Mapping[str, str]) -> str:
    """A flow chart; an arrow points from who imports to what is imported."""
    lines = [f'  {_id(room)}["{labels.get(room, room)}"]' for room in sorted(picture.rooms)]
    lines += [f"  {_id(at)} --> {_id(to)}" for at, to in sorted(picture.arrows)]
    count = f"{len(picture.rooms)} rooms, {len(picture.arrows)} arrows:"
    return "\n".join([count, "", "```mermaid", "flowchart TD", *lines, "```"])


def _id(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_")


def render(page: str, graph: grimp.ImportGraph) -> str:
    """`page` with each picture between `<!-- arrows: name -->` and `<!-- end -->` drawn anew."""

    def drawn(match: re.Match[str]) -> str:
        name = match[1]
        picture = house(graph) if name == "house" else rooms_of(graph, name)
        labels = {} if name == "house" else {AT_THE_ROOT: root_modules(graph, name)}
        return f"<!-- arrows: {name} -->\n{mermaid(picture, labels)}\n<!-- end -->"

    return re.sub(r"<!-- arrows: (\w+) -->\n.*?<!-- end -->", drawn, page, flags=re.DOTALL)


if __name__ == "__main__":
    sys.path[:0] = SOURCES
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8"), build_graph()), encoding="utf-8")
