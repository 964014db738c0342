"""Options of bundling."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import PurePath
from typing import Any

_TEXT_LISTS = ("extras", "groups", "build_from_source", "asset_excludes", "before_bundling", "after_bundling")


class Installer(Enum):
    """Tool that installs the dependencies."""

    AUTO = "auto"
    """uv if this machine has it, else pip."""
    UV = "uv"
    PIP = "pip"
    DOCKER = "docker"
    """pip in AWS's build image, for packages that have to be compiled."""
    NONE = "none"
    """Install nothing."""


class ByteCode(Enum):
    """Byte code in the bundle. With it a cold start compiles nothing."""

    AUTO = "auto"
    """Compile if this machine has an interpreter of the function's version."""
    REQUIRED = "required"
    """Fail if this machine has no such interpreter, so that every machine builds the same bundle."""
    OFF = "off"


class LeaveOut(Enum):
    """Files in packages that Lambda never needs."""

    TESTS = "tests"
    """Folders named `tests` or `test` in packages, except those that other modules import from."""
    TYPE_STUBS = "type stubs"
    """`.pyi` files, `py.typed`, and packages that have only stubs."""
    BOTO3 = "boto3"
    """boto3, botocore and their own dependencies. AWS's managed runtime has them."""


@dataclass(frozen=True)
class BundlingOptions:
    """Options for the dependencies of `entry`.

    :param requirements: File in `entry` that names the dependencies. Default: the first of `uv.lock` (with
        `pyproject.toml`, in `entry` or above it), `pylock.toml`, `requirements.txt`, `pyproject.toml`.
    :param installer: Default: uv, from the extra `bundling` or from PATH. Without uv: pip.
    :param extras: Optional dependencies in `pyproject.toml` to install. Default: none.
    :param groups: Dependency groups in `pyproject.toml` to install. Default: none.
    :param package: Member of a uv workspace to install. Default: the project in `entry`.
    :param build_from_source: Packages that uv may build on this machine if they have no wheel for Lambda. They must be
        pure Python: compiled code would be for this machine, and is rejected. Default: none.
    :param leave_out: Default: nothing.
    :param byte_code: Default: `ByteCode.AUTO`.
    :param asset_excludes: Patterns of paths in `entry` that are not deployed, besides caches and the patterns in
        `.lambdaignore`. They override `.lambdaignore`. Default: none.
    :param before_bundling: Shell commands that run in a copy of `entry` before the installation. The files they write
        or change are used, requirements too. The commands are in the template's metadata. Default: none.
    :param after_bundling: Shell commands that run in the bundle before it is compiled. Default: none.
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
        for name in _TEXT_LISTS:
            _check_list(name, getattr(self, name), str)
        _check_list("leave_out", self.leave_out, LeaveOut)
        if self.package is not None and not isinstance(self.package, str):
            raise TypeError(f"bundling.package must be the name of a workspace member, got {self.package!r}")
        if self.requirements is not None:
            _check_requirements(self.requirements)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> BundlingOptions:
        """Return the options that `to_json` wrote."""
        kinds = {"installer": Installer, "byte_code": ByteCode}
        plain = {name: kinds[name](value) if name in kinds else value for name, value in values.items()}
        options: dict[str, Any] = {**plain, "leave_out": [LeaveOut(value) for value in values.get("leave_out", ())]}
        return cls(**options)

    def to_json(self) -> dict[str, Any]:
        """Return the options as JSON values, for the bundle's name and the template's metadata."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, os.PathLike):
        return PurePath(value).as_posix()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _check_requirements(requirements: object) -> None:
    if not isinstance(requirements, (str, os.PathLike)):
        raise TypeError(f"bundling.requirements must be the path of a file in entry, got {requirements!r}")
    path = PurePath(requirements)
    if path.is_absolute():
        raise ValueError(f"bundling.requirements must be a path relative to entry, got '{path}'")


def _check_member(name: str, value: object, kind: type[Enum]) -> None:
    if not isinstance(value, kind):
        members = ", ".join(str(member) for member in kind)
        raise TypeError(f"bundling.{name} must be one of {members}, got {value!r}")


def _check_list(name: str, value: object, kind: type) -> None:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(item, kind) for item in value):
        raise TypeError(f"bundling.{name} must be a list of {kind.__name__}, got {value!r}")
