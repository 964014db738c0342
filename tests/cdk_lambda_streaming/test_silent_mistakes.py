"""Mistakes that deployed or failed without a word: warnings, and errors where AWS refuses the value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import (
    App,
    CfnParameter,
    Duration,
    Environment,
    Stack,
    assertions,
    aws_lambda,
    aws_lambda_event_sources,
    aws_sqs,
)
from aws_cdk.assertions import Template
from cdk_lambda_streaming import Adapter, BundlingOptions, Installer, StreamingFunction, StreamingLayer
from cdk_lambda_streaming.checks.limits import check_cors
from lambda_bundling import tree

from .test_quotas import plain_function, warnings


@pytest.mark.parametrize(
    ("cors", "message"),
    [
        ({"allow_credentials": True}, r"allow_credentials needs cors.allowed_origins, got none"),
        ({"allow_credentials": True, "allowed_origins": []}, "allow_credentials needs"),
        (
            {"allowed_origins": ["https://a.example.com/"]},
            "such as 'https://a.example.com', got 'https://a.example.com/'",
        ),
        ({"allowed_origins": ["http://localhost:3000/app"]}, "such as 'http://localhost:3000', got"),
    ],
)
def test_origins_that_no_browser_sends_are_rejected(cors: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_cors(cors)


def test_list_of_origins_that_is_known_at_deployment_is_accepted(stack: Stack) -> None:
    origins = CfnParameter(stack, "Origins", type="CommaDelimitedList").value_as_list
    assert check_cors({"allowed_origins": origins}).allowed_origins == origins


@pytest.mark.parametrize("origin", ["https://a.example.com", "http://[::1]:8000", "capacitor://localhost", "*", "null"])
def test_origins_that_browsers_send_are_accepted(origin: str) -> None:
    check_cors({"allowed_origins": [origin]})


@pytest.mark.parametrize("name", [".env", ".netrc", "id_rsa", "credentials.json", "conf/.env", ".aws/credentials"])
def test_secret_in_entry_causes_warning(stack: Stack, entry: Path, name: str) -> None:
    (entry / name).parent.mkdir(exist_ok=True)
    (entry / name).write_text("secret")
    StreamingFunction(stack, "Chat", entry=entry)
    assert f"the function's code has '{name}' in " in warnings(stack)["secretsInEntry"]
    assert set(warnings(stack)) == {"secretsInEntry"}


@pytest.mark.parametrize("patterns", [".env\nid_rsa\n", "conf\n.env\nid_*\n"])
def test_excluded_secret_causes_no_warning(stack: Stack, entry: Path, patterns: str) -> None:
    (entry / ".lambdaignore").write_text(patterns)
    (entry / "conf").mkdir()
    for name in (".env", "id_rsa", "conf/.env"):
        (entry / name).write_text("secret")
    StreamingFunction(stack, "Chat", entry=entry)
    assert warnings(stack) == {}


@pytest.mark.parametrize("name", [".env.example", "environment.py", "credentials.py", "package/inner/.env"])
def test_other_file_causes_no_warning(stack: Stack, entry: Path, name: str) -> None:
    (entry / name).parent.mkdir(parents=True, exist_ok=True)
    (entry / name).write_text("")
    StreamingFunction(stack, "Chat", entry=entry)
    assert warnings(stack) == {}


def test_secret_of_a_web_server_causes_warning(stack: Stack, entry: Path) -> None:
    (entry / "run.sh").write_text("#!/bin/sh\n")
    (entry / "run.sh").chmod(0o755)
    (entry / ".env").write_text("")
    StreamingFunction(stack, "Chat", entry=entry, adapter=Adapter.lambda_web_adapter())
    assert "secretsInEntry" in warnings(stack)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Dockerfile", "has a Dockerfile, which nothing builds. Pass code=Code.from_asset_image()"),
        ("Pipfile", "has 'Pipfile', and the library installs no dependencies from it.*pipenv requirements"),
        ("environment.yml", "pip list"),
        ("setup.py", "uv pip compile setup.py"),
    ],
)
def test_file_without_effect_causes_warning(stack: Stack, entry: Path, name: str, advice: str) -> None:
    (entry / name).write_text("")
    StreamingFunction(stack, "Chat", entry=entry)
    assertions.Annotations.from_stack(stack).has_warning("*", assertions.Match.string_like_regexp(advice))
    assert set(warnings(stack)) == {"unusedFile"}


def test_pipfile_is_right_if_the_user_installs_its_dependencies(stack: Stack, entry: Path) -> None:
    (entry / "Pipfile").write_text("")
    StreamingFunction(stack, "Chat", entry=entry, bundling=BundlingOptions(installer=Installer.NONE))
    assert warnings(stack) == {}


@pytest.mark.parametrize("ignored", ["", "other\n"])
def test_folder_over_250_mb_is_rejected(
    stack: Stack, entry: Path, monkeypatch: pytest.MonkeyPatch, ignored: str
) -> None:
    monkeypatch.setattr(tree, "UNZIPPED_LIMIT_BYTES", 3 * 1024 * 1024)
    (entry / ".lambdaignore").write_text(ignored)
    (entry / "model").mkdir()
    (entry / "model" / "weights").write_bytes(bytes(4 * 1024 * 1024))
    with pytest.raises(ValueError, match=r"have 4 MB, and Lambda allows 3 MB .*The largest are model \(4 MB\), "):
        StreamingFunction(stack, "Chat", entry=entry)


def test_files_that_are_not_deployed_have_no_size(stack: Stack, entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "UNZIPPED_LIMIT_BYTES", 1024 * 1024)
    (entry / ".venv").mkdir()
    (entry / ".venv" / "library").write_bytes(bytes(2 * 1024 * 1024))
    StreamingFunction(stack, "Chat", entry=entry)


@pytest.mark.parametrize(("seconds", "ids"), [(None, {"stockTimeout"}), (3, set()), (60, set())])
def test_attached_function_with_lambdas_own_timeout_causes_warning(
    stack: Stack, entry: Path, seconds: int | None, ids: set[str]
) -> None:
    timeout = None if seconds is None else Duration.seconds(seconds)
    StreamingLayer.of(stack).attach_to(plain_function(stack, entry, aws_lambda.Runtime.PYTHON_3_11, timeout))
    assert set(warnings(stack)) == ids


@pytest.mark.parametrize(
    ("region", "function_url", "ids"),
    [
        ("eu-west-1", True, set()),
        ("eu-central-2", True, {"functionUrlRegion"}),
        ("eu-central-2", False, set()),
        (None, True, set()),
    ],
)
def test_region_without_function_urls_causes_warning(
    entry: Path, region: str | None, function_url: bool, ids: set[str]
) -> None:
    stack = Stack(App(), "Stack", env=Environment(region=region))
    StreamingFunction(stack, "Chat", entry=entry, function_url=function_url)
    assert set(warnings(stack)) == ids


def test_more_provisioned_than_reserved_concurrency_is_rejected(stack: Stack, entry: Path) -> None:
    options: dict[str, Any] = {"alias_name": "live", "reserved_concurrent_executions": 5}
    StreamingFunction(stack, "Fits", entry=entry, alias_options={"provisioned_concurrent_executions": 5}, **options)
    with pytest.raises(ValueError, match=r"at most reserved_concurrent_executions, got 6 and 5"):
        StreamingFunction(stack, "Chat", entry=entry, alias_options={"provisioned_concurrent_executions": 6}, **options)


def by_option(stack: Stack, entry: Path, source: aws_lambda.IEventSource) -> None:
    StreamingFunction(stack, "Chat", entry=entry, events=[source], timeout=Duration.minutes(2))


def by_method(stack: Stack, entry: Path, source: aws_lambda.IEventSource) -> None:
    StreamingFunction(stack, "Chat", entry=entry, timeout=Duration.minutes(2)).add_event_source(source)


def by_alias(stack: Stack, entry: Path, source: aws_lambda.IEventSource) -> None:
    function = StreamingFunction(stack, "Chat", entry=entry, timeout=Duration.minutes(2), alias_name="live")
    assert function.alias is not None
    function.alias.add_event_source(source)


@pytest.mark.parametrize("add", [by_option, by_method, by_alias])
@pytest.mark.parametrize(("seconds", "is_too_short"), [(None, True), (119, True), (120, False)])
def test_queue_with_a_shorter_visibility_timeout_causes_warning(
    stack: Stack,
    entry: Path,
    add: Callable[[Stack, Path, aws_lambda.IEventSource], None],
    seconds: int | None,
    is_too_short: bool,
) -> None:
    visibility = None if seconds is None else Duration.seconds(seconds)
    queue = aws_sqs.Queue(stack, "Queue", visibility_timeout=visibility)
    add(stack, entry, aws_lambda_event_sources.SqsEventSource(queue))
    Template.from_stack(stack).resource_count_is("AWS::Lambda::EventSourceMapping", 1)
    message = warnings(stack).get("shortVisibilityTimeout", "")
    assert (f"hides a message for {seconds or 30} s, and the function may run for 120 s" in message) == is_too_short
    assert bool(message) == is_too_short


def test_queue_of_another_function_causes_no_warning(stack: Stack, entry: Path) -> None:
    StreamingFunction(stack, "Chat", entry=entry)
    other = plain_function(stack, entry, aws_lambda.Runtime.PYTHON_3_13, Duration.minutes(1))
    other.add_event_source(aws_lambda_event_sources.SqsEventSource(aws_sqs.Queue(stack, "Queue")))
    assert warnings(stack) == {}
