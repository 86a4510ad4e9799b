"""A contract of import-linter: all that a package may import besides itself and the standard library.

import-linter's own contracts forbid what is named. An environment that has Spark and no Airflow wants the opposite:
whatever is not named is forbidden, also the library that somebody adds tomorrow.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.application import contract_utils
from importlinter.application.contract_utils import AlertLevel


@dataclass(frozen=True, order=True)
class StrayImport:
    importer: str
    imported: str
    lines: tuple[int, ...]


class AllowedImportsContract(Contract):
    """Options: `source_modules` (with all below them), `allowed` (packages or modules, with all below them),
    `ignore_imports`, as in the contracts that import-linter brings."""

    type_name = "allowed_imports"

    # What the fields parse stands in their place, in every instance: import-linter's types do not say so.
    source_modules: Any = fields.ListField(subfield=fields.StringField())
    allowed: Any = fields.SetField(subfield=fields.StringField())
    ignore_imports: Any = fields.SetField(subfield=fields.ImportExpressionField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        removal = contract_utils.remove_ignored_imports_and_report(graph, self.ignore_imports, AlertLevel.ERROR)
        missing = [source for source in self.source_modules if source not in graph.modules]
        if missing:
            raise ValueError(f"no such module: {', '.join(missing)}")
        strays = [stray for source in self.source_modules for stray in self._strays(graph, source)]
        return ContractCheck(
            kept=not strays,
            warnings=list(removal.warnings),
            ignored_import_count=removal.ignored_import_count,
            metadata={"strays": sorted(strays)},
        )

    def _strays(self, graph: ImportGraph, source: str) -> list[StrayImport]:
        allowed = {source, *self.allowed}
        return [
            StrayImport(importer, imported, tuple(sorted(d["line_number"] for d in details)))
            for importer in {source, *graph.find_descendants(source)}
            for imported in graph.find_modules_directly_imported_by(importer)
            if not _within(imported, allowed)
            and (details := graph.get_import_details(importer=importer, imported=imported))
        ]

    def render_broken_contract(self, check: ContractCheck) -> None:
        output.print_error(f"May import only the standard library and {', '.join(sorted(self.allowed))}:", bold=False)
        output.new_line()
        for stray in check.metadata["strays"]:
            lines = ", ".join(map(str, stray.lines))
            output.print_error(f"- {stray.importer} -> {stray.imported} (l.{lines})", bold=False)
        output.new_line()


def _within(module: str, packages: set[str]) -> bool:
    if module.partition(".")[0] in sys.stdlib_module_names:
        return True
    return any(module == package or module.startswith(f"{package}.") for package in packages)
