"""Search for the module of an application in `entry`, by the name that the module has in Lambda."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdk_lambda_streaming.checks.application_variables import ObjectName
from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code.application_call import find_applications
from cdk_lambda_streaming.code.installed_modules import InstalledModules
from cdk_lambda_streaming.code.module_source import check_is_deployed
from cdk_lambda_streaming.code.source_syntax import parse_source
from cdk_lambda_streaming.code.web_applications import DESCRIPTIONS, Kind

_SOURCES = "src"
# Two levels are enough to find a misspelt name, and fast even with a virtual environment in the folder.
_MODULES = ("*.py", "[!.]*/*.py", f"{_SOURCES}/[!.]*/*.py")
_MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ModuleSearch:
    """Search in one folder, for the Python that runs the function."""

    entry: Path
    installed: InstalledModules
    python: tuple[int, int]
    excluded: Sequence[str] = ()
    """Patterns of files that are not deployed."""

    def find(self, option: str, name: ObjectName) -> Path | SynthWarning:
        """Return the file of a module, or a warning if it may come from an installed package.

        `option` is the option that names the module. Raises `ValueError` for a module that Lambda would not find.
        """
        file = _file_of(self.entry, name.module)
        if file is not None:
            if self.installed.from_own_project is False:
                role = "application" if option == "app" else "handler"
                check_is_deployed(self.entry, file, self.excluded, role)
            return file
        in_sources = _file_of(self.entry / _SOURCES, name.module)
        if in_sources is not None and self.installed.from_own_project:
            return in_sources
        if in_sources is not None and self.installed.from_own_project is False:
            raise ValueError(self._describe_sources(option, name))
        if self._may_be_installed(name):
            return SynthWarning(
                "applicationUnread",
                f"{option}={str(name)!r} was not checked, because entry folder '{self.entry}' has no module "
                f"{name.module!r}. An installed package may have it{self._ask(option, name) or '.'} Acknowledge this "
                "warning if one has it.",
            )
        raise ValueError(
            f"entry folder '{self.entry}' has no module {name.module!r} for {option}={str(name)!r}"
            f"{self._ask(option, name) or self._list()}"
        )

    def list_others(self, name: ObjectName) -> str:
        """Return a sentence about the applications in a module, and in the submodule with the application's name."""
        return _list_applications([*self._applications(name.module), *self._applications(f"{name.module}.{name.path}")])

    def _may_be_installed(self, name: ObjectName) -> bool:
        # The files in entry replace those of an installed package with the same name.
        first = name.module.partition(".")[0]
        is_local = (self.entry / first).is_dir() or (self.entry / f"{first}.py").is_file()
        return self.installed.from_hooks or (self.installed.from_packages and not is_local)

    def _describe_sources(self, option: str, name: ObjectName) -> str:
        there = name._replace(module=f"{_SOURCES}.{name.module}")
        return (
            f"{option}={str(name)!r} names a module in '{self.entry / _SOURCES}', but that folder is deployed as it "
            f"is, so Lambda finds the module only as {there.module!r}. Make the project a package ([build-system] in "
            f"its pyproject.toml), so that it is installed; or pass entry='{self.entry / _SOURCES}', or {str(there)!r}"
        )

    def _ask(self, option: str, name: ObjectName) -> str:
        """Return the question for the module that was meant, or nothing."""
        modules = sorted(self._modules())
        same_end = [each for each in modules if f".{name.module}".endswith(f".{each}")]
        same_end += [each for each in modules if f".{each}".endswith(f".{name.module}")]
        close = same_end or difflib.get_close_matches(name.module, modules)
        if not close:
            return ""
        known = [application for _, application in self._applications(close[0])] if option == "app" else []
        meant = str(name._replace(module=close[0]))
        return f"; did you mean {(meant if meant in known or not known else known[0])!r}?"

    def _list(self) -> str:
        """Return the applications in the folder, or else its modules."""
        modules = sorted(self._modules())
        found = _list_applications([each for module in modules for each in self._applications(module)])
        if found:
            return f"; {found}"
        shown = ", ".join(repr(module) for module in modules[:_MOST_SHOWN])
        return f"; its modules are {shown}" if shown else "; it has no Python files"

    def _modules(self) -> Iterator[str]:
        for pattern in _MODULES:
            for file in self.entry.glob(pattern):
                parts = file.relative_to(self.entry).with_suffix("").parts
                is_installed = parts[0] == _SOURCES and self.installed.from_own_project
                module = ".".join(parts[1 if is_installed else 0 :]).removesuffix(".__init__")
                if all(part.isidentifier() for part in parts) and module != "__init__":
                    yield module

    def _applications(self, module: str) -> Iterator[tuple[Kind, str]]:
        file = _file_of(self.entry, module) or _file_of(self.entry / _SOURCES, module)
        try:
            source = parse_source(file.read_bytes(), self.python) if file is not None else ast.Module([], [])
        except (SyntaxError, RecursionError, MemoryError):
            return
        yield from find_applications(source, module)


def _list_applications(applications: list[tuple[Kind, str]]) -> str:
    shown = [f"{application!r} ({DESCRIPTIONS[kind]})" for kind, application in applications[:_MOST_SHOWN]]
    return f"it has {', '.join(shown)}" if shown else ""


def _file_of(folder: Path, module: str) -> Path | None:
    """Return the file that Python imports for a module: a package comes before a module of the same name."""
    path = folder.joinpath(*module.split("."))
    candidates = (path / "__init__.py", path.parent / f"{path.name}.py")
    return next((file for file in candidates if file.is_file()), None)
