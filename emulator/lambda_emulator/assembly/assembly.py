"""Reader of a cloud assembly (`cdk.out`): its functions, layers and Function URLs, and the files of their code.

Manifests and templates are enough, as they are for CloudFormation. Code is found by the key under which
`<stack>.assets.json` publishes it. Layers and values of other stacks are found by resolving references. Metadata with
construct paths, which the CDK CLI adds, is used for names and may be missing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

from ..functions import (
    Bundling,
    Code,
    Cors,
    Function,
    FunctionUrl,
    InlineCode,
    InvokeMode,
    LayerVersion,
    read_bundling,
)
from .intrinsics import Unresolvable, resolve_text
from .manifest import ManifestReader, Unreadable, Warnings
from .properties import Properties
from .template import DeployTarget, Template

_BUNDLING = "lambda-streaming:bundling"

_LOG_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")

_Record = TypeVar("_Record")
_ReadResource: TypeAlias = Callable[[Template, str, Properties], _Record]


class AssemblyError(Exception):
    """The assembly cannot be served. The message says why and how to fix it."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """Functions and Function URLs of an assembly, in the order of construct paths."""

    functions: tuple[Function, ...]
    function_urls: tuple[FunctionUrl, ...]
    warnings: tuple[str, ...] = ()
    """Differences from a deployment, one sentence each."""


def read_assembly(folder: Path, target: DeployTarget) -> Assembly:
    """Read the assembly in `folder` with its Stages and nested stacks.

    `target` has the account and Region for stacks that name none.
    """
    if not (folder / "manifest.json").is_file():
        raise AssemblyError(
            f"There is no cloud assembly in {folder}: it has no manifest.json. Run `cdk synth` first, "
            "or pass the folder that your app writes."
        )
    return _Reader(target).read(folder)


class _Reader:
    def __init__(self, target: DeployTarget) -> None:
        self._warnings = Warnings()
        self._manifests = ManifestReader(target, self._warnings)

    def read(self, folder: Path) -> Assembly:
        try:
            self._manifests.read_folder(folder)
        except Unreadable as error:
            raise AssemblyError(str(error)) from None
        # Layers of all stacks come first, because a function may use a layer of another stack.
        layers = {layer.arn: layer for layer in self._read_resources("AWS::Lambda::LayerVersion", self._layer)}
        qualifiers = self._qualifiers()
        functions = list(
            self._read_resources(
                "AWS::Lambda::Function",
                lambda template, logical_id, properties: self._function(
                    template, logical_id, properties, layers, qualifiers
                ),
            )
        )
        functions.sort(key=lambda function: function.construct_path)
        by_arn = {function.arn: function for function in functions}
        urls = list(
            self._read_resources(
                "AWS::Lambda::Url",
                lambda template, logical_id, properties: self._function_url(template, logical_id, properties, by_arn),
            )
        )
        urls.sort(key=lambda url: url.construct_path)
        return Assembly(tuple(functions), tuple(urls), tuple(self._warnings))

    # Layers, functions, Function URLs

    def _read_resources(self, resource_type: str, read: _ReadResource[_Record]) -> Iterator[_Record]:
        """Yield the records of all resources of a type that can be read."""
        for template in self._manifests.templates:
            for logical_id, values in template.resources_of_type(resource_type):
                path = template.construct_path(logical_id)
                with self._warnings.instead_of(path):
                    yield read(template, logical_id, Properties(values, template, self._warnings.add, path))

    def _layer(self, template: Template, logical_id: str, properties: Properties) -> LayerVersion:
        content = self._content(template, properties.section("Content"))
        if content is None:
            raise Unreadable(
                "its content is not in the assembly. This emulator does not support content in S3. "
                "Use `Code.from_asset()`."
            )
        self._warn_if_missing(template, logical_id, "content", content)
        return LayerVersion(arn=template.reference(logical_id), content=content)

    def _qualifiers(self) -> dict[str, set[str]]:
        """Map the ARNs of functions to the names of their versions and aliases."""
        qualifiers: dict[str, set[str]] = {}
        for template in self._manifests.templates:
            for resource_type in ("AWS::Lambda::Version", "AWS::Lambda::Alias"):
                for logical_id, _ in template.resources_of_type(resource_type):
                    with suppress(Unresolvable):
                        arn, _, qualifier = template.reference(logical_id).rpartition(":")
                        qualifiers.setdefault(arn, set()).add(qualifier)
        return qualifiers

    def _function(
        self,
        template: Template,
        logical_id: str,
        properties: Properties,
        layers: Mapping[str, LayerVersion],
        qualifiers: Mapping[str, set[str]],
    ) -> Function:
        arn = template.attribute(logical_id, "Arn")
        runtime = properties.text("Runtime")
        code = self._code(template, logical_id, properties.section("Code"), runtime)
        environment = properties.section("Environment").variables("Variables")
        logging = properties.section("LoggingConfig")
        self._warn_if_conditional(template, logical_id)
        return Function(
            name=template.reference(logical_id),
            logical_id=logical_id,
            construct_path=template.construct_path(logical_id),
            arn=arn,
            runtime=runtime,
            handler=properties.text("Handler"),
            code=code,
            layers=tuple(self._layers_of(template, logical_id, properties, layers)),
            qualifiers=frozenset(qualifiers.get(arn, ())),
            environment={variable: value.text for variable, value in environment.items()},
            unresolved_variables={
                variable: value.unresolved for variable, value in environment.items() if value.unresolved
            },
            timeout_seconds=properties.number("Timeout", 3),
            memory_size_mb=properties.number("MemorySize", 128),
            architecture=next((value.text for value in properties.texts("Architectures")), "x86_64"),
            reserved_concurrency=properties.number("ReservedConcurrentExecutions", None, minimum=0),
            isolates_tenants="TenancyConfig" in properties,
            log_format=logging.choice("LogFormat", ("Text", "JSON"), "Text"),
            application_log_level=logging.choice("ApplicationLogLevel", _LOG_LEVELS, ""),
            bundling=self._bundling(template, logical_id),
        )

    def _warn_if_conditional(self, template: Template, logical_id: str) -> None:
        condition = template.unknown_condition(logical_id)
        if condition:
            self._warnings.add(
                f"{template.construct_path(logical_id)} is served, although only a deployment can evaluate its "
                f"condition {condition}."
            )

    def _bundling(self, template: Template, logical_id: str) -> Bundling | None:
        metadata = template.metadata(logical_id, _BUNDLING)
        try:
            return read_bundling(metadata) if metadata is not None else None
        except TypeError as error:
            self._warnings.add(
                f"The asset of {template.construct_path(logical_id)} is served as it is: this emulator cannot read its "
                f"metadata {_BUNDLING} ({error}). Install the same version of cdk-lambda-streaming and "
                "lambda-streaming-emulator."
            )
            return None

    def _layers_of(
        self, template: Template, logical_id: str, properties: Properties, layers: Mapping[str, LayerVersion]
    ) -> Iterator[LayerVersion]:
        for reference in properties.texts("Layers"):
            if reference.text in layers:
                yield layers[reference.text]
            else:
                self._warnings.add(
                    f"{template.construct_path(logical_id)} runs without the layer {reference.text}, which is not in "
                    "the assembly. This emulator does not download layers."
                )

    def _function_url(
        self, template: Template, logical_id: str, properties: Properties, functions: Mapping[str, Function]
    ) -> FunctionUrl:
        target = resolve_text(properties.raw("TargetFunctionArn"), template).text
        function = functions.get(target) or _by_name(functions.values(), target)
        if function is None:
            raise Unreadable(
                f"its function {target} is not served. This emulator serves only functions of this assembly, with "
                "code that it supports."
            )
        return FunctionUrl(
            function=function,
            qualifier=properties.text("Qualifier"),
            construct_path=template.construct_path(logical_id),
            url_id=template.url_id(logical_id),
            region=template.target.region,
            auth_type=properties.choice("AuthType", ("NONE", "AWS_IAM"), "AWS_IAM"),
            invoke_mode=InvokeMode(properties.choice("InvokeMode", list(InvokeMode.__members__), "BUFFERED")),
            cors=self._cors(template, logical_id, properties.section("Cors")) if "Cors" in properties else None,
        )

    def _cors(self, template: Template, url_id: str, properties: Properties) -> Cors:
        def texts(name: str) -> tuple[str, ...]:
            values = list(properties.texts(name))
            for value in values:
                if value.unresolved:
                    self._warnings.add(
                        f"{template.construct_path(url_id)} has {value.text} in {name}. Only a deployment knows its "
                        "value, so it matches nothing here."
                    )
            return tuple(value.text for value in values)

        return Cors(
            allow_origins=texts("AllowOrigins"),
            allow_methods=texts("AllowMethods"),
            allow_headers=texts("AllowHeaders"),
            expose_headers=texts("ExposeHeaders"),
            allow_credentials=properties.flag("AllowCredentials"),
            max_age_seconds=properties.number("MaxAge", None, minimum=0),
        )

    def _code(self, template: Template, logical_id: str, location: Properties, runtime: str) -> Code:
        if "ZipFile" in location:
            file_name = "index.js" if runtime.startswith("nodejs") else "index.py"
            return InlineCode(file_name, location.text("ZipFile"))
        code = self._content(template, location)
        if code is None:
            raise Unreadable(
                "its code is not a file or folder in the assembly. This emulator does not support container images and "
                "code in S3."
            )
        self._warn_if_missing(template, logical_id, "code", code)
        return code

    def _warn_if_missing(self, template: Template, logical_id: str, kind: str, content: Path) -> None:
        if not os.path.exists(content):
            path = template.construct_path(logical_id)
            self._warnings.add(f"The {kind} of {path} is missing: {content} does not exist. Run `cdk synth` again.")

    def _content(self, template: Template, location: Properties) -> Path | None:
        return self._manifests.assets.get(resolve_text(location.raw("S3Key"), template).text)


def _by_name(functions: Iterable[Function], name: str) -> Function | None:
    return next((function for function in functions if function.name == name), None)
