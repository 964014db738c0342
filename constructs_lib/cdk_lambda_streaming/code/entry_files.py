"""Files in `entry` that users deploy by mistake, or that they expect to have an effect.

The search reads the names in the folder and in its direct subfolders. Deeper folders may have thousands of files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from lambda_bundling import tree
from lambda_bundling.errors import BundlingError
from lambda_bundling.options import BundlingOptions, Installer
from lambda_bundling.plan import find_source

from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code.entry import EXCLUDED
from cdk_lambda_streaming.code.plain_code import excluded_by_user

_SECRETS = frozenset(
    {".env", ".netrc", ".pgpass", ".pypirc", "credentials", "credentials.json", "id_ecdsa", "id_ed25519", "id_rsa"}
)
# Files that other tools install from, and the command that writes one that the library reads.
_UNREAD = {
    "Pipfile": "pipenv requirements > requirements.txt",
    "Pipfile.lock": "pipenv requirements > requirements.txt",
    "environment.yml": "pip list --format=freeze > requirements.txt",
    "setup.py": "uv pip compile setup.py -o requirements.txt",
}


def entry_warnings(entry: str | os.PathLike[str], options: BundlingOptions | None) -> list[SynthWarning]:
    """Return warnings about files in a checked folder."""
    folder, options = Path(entry), options or BundlingOptions()
    excluded = [*EXCLUDED, *excluded_by_user(folder, options)]
    names = list(_deployed_names(folder, excluded))
    return [*_warn_of_secrets(folder, names), *_warn_of_unused(folder, names, options)]


def _deployed_names(folder: Path, excluded: Sequence[str]) -> Iterator[str]:
    """Yield the paths of deployed files in the folder and its subfolders, relative to the folder."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not tree.is_excluded(path.name, excluded, is_folder=True):
            yield from _deployed_secrets(path, excluded)
        elif not tree.is_excluded(path.name, excluded, is_folder=False):
            yield path.name


def _deployed_secrets(subfolder: Path, excluded: Sequence[str]) -> Iterator[str]:
    for name in sorted(_SECRETS):
        path = f"{subfolder.name}/{name}"
        if (subfolder / name).is_file() and not tree.is_excluded(path, excluded, is_folder=False):
            yield path


def _warn_of_secrets(folder: Path, names: Sequence[str]) -> Iterator[SynthWarning]:
    found = [name for name in names if name.rpartition("/")[2] in _SECRETS]
    if found:
        yield SynthWarning(
            "secretsInEntry",
            f"the function's code has {_listed(found)} in '{folder}', which all who may read the code can read."
            " List such files in .lambdaignore in entry, and keep secrets in Secrets Manager.",
        )


def _warn_of_unused(folder: Path, names: Sequence[str], options: BundlingOptions) -> Iterator[SynthWarning]:
    if "Dockerfile" in names:
        yield SynthWarning(
            "unusedFile",
            f"'{folder}' has a Dockerfile, which nothing builds. Pass code=Code.from_asset_image() to build it, or "
            "list it in .lambdaignore in entry.",
        )
    found = [name for name in names if name in _UNREAD]
    if found and not _has_source(folder, options):
        yield SynthWarning(
            "unusedFile",
            f"'{folder}' has {_listed(found)}, and the library installs no dependencies from it. Write a file that the "
            f"library reads (`{_UNREAD[found[0]]}`), or list the file in .lambdaignore in entry.",
        )


def _has_source(folder: Path, options: BundlingOptions) -> bool:
    if options.installer is Installer.NONE or options.before_bundling:
        return True  # The user installs the dependencies.
    try:
        return find_source(folder, options) is not None
    except BundlingError:
        return True  # The bundler reports it.


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
