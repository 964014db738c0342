"""An import contract that import-linter does not have."""

from __future__ import annotations

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class StandardLibraryOnly(Contract):
    """Contract: a package imports only itself, the standard library and named exceptions, also inside functions.

    The standard library is that of the Python that runs the check.
    """

    package = fields.StringField()
    allowed_modules = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        allowed = {self.package, *sys.stdlib_module_names, *(self.allowed_modules or ())}
        importers = [self.package, *graph.find_descendants(self.package)]
        offenders = [
            detail
            for importer in sorted(importers)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if imported.partition(".")[0] not in allowed
            for detail in graph.get_import_details(importer=importer, imported=imported)
        ]
        return ContractCheck(kept=not offenders, metadata={"offenders": offenders})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for offender in check.metadata["offenders"]:
            output.print_error(
                f"{offender['importer']} imports {offender['imported']} (line {offender['line_number']}): "
                f"{offender['line_contents']}",
                bold=False,
            )
