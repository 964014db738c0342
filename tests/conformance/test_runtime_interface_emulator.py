"""The runtime works under AWS's Runtime Interface Emulator, which is AWS's published code of the Runtime API.

Files are laid out as on Lambda: the layer at `/opt`, the handler at `/var/task`, a `/var/runtime/bootstrap` that starts
the exec wrapper, and an external extension. The emulator passes on whole responses, with prelude and NULs.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uv

from ..interpreters import installed_pythons
from ..lambda_streaming.fake_runtime_api import FUNCTION_URL_EVENT
from ..ports import free_ports, wait_until_listening
from ..requirements import miss, require_program

pytestmark = pytest.mark.network

RUNTIME_ASSET = Path(__file__).parents[2] / "runtime_asset"
# The wheel of AWS's SAM command line contains the emulator's binary.
SAM_CLI = "aws-sam-cli==1.170.0"
UVLOOP = "uvloop==0.23.0"

HANDLER = """
import asyncio, os, signal, sys, threading
from lambda_streaming import StreamClosedError, streamify_response

def handler(event, context):
    case = event.get("case") or event.get("rawPath")
    if case in ("sendmsg", "recv"):
        return interrupted(event, context)
    if case == "alarm":
        return ring_later()
    if case == "uvloop":
        import uvloop
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        return on_uvloop()
    if case == "whole":
        return {"request": context.aws_request_id, "wrapper": os.environ["AWS_LAMBDA_EXEC_WRAPPER"]}
    if case == "before":
        raise ValueError("before the first byte")
    return items(case)

def items(case):
    for number in range(1000):
        yield f"{number},"
    if case == "after":
        raise ValueError("after the first byte")
    if case == "exit":
        os._exit(3)
    if case == "deadline":
        signal.pause()
    yield "end"

def ring_later():
    def ring(number, frame):
        raise TimeoutError("between two invocations")
    signal.signal(signal.SIGALRM, ring)
    threading.Thread(target=ring_while_the_next_event_is_awaited).start()

def ring_while_the_next_event_is_awaited():
    main = threading.main_thread()
    while "next_invocation" not in callers(sys._current_frames()[main.ident]) or waits_for_a_thread(main):
        threading.Event().wait(0.001)
    signal.pthread_kill(main.ident, signal.SIGALRM)

def waits_for_a_thread(thread):
    "The thread waits for this one, which holds Python's lock, or runs."
    with open(f"/proc/self/task/{thread.native_id}/wchan") as file:
        place = file.read()
    return place == "0" or "futex" in place

def callers(frame):
    while frame is not None:
        yield frame.f_code.co_name
        frame = frame.f_back

async def on_uvloop():
    yield type(asyncio.get_running_loop()).__module__

@streamify_response
def interrupted(event, response_stream, context):
    response_stream.write("first,")
    raise_after(event["case"])
    for item in ("second,", "third,"):
        try:
            response_stream.write(item)
        except (TimeoutError, StreamClosedError):
            pass

def raise_after(call):
    '''Raise right after a system call, as a signal handler may.'''
    def profile(frame, event, function):
        if event == "c_return" and function.__name__ == call:
            sys.setprofile(None)
            raise TimeoutError("little time is left")
    sys.setprofile(profile)
"""

# Like the program of AWS's image, it starts the wrapper with the command that it replaces.
MANAGED_BOOTSTRAP = """#!/bin/sh
exec "$AWS_LAMBDA_EXEC_WRAPPER" {interpreter} /var/runtime/bootstrap.py
"""

EXTENSION = """#!{interpreter}
import json, os, urllib.request
base = f"http://{{os.environ['AWS_LAMBDA_RUNTIME_API']}}/2020-01-01/extension"
register = urllib.request.Request(
    f"{{base}}/register", b'{{"events": ["INVOKE", "SHUTDOWN"]}}', {{"Lambda-Extension-Name": "witness"}}
)
identifier = urllib.request.urlopen(register).headers["Lambda-Extension-Identifier"]
while True:
    request = urllib.request.Request(f"{{base}}/event/next", headers={{"Lambda-Extension-Identifier": identifier}})
    event = json.load(urllib.request.urlopen(request))
    print("extension saw", event["eventType"], event.get("requestId"), flush=True)
    if event["eventType"] == "SHUTDOWN":
        break
"""


class RunningEmulator:
    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self._port = port
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def invoke(self, event: Any) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("POST", "/2015-03-31/functions/function/invocations", json.dumps(event))
            return connection.getresponse().read()
        finally:
            connection.close()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()

    def wait_for_line(self, text: str) -> None:
        with self._changed:
            found = self._changed.wait_for(lambda: any(text in line for line in self._lines), timeout=20)
        assert found, "".join(self._lines)


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sam")
    if os.uname().sysname != "Linux" or os.uname().machine not in ("x86_64", "aarch64"):
        miss("AWS's Runtime Interface Emulator runs on Linux only")
    install = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--target", str(folder), SAM_CLI]
    done = subprocess.run(install, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        miss(f"{SAM_CLI} cannot be installed: {done.stdout.strip()[-300:]}")
    name = {"x86_64": "aws-lambda-rie-x86_64", "aarch64": "aws-lambda-rie-arm64"}[os.uname().machine]
    binary = folder / "samcli" / "local" / "rapid" / name
    binary.chmod(0o755)
    return binary


@pytest.fixture(scope="module", params=sorted(installed_pythons().items())[-1:], ids=lambda item: f"{item[0]}")
def emulator(
    request: pytest.FixtureRequest, binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningEmulator]:
    _, interpreter = request.param
    folder = tmp_path_factory.mktemp("lambda")
    files = {
        "task/index.py": (HANDLER, 0o644),
        "runtime/bootstrap": (MANAGED_BOOTSTRAP.format(interpreter=interpreter), 0o755),
        "extensions/witness": (EXTENSION.format(interpreter=interpreter), 0o755),
    }
    write_files(folder, files)
    install = ["pip", "install", "--quiet", "--python", interpreter, "--target", str(folder / "task"), UVLOOP]
    subprocess.run([uv.find_uv_bin(), *install], check=True)
    rie_port = free_ports(2)
    api_port = rie_port + 1
    places = {"task": "/var/task", "runtime": "/var/runtime", "extensions": "/opt/extensions"}
    command = laid_out({folder / name: place for name, place in places.items()})
    command += [binary, "--log-level", "info", "--runtime-interface-emulator-address", f"127.0.0.1:{rie_port}"]
    command += ["--runtime-api-address", f"127.0.0.1:{api_port}", "/var/runtime/bootstrap"]
    process = subprocess.Popen(
        [str(part) for part in command],
        env={
            "PATH": os.environ["PATH"],
            "LD_LIBRARY_PATH": str(Path(interpreter).parents[1] / "lib"),
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "5",
            "LAMBDA_TASK_ROOT": "/var/task",
            "_HANDLER": "index.handler",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    emulator = RunningEmulator(process, rie_port)
    wait_until_ready(rie_port, process)
    yield emulator
    emulator.stop()


def write_files(folder: Path, files: dict[str, tuple[str, int]]) -> None:
    for name, (text, mode) in files.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(mode)


def laid_out(places: dict[Path, str]) -> list[str | Path]:
    """Return a command that starts another with folders as on Lambda. The other process ends with it."""
    command: list[str | Path] = [require_program("bwrap", because="Debian: bubblewrap")]
    command += ["--die-with-parent", "--unshare-pid", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    command += ["--bind", "/tmp", "/tmp", "--tmpfs", "/opt", "--tmpfs", "/var"]
    layer = {RUNTIME_ASSET / name: f"/opt/{name}" for name in ("bootstrap", "python")}
    for folder, place in {**places, **layer}.items():
        command += ["--ro-bind", folder, place]
    return command


def wait_until_ready(port: int, process: subprocess.Popen[str]) -> None:
    if not wait_until_listening(port, process):
        assert process.stdout is not None
        pytest.fail(f"the emulator ended: {process.stdout.read()}")


ITEMS = b"".join(b"%d," % number for number in range(1000))


def test_streamed_response_is_accepted(emulator: RunningEmulator) -> None:
    assert emulator.invoke({"case": "items"}) == ITEMS + b"end"


def test_prelude_and_body_arrive(emulator: RunningEmulator) -> None:
    head, _, body = emulator.invoke({**FUNCTION_URL_EVENT, "rawPath": "items"}).partition(b"\0" * 8)
    assert json.loads(head)["statusCode"] == 200
    assert body == ITEMS + b"end"


def test_buffered_response_is_accepted(emulator: RunningEmulator) -> None:
    document = json.loads(emulator.invoke({"case": "whole"}))
    assert document["wrapper"] == "/opt/bootstrap"
    assert document["request"]


def test_error_before_the_first_byte_is_accepted(emulator: RunningEmulator) -> None:
    document = json.loads(emulator.invoke({"case": "before"}))
    assert (document["errorType"], document["errorMessage"]) == ("ValueError", "before the first byte")
    assert emulator.invoke({"case": "items"}) == ITEMS + b"end"


def test_error_trailers_are_accepted_and_the_next_invocation_is_served(emulator: RunningEmulator) -> None:
    assert emulator.invoke({"case": "after"}).startswith(ITEMS)
    assert emulator.invoke({"case": "items"}) == ITEMS + b"end"


def test_process_that_exits_is_replaced(emulator: RunningEmulator) -> None:
    emulator.invoke({"case": "exit"})
    assert emulator.invoke({"case": "items"}) == ITEMS + b"end"


def test_process_killed_at_its_deadline_during_a_response_is_replaced(emulator: RunningEmulator) -> None:
    """Lambda kills the process. The next response has nothing of the truncated one."""
    assert b"Task timed out after 5.00 seconds" in emulator.invoke({"case": "deadline"})
    assert emulator.invoke({"case": "items"}) == ITEMS + b"end"


def test_extension_sees_the_invocations(emulator: RunningEmulator) -> None:
    document = json.loads(emulator.invoke({"case": "whole"}))
    emulator.wait_for_line(f"extension saw INVOKE {document['request']}")


# The emulator of an image, with options of the user.
EMULATOR_WITH_OPTIONS = """#!/bin/sh
exec {binary} --runtime-interface-emulator-address 127.0.0.1:{rie_port} --runtime-api-address 127.0.0.1:{api_port} "$@"
"""


def start_image(
    folder: Path, path: str, handler: str = "index.handler", source: str = HANDLER, **variables: str
) -> subprocess.Popen[str]:
    """Start an image outside Lambda. Its ENTRYPOINT is `bootstrap`, its CMD the handler."""
    interpreter = sorted(installed_pythons().items())[-1][1]
    write_files(folder, {"task/index.py": (source, 0o644)})
    (folder / "bin").mkdir(exist_ok=True)
    return subprocess.Popen(
        [
            *laid_out({folder / "task": "/var/task", folder / "bin": "/usr/local/bin"}),
            "/opt/bootstrap",
            handler,
        ],
        env={
            "PATH": path,
            "LD_LIBRARY_PATH": str(Path(interpreter).parents[1] / "lib"),
            "LAMBDA_STREAMING_PYTHON": interpreter,
            "AWS_LAMBDA_EXEC_WRAPPER": "",
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


@pytest.mark.parametrize("path", ["/usr/local/bin:/usr/bin:/bin", "/usr/bin:/bin"], ids=["on PATH", "not on PATH"])
def test_image_starts_the_emulator_outside_lambda(path: str, binary: Path, tmp_path: Path) -> None:
    rie_port = free_ports(2)
    api_port = rie_port + 1
    options = {"binary": binary, "rie_port": rie_port, "api_port": api_port}
    write_files(tmp_path, {"bin/aws-lambda-rie": (EMULATOR_WITH_OPTIONS.format(**options), 0o755)})
    process = start_image(tmp_path, path)
    image = RunningEmulator(process, rie_port)
    try:
        wait_until_ready(rie_port, process)
        assert image.invoke({"case": "items"}) == ITEMS + b"end"
        assert json.loads(image.invoke({"case": "whole"}))["request"]
    finally:
        image.stop()


WEB_APPLICATIONS = """
async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["name"] = "asgi"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    if scope["path"] == "/fails":
        raise ValueError("mine")
    await send({"type": "http.response.start", "status": 203, "headers": [(b"x-a", b"b")]})
    for item in (scope["state"]["name"], scope["path"]):
        await send({"type": "http.response.body", "body": item.encode(), "more_body": True})
    await send({"type": "http.response.body"})

def wsgi(environ, start_response):
    if environ["PATH_INFO"] == "/fails":
        raise ValueError("mine")
    start_response("203 Fine", [("x-a", "b")])
    yield b"wsgi"
    yield environ["PATH_INFO"].encode()
"""


@pytest.mark.parametrize("interface", ["asgi", "wsgi"])
def test_image_of_a_web_application_is_served(interface: str, binary: Path, tmp_path: Path) -> None:
    rie_port = free_ports(2)
    options = {"binary": binary, "rie_port": rie_port, "api_port": rie_port + 1}
    write_files(tmp_path, {"bin/aws-lambda-rie": (EMULATOR_WITH_OPTIONS.format(**options), 0o755)})
    process = start_image(
        tmp_path,
        "/usr/local/bin:/usr/bin:/bin",
        f"lambda_streaming.{interface}.handler",
        WEB_APPLICATIONS,
        LAMBDA_STREAMING_APP=f"index:{interface}",
    )
    image = RunningEmulator(process, rie_port)
    try:
        wait_until_ready(rie_port, process)
        for path in ("/one", "/two"):
            head, _, body = image.invoke({**FUNCTION_URL_EVENT, "rawPath": path}).partition(b"\0" * 8)
            assert json.loads(head) == {"statusCode": 203, "headers": {"x-a": "b"}}
            assert body == f"{interface}{path}".encode()
        head, _, body = image.invoke({**FUNCTION_URL_EVENT, "rawPath": "/fails"}).partition(b"\0" * 8)
        assert (json.loads(head)["statusCode"], body) == (500, b"Internal Server Error")
        assert json.loads(image.invoke({}))["errorType"] == "Runtime.NotHttpRequest"
    finally:
        image.stop()


def test_image_without_the_emulator_reports_the_missing_program(tmp_path: Path) -> None:
    process = start_image(tmp_path, "/usr/bin:/bin")
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 127
    assert output.startswith("lambda_streaming: AWS_LAMBDA_RUNTIME_API is not set")
    assert "no aws-lambda-rie on PATH (/usr/bin:/bin) or in /usr/local/bin" in output
    assert output.count("\n") == 1


def test_exception_after_a_send_truncates_the_response(emulator: RunningEmulator) -> None:
    """The number of bytes that left is unknown: the caller gets an error, and the next caller the right bytes."""
    emulator.invoke({"case": "sendmsg"})
    emulator.wait_for_line("Lambda reports Runtime.TruncatedResponse")
    assert emulator.invoke({"case": "items"}) == ITEMS + b"end"


def test_exception_between_two_invocations_loses_none(emulator: RunningEmulator) -> None:
    """The runtime waits for the next event already, and Lambda refuses a second request for it."""
    emulator.invoke({"case": "alarm"})
    emulator.wait_for_line("TimeoutError: between two invocations")
    for _ in range(2):
        assert emulator.invoke({"case": "items"}) == ITEMS + b"end"


def test_exception_after_the_reply_was_received_changes_nothing(emulator: RunningEmulator) -> None:
    assert emulator.invoke({"case": "recv"}) == b"first,second,third,"
    assert emulator.invoke({"case": "items"}) == ITEMS + b"end"


def test_every_event_is_served_on_uvloop(emulator: RunningEmulator) -> None:
    for _ in range(4):
        assert emulator.invoke({"case": "uvloop"}) == b"uvloop"
