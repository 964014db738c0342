"""What a user may say about bundling."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import PurePath
from typing import Any


class Installer(Enum):
    """What installs the dependencies."""

    AUTO = "auto"
    """uv if there is one, else pip."""
    UV = "uv"
    PIP = "pip"
    DOCKER = "docker"
    """pip in AWS's build image, for packages that have to be compiled."""
    NONE = "none"
    """Nothing is installed."""


class ByteCode(Enum):
    """Whether the bundle has byte code, with which a cold start compiles nothing."""

    AUTO = "auto"
    """If the desk has an interpreter of the function's version."""
    REQUIRED = "required"
    """An error if it has none, so that every machine makes the same bundle."""
    OFF = "off"


class LeaveOut(Enum):
    """What a package may bring that Lambda never needs."""

    TESTS = "tests"
    """Folders named `tests` or `test` in packages, except those that modules outside of them import from."""
    TYPE_STUBS = "type stubs"
    """`.pyi` files, `py.typed`, and packages of stubs alone."""
    BOTO3 = "boto3"
    """boto3, botocore and what only they need: AWS's managed runtime has them."""


@dataclass(frozen=True)
class BundlingOptions:
    """How the dependencies of `entry` get into the function.

    :param requirements: The file in `entry` that names them. Default: the first there is of `uv.lock` (with
        `pyproject.toml`, in `entry` or above it), `pylock.toml`, `requirements.txt`, `pyproject.toml`.
    :param installer: Default: uv, from the extra `bundling` or from PATH; without uv pip.
    :param extras: Optional dependencies of `pyproject.toml` to install. Default: none.
    :param groups: Dependency groups of `pyproject.toml` to install. Default: none.
    :param package: The member of a uv workspace to install. Default: the project in `entry`.
    :param build_from_source: Packages that uv may build on this machine where they have no wheel for Lambda, if they
        are pure Python: what is compiled would be this machine's, and is refused. Default: none.
    :param leave_out: Default: nothing.
    :param byte_code: Default: `ByteCode.AUTO`.
    :param asset_excludes: Patterns of paths in `entry` that are not the function's, besides caches and those that
        `.lambdaignore` names, over which they win. Default: none.
    :param before_bundling: Shell commands, run in a copy of `entry` before anything is installed; what they write or
        change there counts, requirements too. They stand in the template's metadata. Default: none.
    :param after_bundling: Shell commands, run in the bundle before its byte code is made. Default: none.
    """

    requirements: str | os.PathLike[str] | None = None
    installer: Installer = Installer.AUTO
    extras: Sequence[str] = ()
    groups: Sequence[str] = ()
    package: str | None = None
    build_from_source: Sequence[str] = ()
    leave_out: Sequence[LeaveOut] = ()
    byte_code: ByteCode = ByteCode.AUTO
    asset_excludes: Sequence[str] = ()
    before_bundling: Sequence[str] = ()
    after_bundling: Sequence[str] = ()

    def __post_init__(self) -> None:
        _check_member("installer", self.installer, Installer)
        _check_member("byte_code", self.byte_code, ByteCode)
        for name in ("extras", "groups", "build_from_source", "asset_excludes", "before_bundling", "after_bundling"):
            _check_list(name, getattr(self, name), str)
        _check_list("leave_out", self.leave_out, LeaveOut)
        if self.package is not None and not isinstance(self.package, str):
            raise TypeError(f"bundling.package must be the name of a workspace member, got {self.package!r}")
        if self.requirements is not None:
            if not isinstance(self.requirements, (str, os.PathLike)):
                raise TypeError(f"bundling.requirements must be the path of a file in entry, got {self.requirements!r}")
            path = PurePath(self.requirements)
            if path.is_absolute():
                raise ValueError(f"bundling.requirements must be a path relative to entry, got '{path}'")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> BundlingOptions:
        """Return the options that `to_json` was asked for."""
        kinds = {"installer": Installer, "byte_code": ByteCode}
        plain = {name: kinds[name](value) if name in kinds else value for name, value in values.items()}
        options: dict[str, Any] = {**plain, "leave_out": [LeaveOut(value) for value in values.get("leave_out", ())]}
        return cls(**options)

    def to_json(self) -> dict[str, Any]:
        """Return the options as they are told to others: in the bundle's name, and in the template's metadata."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, os.PathLike):
        return PurePath(value).as_posix()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _check_member(name: str, value: object, kind: type[Enum]) -> None:
    if not isinstance(value, kind):
        members = ", ".join(str(member) for member in kind)
        raise TypeError(f"bundling.{name} must be one of {members}, got {value!r}")


def _check_list(name: str, value: object, kind: type) -> None:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(item, kind) for item in value):
        raise TypeError(f"bundling.{name} must be a list of {kind.__name__}, got {value!r}")
