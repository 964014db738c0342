"""Records of the functions that are served, their layers and their Function URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePosixPath
from types import NoneType
from typing import Any, NamedTuple, TypeAlias

EXEC_WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"

_OWN_NAMES = re.compile(
    r"Custom::.*"
    r"|AWSCDK.*|@aws-cdk--.*"
    r"|framework-on(Event|Timeout)|framework-isComplete"
    r"|(AWS|BucketNotificationsHandler|CrossRegionAwsSdk|LogRetention)[0-9a-f]{32}"
)
"""Construct ids of functions that the CDK adds to an app: those of its custom resources."""


class InvokeMode(Enum):
    """Invoke mode of a Function URL or of an invoke, with CloudFormation's values."""

    BUFFERED = "BUFFERED"
    RESPONSE_STREAM = "RESPONSE_STREAM"


class InlineCode(NamedTuple):
    """Code in the template itself (`ZipFile`)."""

    file_name: str
    text: str


Code: TypeAlias = "Path | InlineCode"
"""A folder, a zip file, or code from the template."""


@dataclass(frozen=True, slots=True)
class LayerVersion:
    arn: str
    content: Path


@dataclass(frozen=True, slots=True)
class Bundling:
    """Source and target of the dependencies in a function's asset, from the construct's metadata."""

    entry: str
    """The function's folder, relative to the folder that the app ran in."""
    python: str
    machine: str
    excluded: Sequence[str]
    options: Mapping[str, Any]
    requirements: str | None = None
    """The file that names the dependencies, relative to `entry`. None if a `before_bundling` command writes it."""


_BUNDLING_TYPES: Mapping[str, tuple[type, ...]] = {
    "entry": (str,),
    "python": (str,),
    "machine": (str,),
    "excluded": (list,),
    "options": (dict,),
    "requirements": (str, NoneType),
}


def read_bundling(metadata: Any) -> Bundling:
    """Read the construct's metadata. Raise `TypeError` if it has another form than this emulator knows."""
    if not isinstance(metadata, dict):
        raise TypeError("it is not an object")
    for name, kinds in _BUNDLING_TYPES.items():
        if name in metadata and not isinstance(metadata[name], kinds):
            raise TypeError(f"{name} is of type {type(metadata[name]).__name__}")
    return Bundling(**metadata)


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function as its template describes it, with every reference resolved."""

    name: str
    logical_id: str
    construct_path: str
    arn: str
    runtime: str
    handler: str
    code: Code
    layers: tuple[LayerVersion, ...] = ()
    qualifiers: frozenset[str] = frozenset()
    """Names of its versions and aliases."""
    environment: Mapping[str, str] = field(default_factory=dict)
    unresolved_variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Variables that hold placeholders, with the values that only a deployment knows."""
    timeout_seconds: int = 3
    memory_size_mb: int = 128
    architecture: str = "x86_64"
    reserved_concurrency: int | None = None
    """The number of its invocations that may run at once. None if only the limit for all functions counts."""
    isolates_tenants: bool = False
    """True if every invoke names a tenant, and an execution environment serves one tenant only."""
    log_format: str = "Text"
    application_log_level: str = ""
    bundling: Bundling | None = None
    """None for code without installed dependencies."""

    @property
    def construct_id(self) -> str:
        return PurePosixPath(self.construct_path).name

    @property
    def is_made_by_cdk(self) -> bool:
        """True for a function of the CDK itself, such as the provider of a custom resource."""
        return any(_OWN_NAMES.fullmatch(part) for part in PurePosixPath(self.construct_path).parts)

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @property
    def placeholder_warnings(self) -> list[str]:
        return [
            f"{variable} depends on {', '.join(missing)}, which exists only after deployment; the function gets the "
            f"placeholder {self.environment[variable]!r} instead."
            for variable, missing in self.unresolved_variables.items()
        ]

    @property
    def runs_own_bootstrap(self) -> bool:
        """True for OS-only runtimes: the function brings its own `bootstrap`."""
        return self.runtime.startswith("provided")

    @property
    def exec_wrapper(self) -> str:
        """Path of the exec wrapper inside Lambda, or an empty text. OS-only runtimes ignore the variable."""
        return "" if self.runs_own_bootstrap else self.environment.get(EXEC_WRAPPER_VARIABLE, "")


@dataclass(frozen=True, slots=True)
class Cors:
    """CORS rules of a Function URL. `*` stands for any value."""

    allow_origins: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    allow_credentials: bool = False
    max_age_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    function: Function
    qualifier: str
    """The alias that the URL belongs to, or an empty text for the function itself."""
    construct_path: str
    url_id: str
    region: str
    auth_type: str
    invoke_mode: InvokeMode
    cors: Cors | None = None

    @property
    def domain_name(self) -> str:
        return f"{self.url_id}.lambda-url.{self.region}.on.aws"

    @property
    def aws_address(self) -> str:
        """The address on AWS, to which `Fn::GetAtt FunctionUrl` resolves."""
        return f"https://{self.domain_name}/"


class ServedUrl(NamedTuple):
    """A Function URL and its local address."""

    url: FunctionUrl
    address: str


def missing_url_message(function: Function, qualifier: str, urls: Sequence[FunctionUrl]) -> str:
    """Return the error for a function without a Function URL for `qualifier`. `urls` are those that it has."""
    others = ", ".join(_describe_qualifier(url.qualifier) for url in urls)
    has = f"It has Function URLs for: {others}." if urls else "It has no Function URLs."
    return f"Function {function.name} has no Function URL for {_describe_qualifier(qualifier)}. {has}"


def _describe_qualifier(qualifier: str) -> str:
    if not qualifier:
        return "$LATEST"
    return f"version {qualifier}" if qualifier.isdecimal() else f"alias '{qualifier}'"


class FunctionNotFound(LookupError):
    """No function has the given name, or several have it. The message lists the functions."""


class FunctionDirectory:
    """Directory that finds a function by any name that a caller may use."""

    def __init__(self, functions: Sequence[Function]) -> None:
        self._functions = functions

    def find(self, name: str) -> tuple[Function, str]:
        """Return the function and the qualifier in `name`, or raise `FunctionNotFound`.

        A name is a function name, an ARN (whole, or from the account on) or a construct path. A logical id or construct
        id is enough if only one function has it.
        """
        name, qualifier = _split_qualifier(name)
        shared = []
        for attribute in ("name", "construct_path", "logical_id", "construct_id"):
            found = [function for function in self._functions if getattr(function, attribute) == name]
            if len(found) == 1:
                return found[0], qualifier
            if found:
                paths = ", ".join(function.construct_path for function in found)
                shared.append(
                    f"{len(found)} functions have the {attribute.replace('_', ' ')} {name}: {paths}. "
                    "Pass one of these construct paths."
                )
        if shared:
            raise FunctionNotFound(shared[0])
        known = ", ".join(function.name for function in self._functions) or "no functions"
        raise FunctionNotFound(f"Function not found: {name}. This assembly has: {known}.")


def _split_qualifier(name: str) -> tuple[str, str]:
    """Split `name`, `name:qualifier`, an ARN, or an ARN without `arn:aws:lambda:region:`."""
    arn = re.fullmatch(r"(?:arn:[^:]+:lambda:[^:]+:)?\d{12}:(?:function:)?([^:]+)(?::([^:]+))?", name)
    plain = arn or re.fullmatch(r"([^:]+)(?::([^:]+))?", name)
    return (plain[1], plain[2] or "") if plain else (name, "")
