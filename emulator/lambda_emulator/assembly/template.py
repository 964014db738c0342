"""CloudFormation templates, and the values of the names in them that are known without a deployment."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from .intrinsics import NO_VALUE, Unresolvable, is_true, resolve, resolve_text

_UNKNOWN = {"", "unknown-account", "unknown-region"}


@dataclass(frozen=True, slots=True)
class DeployTarget:
    """Account and Region of a stack. The defaults stand in for those that a stack does not name."""

    account: str = "123456789012"
    region: str = "us-east-1"

    def at(self, environment: str) -> DeployTarget:
        """Return the target of a stack that is bound to `aws://account/region`, the form in the assembly."""
        account, _, region = environment.removeprefix("aws://").partition("/")
        return replace(
            self,
            account=self.account if account in _UNKNOWN else account,
            region=self.region if region in _UNKNOWN else region,
        )


class Exports:
    """Values that stacks pass to one another (`Export` and `Fn::ImportValue`)."""

    def __init__(self) -> None:
        self._outputs: dict[str, tuple[Template, str]] = {}

    def add(self, template: Template) -> None:
        for output_name, output in template.section("Outputs").items():
            name = _object(_object(output).get("Export")).get("Name")
            if name is not None:
                self._outputs[resolve_text(name, template).text] = (template, output_name)

    def value(self, name: str) -> Any:
        if name not in self._outputs:
            raise Unresolvable(name)
        template, output_name = self._outputs[name]
        return template.output(output_name)


class Template:
    """Template of a stack. It is the scope of the stack's intrinsic functions."""

    def __init__(
        self,
        *,
        document: Mapping[str, Any],
        stack_name: str,
        target: DeployTarget,
        exports: Exports,
        construct_paths: Mapping[str, list[str]],
        parameters: Mapping[str, Any] | None = None,
        path_prefix: str = "",
    ) -> None:
        self.document = document
        self.stack_name = stack_name
        self.target = target
        self._exports = exports
        self._construct_paths = construct_paths
        self._path_prefix = path_prefix
        self._parameters = parameters or {}
        self._nested: dict[str, Template] = {}
        self._resources = {name: _object(resource) for name, resource in self.section("Resources").items()}
        self._being_resolved: set[str] = set()

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a section of the document, such as `Outputs`. It is empty if it is missing or not an object."""
        return _object(self.document.get(name))

    def resources_of_type(self, resource_type: str) -> Iterator[tuple[str, Any]]:
        """Yield the logical ids and properties of the resources of a type, without those whose condition is false."""
        for logical_id, resource in self._resources.items():
            if resource.get("Type") == resource_type and self._is_made(logical_id):
                yield logical_id, resource.get("Properties", {})

    def metadata(self, logical_id: str, name: str) -> Any:
        """Return an entry of a resource's metadata, or None."""
        return _object(self._resources[logical_id].get("Metadata")).get(name)

    def unknown_condition(self, logical_id: str) -> str:
        """Return the condition of a resource if only a deployment can evaluate it, or else an empty text."""
        condition = self._resources[logical_id].get("Condition")
        try:
            self._is_true(condition)
        except Unresolvable:
            return str(condition)
        return ""

    def _is_made(self, logical_id: str) -> bool:
        """Return False if the condition of a resource is false. A resource with an unknown condition is made."""
        with suppress(Unresolvable):
            return self._is_true(self._resources[logical_id].get("Condition"))
        return True

    def _is_true(self, condition: Any) -> bool:
        return condition is None or self.condition(str(condition))

    def nest(self, logical_id: str, document: Mapping[str, Any], parameters: Mapping[str, Any]) -> Template:
        """Add and return the template of the nested stack `logical_id`. This template passes its parameters."""
        nested = Template(
            document=document,
            stack_name=f"{self.stack_name}-{logical_id}",
            target=self.target,
            exports=self._exports,
            construct_paths=self._construct_paths,
            parameters=_Passed(self, parameters),
            # `App/Nest.NestedStack/Nest.NestedStackResource` is the resource of the nested stack at `App/Nest`.
            path_prefix=self.construct_path(logical_id).partition(".NestedStack/")[0],
        )
        self._nested[logical_id] = nested
        return nested

    def construct_path(self, logical_id: str) -> str:
        """Return the path as `cdk` prints it: without the leading slash and the last part `Resource`."""
        recorded = self.metadata(logical_id, "aws:cdk:path")
        path = recorded or self._path_from_manifest(logical_id) or f"{self.stack_name}/{logical_id}"
        return str(path).removeprefix("/").removesuffix("/Resource")

    def _path_from_manifest(self, logical_id: str) -> str | None:
        paths = [path.removeprefix("/") for path in self._construct_paths.get(logical_id, [])]
        return next((path for path in paths if path.startswith(self._path_prefix)), None)

    def url_id(self, logical_id: str) -> str:
        """Return an id for a Function URL: 32 lower-case characters as on AWS, and the same at every start."""
        digest = hashlib.sha256(f"{self.stack_name}/{logical_id}".encode(errors="backslashreplace")).digest()
        return base64.b32encode(digest[:20]).decode().lower()

    # The protocol `Scope`

    def reference(self, name: str) -> Any:
        if name.startswith("AWS::"):
            return self._pseudo_parameter(name)
        with self._resolving(name):
            if name in self._parameters:
                return self._parameters[name]
            if name in self.section("Parameters"):
                return self._parameter_default(name)
            return self._physical_id(name)

    def attribute(self, logical_id: str, name: str) -> Any:
        if logical_id in self._nested and name.startswith("Outputs."):
            return self._nested[logical_id].output(name.removeprefix("Outputs."))
        with self._resolving(f"{logical_id}.{name}"):
            return self._attribute(logical_id, name)

    def _attribute(self, logical_id: str, name: str) -> Any:
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
            return f"https://{self.url_id(logical_id)}.lambda-url.{self.target.region}.on.aws/"
        raise Unresolvable(f"{logical_id}.{name}")

    def import_value(self, export_name: str) -> Any:
        return self._exports.value(export_name)

    def mapping(self, name: str, top_key: str, second_key: str) -> Any:
        value = _object(_object(self.section("Mappings").get(name)).get(top_key)).get(second_key)
        if value is None:
            raise Unresolvable(f"{name}.{top_key}.{second_key}")
        return value

    def condition(self, name: str) -> bool:
        conditions = self.section("Conditions")
        if name not in conditions:
            raise Unresolvable(name)
        with self._resolving(f"the condition {name}"):
            return is_true(conditions[name], self)

    def output(self, name: str) -> Any:
        """Return the value of one of this stack's outputs."""
        with self._resolving(f"the output {self.stack_name}.{name}"):
            output = _object(self.section("Outputs").get(name))
            if "Value" not in output or not self._is_true(output.get("Condition")):
                raise Unresolvable(f"{self.stack_name}.{name}")
            return resolve(output["Value"], self)

    @contextmanager
    def _resolving(self, name: str) -> Iterator[None]:
        """Raise `Unresolvable` if the value of `name` depends on itself."""
        if name in self._being_resolved:
            raise Unresolvable(name)
        self._being_resolved.add(name)
        try:
            yield
        finally:
            self._being_resolved.discard(name)

    def _pseudo_parameter(self, name: str) -> Any:
        values = {
            "AWS::AccountId": self.target.account,
            "AWS::Region": self.target.region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": self.stack_name,
            "AWS::StackId": self._stack_id,
            "AWS::NoValue": NO_VALUE,
        }
        if name not in values:
            raise Unresolvable(name)
        return values[name]

    def _parameter_default(self, name: str) -> Any:
        parameter = _object(self.section("Parameters")[name])
        parameter_type = str(parameter.get("Type"))
        if "Default" not in parameter or parameter_type.startswith("AWS::SSM::"):
            raise Unresolvable(name)
        default = parameter["Default"]
        is_list = parameter_type == "CommaDelimitedList" or parameter_type.startswith("List<")
        return [item.strip() for item in default.split(",")] if is_list and isinstance(default, str) else default

    @property
    def _stack_id(self) -> str:
        return f"arn:aws:cloudformation:{self.target.region}:{self.target.account}:stack/{self.stack_name}/0"

    @property
    def _lambda_arn(self) -> str:
        return f"arn:aws:lambda:{self.target.region}:{self.target.account}"

    def _physical_id(self, logical_id: str) -> str:
        resource = self._resources.get(logical_id, {})
        properties = _object(resource.get("Properties"))
        resource_type = resource.get("Type")
        if resource_type == "AWS::Lambda::Function":
            return self._given_name(properties.get("FunctionName"), logical_id)
        if resource_type == "AWS::Lambda::LayerVersion":
            return f"{self._lambda_arn}:layer:{self._given_name(properties.get('LayerName'), logical_id)}:1"
        if resource_type == "AWS::Lambda::Version":
            return f"{self._function_arn(properties.get('FunctionName'))}:1"
        if resource_type == "AWS::Lambda::Alias":
            return f"{self._function_arn(properties.get('FunctionName'))}:{resolve(properties.get('Name'), self)}"
        if resource_type == "AWS::Lambda::Url":
            return self._function_arn(properties.get("TargetFunctionArn"))
        raise Unresolvable(logical_id)

    def _given_name(self, value: Any, logical_id: str) -> str:
        """Return the name in a property, or a name like that of a deployment if the template has no known one."""
        with suppress(Unresolvable):
            name = resolve(value, self)
            if isinstance(name, str) and name.isprintable() and name:
                return name
        return f"{self.stack_name}-{logical_id}"

    def _function_arn(self, name_or_arn: Any) -> str:
        text = resolve_text(name_or_arn, self).text
        return text if text.startswith("arn:") else f"{self._lambda_arn}:function:{text}"


def _object(value: Any) -> Mapping[str, Any]:
    """Return an object of a document. Anything else has no members."""
    return value if isinstance(value, dict) else {}


class _Passed(Mapping[str, Any]):
    """Parameters of a nested stack. The parent resolves each when it is read."""

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
