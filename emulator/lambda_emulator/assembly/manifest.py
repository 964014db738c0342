"""Reader of the manifests in a cloud assembly: its templates, and the files that it publishes as assets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..json_text import decode_json
from .intrinsics import Unresolvable
from .properties import Properties, is_plain
from .template import DeployTarget, Exports, Template

_NESTED_ASSEMBLY = "cdk:cloud-assembly"
_ASSET_MANIFEST = "cdk:asset-manifest"
_STACK = "aws:cloudformation:stack"

_Kind = TypeVar("_Kind")


class Unreadable(Exception):
    """A part of the assembly cannot be served. The message says why and how to fix it."""


def read_json(file: Path) -> dict[str, Any]:
    try:
        document = decode_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unreadable(f"{file} is missing, so the assembly is incomplete. Run `cdk synth` again.") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"{file} cannot be read: {error}. Run `cdk synth` again.") from None
    if not isinstance(document, dict):
        raise Unreadable(f"{file} is not a JSON object. Run `cdk synth` again.")
    return document


def _member(document: Any, *names: str, kind: type[_Kind]) -> _Kind:
    """Return a member of objects inside each other."""
    value = document
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, kind) or (isinstance(value, str) and not is_plain(value)):
        raise Unreadable(f"it has no {'.'.join(names)} that this emulator can read. Run `cdk synth` again.")
    return value


class Warnings:
    """Differences from a deployment, one sentence each and in the order of the assembly."""

    def __init__(self) -> None:
        self._lines: dict[str, None] = {}

    def add(self, line: str) -> None:
        self._lines[line] = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    @contextmanager
    def instead_of(self, subject: str) -> Iterator[None]:
        """Add a warning if a part of the assembly cannot be read. The rest is served."""
        try:
            yield
        except Unreadable as error:
            self.add(f"{subject} is not served: {error}")
        except Unresolvable as error:
            self.add(f"{subject} is not served: it depends on {error}, which only a deployment knows.")
        except RecursionError:
            self.add(f"{subject} is not served: its values are too deep inside each other.")


class ManifestReader:
    """Reader of an assembly with its Stages and nested stacks. A part that it cannot read becomes a warning."""

    def __init__(self, target: DeployTarget, warnings: Warnings) -> None:
        self.templates: list[Template] = []
        self.assets: dict[str, Path] = {}
        """Files and folders, by the key under which a deployment publishes them."""
        self._target = target
        self._warnings = warnings
        self._exports = Exports()
        self._folders: set[Path] = set()

    def read_folder(self, folder: Path) -> None:
        """Read the assembly in a folder. Raise `Unreadable` if its manifest cannot be read."""
        if folder.resolve() in self._folders:
            raise Unreadable(f"{folder} contains itself. Run `cdk synth` again.")
        self._folders.add(folder.resolve())
        artifacts = self._artifacts(folder / "manifest.json")
        for artifact_type, read in (
            (_ASSET_MANIFEST, self._read_assets),
            (_STACK, self._read_stack),
            (_NESTED_ASSEMBLY, self._read_nested_assembly),
        ):
            for artifact_id, artifact in artifacts.items():
                with self._warnings.instead_of(f"The artifact {artifact_id}"):
                    if _member(artifact, "type", kind=str) == artifact_type:
                        read(folder, artifact_id, artifact)

    def _artifacts(self, file: Path) -> dict[str, Any]:
        try:
            return _member(read_json(file), "artifacts", kind=dict)
        except Unreadable as error:
            raise error if file.name in str(error) else Unreadable(f"{file} cannot be read: {error}") from None

    def _read_nested_assembly(self, folder: Path, artifact_id: str, artifact: Mapping[str, Any]) -> None:
        self.read_folder(folder / _member(artifact, "properties", "directoryName", kind=str))

    def _read_assets(self, folder: Path, artifact_id: str, artifact: Mapping[str, Any]) -> None:
        file = folder / _member(artifact, "properties", "file", kind=str)
        for asset_id, asset in _member(read_json(file), "files", kind=dict).items():
            with self._warnings.instead_of(f"The asset {asset_id}"):
                self._read_asset(file.parent, asset)

    def _read_asset(self, folder: Path, asset: Any) -> None:
        source = _member(asset, "source", kind=dict)
        if source.get("path") is None:  # an `executable` makes it at deployment
            return
        path = _member(source, "path", kind=str)
        for destination in _member(asset, "destinations", kind=dict).values():
            self.assets[_member(destination, "objectKey", kind=str)] = Path(os.path.realpath(folder / path))

    def _read_stack(self, folder: Path, artifact_id: str, artifact: Mapping[str, Any]) -> None:
        template = Template(
            document=read_json(folder / _member(artifact, "properties", "templateFile", kind=str)),
            stack_name=_member({"stackName": artifact_id, **artifact["properties"]}, "stackName", kind=str),
            target=self._target.at(_member({"environment": "", **artifact}, "environment", kind=str)),
            exports=self._exports,
            construct_paths=self._construct_paths(folder, artifact_id, artifact),
        )
        self._add_template(template, ())

    def _add_template(self, template: Template, outer_files: tuple[Path, ...]) -> None:
        self.templates.append(template)
        self._exports.add(template)
        for logical_id, values in template.resources_of_type("AWS::CloudFormation::Stack"):
            with self._warnings.instead_of(f"The nested stack {logical_id} of {template.stack_name}"):
                self._add_nested_stack(template, logical_id, values, outer_files)

    def _add_nested_stack(
        self, template: Template, logical_id: str, values: Any, outer_files: tuple[Path, ...]
    ) -> None:
        properties = Properties(values, template, self._warnings.add, template.construct_path(logical_id))
        file = self.assets.get(properties.text("TemplateURL").rpartition("/")[2])
        if file is None:
            raise Unreadable(
                "its template is not in the assembly. This emulator does not support templates in S3. "
                "Use a `NestedStack`."
            )
        if file in outer_files:
            raise Unreadable(f"{file} contains itself. Run `cdk synth` again.")
        parameters = properties.section("Parameters").raw_values
        self._add_template(template.nest(logical_id, read_json(file), parameters), (*outer_files, file))

    def _construct_paths(self, folder: Path, artifact_id: str, artifact: Mapping[str, Any]) -> dict[str, list[str]]:
        """Map logical ids to construct paths. A stack and its nested stacks may have the same logical id."""
        paths: dict[str, list[str]] = {}
        # Names can be read without it.
        with self._warnings.instead_of(f"The metadata of {artifact_id}"):
            for path, entries in _metadata(folder, artifact).items():
                for entry in entries if isinstance(entries, list) else ():
                    if isinstance(entry, dict) and entry.get("type") == "aws:cdk:logicalId":
                        paths.setdefault(str(entry.get("data")), []).append(path)
        return paths


def _metadata(folder: Path, artifact: Mapping[str, Any]) -> dict[str, Any]:
    metadata = artifact.get("metadata")
    own = metadata if isinstance(metadata, dict) else {}
    if artifact.get("additionalMetadataFile") is None:
        return own
    return {**own, **read_json(folder / _member(artifact, "additionalMetadataFile", kind=str))}
