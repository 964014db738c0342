"""Requests at the same time get an environment each. Requests one after another share one."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from http.client import HTTPResponse

import pytest

from ..cloud_assembly import CloudAssembly
from ..gates import Gate
from ..served import Served, is_gone

pytestmark = pytest.mark.process

ServeApp = Callable[..., Served]
MakeGate = Callable[[str], Gate]

REPORT_PID = """
while True:
    request_id, _, _ = next_invocation()
    stream = Stream(request_id)
    stream.head()
    stream.write(str(os.getpid()).encode())
    stream.end()
"""

ANSWER_WHEN_RELEASED = """
arrived, released = Gate("arrived"), Gate("released")
while True:
    request_id, event, _ = next_invocation()
    stream = Stream(request_id)
    stream.head()
    stream.write(str(os.getpid()).encode())
    if event["rawPath"] == "/wait":
        arrived.release()
        released.acquire()
    stream.end()
"""


def test_overlapping_request_starts_a_second_environment(serve_app: ServeApp, gate: MakeGate) -> None:
    arrived, released = gate("arrived"), gate("released")
    served = serve_app(ANSWER_WHEN_RELEASED)

    first = served.request(path="/wait")
    arrived.acquire()
    second = served.request(path="/")
    second_pid = second.read()
    assert served.emulator.environment_count("App") == 2
    released.release()

    assert first.read() != second_pid


def test_the_environment_used_last_is_used_next(serve_app: ServeApp, gate: MakeGate) -> None:
    arrived, released = gate("arrived"), gate("released")
    served = serve_app(ANSWER_WHEN_RELEASED)
    first = served.request(path="/wait")
    arrived.acquire()
    served.request(path="/").read()
    served.log.wait_for("REPORT RequestId")
    released.release()
    first_pid = first.read()
    served.log.wait_for("REPORT RequestId", count=2)

    assert served.request(path="/").read() == first_pid
    assert served.emulator.environment_count("App") == 2


def test_environments_share_the_folder_of_their_code(serve_app: ServeApp, gate: MakeGate) -> None:
    arrived, released = gate("arrived"), gate("released")
    served = serve_app("""
        arrived, released = Gate("arrived"), Gate("released")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id)
        stream.head()
        stream.write(json.dumps([os.getpid(), os.getcwd()]).encode())
        arrived.release()
        released.acquire()
        stream.end()
        next_invocation()
        """)

    responses = [served.request() for _ in range(3)]
    for _ in responses:
        arrived.acquire()
    for _ in responses:
        released.release()
    answers = [json.loads(response.read()) for response in responses]

    assert len({pid for pid, _ in answers}) == 3
    assert len({folder for _, folder in answers}) == 1


# Limits


def occupy(served: Served, arrived: Gate) -> HTTPResponse:
    """Send a request that the function answers when it is released."""
    response = served.request(path="/wait")
    arrived.acquire()
    return response


def assert_throttled(served: Served, reason: str) -> None:
    """Send each kind of invocation, which AWS's SDK and an HTTP client see as rejected."""
    for operation in (served.client.invoke, served.client.invoke_with_response_stream):
        with pytest.raises(served.client.exceptions.TooManyRequestsException, match="Rate Exceeded") as error:
            operation(FunctionName="app")
        assert (error.value.response["Reason"], error.value.response["Type"]) == (reason, "User")
    response = served.request()
    assert response.status == 429
    assert response.headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert json.loads(response.read())["Reason"] == reason


def test_invocation_above_the_reserved_concurrency_is_throttled(serve_app: ServeApp, gate: MakeGate) -> None:
    arrived, released = gate("arrived"), gate("released")
    served = serve_app(ANSWER_WHEN_RELEASED, ReservedConcurrentExecutions=1)
    first = occupy(served, arrived)

    assert_throttled(served, "ReservedFunctionConcurrentInvocationLimitExceeded")

    released.release()
    pid = first.read()
    served.log.wait_for("REPORT RequestId")
    assert served.request().read() == pid


def test_function_without_concurrency_never_runs(serve_app: ServeApp) -> None:
    served = serve_app("sys.exit('not to be run')", ReservedConcurrentExecutions=0)

    assert_throttled(served, "ReservedFunctionConcurrentInvocationLimitExceeded")
    assert served.emulator.environment_count("App") == 0


def test_all_functions_share_the_maximum_concurrency(
    cloud_assembly: CloudAssembly, serve: Callable[..., Served], gate: MakeGate
) -> None:
    arrived, released = gate("arrived"), gate("released")
    cloud_assembly.add_function("Other", ANSWER_WHEN_RELEASED)
    cloud_assembly.add_url("Other")
    cloud_assembly.add_function("App", ANSWER_WHEN_RELEASED)
    cloud_assembly.add_url("App")
    served = serve(max_concurrency=1)
    busy = served.request("Other", path="/wait")
    arrived.acquire()

    assert_throttled(served, "ConcurrentInvocationLimitExceeded")

    released.release()
    busy.read()
    served.log.wait_for("REPORT RequestId")
    assert served.request().read()


def test_throttled_asynchronous_invoke_runs_later(serve_app: ServeApp, gate: MakeGate) -> None:
    arrived, released = gate("arrived"), gate("released")
    served = serve_app(ANSWER_WHEN_RELEASED, ReservedConcurrentExecutions=1)
    first = occupy(served, arrived)

    answer = served.client.invoke(FunctionName="app", InvocationType="Event", Payload=b'{"rawPath":"/wait"}')
    assert answer["StatusCode"] == 202
    served.log.wait_for("is tried again in 1 s: Rate Exceeded.")
    released.release()
    first.read()

    arrived.acquire()
    released.release()
    served.log.wait_for("REPORT RequestId", count=2)


def test_asynchronous_invoke_of_a_function_without_concurrency_is_dropped(serve_app: ServeApp) -> None:
    served = serve_app(REPORT_PID, ReservedConcurrentExecutions=0)

    assert served.client.invoke(FunctionName="app", InvocationType="Event")["StatusCode"] == 202

    served.log.wait_for("is dropped: Rate Exceeded.")


# Idle environments


def test_idle_environments_end_but_for_one(serve_app: ServeApp, gate: MakeGate) -> None:
    arrived, released = gate("arrived"), gate("released")
    served = serve_app(ANSWER_WHEN_RELEASED, options={"idle_seconds": 0})
    responses = [served.request(path="/wait") for _ in range(3)]
    for _ in responses:
        arrived.acquire()
    for _ in responses:
        released.release()
    pids = [int(response.read()) for response in responses]

    served.log.wait_for("ended after 0 seconds without an invocation", count=2)

    assert served.emulator.environment_count("App") == 1
    [kept] = [pid for pid in pids if not is_gone(pid)]
    assert int(served.request().read()) == kept


def test_idle_environment_gets_sigterm_if_it_asked_for_it(serve_app: ServeApp, gate: MakeGate) -> None:
    arrived, released = gate("arrived"), gate("released")
    has_ended = gate("has_ended")
    extension = """
        import signal
        has_ended = Gate("has_ended")
        signal.signal(signal.SIGTERM, lambda *_: (has_ended.release("ended"), os._exit(0)))
        api.request("POST", "/2020-01-01/extension/register", '{"events": []}', {"Lambda-Extension-Name": "x"})
        reply()
        """
    served = serve_app(textwrap.dedent(extension) + ANSWER_WHEN_RELEASED, options={"idle_seconds": 0})
    first = occupy(served, arrived)
    served.request().read()
    released.release()
    first.read()

    assert has_ended.acquire() == "ended"


def test_idle_environment_is_used_before_its_time_is_over(serve_app: ServeApp) -> None:
    served = serve_app(REPORT_PID, options={"idle_seconds": 3600})

    first = served.request().read()
    served.log.wait_for("REPORT RequestId")

    assert served.request().read() == first


# Environments before the first invocation


def test_failed_init_shows_before_the_first_invocation(serve_app: ServeApp) -> None:
    served = serve_app('fail_init("Runtime.ImportModuleError", "no module")')

    served.emulator.start_environments()

    lines = served.log.wait_for("init failed: Runtime.ImportModuleError: no module")
    assert any(line.endswith("\tStatus: error\tError Type: Runtime.ImportModuleError") for line in lines)
    assert served.invoke()[0]["errorType"] == "Runtime.ImportModuleError"


def test_invocation_waits_for_the_environment_that_starts_early(serve_app: ServeApp, gate: MakeGate) -> None:
    imported = gate("imported")
    served = serve_app(f"Gate('imported').acquire()\n{REPORT_PID}")
    served.emulator.start_environments()

    connection = served.connect()
    connection.request("GET", "/")
    imported.release()

    assert connection.getresponse().read()
    assert served.emulator.environment_count("App") == 1


def test_process_that_exits_early_is_logged_and_replaced(serve_app: ServeApp) -> None:
    served = serve_app("sys.exit(4)")

    served.emulator.start_environments()

    served.log.wait_for("the process has ended: Runtime exited with error: exit status 4")
    assert served.invoke()[0]["errorType"] == "Runtime.ExitError"


def test_functions_that_cannot_run_and_those_of_the_cdk_are_not_started(
    cloud_assembly: CloudAssembly, serve: Callable[..., Served]
) -> None:
    cloud_assembly.add_function("Node", "", Runtime="nodejs22.x")
    cloud_assembly.add_function("Paused", 'fail_init("Runtime.Paused", "")', ReservedConcurrentExecutions=0)
    cloud_assembly.add_function("Provider", 'fail_init("Runtime.Provider", "")')
    cloud_assembly.resources["Provider"]["Metadata"]["aws:cdk:path"] = "Demo/Custom::Provider/Handler/Resource"
    cloud_assembly.add_function("App", 'fail_init("Runtime.Shown", "reason")')
    served = serve()

    served.emulator.start_environments()

    served.log.wait_for("init failed: Runtime.Shown")
    served.stop()
    lines = served.log.wait_for("init failed")
    assert all(line.startswith("Demo/App ") for line in lines)
