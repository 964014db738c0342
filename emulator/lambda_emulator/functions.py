"""The records of what is served: functions, their layers, their Function URLs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeAlias

EXEC_WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"


class InvokeMode(Enum):
    """Whether a response is collected before it is passed on. The values are CloudFormation's."""

    BUFFERED = "BUFFERED"
    RESPONSE_STREAM = "RESPONSE_STREAM"


class InlineCode(NamedTuple):
    """Code that stands in the template itself (`ZipFile`)."""

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
    """What the dependencies in a function's asset were installed from, and for what: the construct's metadata."""

    entry: str
    """The function's folder, as seen from where the app ran."""
    python: str
    machine: str
    excluded: Sequence[str]
    options: Mapping[str, Any]
    requirements: str | None = None
    """The file that names the dependencies, as seen from `entry`; None where a command of the user's writes it."""


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function as its template describes it, every reference resolved."""

    name: str
    logical_id: str
    construct_path: str
    arn: str
    runtime: str
    handler: str
    code: Code
    layers: tuple[LayerVersion, ...] = ()
    qualifiers: frozenset[str] = frozenset()
    """Its versions and aliases."""
    environment: Mapping[str, str] = field(default_factory=dict)
    unresolved_variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Variables that hold placeholders, and what only a deployment could tell."""
    timeout_seconds: int = 3
    memory_size_mb: int = 128
    architecture: str = "x86_64"
    isolates_tenants: bool = False
    """Whether an execution environment serves one tenant only, whom every invoke has to name."""
    log_format: str = "Text"
    application_log_level: str = ""
    bundling: Bundling | None = None
    """None for code that nothing was installed beside."""

    @property
    def construct_id(self) -> str:
        return PurePosixPath(self.construct_path).name

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @property
    def runs_own_bootstrap(self) -> bool:
        """OS-only runtimes have no program of their own: the function brings `bootstrap`."""
        return self.runtime.startswith("provided")

    @property
    def exec_wrapper(self) -> str:
        """Path of the exec wrapper as Lambda sees it, or an empty text. OS-only runtimes ignore the variable."""
        return "" if self.runs_own_bootstrap else self.environment.get(EXEC_WRAPPER_VARIABLE, "")


@dataclass(frozen=True, slots=True)
class Cors:
    """The cross-origin rules of a Function URL, `*` standing for any."""

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
    """The alias that the URL belongs to, empty for the function itself."""
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
    def deployed_form(self) -> str:
        """The address as AWS would form it: what `Fn::GetAtt FunctionUrl` resolves to."""
        return f"https://{self.domain_name}/"
