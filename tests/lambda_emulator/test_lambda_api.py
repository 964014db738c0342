"""boto3 works against the emulator, and its streams really stream."""

from __future__ import annotations

import base64
import json
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from lambda_emulator.functions import Function
from lambda_emulator.lambda_api import ApiError, FunctionDirectory

from .conftest import CloudAssembly, Desk, Gate

ServeApp = Callable[..., Desk]
MakeGate = Callable[[str], Gate]

ECHO = """
while True:
    request_id, event, headers = next_invocation()
    print("got", json.dumps(event), flush=True)
    respond(request_id, json.dumps({"event": event, "arn": headers["Lambda-Runtime-Invoked-Function-Arn"],
                                    "context": headers["Lambda-Runtime-Client-Context"]}))
"""

DOCUMENT = b'{"errorType":"Function.Boom","errorMessage":"no luck"}'

BREAK_IN_THE_MIDDLE = f"""
while True:
    request_id, event, _ = next_invocation()
    stream = Stream(request_id, "text/plain", trailers=ERROR_TRAILERS if event["declared"] else "")
    stream.write(b"half")
    stream.end({{"Lambda-Runtime-Function-Error-Type": "Function.Boom",
                 "Lambda-Runtime-Function-Error-Body": "{base64.b64encode(DOCUMENT).decode()}"}})
"""


def test_a_payload_chunk_arrives_before_the_next_is_made(serve_app: ServeApp, gate: MakeGate) -> None:
    first_was_read = gate("first_was_read")
    desk = serve_app("""
        gate = Gate("first_was_read")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id, "text/plain")
        stream.write(b"one")
        gate.acquire()
        stream.write(b"two")
        stream.end()
        next_invocation()
        """)

    events = desk.stream()

    assert next(events) == {"PayloadChunk": {"Payload": b"one"}}
    first_was_read.release()
    assert next(events) == {"PayloadChunk": {"Payload": b"two"}}
    assert next(events) == {"InvokeComplete": {}}


def test_a_stream_has_the_headers_of_aws(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO)

    response = desk.client.invoke_with_response_stream(FunctionName="app", Payload=b"{}")
    headers = response["ResponseMetadata"]["HTTPHeaders"]

    assert response["ExecutedVersion"] == "$LATEST"
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert headers["x-amzn-remapped-content-type"] == "application/octet-stream"
    assert headers["x-amzn-requestid"]
    list(response["EventStream"])


def test_an_error_in_the_middle_is_in_invoke_complete(serve_app: ServeApp) -> None:
    desk = serve_app(BREAK_IN_THE_MIDDLE)

    assert list(desk.stream({"declared": True})) == [
        {"PayloadChunk": {"Payload": b"half"}},
        {"InvokeComplete": {"ErrorCode": "Function.Boom", "ErrorDetails": DOCUMENT.decode()}},
    ]


def test_undeclared_trailers_are_lost(serve_app: ServeApp) -> None:
    desk = serve_app(BREAK_IN_THE_MIDDLE)

    assert list(desk.stream({"declared": False})) == [{"PayloadChunk": {"Payload": b"half"}}, {"InvokeComplete": {}}]


def test_an_error_before_the_first_byte_is_in_invoke_complete(serve_app: ServeApp) -> None:
    desk = serve_app('request_id, event, _ = next_invocation()\nfail(request_id, "Function.Boom", "no luck")')

    [end] = desk.stream()

    assert end["InvokeComplete"]["ErrorCode"] == "Function.Boom"
    assert json.loads(end["InvokeComplete"]["ErrorDetails"])["errorMessage"] == "no luck"


def test_the_log_of_an_invocation_comes_with_it_when_asked(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO)

    *_, end = desk.stream({"a": 1}, LogType="Tail")
    response = desk.client.invoke(FunctionName="app", Payload=b'{"b":2}', LogType="Tail")

    assert 'got {"a": 1}' in base64.b64decode(end["InvokeComplete"]["LogResult"]).decode()
    log = base64.b64decode(response["LogResult"]).decode()
    assert 'got {"b": 2}' in log
    assert 'got {"a": 1}' not in log


WAYS_TO_END = {
    "answers": (
        'respond(request_id, "1")\nprint("after")',
        ["START", "before", "after", "END", "REPORT"],
    ),
    "fails": ('fail(request_id, "Function.Boom", "no luck")', ["START", "before", "END", "REPORT"]),
    "dies": ("os._exit(3)", ["START", "before", "RequestId:", "END", "REPORT"]),
    "hangs": ("import time\ntime.sleep(60)", ["START", "before", "RequestId:", "END", "REPORT"]),
}


@pytest.mark.parametrize(("rest", "lines"), WAYS_TO_END.values(), ids=WAYS_TO_END)
def test_the_log_of_an_invocation_ends_with_its_report(serve_app: ServeApp, rest: str, lines: list[str]) -> None:
    program = 'while True:\n    request_id, event, _ = next_invocation()\n    print("before")\n'
    desk = serve_app(program + textwrap.indent(rest, "    "), Timeout=1)

    response = desk.client.invoke(FunctionName="app", LogType="Tail")
    *_, end = desk.stream(LogType="Tail")

    for log in (response["LogResult"], end["InvokeComplete"]["LogResult"]):
        assert [line.split()[0] for line in base64.b64decode(log).decode().splitlines()] == lines


@pytest.mark.parametrize("program", ["sys.exit('no init')", 'fail_init("Runtime.ImportModuleError", "no module")'])
def test_what_fails_before_its_start_has_a_log_too(serve_app: ServeApp, program: str) -> None:
    desk = serve_app(program)

    response = desk.client.invoke(FunctionName="app", LogType="Tail")

    assert response["FunctionError"] == "Unhandled"
    assert "START" not in base64.b64decode(response["LogResult"]).decode()


def test_invoke_returns_what_the_function_returned(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO)

    payload, error = desk.invoke({"a": "é"})

    assert payload["event"] == {"a": "é"}
    assert payload["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:app"
    assert error == ""


@pytest.mark.parametrize("name", [{"FunctionName": "app", "Qualifier": "nope"}, {"FunctionName": "app:nope"}])
def test_a_qualifier_that_names_nothing_is_not_found(
    cloud_assembly: CloudAssembly, serve_app: ServeApp, name: dict[str, str]
) -> None:
    cloud_assembly.add_resource("Live", "AWS::Lambda::Alias", {"FunctionName": {"Ref": "App"}, "Name": "live"})
    desk = serve_app(ECHO)

    for operation in ("invoke", "invoke_with_response_stream", "get_function", "get_function_url_config"):
        with pytest.raises(
            desk.client.exceptions.ResourceNotFoundException, match=r"not found: .*:app:nope\. .*: \$LATEST, live\."
        ):
            getattr(desk.client, operation)(**name)


@pytest.mark.parametrize("qualifier", ["1", "live", "$LATEST"])
def test_versions_and_aliases_of_the_template_can_be_invoked(
    cloud_assembly: CloudAssembly, serve_app: ServeApp, qualifier: str
) -> None:
    cloud_assembly.add_resource("Version", "AWS::Lambda::Version", {"FunctionName": {"Ref": "App"}})
    alias = {"FunctionName": {"Ref": "App"}, "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]}, "Name": "live"}
    cloud_assembly.add_resource("Live", "AWS::Lambda::Alias", alias)
    desk = serve_app(ECHO)

    response = desk.client.invoke(FunctionName="app", Qualifier=qualifier, Payload=b"{}")

    arn = json.loads(response["Payload"].read())["arn"]
    assert arn.endswith(":function:app" if qualifier == "$LATEST" else f":function:app:{qualifier}")


def test_client_context_and_qualifier_reach_the_function(cloud_assembly: CloudAssembly, serve_app: ServeApp) -> None:
    cloud_assembly.add_resource("Live", "AWS::Lambda::Alias", {"FunctionName": {"Ref": "App"}, "Name": "live"})
    desk = serve_app(ECHO)
    context = base64.b64encode(b'{"custom":{"a":"1"}}').decode()

    response = desk.client.invoke(FunctionName="app", Qualifier="live", ClientContext=context, Payload=b"{}")
    payload = json.loads(response["Payload"].read())

    assert payload["arn"].endswith(":function:app:live")
    assert payload["context"] == '{"custom":{"a":"1"}}'


REPORT_TENANT = """
while True:
    request_id, event, headers = next_invocation()
    respond(request_id, json.dumps([headers["Lambda-Runtime-Aws-Tenant-Id"], os.getpid()]))
"""


def test_each_tenant_has_an_environment_of_its_own(serve_app: ServeApp) -> None:
    desk = serve_app(REPORT_TENANT, TenancyConfig={"TenantIsolationMode": "PER_TENANT"})

    answers = []
    for number, tenant in enumerate(("blue", "green", "blue"), start=1):
        response = desk.client.invoke(FunctionName="app", TenantId=tenant)
        answers.append(json.loads(response["Payload"].read()))
        desk.log.wait_for("REPORT", count=number)

    assert [tenant for tenant, _ in answers] == ["blue", "green", "blue"]
    assert answers[0] == answers[2]
    assert answers[0][1] != answers[1][1]


@pytest.mark.parametrize(
    ("properties", "options"),
    [({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}, {}), ({}, {"TenantId": "blue"})],
)
def test_a_tenant_is_named_where_and_only_where_tenants_are_isolated(
    serve_app: ServeApp, properties: dict[str, Any], options: dict[str, str]
) -> None:
    desk = serve_app(REPORT_TENANT, **properties)

    with pytest.raises(desk.client.exceptions.InvalidParameterValueException, match="tenancy configuration"):
        desk.client.invoke(FunctionName="app", **options)


def test_invoke_returns_the_functions_error(serve_app: ServeApp) -> None:
    desk = serve_app('request_id, event, _ = next_invocation()\nfail(request_id, "Function.Boom", "no luck")')

    assert desk.invoke() == ({"errorType": "Function.Boom", "errorMessage": "no luck"}, "Unhandled")


def test_invoke_of_a_streaming_function_collects_the_stream(serve_app: ServeApp) -> None:
    desk = serve_app("""
        request_id, event, _ = next_invocation()
        stream = Stream(request_id, "application/json")
        stream.write(b'{"a":')
        stream.write(b'1}')
        stream.end()
        next_invocation()
        """)

    assert desk.invoke() == ({"a": 1}, "")


def test_too_large_a_response_is_an_error_of_the_invoke(serve_app: ServeApp, gate: MakeGate) -> None:
    told = gate("told")
    desk = serve_app("""
        gate = Gate("told")
        request_id, event, _ = next_invocation()
        status, body, headers = respond(request_id, bytes(6 * 1024 * 1024 + 101))
        gate.release(f"{status} {headers['connection']}")
        next_invocation()
        """)

    payload, error = desk.invoke()

    assert (payload["errorType"], error) == ("Function.ResponseSizeTooLarge", "Unhandled")
    assert told.acquire() == "413 close"


def test_an_event_invoke_is_accepted_and_run(serve_app: ServeApp, gate: MakeGate) -> None:
    done = gate("done")
    desk = serve_app("""
        gate = Gate("done")
        request_id, event, _ = next_invocation()
        gate.release(event["a"])
        respond(request_id, b"null")
        next_invocation()
        """)

    response = desk.client.invoke(FunctionName="app", InvocationType="Event", Payload=b'{"a":"ran"}')

    assert response["StatusCode"] == 202
    assert done.acquire() == "ran"


def test_a_dry_run_runs_nothing(serve_app: ServeApp) -> None:
    desk = serve_app("sys.exit('not to be run')")

    assert desk.client.invoke(FunctionName="app", InvocationType="DryRun")["StatusCode"] == 204


def test_names_and_urls_can_be_asked_for(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO)
    address = desk.emulator.url("app")

    [function] = desk.client.list_functions()["Functions"]
    config = desk.client.get_function_url_config(FunctionName="app")
    [listed] = desk.client.list_function_url_configs(FunctionName="app")["FunctionUrlConfigs"]

    assert (function["FunctionName"], function["Runtime"]) == ("app", "provided.al2023")
    assert desk.client.get_function(FunctionName="app")["Configuration"]["FunctionArn"] == function["FunctionArn"]
    assert desk.client.get_function_configuration(FunctionName="app")["Timeout"] == 30
    assert config["FunctionUrl"] == listed["FunctionUrl"] == address
    assert (config["InvokeMode"], config["AuthType"]) == ("RESPONSE_STREAM", "NONE")


def test_an_unknown_function_is_not_found_and_the_known_are_named(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO)

    with pytest.raises(desk.client.exceptions.ResourceNotFoundException, match=r"Function not found: nope.*: app"):
        desk.client.invoke(FunctionName="nope")


def test_the_address_of_what_is_not_there_is_a_lookup_error(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO)

    with pytest.raises(LookupError, match=r"Function not found: nope\. This assembly has: app"):
        desk.emulator.url("nope")
    with pytest.raises(LookupError, match="app has no such Function URL"):
        desk.emulator.url("app", "live")


def test_a_payload_that_is_not_json_is_refused(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO)

    with pytest.raises(desk.client.exceptions.InvalidRequestContentException, match="into json"):
        desk.client.invoke(FunctionName="app", Payload=b"{")


def test_what_is_not_served_is_said(serve_app: ServeApp) -> None:
    desk = serve_app(ECHO)

    with pytest.raises(desk.client.exceptions.ClientError, match="the emulator knows Invoke"):
        desk.client.list_layers()


def test_one_function_may_call_another_at_its_local_address(
    cloud_assembly: CloudAssembly, serve: Callable[[], Desk]
) -> None:
    url: Any = {"Fn::GetAtt": ["AppUrl", "FunctionUrl"]}
    cloud_assembly.add_function("App", ECHO)
    cloud_assembly.add_url("App")
    program = 'request_id, _, _ = next_invocation()\nrespond(request_id, json.dumps(os.environ["URL"]))'
    cloud_assembly.add_function("Caller", program, Variables={"URL": url})
    desk = serve()

    assert desk.invoke(function="Caller") == (desk.emulator.url("App"), "")


def directory() -> FunctionDirectory:
    def function(name: str, path: str, logical_id: str) -> Function:
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
        return Function(name, logical_id, path, arn, "python3.13", "app.handler", code=None)  # type: ignore[arg-type]

    return FunctionDirectory(
        [function("chat", "Demo/Chat", "ChatABC"), function("a", "Demo/Same", "A1"), function("b", "Other/Same", "B1")]
    )


@pytest.mark.parametrize(
    ("name", "qualifier"),
    [
        ("chat", ""),
        ("chat:live", "live"),
        ("arn:aws:lambda:us-east-1:123456789012:function:chat", ""),
        ("arn:aws:lambda:us-east-1:123456789012:function:chat:7", "7"),
        ("123456789012:function:chat", ""),
        ("123456789012:chat:live", "live"),
        ("ChatABC", ""),
        ("Chat", ""),
        ("Demo/Chat", ""),
    ],
)
def test_a_function_has_many_names(name: str, qualifier: str) -> None:
    function, found_qualifier = directory().find(name)

    assert (function.name, found_qualifier) == ("chat", qualifier)


def test_a_construct_id_that_two_functions_share_names_none() -> None:
    with pytest.raises(ApiError, match="chat, a, b"):
        directory().find("Same")
