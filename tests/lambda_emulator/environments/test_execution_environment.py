"""An environment starts and ends as on Lambda. The invocation after its end gets a new one."""

from __future__ import annotations

import base64
import json
import os
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from ..cloud_assembly import HAND_WRITTEN_RUNTIME, CloudAssembly, python_program
from ..gates import Gate, Life
from ..served import Served, is_gone

pytestmark = pytest.mark.process

ServeApp = Callable[..., Served]
MakeGate = Callable[[str], Gate]

COUNT_REQUESTS = """
count = 0
while True:
    request_id, event, _ = next_invocation()
    count += 1
    respond(request_id, json.dumps({"pid": os.getpid(), "count": count}))
"""


def test_requests_one_after_another_share_a_process(serve_app: ServeApp) -> None:
    served = serve_app(COUNT_REQUESTS)

    answers = []
    for number in (1, 2, 3):
        answers.append(served.invoke()[0])
        served.log.wait_for("REPORT RequestId", count=number)

    assert [answer["count"] for answer in answers] == [1, 2, 3]
    assert len({answer["pid"] for answer in answers}) == 1


def test_process_that_exits_is_an_exit_error_and_is_replaced(serve_app: ServeApp) -> None:
    served = serve_app("""
        while True:
            request_id, event, _ = next_invocation()
            if event == "die":
                os._exit(3)
            respond(request_id, "1")
        """)

    payload, error = served.invoke("die")

    assert error == "Unhandled"
    assert payload["errorType"] == "Runtime.ExitError"
    assert payload["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert served.invoke("live") == (1, "")
    lines = served.log.wait_for("REPORT RequestId", count=2)
    assert "Demo/App | Runtime.ExitError" in lines
    assert "\tStatus: error\tError Type: Runtime.ExitError" in next(line for line in lines if "REPORT" in line)


@pytest.mark.parametrize(("name", "words"), [("SIGKILL", "killed"), ("SIGSEGV", "segmentation fault")])
def test_signal_that_ends_the_process_has_lambdas_name(serve_app: ServeApp, name: str, words: str) -> None:
    served = serve_app(f"""
        import signal
        next_invocation()
        os.kill(os.getpid(), signal.{name})
        """)

    assert served.invoke()[0]["errorMessage"].endswith(f" Error: Runtime exited with error: signal: {words}")


def test_exit_during_a_response_truncates_it(serve_app: ServeApp) -> None:
    served = serve_app("""
        request_id, event, _ = next_invocation()
        stream = Stream(request_id, "text/plain")
        stream.write(b"half")
        os._exit(3)
        """)

    chunk, end = served.stream()

    assert chunk == {"PayloadChunk": {"Payload": b"half"}}
    assert end["InvokeComplete"]["ErrorCode"] == "Runtime.TruncatedResponse"
    served.log.wait_for("Runtime exited with error: exit status 3")


def test_process_is_killed_at_its_deadline_and_replaced(serve_app: ServeApp) -> None:
    served = serve_app(
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

    payload, error = served.invoke("hang")

    assert (payload["errorType"], error) == ("Sandbox.Timedout", "Unhandled")
    assert re.fullmatch(r"RequestId: \S+ Error: Task timed out after 1.00 seconds", payload["errorMessage"])
    assert served.invoke("answer") == (1, "")
    lines = served.log.wait_for("REPORT RequestId")
    assert re.search(r"\tDuration: 1000.00 ms\t.*\tStatus: timeout$", next(line for line in lines if "REPORT" in line))
    served.log.wait_for("Demo/App * failed: Sandbox.Timedout: RequestId: ")


def test_function_that_writes_without_end_is_killed_at_its_deadline(serve_app: ServeApp) -> None:
    served = serve_app(
        """
        next_invocation()
        while True:
            os.write(1, bytes(64 * 1024))
        """,
        Timeout=1,
    )

    assert served.invoke()[0]["errorType"] == "Sandbox.Timedout"


def test_response_of_a_function_that_writes_without_end_is_complete(serve_app: ServeApp) -> None:
    served = serve_app("""
        if not os.fork():
            while True:
                os.write(1, bytes(64 * 1024))
        while True:
            request_id, event, _ = next_invocation()
            respond(request_id, json.dumps(event))
        """)

    assert [served.invoke(number) for number in range(3)] == [(0, ""), (1, ""), (2, "")]


def test_stream_is_truncated_at_its_deadline(serve_app: ServeApp) -> None:
    served = serve_app(
        """
        import signal
        request_id, event, _ = next_invocation()
        stream = Stream(request_id, "text/plain")
        stream.write(b"half")
        signal.pause()
        """,
        Timeout=1,
    )

    chunk, end = served.stream()

    assert chunk == {"PayloadChunk": {"Payload": b"half"}}
    assert end["InvokeComplete"]["ErrorCode"] == "Sandbox.Timedout"


def test_init_error_goes_to_the_caller_and_the_next_invoke_starts_again(serve_app: ServeApp) -> None:
    served = serve_app("""
        fail_init("Runtime.ImportModuleError", f"no module, says {os.getpid()}")
        sys.exit(1)
        """)

    first, error = served.invoke()
    second, _ = served.invoke()

    assert (first["errorType"], error) == ("Runtime.ImportModuleError", "Unhandled")
    assert first["errorMessage"] != second["errorMessage"]
    assert served.request().status == 502


def test_exit_during_init_is_an_exit_error(serve_app: ServeApp) -> None:
    served = serve_app("sys.exit(1)")

    assert served.invoke()[0]["errorType"] == "Runtime.ExitError"
    lines = served.log.wait_for("INIT_REPORT")
    assert any(line.endswith("\tPhase: init\tStatus: error\tError Type: Runtime.ExitError") for line in lines)


def test_descendants_end_with_a_process_that_exits(serve_app: ServeApp, life: Life) -> None:
    served = serve_app("stay_alive()\nnext_invocation()\nsys.exit(1)")

    assert served.invoke()[0]["errorType"] == "Runtime.ExitError"

    life.wait_for_end()


def test_process_has_lambdas_limit_of_open_files_and_no_descriptors_of_the_emulator(serve_app: ServeApp) -> None:
    served = serve_app("""
        import resource
        descriptors = sorted(os.listdir("/dev/fd"))
        request_id, _, _ = next_invocation()
        respond(request_id, json.dumps([resource.getrlimit(resource.RLIMIT_NOFILE)[0], len(descriptors)]))
        """)

    [limit, descriptors], _ = served.invoke()

    assert limit == 1024
    assert descriptors == 4, "stdin, stdout, stderr, and the listed folder"


def test_function_without_bootstrap_cannot_start(cloud_assembly: CloudAssembly, serve: Callable[[], Served]) -> None:
    cloud_assembly.add_function("App", "", Code=cloud_assembly.add_asset({"app.py": ""}))
    served = serve()

    payload, error = served.invoke()

    assert (payload["errorType"], error) == ("Runtime.InvalidEntrypoint", "Unhandled")
    assert "/var/task/bootstrap" in payload["errorMessage"]
    lines = served.log.wait_for("INIT_REPORT")
    assert any(line.endswith("\tStatus: error\tError Type: Runtime.InvalidEntrypoint") for line in lines)


def test_error_for_awss_own_runtime_names_the_reason(
    cloud_assembly: CloudAssembly, serve: Callable[[], Served]
) -> None:
    cloud_assembly.add_function("App", "", Runtime="python3.13")
    served = serve()

    assert "exec wrapper" in served.invoke()[0]["errorMessage"]


def test_output_is_printed_line_by_line_with_the_functions_name(serve_app: ServeApp) -> None:
    served = serve_app("""
        print("to stdout")
        print("to stderr", file=sys.stderr)
        request_id, event, _ = next_invocation()
        print("half a ", end="")
        print("line")
        respond(request_id, "1")
        print("after the end", end="")
        """)

    served.invoke()

    shown = [line for line in served.log.wait_for("after the end") if line.startswith("Demo/App | ")]
    assert shown[:2] == ["Demo/App | to stdout", "Demo/App | to stderr"]
    assert "Demo/App | half a line" in shown
    assert "Demo/App | after the end" in shown


WRITE_FRAME = """
import struct
frames = int(os.environ.get("_LAMBDA_TELEMETRY_LOG_FD", -1))

def write_frame(record):
    payload = record.encode()
    os.write(frames, struct.pack(">IIQ", 0xA55A0003, len(payload), 0) + payload)
"""


def managed(cloud_assembly: CloudAssembly, program: str) -> None:
    """Add a function on a managed runtime, whose exec wrapper starts `program`."""
    wrapper = '#!/bin/sh\nexec "$1" -u "$LAMBDA_TASK_ROOT/program.py"\n'
    wrapped(cloud_assembly, wrapper, program=WRITE_FRAME + textwrap.dedent(program))


def tail_of(served: Served, payload: str) -> list[str]:
    """Return the log that an invoke returns, without the lines of Lambda itself."""
    response = served.client.invoke(FunctionName="app", LogType="Tail", Payload=json.dumps(payload))
    lines = base64.b64decode(response["LogResult"]).decode().splitlines()
    assert [lines[0].split()[0], *(line.split()[0] for line in lines[-2:])] == ["START", "END", "REPORT"]
    return lines[1:-2]


def test_record_of_several_lines_is_in_the_log_of_its_invocation(
    cloud_assembly: CloudAssembly, serve: Callable[[], Served]
) -> None:
    managed(
        cloud_assembly,
        """
        while True:
            request_id, event, _ = next_invocation()
            write_frame(f"[ERROR] {event}\\nTraceback\\n  last line of {event}")
            respond(request_id, "1")
        """,
    )
    served = serve()

    assert tail_of(served, "one") == ["[ERROR] one", "Traceback", "  last line of one"]
    assert tail_of(served, "two") == ["[ERROR] two", "Traceback", "  last line of two"]
    assert "Demo/App |   last line of two" in served.log.wait_for("REPORT", count=2)


def test_output_and_records_keep_their_order(cloud_assembly: CloudAssembly, serve: Callable[[], Served]) -> None:
    managed(
        cloud_assembly,
        """
        request_id, _, _ = next_invocation()
        for number in range(20):
            print("line", number)
            write_frame(f"record {number}")
        respond(request_id, "1")
        next_invocation()
        """,
    )
    served = serve()

    assert tail_of(served, "") == [f"{kind} {number}" for number in range(20) for kind in ("line", "record")]


@pytest.mark.parametrize("is_managed", [True, False])
def test_line_without_an_end_is_in_the_log_of_its_invocation(
    cloud_assembly: CloudAssembly, serve: Callable[[], Served], is_managed: bool
) -> None:
    """A runtime may write to stdout only, a managed one too."""
    program = """
        while True:
            request_id, event, _ = next_invocation()
            print("printed by", event, end="")
            respond(request_id, "1")
            print(" after", event, end="")
        """
    if is_managed:
        managed(cloud_assembly, program)
    else:
        cloud_assembly.add_function("App", program)
    served = serve()

    assert tail_of(served, "one") == ["printed by one after one"]
    assert tail_of(served, "two") == ["printed by two after two"]


def test_only_managed_runtimes_write_frames(cloud_assembly: CloudAssembly, serve: Callable[[], Served]) -> None:
    cloud_assembly.add_function(
        "App", "request_id, _, _ = next_invocation()\nrespond(request_id, json.dumps(dict(os.environ)))"
    )
    served = serve()

    assert "_LAMBDA_TELEMETRY_LOG_FD" not in served.invoke()[0]


def test_carriage_returns_in_a_record_are_line_breaks(serve_app: ServeApp) -> None:
    served = serve_app("""
        print("[ERROR] Boom", "Traceback", "  File", sep=chr(13))
        print("windows", end=chr(13) + chr(10))
        request_id, _, _ = next_invocation()
        respond(request_id, "1")
        """)

    served.invoke()

    shown = [line.removeprefix("Demo/App | ") for line in served.log.wait_for("windows")]
    assert shown[:4] == ["[ERROR] Boom", "Traceback", "  File", "windows"]


def test_each_invocation_has_a_report_line(serve_app: ServeApp) -> None:
    served = serve_app(COUNT_REQUESTS)

    served.invoke()
    served.invoke()

    lines = served.log.wait_for("REPORT RequestId", count=2)
    first, second = [line for line in lines if "REPORT RequestId" in line]
    assert "Init Duration" not in second
    assert "Init Duration" in first
    assert "\tMemory Size: 128 MB\t" in first
    assert int(first.split("Max Memory Used: ")[1].split()[0]) > 1 or not Path("/proc").exists()
    assert [line.split()[2] for line in lines if " | " in line][:3] == ["START", "END", "REPORT"]


def test_process_gets_lambdas_variables_and_none_of_the_developers(
    serve_app: ServeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_DEVELOPER", "1")
    served = serve_app(
        """
        request_id, _, _ = next_invocation()
        respond(request_id, json.dumps([dict(os.environ), os.getcwd()]))
        """,
        Variables={"MINE": "/opt/data:/var/task/x:/elsewhere", "PLAIN": "http://x/opt/y"},
        MemorySize=512,
    )

    [variables, folder], _ = served.invoke()

    assert "OF_THE_DEVELOPER" not in variables
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


REPORT_COMMAND = """
request_id, _, _ = next_invocation()
respond(request_id, json.dumps([sys.argv[1:], dict(os.environ)]))
next_invocation()
"""


def wrapped(
    cloud_assembly: CloudAssembly, wrapper: str, *, path: str = "/opt/bootstrap", program: str = REPORT_COMMAND
) -> None:
    layer = cloud_assembly.add_asset({"bootstrap": wrapper})
    code = {"program.py": python_program(program), "hand_written_runtime.py": HAND_WRITTEN_RUNTIME}
    cloud_assembly.add_resource("Layer", "AWS::Lambda::LayerVersion", {"Content": layer})
    cloud_assembly.add_function(
        "App",
        "",
        Runtime="python3.13",
        Layers=[{"Ref": "Layer"}],
        Variables={"AWS_LAMBDA_EXEC_WRAPPER": path},
        Code=cloud_assembly.add_asset(code),
    )


def test_exec_wrapper_receives_awss_own_command(cloud_assembly: CloudAssembly, serve: Callable[[], Served]) -> None:
    wrapped(cloud_assembly, '#!/bin/sh\nexec "$1" "$LAMBDA_TASK_ROOT/program.py" "$0" "$@"\n')
    served = serve()

    [wrapper, interpreter, program], variables = served.invoke()[0]

    assert Path(wrapper).name == "bootstrap"
    assert wrapper == variables["AWS_LAMBDA_EXEC_WRAPPER"]
    assert Path(interpreter).name.startswith("python")
    assert program == f"{variables['LAMBDA_RUNTIME_DIR']}/bootstrap.py"
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"


def test_missing_exec_wrapper_is_exit_status_127(cloud_assembly: CloudAssembly, serve: Callable[[], Served]) -> None:
    wrapped(cloud_assembly, "", path="/opt/else")
    served = serve()

    assert served.invoke()[0]["errorMessage"] == "/opt/else: does not exist (exit status 127)"


def test_exec_wrapper_that_is_not_executable_is_exit_status_126(
    cloud_assembly: CloudAssembly, serve: Callable[[], Served]
) -> None:
    wrapped(cloud_assembly, "#!/bin/sh\n")
    for file in cloud_assembly.folder.rglob("bootstrap"):
        file.chmod(0o644)
    served = serve()

    assert served.invoke()[0]["errorMessage"] == "/opt/bootstrap: is not an executable (exit status 126)"


def test_exec_wrapper_that_starts_awss_runtime_fails_with_the_reason(
    cloud_assembly: CloudAssembly, serve: Callable[[], Served]
) -> None:
    wrapped(cloud_assembly, '#!/bin/sh\nexec "$@"\n')
    served = serve()

    assert served.invoke()[0]["errorType"] == "Runtime.ExitError"
    served.log.wait_for("AWS's own Python runtime is not part of the emulator")


def test_function_cannot_write_into_the_assembly(cloud_assembly: CloudAssembly, serve: Callable[[], Served]) -> None:
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
    served = serve()
    before = sorted(cloud_assembly.folder.rglob("*"))

    assert served.invoke() == (1, "")
    assert sorted(cloud_assembly.folder.rglob("*")) == before


def test_process_with_an_internal_extension_gets_sigterm(serve_app: ServeApp, gate: MakeGate) -> None:
    has_ended = gate("has_ended")
    served = serve_app("""
        import signal
        gate = Gate("has_ended")
        signal.signal(signal.SIGTERM, lambda *_: (gate.release("ended"), os._exit(0)))
        api.request("POST", "/2020-01-01/extension/register", '{"events": []}', {"Lambda-Extension-Name": "x"})
        status, _, headers = reply()
        assert headers["Lambda-Extension-Identifier"]
        request_id, _, _ = next_invocation()
        respond(request_id, "1")
        next_invocation()
        """)
    served.invoke()

    served.stop()

    assert has_ended.acquire() == "ended"


def test_child_processes_end_with_their_parent(serve_app: ServeApp) -> None:
    served = serve_app("""
        import subprocess
        child = subprocess.Popen(["sleep", "60"])
        request_id, _, _ = next_invocation()
        respond(request_id, json.dumps(child.pid))
        next_invocation()
        """)
    child, _ = served.invoke()
    os.kill(child, 0)

    served.stop()

    assert is_gone(child)
