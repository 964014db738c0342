"""One CloudFormation template and the meaning of the names in it, as far as a desk can tell."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .intrinsics import NO_VALUE, Unresolvable, resolve, resolve_text

_UNKNOWN = {"", "unknown-account", "unknown-region"}


@dataclass(frozen=True, slots=True)
class Desk:
    """The account and Region that stand in where a stack names none."""

    account: str = "123456789012"
    region: str = "us-east-1"

    def at(self, environment: str) -> Desk:
        """Prefer what a stack is bound to, in the assembly's form `aws://account/region`."""
        account, _, region = environment.removeprefix("aws://").partition("/")
        return replace(
            self,
            account=self.account if account in _UNKNOWN else account,
            region=self.region if region in _UNKNOWN else region,
        )


class Exports:
    """Values that stacks give to one another (`Export` and `Fn::ImportValue`)."""

    def __init__(self) -> None:
        self._outputs: dict[str, tuple[Template, Any]] = {}

    def add(self, template: Template) -> None:
        for output in template.document.get("Outputs", {}).values():
            if "Export" in output:
                name = resolve_text(output["Export"]["Name"], template).text
                self._outputs[name] = (template, output["Value"])

    def value(self, name: str) -> Any:
        if name not in self._outputs:
            raise Unresolvable(name)
        template, value = self._outputs[name]
        return resolve(value, template)


class Template:
    """A stack's template as the scope of its intrinsic functions."""

    def __init__(
        self,
        *,
        document: Mapping[str, Any],
        stack_name: str,
        desk: Desk,
        exports: Exports,
        construct_paths: Mapping[str, list[str]],
        parameters: Mapping[str, Any] | None = None,
        path_prefix: str = "",
    ) -> None:
        self.document = document
        self.stack_name = stack_name
        self.desk = desk
        self._exports = exports
        self._construct_paths = construct_paths
        self._path_prefix = path_prefix
        self._parameters = parameters or {}
        self._nested: dict[str, Template] = {}
        self._resources: Mapping[str, Any] = document.get("Resources", {})

    def resources_of_type(self, resource_type: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield logical ids and properties."""
        for logical_id, resource in self._resources.items():
            if resource["Type"] == resource_type:
                yield logical_id, resource.get("Properties", {})

    def metadata(self, logical_id: str, name: str) -> Any:
        """Return what a resource's metadata holds under a name, or None."""
        return self._resources[logical_id].get("Metadata", {}).get(name)

    def nest(self, logical_id: str, document: Mapping[str, Any], parameters: Mapping[str, Any]) -> Template:
        """Add the template of the nested stack `logical_id`; its parameters mean what this template passes."""
        nested = Template(
            document=document,
            stack_name=f"{self.stack_name}-{logical_id}",
            desk=self.desk,
            exports=self._exports,
            construct_paths=self._construct_paths,
            parameters=_Passed(self, parameters),
            # `App/Nest.NestedStack/Nest.NestedStackResource` is the resource of what is built under `App/Nest`.
            path_prefix=self.construct_path(logical_id).partition(".NestedStack/")[0],
        )
        self._nested[logical_id] = nested
        return nested

    def construct_path(self, logical_id: str) -> str:
        """Return the path as `cdk` prints it: without a leading slash and without CDK's own last `Resource`."""
        recorded = self._resources[logical_id].get("Metadata", {}).get("aws:cdk:path")
        path = recorded or self._path_from_manifest(logical_id) or f"{self.stack_name}/{logical_id}"
        return str(path).removeprefix("/").removesuffix("/Resource")

    def _path_from_manifest(self, logical_id: str) -> str | None:
        paths = [path.removeprefix("/") for path in self._construct_paths.get(logical_id, [])]
        return next((path for path in paths if path.startswith(self._path_prefix)), None)

    def url_id(self, logical_id: str) -> str:
        """Make up the id of a Function URL: like AWS's 32 lower-case characters, the same at every start."""
        digest = hashlib.sha256(f"{self.stack_name}/{logical_id}".encode()).digest()
        return base64.b32encode(digest[:20]).decode().lower()

    # The meaning of names: the protocol `Scope`

    def reference(self, name: str) -> Any:
        if name.startswith("AWS::"):
            return self._pseudo_parameter(name)
        if name in self._parameters:
            return self._parameters[name]
        if name in self.document.get("Parameters", {}):
            return self._parameter_default(name)
        if name not in self._resources:
            raise Unresolvable(name)
        return self._physical_id(name)

    def attribute(self, logical_id: str, name: str) -> Any:
        if logical_id in self._nested and name.startswith("Outputs."):
            return self._nested[logical_id].output(name.removeprefix("Outputs."))
        resource_type = self._resources.get(logical_id, {}).get("Type")
        if (resource_type, name) == ("AWS::Lambda::Function", "Arn"):
            return f"{self._lambda_arn}:function:{self._physical_id(logical_id)}"
        if (resource_type, name) == ("AWS::Lambda::Version", "Version"):
            return "1"
        if (resource_type, name) in {
            ("AWS::Lambda::Version", "FunctionArn"),
            ("AWS::Lambda::Alias", "AliasArn"),
            ("AWS::Lambda::LayerVersion", "LayerVersionArn"),
            ("AWS::Lambda::Url", "FunctionArn"),
        }:
            return self._physical_id(logical_id)
        if (resource_type, name) == ("AWS::Lambda::Url", "FunctionUrl"):
            return f"https://{self.url_id(logical_id)}.lambda-url.{self.desk.region}.on.aws/"
        raise Unresolvable(f"{logical_id}.{name}")

    def import_value(self, export_name: str) -> Any:
        return self._exports.value(export_name)

    def mapping(self, name: str, top_key: str, second_key: str) -> Any:
        try:
            return self.document["Mappings"][name][top_key][second_key]
        except KeyError:
            raise Unresolvable(f"{name}.{top_key}.{second_key}") from None

    def output(self, name: str) -> Any:
        """Return the value of one of this stack's outputs."""
        outputs = self.document.get("Outputs", {})
        if name not in outputs:
            raise Unresolvable(f"{self.stack_name}.{name}")
        return resolve(outputs[name]["Value"], self)

    def _pseudo_parameter(self, name: str) -> Any:
        values = {
            "AWS::AccountId": self.desk.account,
            "AWS::Region": self.desk.region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": self.stack_name,
            "AWS::StackId": f"arn:aws:cloudformation:{self.desk.region}:{self.desk.account}:stack/{self.stack_name}/0",
            "AWS::NoValue": NO_VALUE,
        }
        if name not in values:
            raise Unresolvable(name)
        return values[name]

    def _parameter_default(self, name: str) -> Any:
        parameter = self.document["Parameters"][name]
        if "Default" not in parameter or str(parameter["Type"]).startswith("AWS::SSM::"):
            raise Unresolvable(name)
        return parameter["Default"]

    @property
    def _lambda_arn(self) -> str:
        return f"arn:aws:lambda:{self.desk.region}:{self.desk.account}"

    def _physical_id(self, logical_id: str) -> str:
        resource = self._resources[logical_id]
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Function":
            name = resolve_text(properties.get("FunctionName"), self)
            return name.text if name.text and not name.unresolved else f"{self.stack_name}-{logical_id}"
        if resource["Type"] == "AWS::Lambda::LayerVersion":
            return f"{self._lambda_arn}:layer:{properties.get('LayerName', f'{self.stack_name}-{logical_id}')}:1"
        if resource["Type"] == "AWS::Lambda::Version":
            return f"{self._function_arn(properties['FunctionName'])}:1"
        if resource["Type"] == "AWS::Lambda::Alias":
            return f"{self._function_arn(properties['FunctionName'])}:{resolve(properties['Name'], self)}"
        if resource["Type"] == "AWS::Lambda::Url":
            return self._function_arn(properties["TargetFunctionArn"])
        raise Unresolvable(logical_id)

    def _function_arn(self, name_or_arn: Any) -> str:
        text = resolve_text(name_or_arn, self).text
        return text if text.startswith("arn:") else f"{self._lambda_arn}:function:{text}"


class _Passed(Mapping[str, Any]):
    """Parameters of a nested stack: resolved in the parent, and only when asked for."""

    def __init__(self, parent: Template, parameters: Mapping[str, Any]) -> None:
        self._parent = parent
        self._parameters = parameters

    def __getitem__(self, name: str) -> Any:
        return resolve(self._parameters[name], self._parent)

    def __contains__(self, name: object) -> bool:
        return name in self._parameters

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)
