"""The folder `entry` with the user's code."""

from __future__ import annotations

import difflib
import os
from pathlib import Path, PurePath

# Never deployed. A pattern without a slash matches at every depth. A folder matches with its content.
EXCLUDED = (
    # Byte code of this machine: equal modules would become another asset on every machine and Python.
    "__pycache__",
    "*.pyc",
    # Files that tools and operating systems leave behind.
    ".venv",
    ".git",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".DS_Store",
    "*.egg-info",
    # The app's output. An app may have its own folder as entry.
    "cdk.out",
)


def find_entry(entry: str | os.PathLike[str]) -> Path:
    """Return the folder, or reject a path that is not a folder."""
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
        raise ValueError(
            f"entry folder '{entry}' does not exist at '{folder.absolute()}'; {_suggest_folder(folder)}pass the folder "
            "with the function's code. A relative path starts at the working directory"
        )
    return folder


def _suggest_folder(folder: Path) -> str:
    """Return a question for the folder beside a missing one that its name resembles, or nothing."""
    parent = folder.parent
    names = [path.name for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []
    close = difflib.get_close_matches(folder.name, sorted(names), n=1)
    return f"did you mean '{parent / close[0]}'? Otherwise " if close else ""


def check_script(entry: Path, name: str, *, needs_shebang: bool) -> None:
    """Reject a program in `entry` that Lambda cannot start."""
    if not isinstance(name, str):
        raise TypeError(f"handler must be the path of a script in entry, such as 'run.sh', got {name!r}")
    if not _is_inside(name):
        raise ValueError(f"handler must be a path inside entry, such as 'bin/run.sh', got {name!r}")
    script = entry / name
    if not script.is_file():
        raise ValueError(f"entry folder '{entry}' has no file {name!r} for Lambda to start; {_list(entry)}")
    # Windows has no executable bit.
    if os.name == "posix" and not script.stat().st_mode & 0o111:
        raise ValueError(
            f"'{script}' is not executable, so Lambda cannot start it; run chmod +x '{script}', and "
            "git update-index --chmod=+x to keep it executable in git"
        )
    if needs_shebang:
        _check_shebang(script)


def _check_shebang(script: Path) -> None:
    first_line = script.read_bytes().partition(b"\n")[0]
    if not first_line.startswith(b"#!"):
        raise ValueError(f"'{script}' must name its interpreter in its first line, such as #!/bin/bash")
    if first_line.endswith(b"\r"):
        raise ValueError(
            f"'{script}' has Windows line ends (CRLF), so Lambda would not find its interpreter; save it with LF, and "
            "keep them in git with '*.sh text eol=lf' in .gitattributes"
        )


def find_index(entry: Path, index: str) -> Path:
    """Return the path of the module `index` in `entry`, or reject it and list the modules there."""
    if not isinstance(index, str):
        raise TypeError(f"index must be the path of a Python file in entry, such as 'index.py', got {index!r}")
    path = PurePath(index)
    if not _is_inside(path):
        raise ValueError(f"index must be a path inside entry, such as 'app/main.py', got {index!r}")
    if path.suffix != ".py" or "." in str(path.with_suffix("")):
        # Lambda's handler string separates modules with dots, so a dot in a name would mean a folder.
        raise ValueError(
            f"index must be the path of a Python file, without other dots in it, such as 'app/main.py', got {index!r}"
        )
    if not (entry / path).is_file():
        raise ValueError(f"entry folder '{entry}' has no file {index!r}; {_suggest(entry, index)}")
    return entry / path


def handler_string(index: str, handler: str) -> str:
    """Return Lambda's own handler string: module and name, separated by dots."""
    if not isinstance(handler, str):
        raise TypeError(f"handler must be the name of a function in {index}, such as 'handler', got {handler!r}")
    if not handler.isidentifier():
        raise ValueError(
            f"handler must be a name at the top level of {index}, such as 'handler', got {handler!r}; "
            "name the module in index: index='app/main.py', handler='handler'"
        )
    return ".".join((*PurePath(index).with_suffix("").parts, handler))


def _is_inside(path: str | PurePath) -> bool:
    """Return True if a path is relative and never leaves its folder."""
    return not PurePath(path).is_absolute() and ".." not in PurePath(path).parts


def _list(entry: Path) -> str:
    names = sorted(path.name for path in entry.iterdir() if path.is_file())
    return "it has " + ", ".join(repr(name) for name in names[:10]) if names else "it has no files"


def _suggest(entry: Path, index: str) -> str:
    # Two levels are enough to find a misspelt name, and fast even with a virtual environment in the folder.
    modules = [*entry.glob("*.py"), *entry.glob("[!.]*/*.py")]
    names = sorted(path.relative_to(entry).as_posix() for path in modules)
    if not names:
        return "it has no Python files"
    close = difflib.get_close_matches(index, names)
    if close:
        return f"did you mean {', '.join(repr(name) for name in close)}?"
    shown = ", ".join(repr(name) for name in names[:10])
    return f"it has {shown} and {len(names) - 10} more" if len(names) > 10 else f"it has {shown}"
