"""An environment lives and dies as on Lambda, and the next request gets a fresh one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import HAND_WRITTEN_RUNTIME, CloudAssembly, Desk, Gate, is_gone, python_program

ServeApp = Callable[..., Desk]
MakeGate = Callable[[str], Gate]

COUNT_REQUESTS = """
count = 0
while True:
    request_id, event, _ = next_invocation()
    count += 1
    respond(request_id, json.dumps({"pid": os.getpid(), "count": count}))
"""


def test_requests_one_after_another_meet_the_same_process(serve_app: ServeApp) -> None:
    desk = serve_app(COUNT_REQUESTS)

    answers = []
    for number in (1, 2, 3):
        answers.append(desk.invoke()[0])
        desk.log.wait_for("REPORT RequestId", count=number)

    assert [answer["count"] for answer in answers] == [1, 2, 3]
    assert len({answer["pid"] for answer in answers}) == 1


def test_a_process_that_dies_is_an_exit_error_and_is_replaced(serve_app: ServeApp) -> None:
    desk = serve_app("""
        while True:
            request_id, event, _ = next_invocation()
            if event == "die":
                os._exit(3)
            respond(request_id, "1")
        """)

    payload, error = desk.invoke("die")

    assert error == "Unhandled"
    assert payload["errorType"] == "Runtime.ExitError"
    assert payload["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert desk.invoke("live") == (1, "")


def test_a_process_that_dies_in_the_middle_truncates_the_response(serve_app: ServeApp) -> None:
    desk = serve_app("""
        request_id, event, _ = next_invocation()
        stream = Stream(request_id, "text/plain")
        stream.write(b"half")
        os._exit(3)
        """)

    chunk, end = desk.stream()

    assert chunk == {"PayloadChunk": {"Payload": b"half"}}
    assert end["InvokeComplete"]["ErrorCode"] == "Runtime.TruncatedResponse"
    desk.log.wait_for("Runtime exited with error: exit status 3")


def test_at_its_deadline_a_process_is_killed_and_replaced(serve_app: ServeApp) -> None:
    desk = serve_app(
        """
        request_id, event, _ = next_invocation()
        if event == "hang":
            import signal
            signal.pause()
        respond(request_id, "1")
        next_invocation()
        """,
        Timeout=1,
    )

    payload, error = desk.invoke("hang")

    assert (payload["errorType"], error) == ("Sandbox.Timeout", "Unhandled")
    assert payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert desk.invoke("answer") == (1, "")


def test_a_stream_that_meets_its_deadline_is_cut_off(serve_app: ServeApp) -> None:
    desk = serve_app(
        """
        import signal
        request_id, event, _ = next_invocation()
        stream = Stream(request_id, "text/plain")
        stream.write(b"half")
        signal.pause()
        """,
        Timeout=1,
    )

    chunk, end = desk.stream()

    assert chunk == {"PayloadChunk": {"Payload": b"half"}}
    assert end["InvokeComplete"]["ErrorCode"] == "Sandbox.Timeout"


def test_what_init_reports_is_the_callers_error_and_init_is_tried_again(serve_app: ServeApp) -> None:
    desk = serve_app("""
        fail_init("Runtime.ImportModuleError", f"no module, says {os.getpid()}")
        sys.exit(1)
        """)

    first, error = desk.invoke()
    second, _ = desk.invoke()

    assert (first["errorType"], error) == ("Runtime.ImportModuleError", "Unhandled")
    assert first["errorMessage"] != second["errorMessage"]
    assert desk.request().status == 502


def test_an_exit_during_init_is_an_exit_error(serve_app: ServeApp) -> None:
    desk = serve_app("sys.exit(1)")

    assert desk.invoke()[0]["errorType"] == "Runtime.ExitError"


def test_a_function_without_bootstrap_cannot_start(cloud_assembly: CloudAssembly, serve: Callable[[], Desk]) -> None:
    cloud_assembly.add_function("App", "", Code=cloud_assembly.add_asset({"app.py": ""}))
    desk = serve()

    payload, error = desk.invoke()

    assert (payload["errorType"], error) == ("Runtime.InvalidEntrypoint", "Unhandled")
    assert "/var/task/bootstrap" in payload["errorMessage"]


def test_a_function_of_awss_own_runtime_is_answered_with_the_reason(
    cloud_assembly: CloudAssembly, serve: Callable[[], Desk]
) -> None:
    cloud_assembly.add_function("App", "", Runtime="python3.13")
    desk = serve()

    assert "exec wrapper" in desk.invoke()[0]["errorMessage"]


def test_output_is_shown_line_by_line_with_the_functions_name(serve_app: ServeApp) -> None:
    desk = serve_app("""
        print("to stdout")
        print("to stderr", file=sys.stderr)
        request_id, event, _ = next_invocation()
        print("half a ", end="")
        print("line")
        respond(request_id, "1")
        print("after the end", end="")
        """)

    desk.invoke()

    shown = [line for line in desk.log.wait_for("after the end") if line.startswith("Demo/App | ")]
    assert shown[:2] == ["Demo/App | to stdout", "Demo/App | to stderr"]
    assert "Demo/App | half a line" in shown
    assert "Demo/App | after the end" in shown


def test_the_lines_of_one_record_are_shown_as_lines(serve_app: ServeApp) -> None:
    desk = serve_app("""
        print("[ERROR] Boom", "Traceback", "  File", sep=chr(13))
        print("windows", end=chr(13) + chr(10))
        request_id, _, _ = next_invocation()
        respond(request_id, "1")
        """)

    desk.invoke()

    shown = [line.removeprefix("Demo/App | ") for line in desk.log.wait_for("windows")]
    assert shown[:4] == ["[ERROR] Boom", "Traceback", "  File", "windows"]


def test_each_invocation_is_reported(serve_app: ServeApp) -> None:
    desk = serve_app(COUNT_REQUESTS)

    desk.invoke()
    desk.invoke()

    lines = desk.log.wait_for("REPORT RequestId", count=2)
    first, second = [line for line in lines if "REPORT RequestId" in line]
    assert "Init Duration" not in second
    assert "Init Duration" in first
    assert "Memory Size: 128 MB" in first
    assert int(first.split("Max Memory Used: ")[1].split()[0]) > 1 or not Path("/proc").exists()
    assert [line.split()[2] for line in lines if " | " in line][:3] == ["START", "END", "REPORT"]


def test_a_process_gets_lambdas_environment_and_none_of_the_desks(
    serve_app: ServeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_DESK", "1")
    desk = serve_app(
        """
        request_id, _, _ = next_invocation()
        respond(request_id, json.dumps([dict(os.environ), os.getcwd()]))
        """,
        Variables={"MINE": "/opt/data:/var/task/x:/elsewhere", "PLAIN": "http://x/opt/y"},
        MemorySize=512,
    )

    [variables, folder], _ = desk.invoke()

    assert "OF_THE_DESK" not in variables
    assert "HOME" not in variables
    assert variables["LAMBDA_TASK_ROOT"] == folder
    assert variables["_HANDLER"] == "handler"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "app"
    assert variables["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert variables["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert variables["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/app"
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "us-east-1"
    assert "AWS_EXECUTION_ENV" not in variables, "an OS-only runtime has none"
    opt = folder.replace("/task", "/opt")
    assert variables["MINE"] == f"{opt}/data:{folder}/x:/elsewhere"
    assert variables["PLAIN"] == "http://x/opt/y"


def wrapped(cloud_assembly: CloudAssembly, wrapper: str, path: str = "/opt/bootstrap") -> None:
    layer = cloud_assembly.add_asset({"bootstrap": wrapper})
    cloud_assembly.add_resource("Layer", "AWS::Lambda::LayerVersion", {"Content": layer})
    program = python_program("""
        request_id, _, _ = next_invocation()
        respond(request_id, json.dumps([sys.argv[1:], dict(os.environ)]))
        next_invocation()
        """)
    cloud_assembly.add_function(
        "App",
        "",
        Runtime="python3.13",
        Layers=[{"Ref": "Layer"}],
        Variables={"AWS_LAMBDA_EXEC_WRAPPER": path},
        Code=cloud_assembly.add_asset({"program.py": program, "hand_written_runtime.py": HAND_WRITTEN_RUNTIME}),
    )


def test_an_exec_wrapper_gets_the_command_that_it_replaces(
    cloud_assembly: CloudAssembly, serve: Callable[[], Desk]
) -> None:
    wrapped(cloud_assembly, '#!/bin/sh\nexec "$1" "$LAMBDA_TASK_ROOT/program.py" "$0" "$@"\n')
    desk = serve()

    [wrapper, interpreter, program], variables = desk.invoke()[0]

    assert Path(wrapper).name == "bootstrap"
    assert wrapper == variables["AWS_LAMBDA_EXEC_WRAPPER"]
    assert Path(interpreter).name.startswith("python")
    assert program == f"{variables['LAMBDA_RUNTIME_DIR']}/bootstrap.py"
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"


def test_a_missing_exec_wrapper_is_an_exit_127(cloud_assembly: CloudAssembly, serve: Callable[[], Desk]) -> None:
    wrapped(cloud_assembly, "", path="/opt/else")
    desk = serve()

    assert desk.invoke()[0]["errorMessage"] == "/opt/else: does not exist (exit status 127)"


def test_an_exec_wrapper_that_is_not_executable_is_an_exit_126(
    cloud_assembly: CloudAssembly, serve: Callable[[], Desk]
) -> None:
    wrapped(cloud_assembly, "#!/bin/sh\n")
    for file in cloud_assembly.folder.rglob("bootstrap"):
        file.chmod(0o644)
    desk = serve()

    assert desk.invoke()[0]["errorMessage"] == "/opt/bootstrap: is not an executable (exit status 126)"


def test_a_wrapper_that_hands_back_is_told_what_is_missing(
    cloud_assembly: CloudAssembly, serve: Callable[[], Desk]
) -> None:
    wrapped(cloud_assembly, '#!/bin/sh\nexec "$@"\n')
    desk = serve()

    assert desk.invoke()[0]["errorType"] == "Runtime.ExitError"
    desk.log.wait_for("AWS's own Python runtime is not part of the emulator")


def test_nothing_is_written_into_the_assembly(cloud_assembly: CloudAssembly, serve: Callable[[], Desk]) -> None:
    cloud_assembly.add_function(
        "App",
        """
        sys.dont_write_bytecode = False
        import second_module
        open("written", "w").close()
        open("bootstrap", "a").close()
        request_id, _, _ = next_invocation()
        respond(request_id, "1")
        """,
    )
    [asset] = cloud_assembly.folder.glob("asset.*")
    (asset / "second_module.py").write_text("")
    desk = serve()
    before = sorted(cloud_assembly.folder.rglob("*"))

    assert desk.invoke() == (1, "")
    assert sorted(cloud_assembly.folder.rglob("*")) == before


def test_a_process_with_an_internal_extension_is_asked_to_end(serve_app: ServeApp, gate: MakeGate) -> None:
    said_goodbye = gate("said_goodbye")
    desk = serve_app("""
        import signal
        gate = Gate("said_goodbye")
        signal.signal(signal.SIGTERM, lambda *_: (gate.release("goodbye"), os._exit(0)))
        api.request("POST", "/2020-01-01/extension/register", '{"events": []}', {"Lambda-Extension-Name": "x"})
        status, _, headers = reply()
        assert headers["Lambda-Extension-Identifier"]
        request_id, _, _ = next_invocation()
        respond(request_id, "1")
        next_invocation()
        """)
    desk.invoke()

    desk.stop()

    assert said_goodbye.acquire() == "goodbye"


def test_what_a_process_started_ends_with_it(serve_app: ServeApp) -> None:
    desk = serve_app("""
        import subprocess
        child = subprocess.Popen(["sleep", "60"])
        request_id, _, _ = next_invocation()
        respond(request_id, json.dumps(child.pid))
        next_invocation()
        """)
    child, _ = desk.invoke()
    os.kill(child, 0)

    desk.stop()

    assert is_gone(child)
