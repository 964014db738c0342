"""The folder with the user's handler: what is looked for in it, and what in it never is the function's."""

from __future__ import annotations

import difflib
import os
from pathlib import Path, PurePath

# None of this is the function's. A pattern without a slash matches at every depth, a folder with all in it.
EXCLUDED = (
    # Byte code of this machine: it would make the same source another asset on every machine and Python.
    "__pycache__",
    "*.pyc",
    # Left behind by tools, and by operating systems.
    ".venv",
    ".git",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".DS_Store",
    "*.egg-info",
    # An app whose entry is its own folder would otherwise copy its output into itself.
    "cdk.out",
)


def find_entry(entry: str | os.PathLike[str]) -> Path:
    """Return the folder that `entry` names, or say what is there instead."""
    if not isinstance(entry, (str, os.PathLike)):
        raise TypeError(f"entry must be the path of the folder that holds the handler, got {entry!r}")
    if not os.fspath(entry):
        raise ValueError("entry must be the path of a folder, got ''; pass entry='.' for the working directory")
    folder = Path(entry)
    if folder.is_file():
        raise ValueError(
            f"entry must be a folder, got the file '{entry}'; pass entry='{folder.parent}', index='{folder.name}'"
        )
    if not folder.is_dir():
        raise ValueError(f"entry folder '{entry}' does not exist; it was looked for at '{folder.absolute()}'")
    return folder


def check_script(entry: Path, name: str, *, needs_shebang: bool) -> None:
    """Refuse a program in `entry` that Lambda could not start: not there, not executable, no script."""
    if not isinstance(name, str):
        raise TypeError(f"handler must be the path of a script in entry, such as 'run.sh', got {name!r}")
    if not _is_inside(name):
        raise ValueError(f"handler must be a path inside entry, such as 'bin/run.sh', got {name!r}")
    script = entry / name
    if not script.is_file():
        raise ValueError(f"entry folder '{entry}' has no file {name!r}, which Lambda starts; {_list(entry)}")
    # Windows has no such bit; there the CDK's zip marks nothing, which a deployment from Linux or macOS avoids.
    if os.name == "posix" and not script.stat().st_mode & 0o111:
        raise ValueError(
            f"'{script}' is not executable, and Lambda could not start it; run chmod +x '{script}', and "
            "git update-index --chmod=+x for those who clone it"
        )
    if not needs_shebang:
        return
    first_line = script.read_bytes().partition(b"\n")[0]
    if not first_line.startswith(b"#!"):
        raise ValueError(f"'{script}' must name its interpreter in its first line, such as #!/bin/bash")
    if first_line.endswith(b"\r"):
        raise ValueError(
            f"'{script}' has Windows line ends (CRLF), with which Lambda would look for an interpreter that is not "
            "there; save it with LF, and have git keep it so: '*.sh text eol=lf' in .gitattributes"
        )


def find_index(entry: Path, index: str) -> Path:
    """Return the module that `index` names in the folder `entry`, or say which modules are there."""
    if not isinstance(index, str):
        raise TypeError(f"index must be the path of a Python file in entry, such as 'index.py', got {index!r}")
    path = PurePath(index)
    if not _is_inside(path):
        raise ValueError(f"index must be a path inside entry, such as 'app/main.py', got {index!r}")
    if path.suffix != ".py" or "." in str(path.with_suffix("")):
        # Lambda's handler string separates modules by dots: a dot in a name would be taken for a folder.
        raise ValueError(
            f"index must be the path of a Python file, without other dots in it, such as 'app/main.py', got {index!r}"
        )
    if not (entry / path).is_file():
        raise ValueError(f"entry folder '{entry}' has no file {index!r}; {_suggest(entry, index)}")
    return entry / path


def handler_string(index: str, handler: str) -> str:
    """Return what Lambda calls the handler: module and name, separated by dots."""
    if not isinstance(handler, str):
        raise TypeError(f"handler must be the name of a function in {index}, such as 'handler', got {handler!r}")
    if not handler.isidentifier():
        raise ValueError(
            f"handler must be a name at the top level of {index}, such as 'handler', got {handler!r}; "
            "the module is named by index: index='app/main.py', handler='handler'"
        )
    return ".".join((*PurePath(index).with_suffix("").parts, handler))


def _is_inside(path: str | PurePath) -> bool:
    """Whether a relative path stays in the folder that it starts at."""
    return not PurePath(path).is_absolute() and ".." not in PurePath(path).parts


def _list(entry: Path) -> str:
    names = sorted(path.name for path in entry.iterdir() if path.is_file())
    return "it has " + ", ".join(repr(name) for name in names[:10]) if names else "it holds no file"


def _suggest(entry: Path, index: str) -> str:
    # Two levels are enough to show a misspelt file, and quick where a virtual environment lies around.
    modules = [*entry.glob("*.py"), *entry.glob("[!.]*/*.py")]
    names = sorted(path.relative_to(entry).as_posix() for path in modules)
    if not names:
        return "it holds no Python file"
    close = difflib.get_close_matches(index, names)
    if close:
        return f"did you mean {', '.join(repr(name) for name in close)}?"
    shown = ", ".join(repr(name) for name in names[:10])
    return f"it has {shown} and {len(names) - 10} more" if len(names) > 10 else f"it has {shown}"
