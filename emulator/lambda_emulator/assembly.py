"""Read a cloud assembly (`cdk.out`): which functions, layers and Function URLs it holds, and where their content is.

Everything is found the way CloudFormation would find it, from manifests and templates alone: content by the key under
which `<stack>.assets.json` publishes it, layers and other stacks' values by resolving references. What the CDK CLI adds
when it synthesizes (path and asset metadata) is used for names where it is there, and not needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .functions import Bundling, Code, Cors, Function, FunctionUrl, InlineCode, InvokeMode, LayerVersion
from .intrinsics import ResolvedText, Unresolvable, resolve, resolve_text
from .template import Desk, Exports, Template

_NESTED_ASSEMBLY = "cdk:cloud-assembly"
_ASSET_MANIFEST = "cdk:asset-manifest"
_STACK = "aws:cloudformation:stack"
_BUNDLING = "lambda-streaming:bundling"


class AssemblyError(Exception):
    """The assembly cannot be served; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """What an assembly asks to be served, in the order of construct paths."""

    functions: tuple[Function, ...]
    function_urls: tuple[FunctionUrl, ...]
    notes: tuple[str, ...] = ()
    """What differs from a deployment, one sentence each."""


def read_assembly(folder: Path, desk: Desk) -> Assembly:
    """Read the assembly in `folder`, Stages and nested stacks included."""
    if not (folder / "manifest.json").is_file():
        raise AssemblyError(
            f"There is no cloud assembly in {folder} (no manifest.json): run `cdk synth` first, "
            "or give the folder that your app writes."
        )
    return _Reader(desk).read(folder)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AssemblyError(f"{file} is missing: the assembly is incomplete, run `cdk synth` again.") from None
    except (OSError, ValueError) as error:
        raise AssemblyError(f"{file} cannot be read ({error}): run `cdk synth` again.") from None
    if not isinstance(document, dict):
        raise AssemblyError(f"{file} is not a JSON object: run `cdk synth` again.")
    return document


class _Reader:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._assets: dict[str, Path] = {}
        self._templates: list[Template] = []
        self._exports = Exports()
        self._notes: list[str] = []

    def read(self, folder: Path) -> Assembly:
        self._read_folder(folder)
        # Layers first, from all stacks: a function may use a layer of another stack.
        layers = {layer.arn: layer for template in self._templates for layer in self._layers(template)}
        qualifiers = self._qualifiers()
        functions = [
            function for template in self._templates for function in self._functions(template, layers, qualifiers)
        ]
        functions.sort(key=lambda function: function.construct_path)
        by_arn = {function.arn: function for function in functions}
        urls = [url for template in self._templates for url in self._function_urls(template, by_arn)]
        urls.sort(key=lambda url: url.construct_path)
        return Assembly(tuple(functions), tuple(urls), tuple(self._notes))

    # Manifests, assets and templates

    def _read_folder(self, folder: Path) -> None:
        artifacts = _read_json(folder / "manifest.json").get("artifacts", {})
        for artifact in artifacts.values():
            if artifact["type"] == _ASSET_MANIFEST:
                self._read_assets(folder / artifact["properties"]["file"])
        for artifact_id, artifact in artifacts.items():
            if artifact["type"] == _STACK:
                self._read_stack(folder, artifact_id, artifact)
        for artifact in artifacts.values():
            if artifact["type"] == _NESTED_ASSEMBLY:
                self._read_folder(folder / artifact["properties"]["directoryName"])

    def _read_assets(self, file: Path) -> None:
        for asset in _read_json(file).get("files", {}).values():
            path = asset["source"].get("path")
            if path is None:  # made by a command at deployment: `executable`
                continue
            for destination in asset["destinations"].values():
                self._assets[destination["objectKey"]] = (file.parent / path).resolve()

    def _read_stack(self, folder: Path, artifact_id: str, artifact: Mapping[str, Any]) -> None:
        template = Template(
            document=_read_json(folder / artifact["properties"]["templateFile"]),
            stack_name=artifact["properties"].get("stackName", artifact_id),
            desk=self._desk.at(artifact.get("environment", "")),
            exports=self._exports,
            construct_paths=_construct_paths(folder, artifact),
        )
        self._add_template(template)

    def _add_template(self, template: Template) -> None:
        self._templates.append(template)
        self._exports.add(template)
        for logical_id, resource in template.resources_of_type("AWS::CloudFormation::Stack"):
            file = self._asset_of_url(template, resource.get("TemplateURL"))
            if file is None:
                self._notes.append(f"The nested stack {logical_id} of {template.stack_name} is left out: no template.")
                continue
            nested = template.nest(logical_id, _read_json(file), resource.get("Parameters", {}))
            self._add_template(nested)

    def _asset_of_url(self, template: Template, url: Any) -> Path | None:
        text = resolve_text(url, template).text
        return self._assets.get(text.rpartition("/")[2])

    # Layers, functions, Function URLs

    def _layers(self, template: Template) -> Iterator[LayerVersion]:
        for logical_id, properties in template.resources_of_type("AWS::Lambda::LayerVersion"):
            content = self._content(template, properties.get("Content", {}))
            if content is None:
                self._notes.append(f"The content of the layer {logical_id} is not in the assembly: it is left out.")
                continue
            self._note_if_missing(template, logical_id, "content", content)
            yield LayerVersion(arn=template.reference(logical_id), content=content)

    def _qualifiers(self) -> dict[str, set[str]]:
        """Map the ARNs of functions to the names of their versions and aliases."""
        qualifiers: dict[str, set[str]] = {}
        for template in self._templates:
            for resource_type in ("AWS::Lambda::Version", "AWS::Lambda::Alias"):
                for logical_id, _ in template.resources_of_type(resource_type):
                    with suppress(Unresolvable):
                        arn, _, qualifier = template.reference(logical_id).rpartition(":")
                        qualifiers.setdefault(arn, set()).add(qualifier)
        return qualifiers

    def _functions(
        self, template: Template, layers: Mapping[str, LayerVersion], qualifiers: Mapping[str, set[str]]
    ) -> Iterator[Function]:
        for logical_id, properties in template.resources_of_type("AWS::Lambda::Function"):
            name = template.reference(logical_id)
            arn = template.attribute(logical_id, "Arn")
            code = self._code(template, properties.get("Code", {}), properties.get("Runtime", ""))
            if code is None:
                self._notes.append(f"{name} is left out: its code is not in the assembly as a file or folder.")
                continue
            self._note_if_missing(template, logical_id, "code", code)
            environment = self._environment(template, properties)
            yield Function(
                name=name,
                logical_id=logical_id,
                construct_path=template.construct_path(logical_id),
                arn=arn,
                runtime=_text(template, properties.get("Runtime", "")),
                handler=_text(template, properties.get("Handler", "")),
                code=code,
                layers=tuple(self._layers_of(template, name, properties.get("Layers", []), layers)),
                qualifiers=frozenset(qualifiers.get(arn, ())),
                environment={variable: value.text for variable, value in environment.items()},
                unresolved_variables={
                    variable: value.unresolved for variable, value in environment.items() if value.unresolved
                },
                timeout_seconds=int(_text(template, properties.get("Timeout", 3))),
                memory_size_mb=int(_text(template, properties.get("MemorySize", 128))),
                architecture=_first(properties.get("Architectures"), default="x86_64"),
                isolates_tenants="TenancyConfig" in properties,
                log_format=properties.get("LoggingConfig", {}).get("LogFormat", "Text"),
                application_log_level=properties.get("LoggingConfig", {}).get("ApplicationLogLevel", ""),
                bundling=self._bundling(template, logical_id),
            )

    def _bundling(self, template: Template, logical_id: str) -> Bundling | None:
        metadata = template.metadata(logical_id, _BUNDLING)
        try:
            return Bundling(**metadata) if metadata is not None else None
        except TypeError as error:
            self._notes.append(
                f"{template.construct_path(logical_id)} runs with its asset as it is, whose metadata {_BUNDLING} this "
                f"emulator cannot read ({error}): install it and cdk-lambda-streaming in the same version."
            )
            return None

    def _environment(self, template: Template, properties: Mapping[str, Any]) -> dict[str, ResolvedText]:
        variables = properties.get("Environment", {}).get("Variables", {})
        return {name: resolve_text(value, template) for name, value in variables.items()}

    def _layers_of(
        self, template: Template, function_name: str, references: Any, layers: Mapping[str, LayerVersion]
    ) -> Iterator[LayerVersion]:
        for reference in references:
            arn = resolve_text(reference, template).text
            if arn in layers:
                yield layers[arn]
            else:
                self._notes.append(f"{function_name} runs without the layer {arn}: it is not in the assembly.")

    def _function_urls(self, template: Template, functions: Mapping[str, Function]) -> Iterator[FunctionUrl]:
        for logical_id, properties in template.resources_of_type("AWS::Lambda::Url"):
            target = resolve_text(properties.get("TargetFunctionArn"), template).text
            function = functions.get(target) or _by_name(functions.values(), target)
            if function is None:
                self._notes.append(f"The Function URL {logical_id} is left out: {target} is not served here.")
                continue
            yield FunctionUrl(
                function=function,
                qualifier=_text(template, properties.get("Qualifier", "")),
                construct_path=template.construct_path(logical_id),
                url_id=template.url_id(logical_id),
                region=template.desk.region,
                auth_type=_text(template, properties["AuthType"]),
                invoke_mode=InvokeMode(_text(template, properties.get("InvokeMode", "BUFFERED"))),
                cors=self._cors(template, logical_id, properties.get("Cors")),
            )

    def _cors(self, template: Template, url_id: str, properties: Mapping[str, Any] | None) -> Cors | None:
        if properties is None:
            return None

        def texts(name: str) -> tuple[str, ...]:
            values = [resolve_text(value, template) for value in _list(template, properties.get(name))]
            self._notes.extend(
                f"{template.construct_path(url_id)} has {value.text} in {name}, which only a deployment knows: "
                "it matches nothing here."
                for value in values
                if value.unresolved
            )
            return tuple(value.text for value in values)

        max_age = _text(template, properties.get("MaxAge"))
        return Cors(
            allow_origins=texts("AllowOrigins"),
            allow_methods=texts("AllowMethods"),
            allow_headers=texts("AllowHeaders"),
            expose_headers=texts("ExposeHeaders"),
            allow_credentials=_text(template, properties.get("AllowCredentials")) == "true",
            max_age_seconds=int(max_age) if max_age.isdecimal() else None,
        )

    def _code(self, template: Template, code: Mapping[str, Any], runtime: str) -> Code | None:
        if "ZipFile" in code:
            file_name = "index.js" if runtime.startswith("nodejs") else "index.py"
            return InlineCode(file_name, resolve_text(code["ZipFile"], template).text)
        return self._content(template, code)

    def _note_if_missing(self, template: Template, logical_id: str, what: str, content: Code) -> None:
        if isinstance(content, Path) and not content.exists():
            path = template.construct_path(logical_id)
            self._notes.append(f"The {what} of {path} is missing: there is no {content}; run `cdk synth` again.")

    def _content(self, template: Template, location: Mapping[str, Any]) -> Path | None:
        try:
            return self._assets.get(resolve(location.get("S3Key"), template))
        except Unresolvable:
            return None


def _construct_paths(folder: Path, artifact: Mapping[str, Any]) -> dict[str, list[str]]:
    """Map logical ids to construct paths: one logical id may stand in a stack and in its nested stacks."""
    metadata = dict(artifact.get("metadata", {}))
    if "additionalMetadataFile" in artifact:
        metadata.update(_read_json(folder / artifact["additionalMetadataFile"]))
    paths: dict[str, list[str]] = {}
    for path, entries in metadata.items():
        for entry in entries:
            if entry["type"] == "aws:cdk:logicalId":
                paths.setdefault(entry["data"], []).append(path)
    return paths


def _text(template: Template, value: Any) -> str:
    return resolve_text(value, template).text


def _first(values: Any, *, default: str) -> str:
    return str(values[0]) if values else default


def _by_name(functions: Any, name: str) -> Function | None:
    return next((function for function in functions if function.name == name), None)


def _list(template: Template, values: Any) -> list[Any]:
    """Return the items of a list, each still to be resolved; a list that only a deployment knows has none."""
    if isinstance(values, list):
        return values
    with suppress(Unresolvable):
        values = resolve(values, template)
    return values if isinstance(values, list) else []
