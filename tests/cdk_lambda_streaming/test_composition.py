"""Streaming functions stand wherever functions stand: several in a stack, in nested stacks, in stages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aws_cdk import App, NestedStack, Stack, Stage
from aws_cdk.assertions import Template
from cdk_lambda_streaming import StreamingFunction, StreamingLayer


def layers(template: Template) -> list[str]:
    return list(template.find_resources("AWS::Lambda::LayerVersion"))


def layers_of_functions(template: Template) -> list[Any]:
    functions = template.find_resources("AWS::Lambda::Function").values()
    return [function["Properties"]["Layers"] for function in functions]


def test_two_functions_in_a_stack_share_a_layer(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry)
    StreamingFunction(stack, "Search", entry=entry)
    template = Template.from_stack(stack)
    (layer,) = layers(template)
    assert layers_of_functions(template) == [[{"Ref": layer}], [{"Ref": layer}]]
    template.resource_count_is("AWS::Lambda::Url", 2)


def test_a_nested_stack_has_its_own_layer(stack: Stack, entry: Path) -> None:
    nested = NestedStack(stack, "Nested")
    outer = StreamingFunction(stack, "Chat", entry=entry)
    inner = StreamingFunction(nested, "Chat", entry=entry)
    assert StreamingLayer.of(inner).node.path == "Stack/Nested/LambdaStreamingRuntime"
    assert StreamingLayer.of(outer).node.path == "Stack/LambdaStreamingRuntime"
    template = Template.from_stack(nested)
    (layer,) = layers(template)
    assert layers_of_functions(template) == [[{"Ref": layer}]]


def test_stages_have_the_same_template_each(entry: Path, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path / "cdk.out"))
    for name in ("Beta", "Production"):
        StreamingFunction(Stack(Stage(app, name), "Stack"), "Chat", entry=entry)
    assembly = app.synth()
    beta, production = (
        assembly.get_nested_assembly(f"assembly-{name}").stacks[0].template for name in ("Beta", "Production")
    )
    assert beta == production
    kinds = [resource["Type"] for resource in beta["Resources"].values()]
    assert kinds.count("AWS::Lambda::LayerVersion") == kinds.count("AWS::Lambda::Url") == 1
    staged = [path.name for path in (tmp_path / "cdk.out").iterdir() if path.name.startswith("asset.")]
    assert len(staged) == 2, "both stages share the assets"


def test_a_url_can_be_used_by_another_stack(entry: Path, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path / "cdk.out"))
    chat = StreamingFunction(Stack(app, "Back"), "Chat", entry=entry)
    front = Stack(app, "Front")
    StreamingFunction(
        front,
        "Page",
        entry=entry,
        environment={"CHAT_URL": chat.url, "CHAT_HOST": chat.url_domain_name},
    )
    template = app.synth().get_stack_by_name("Front").template
    assert "Fn::ImportValue" in json.dumps(template["Resources"])
