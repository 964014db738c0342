"""The kind of import rule that import-linter does not bring along."""

from __future__ import annotations

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class StandardLibraryOnly(Contract):
    """A package imports itself, the standard library and named exceptions; not even inside a function anything else.

    What the standard library is, the Python that runs the check says.
    """

    package = fields.StringField()
    allowed_modules = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        allowed = {self.package, *sys.stdlib_module_names, *(self.allowed_modules or ())}
        importers = [self.package, *graph.find_descendants(self.package)]
        strangers = [
            detail
            for importer in sorted(importers)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if imported.partition(".")[0] not in allowed
            for detail in graph.get_import_details(importer=importer, imported=imported)
        ]
        return ContractCheck(kept=not strangers, metadata={"strangers": strangers})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for stranger in check.metadata["strangers"]:
            output.print_error(
                f"{stranger['importer']} imports {stranger['imported']} (line {stranger['line_number']}): "
                f"{stranger['line_contents']}",
                bold=False,
            )
