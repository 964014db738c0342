"""Search for a name in a module's source. The module is parsed, never imported: its imports need Lambda.

The search has one of three results:

- The module binds the name at its top level. A name bound under a condition counts as bound.
- The module does not bind the name.
- The source does not show it: a star import, a module `__getattr__`, names made with `exec` or `globals()`.
"""

from __future__ import annotations

import ast
import difflib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lambda_bundling import tree

from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code.source_syntax import error_in, parse_source
from cdk_lambda_streaming.code.top_level_names import TopLevelNames

# With these a module can bind names that its source does not show.
_NAME_MAKERS = frozenset({"exec", "eval", "globals", "locals", "vars", "setattr"})
_NAMESPACES = frozenset({"__dict__", "modules"})


@dataclass(frozen=True, slots=True)
class SoughtName:
    """Name in a module of the user that the runtime needs."""

    role: str
    """Such as `handler` or `application`."""
    file: Path
    module: str
    """Name of the module in Lambda, such as `app.main`."""
    name: str
    option: str
    """Option with another name in place of `{}`, such as `handler='{}'`."""
    list_others: Callable[[], str] | None = None
    """Function that returns a sentence about objects that may be meant instead, or nothing."""

    def read(self, python: tuple[int, int]) -> ast.Module | SynthWarning:
        """Return the module for the Python that runs it, or a warning if this Python cannot read it.

        Raises `ValueError` if no Python of that version can. If it is newer than this Python, syntax that this Python
        does not know is only a warning.
        """
        source = self.file.read_bytes()
        try:
            module = parse_source(source, python)
        except SyntaxError as own_error:
            error = error_in(source, python, own_error)
            if error is not None:
                raise ValueError(
                    f"the {self.role}'s source is not valid Python {_dotted(python)}, {_describe(error, self.file)}"
                ) from own_error
            return SynthWarning(
                "sourceUnread",
                f"the {self.role} {self.name!r} was not checked, because Python {_dotted(sys.version_info[:2])} cannot "
                f"parse {_describe(own_error, self.file)}. It may be valid in Python {_dotted(python)}. Run the synth "
                f"with Python {_dotted(python)} to check it.",
            )
        except (RecursionError, MemoryError):
            return SynthWarning(
                "sourceUnread",
                f"the {self.role} {self.name!r} was not checked, because '{self.file}' is nested too deeply. Define "
                f"the {self.role} in another module, or acknowledge this warning.",
            )
        self._check_relative_imports(module)
        return module

    def _check_relative_imports(self, module: ast.Module) -> None:
        """Reject an import from a package above the module: Lambda's top-level modules are in no package."""
        packages = self.module.split(".")
        depth = len(packages) if self.file.name == "__init__.py" else len(packages) - 1
        for statement in module.body:
            if isinstance(statement, ast.ImportFrom) and statement.level > depth:
                name = f"{'.' * statement.level}{statement.module or ''}"
                raise ValueError(
                    f"'{self.file}' line {statement.lineno} imports from {name!r}, but the module is {self.module!r} "
                    f"in Lambda, where no package is above it. Pass the folder above as entry, and put its name before "
                    f"the module's, or import without a dot"
                )

    def find_hidden_binding(self, module: ast.Module) -> str | None:
        """Return None if the module binds the name. Otherwise return the construct that may bind it at run time.

        Raises `ValueError` if there is none.
        """
        names = TopLevelNames()
        names.visit(module)
        if self.name in names.bound:
            return None
        reason = _find_name_maker(module, self.name)
        if reason is None:
            raise ValueError(f"'{self.file}' has no {self.name!r} at its top level; {self._suggest(names)}")
        return f"the source of '{self.file}' does not show whether it has a name {self.name!r}: {reason}"

    def _suggest(self, names: TopLevelNames) -> str:
        close = difflib.get_close_matches(self.name, sorted(names.bound))
        if close:
            return f"did you mean {_listed(close)}? Pass {self.option.format(close[0])}"
        others = "" if self.list_others is None else self.list_others()
        if others:
            return others
        if names.functions:
            functions = sorted(names.functions)
            return (
                f"its functions are {_listed(functions)}; pass one of them, such as {self.option.format(functions[0])}"
            )
        return "it defines no function"


def check_is_deployed(entry: Path, file: Path, excluded: Sequence[str], role: str) -> None:
    """Reject a module in `entry` that patterns of the user exclude."""
    parts = file.relative_to(entry).parts
    for depth in range(1, len(parts) + 1):
        path = "/".join(parts[:depth])
        if tree.is_excluded(path, excluded, is_folder=depth < len(parts)):
            raise ValueError(
                f"'{file}', which has the {role}, is not deployed: a pattern in .lambdaignore or "
                f"bundling.asset_excludes excludes {path!r}; remove that pattern, or add '!{path}' after it"
            )


def _find_name_maker(module: ast.Module, name: str) -> str | None:
    """Return the construct that may bind `name` at run time, or None."""
    for node in ast.walk(module):
        match node:
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                return f"line {node.lineno} imports * from {'.' * node.level}{node.module or ''}"
            case ast.Global(names=names) if name in names:
                return f"line {node.lineno} declares it global"
            case ast.Call(func=ast.Name(id=maker)) if maker in _NAME_MAKERS:
                return f"line {node.lineno} calls {maker}()"
            case ast.Attribute(attr=namespace) if namespace in _NAMESPACES:
                return f"line {node.lineno} uses .{namespace}"
    if any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in module.body):
        return "it has a __getattr__"
    return None


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _describe(error: SyntaxError, file: Path) -> str:
    place = f"'{file}'" if error.lineno is None else f"'{file}' line {error.lineno}"
    message = f"{place}: {error.msg}"
    return f"{message}: {error.text.strip()}" if error.text else message


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
