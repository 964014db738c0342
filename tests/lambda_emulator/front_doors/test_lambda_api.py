"""boto3 works against the emulator, and its streams really stream."""

from __future__ import annotations

import base64
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..cloud_assembly import CloudAssembly
from ..gates import Gate
from ..served import Served

pytestmark = pytest.mark.process

ServeApp = Callable[..., Served]
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


def test_payload_chunk_arrives_before_the_next_is_sent(serve_app: ServeApp, gate: MakeGate) -> None:
    first_was_read = gate("first_was_read")
    served = serve_app("""
        gate = Gate("first_was_read")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id, "text/plain")
        stream.write(b"one")
        gate.acquire()
        stream.write(b"two")
        stream.end()
        next_invocation()
        """)

    events = served.stream()

    assert next(events) == {"PayloadChunk": {"Payload": b"one"}}
    first_was_read.release()
    assert next(events) == {"PayloadChunk": {"Payload": b"two"}}
    assert next(events) == {"InvokeComplete": {}}


def test_stream_has_the_headers_of_aws(serve_app: ServeApp) -> None:
    served = serve_app(ECHO)

    response = served.client.invoke_with_response_stream(FunctionName="app", Payload=b"{}")
    headers = response["ResponseMetadata"]["HTTPHeaders"]

    assert response["ExecutedVersion"] == "$LATEST"
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert headers["x-amzn-remapped-content-type"] == "application/octet-stream"
    assert headers["x-amzn-requestid"]
    list(response["EventStream"])


def test_error_after_the_first_byte_is_in_invoke_complete(serve_app: ServeApp) -> None:
    served = serve_app(BREAK_IN_THE_MIDDLE)

    assert list(served.stream({"declared": True})) == [
        {"PayloadChunk": {"Payload": b"half"}},
        {"InvokeComplete": {"ErrorCode": "Function.Boom", "ErrorDetails": DOCUMENT.decode()}},
    ]


def test_undeclared_trailers_are_ignored(serve_app: ServeApp) -> None:
    served = serve_app(BREAK_IN_THE_MIDDLE)

    assert list(served.stream({"declared": False})) == [{"PayloadChunk": {"Payload": b"half"}}, {"InvokeComplete": {}}]


def test_error_before_the_first_byte_is_in_invoke_complete(serve_app: ServeApp) -> None:
    served = serve_app('request_id, event, _ = next_invocation()\nfail(request_id, "Function.Boom", "no luck")')

    [end] = served.stream()

    assert end["InvokeComplete"]["ErrorCode"] == "Function.Boom"
    assert json.loads(end["InvokeComplete"]["ErrorDetails"])["errorMessage"] == "no luck"


def test_log_type_tail_returns_the_log_of_the_invocation(serve_app: ServeApp) -> None:
    served = serve_app(ECHO)

    *_, end = served.stream({"a": 1}, LogType="Tail")
    response = served.client.invoke(FunctionName="app", Payload=b'{"b":2}', LogType="Tail")

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
    "dies": ("os._exit(3)", ["START", "before", "RequestId:", "Runtime.ExitError", "END", "REPORT"]),
    "hangs": ("import time\ntime.sleep(60)", ["START", "before", "END", "REPORT"]),
}


@pytest.mark.parametrize(("rest", "lines"), WAYS_TO_END.values(), ids=WAYS_TO_END)
def test_log_of_an_invocation_ends_with_its_report(serve_app: ServeApp, rest: str, lines: list[str]) -> None:
    program = 'while True:\n    request_id, event, _ = next_invocation()\n    print("before")\n'
    served = serve_app(program + textwrap.indent(rest, "    "), Timeout=1)

    response = served.client.invoke(FunctionName="app", LogType="Tail")
    *_, end = served.stream(LogType="Tail")

    for log in (response["LogResult"], end["InvokeComplete"]["LogResult"]):
        assert [line.split()[0] for line in base64.b64decode(log).decode().splitlines()] == lines


@pytest.mark.parametrize("program", ["sys.exit('no init')", 'fail_init("Runtime.ImportModuleError", "no module")'])
def test_failed_init_has_a_log(serve_app: ServeApp, program: str) -> None:
    served = serve_app(program)

    response = served.client.invoke(FunctionName="app", LogType="Tail")

    assert response["FunctionError"] == "Unhandled"
    assert "START" not in base64.b64decode(response["LogResult"]).decode()


def test_invoke_returns_the_response_of_the_function(serve_app: ServeApp) -> None:
    served = serve_app(ECHO)

    payload, error = served.invoke({"a": "é"})

    assert payload["event"] == {"a": "é"}
    assert payload["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:app"
    assert error == ""


@pytest.mark.parametrize("name", [{"FunctionName": "app", "Qualifier": "nope"}, {"FunctionName": "app:nope"}])
def test_unknown_qualifier_is_not_found(
    cloud_assembly: CloudAssembly, serve_app: ServeApp, name: dict[str, str]
) -> None:
    cloud_assembly.add_resource("Live", "AWS::Lambda::Alias", {"FunctionName": {"Ref": "App"}, "Name": "live"})
    served = serve_app(ECHO)

    for operation in ("invoke", "invoke_with_response_stream", "get_function", "get_function_url_config"):
        with pytest.raises(
            served.client.exceptions.ResourceNotFoundException, match=r"not found: .*:app:nope\. .*: \$LATEST, live\."
        ):
            getattr(served.client, operation)(**name)


@pytest.mark.parametrize("qualifier", ["1", "live", "$LATEST"])
def test_versions_and_aliases_of_the_template_can_be_invoked(
    cloud_assembly: CloudAssembly, serve_app: ServeApp, qualifier: str
) -> None:
    cloud_assembly.add_resource("Version", "AWS::Lambda::Version", {"FunctionName": {"Ref": "App"}})
    alias = {"FunctionName": {"Ref": "App"}, "FunctionVersion": {"Fn::GetAtt": ["Version", "Version"]}, "Name": "live"}
    cloud_assembly.add_resource("Live", "AWS::Lambda::Alias", alias)
    served = serve_app(ECHO)

    response = served.client.invoke(FunctionName="app", Qualifier=qualifier, Payload=b"{}")

    arn = json.loads(response["Payload"].read())["arn"]
    assert arn.endswith(":function:app" if qualifier == "$LATEST" else f":function:app:{qualifier}")


def test_client_context_and_qualifier_reach_the_function(cloud_assembly: CloudAssembly, serve_app: ServeApp) -> None:
    cloud_assembly.add_resource("Live", "AWS::Lambda::Alias", {"FunctionName": {"Ref": "App"}, "Name": "live"})
    served = serve_app(ECHO)
    context = base64.b64encode(b'{"custom":{"a":"1"}}').decode()

    response = served.client.invoke(FunctionName="app", Qualifier="live", ClientContext=context, Payload=b"{}")
    payload = json.loads(response["Payload"].read())

    assert payload["arn"].endswith(":function:app:live")
    assert payload["context"] == '{"custom":{"a":"1"}}'


REPORT_TENANT = """
while True:
    request_id, event, headers = next_invocation()
    respond(request_id, json.dumps([headers["Lambda-Runtime-Aws-Tenant-Id"], os.getpid()]))
"""


def test_each_tenant_has_its_own_environment(serve_app: ServeApp) -> None:
    served = serve_app(REPORT_TENANT, TenancyConfig={"TenantIsolationMode": "PER_TENANT"})

    answers = []
    for number, tenant in enumerate(("blue", "green", "blue"), start=1):
        response = served.client.invoke(FunctionName="app", TenantId=tenant)
        answers.append(json.loads(response["Payload"].read()))
        served.log.wait_for("REPORT", count=number)

    assert [tenant for tenant, _ in answers] == ["blue", "green", "blue"]
    assert answers[0] == answers[2]
    assert answers[0][1] != answers[1][1]


@pytest.mark.parametrize(
    ("properties", "options"),
    [({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}, {}), ({}, {"TenantId": "blue"})],
)
def test_tenant_id_is_required_with_tenancy_and_rejected_without(
    serve_app: ServeApp, properties: dict[str, Any], options: dict[str, str]
) -> None:
    served = serve_app(REPORT_TENANT, **properties)

    with pytest.raises(served.client.exceptions.InvalidParameterValueException, match="tenancy configuration"):
        served.client.invoke(FunctionName="app", **options)


def test_invoke_returns_the_error_of_the_function(serve_app: ServeApp) -> None:
    served = serve_app('request_id, event, _ = next_invocation()\nfail(request_id, "Function.Boom", "no luck")')

    assert served.invoke() == ({"errorType": "Function.Boom", "errorMessage": "no luck"}, "Unhandled")


def test_invoke_of_a_streaming_function_collects_the_stream(serve_app: ServeApp) -> None:
    served = serve_app("""
        request_id, event, _ = next_invocation()
        stream = Stream(request_id, "application/json")
        stream.write(b'{"a":')
        stream.write(b'1}')
        stream.end()
        next_invocation()
        """)

    assert served.invoke() == ({"a": 1}, "")


def test_response_above_the_limit_is_an_error_of_the_invoke(serve_app: ServeApp, gate: MakeGate) -> None:
    answered = gate("answered")
    served = serve_app("""
        gate = Gate("answered")
        request_id, event, _ = next_invocation()
        status, body, headers = respond(request_id, bytes(6 * 1024 * 1024 + 101))
        gate.release(f"{status} {headers['connection']}")
        next_invocation()
        """)

    payload, error = served.invoke()

    assert (payload["errorType"], error) == ("Function.ResponseSizeTooLarge", "Unhandled")
    assert answered.acquire() == "413 close"


def test_event_invoke_is_accepted_and_run(serve_app: ServeApp, gate: MakeGate) -> None:
    done = gate("done")
    served = serve_app("""
        gate = Gate("done")
        request_id, event, _ = next_invocation()
        gate.release(event["a"])
        respond(request_id, b"null")
        next_invocation()
        """)

    response = served.client.invoke(FunctionName="app", InvocationType="Event", Payload=b'{"a":"ran"}')

    assert response["StatusCode"] == 202
    assert done.acquire() == "ran"


RECORD_EVENTS = """
while True:
    request_id, event, _ = next_invocation()
    with open(os.environ["EVENTS"], "a") as file:
        file.write(f"{event}\\n")
    respond(request_id, "null")
"""


@pytest.mark.parametrize("operation", ["invoke", "invoke_with_response_stream"])
def test_dry_run_runs_nothing(serve_app: ServeApp, tmp_path: Path, operation: str) -> None:
    events = tmp_path / "events"
    served = serve_app(RECORD_EVENTS, Variables={"EVENTS": str(events)})

    response = getattr(served.client, operation)(FunctionName="app", InvocationType="DryRun", Payload=b'"dry"')

    served.invoke("real")
    assert response["StatusCode"] == 204
    assert events.read_text() == "real\n"


@pytest.mark.parametrize("operation", ["invoke", "invoke_with_response_stream"])
def test_dry_run_of_an_unknown_function_is_not_found(serve_app: ServeApp, operation: str) -> None:
    served = serve_app("sys.exit('not to be run')")

    with pytest.raises(served.client.exceptions.ResourceNotFoundException):
        getattr(served.client, operation)(FunctionName="nope", InvocationType="DryRun")


@pytest.mark.parametrize(
    ("operation", "option", "value", "allowed"),
    [
        ("invoke", "InvocationType", "Later", "RequestResponse, Event, DryRun"),
        ("invoke", "InvocationType", "event", "RequestResponse, Event, DryRun"),
        ("invoke", "LogType", "Head", "None, Tail"),
        ("invoke_with_response_stream", "InvocationType", "Event", "RequestResponse, DryRun"),
        ("invoke_with_response_stream", "LogType", "Head", "None, Tail"),
    ],
)
def test_unknown_choice_is_an_invalid_parameter(
    serve_app: ServeApp, operation: str, option: str, value: str, allowed: str
) -> None:
    served = serve_app("sys.exit('not to be run')")

    with pytest.raises(
        served.client.exceptions.InvalidParameterValueException, match=rf"'{value}' .* Use one of: {allowed}\."
    ) as raised:
        getattr(served.client, operation)(FunctionName="app", **{option: value})

    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_functions_and_urls_are_listed(serve_app: ServeApp) -> None:
    served = serve_app(ECHO)
    address = served.emulator.url("app")

    [function] = served.client.list_functions()["Functions"]
    config = served.client.get_function_url_config(FunctionName="app")
    [listed] = served.client.list_function_url_configs(FunctionName="app")["FunctionUrlConfigs"]

    assert (function["FunctionName"], function["Runtime"]) == ("app", "provided.al2023")
    assert served.client.get_function(FunctionName="app")["Configuration"]["FunctionArn"] == function["FunctionArn"]
    assert served.client.get_function_configuration(FunctionName="app")["Timeout"] == 30
    assert config["FunctionUrl"] == listed["FunctionUrl"] == address
    assert (config["InvokeMode"], config["AuthType"]) == ("RESPONSE_STREAM", "NONE")


def test_error_for_an_unknown_function_lists_the_known_ones(serve_app: ServeApp) -> None:
    served = serve_app(ECHO)

    with pytest.raises(served.client.exceptions.ResourceNotFoundException, match=r"Function not found: nope.*: app"):
        served.client.invoke(FunctionName="nope")


def test_address_of_an_unknown_function_or_url_is_a_lookup_error(serve_app: ServeApp) -> None:
    served = serve_app(ECHO)

    with pytest.raises(LookupError, match=r"Function not found: nope\. This assembly has: app"):
        served.emulator.url("nope")
    with pytest.raises(LookupError, match=r"Function app has no Function URL for alias 'live'\. It has .*\$LATEST"):
        served.emulator.url("app", "live")


@pytest.mark.parametrize("payload", [b"{", b"[" * 200_000])
def test_payload_that_is_not_json_is_rejected(serve_app: ServeApp, payload: bytes) -> None:
    served = serve_app(ECHO)

    with pytest.raises(served.client.exceptions.InvalidRequestContentException, match="into json"):
        served.client.invoke(FunctionName="app", Payload=payload)


def test_error_document_with_values_too_deep_inside_each_other_is_passed_on(serve_app: ServeApp) -> None:
    served = serve_app("""
        while True:
            request_id, _, _ = next_invocation()
            api.request("POST", f"{BASE}/invocation/{request_id}/error", "[" * 200_000)
            reply()
        """)

    for _ in range(2):
        response = served.client.invoke(FunctionName="app")
        assert response["FunctionError"] == "Unhandled"
        assert response["Payload"].read() == b"[" * 200_000

    lines = served.log.wait_for("REPORT", count=2)
    assert not [line for line in lines if "#2" in line], "the process was replaced"


def test_error_for_another_operation_lists_the_served_ones(serve_app: ServeApp) -> None:
    served = serve_app(ECHO)

    with pytest.raises(served.client.exceptions.ClientError, match="The emulator serves Invoke"):
        served.client.list_layers()


def test_variable_with_a_function_url_holds_the_local_address(
    cloud_assembly: CloudAssembly, serve: Callable[[], Served]
) -> None:
    url: Any = {"Fn::GetAtt": ["AppUrl", "FunctionUrl"]}
    cloud_assembly.add_function("App", ECHO)
    cloud_assembly.add_url("App")
    program = 'request_id, _, _ = next_invocation()\nrespond(request_id, json.dumps(os.environ["URL"]))'
    cloud_assembly.add_function("Caller", program, Variables={"URL": url})
    served = serve()

    assert served.invoke(function="Caller") == (served.emulator.url("App"), "")
