"""The command starts, says where everything is, and leaves nothing behind."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from importlib.metadata import version
from pathlib import Path

import pytest

from .conftest import PATIENCE_SECONDS, CloudAssembly, Gate, is_gone

Start = Callable[..., "subprocess.Popen[str]"]

REPORT_PID = """
while True:
    request_id, event, _ = next_invocation()
    stream = Stream(request_id)
    stream.head()
    stream.write(json.dumps(os.getpid()).encode())
    stream.end()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the command with its temporary files where the test can see them."""
    with ExitStack() as stack:

        def start(*arguments: str) -> subprocess.Popen[str]:
            temporary = tmp_path / "temporary"
            temporary.mkdir(exist_ok=True)
            process = subprocess.Popen(
                [sys.executable, "-m", "lambda_emulator", *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "TMPDIR": str(temporary)},
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        yield start


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read what the command prints until it holds `text`."""
    assert process.stdout is not None
    read = b""
    while text.encode() not in read:
        assert select.select([process.stdout], [], [], PATIENCE_SECONDS)[0], read
        data = os.read(process.stdout.fileno(), 4096)
        assert data, f"the command ended: {read!r}"
        read += data
    return read.decode()


@pytest.fixture
def folder(cloud_assembly: CloudAssembly) -> str:
    cloud_assembly.add_function("App", REPORT_PID)
    cloud_assembly.add_url("App", AuthType="AWS_IAM")
    return str(cloud_assembly.write())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_process_and_removes_every_file(
    start: Start, folder: str, tmp_path: Path, number: signal.Signals
) -> None:
    process = start("serve", folder, "--port", "0")
    said = read_until(process, "Ready")
    [address] = re.findall(r"curl -N (\S+)", said)
    with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as response:
        pid = json.load(response)
    os.kill(pid, 0)

    process.send_signal(number)

    assert process.wait(PATIENCE_SECONDS) == 0
    assert is_gone(pid)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_signal_ends_the_command_while_it_bundles(
    start: Start,
    cloud_assembly: CloudAssembly,
    app_folder: Path,
    install_bundler: Callable[[str], None],
    gate: Callable[[str], Gate],
) -> None:
    """The bundler is told, and takes away what it has half made."""
    begun, ended = gate("begun"), gate("ended")
    install_bundler(f"""
        try:
            os.write(os.open({str(app_folder / "gates" / "begun")!r}, os.O_RDWR), b"\\n")
            signal.pause()
        finally:
            os.write(os.open({str(app_folder / "gates" / "ended")!r}, os.O_RDWR), b"\\n")
        """)
    wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}
    cloud_assembly.add_function("App", REPORT_PID, Runtime="python3.14", Variables=wrapper)
    cloud_assembly.add_bundling("App")
    process = start("serve", str(cloud_assembly.write()), "--port", "0")
    begun.acquire()

    process.send_signal(signal.SIGTERM)

    ended.acquire()
    assert process.wait(PATIENCE_SECONDS) == 0


def test_the_start_says_where_everything_is_and_what_is_not_checked(start: Start, folder: str) -> None:
    said = read_until(start("serve", folder, "--port", "0"), "Ready")

    assert "Demo/App   app" in said
    assert re.search(r"Function URL http://127\.0\.0\.1:\d+/ +\(RESPONSE_STREAM, AWS_IAM\)", said)
    assert re.search(r'boto3\.client\("lambda", endpoint_url="http://127\.0\.0\.1:\d+"', said)
    assert "signatures are not verified" in said
    assert "lets any caller in" in said


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", r"caf\xe9"), ("utf-8", "caf\u00e9")])
def test_what_stdout_cannot_encode_is_shown_escaped_and_ends_nothing(
    start: Start, cloud_assembly: CloudAssembly, monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str
) -> None:
    """JSON carries half a surrogate pair over any wire, and no encoding has it."""
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    program = """
        while True:
            request_id, _, _ = next_invocation()
            os.write(1, "caf\u00e9\\n".encode())
            fail(request_id, "Function.ValueError", chr(0xD800))
        """
    cloud_assembly.add_function("App", program)
    cloud_assembly.add_url("App")
    process = start("serve", str(cloud_assembly.write()), "--port", "0")
    [address] = re.findall(r"curl -N (\S+)", read_until(process, "Ready"))

    said = ""
    for _ in range(2):
        with pytest.raises(urllib.error.HTTPError, match="502"):
            urllib.request.urlopen(address, timeout=PATIENCE_SECONDS)
        said += read_until(process, "REPORT")

    assert said.count(f"Demo/App | {shown}") == 2
    assert said.count(r"failed: Function.ValueError: \ud800") == 2


def test_an_assembly_without_functions_is_said_with_what_is_looked_for(
    start: Start, cloud_assembly: CloudAssembly
) -> None:
    folder = cloud_assembly.write()

    said = read_until(start("serve", str(folder), "--port", "0"), "Ready")

    assert f"No functions: {folder} has no resource of type AWS::Lambda::Function" in said
    assert "cdk synth" in said


def test_content_that_is_missing_is_said_with_the_fix(start: Start, cloud_assembly: CloudAssembly) -> None:
    layer = cloud_assembly.add_asset({"bootstrap": ""})
    cloud_assembly.add_resource("Layer", "AWS::Lambda::LayerVersion", {"Content": layer})
    cloud_assembly.add_function("App", REPORT_PID, Layers=[{"Ref": "Layer"}])
    folder = cloud_assembly.write()
    for asset in folder.glob("asset.*"):
        shutil.rmtree(asset)

    said = read_until(start("serve", str(folder), "--port", "0"), "Ready")

    assert re.search(rf"Note: The code of Demo/App is missing: there is no {folder}/asset\.\w+; run `cdk synth`", said)
    assert re.search(r"Note: The content of Demo/Layer is missing: .* run `cdk synth` again", said)


def test_function_urls_follow_the_port_of_the_lambda_api(start: Start, folder: str) -> None:
    port = free_ports(2)

    said = read_until(start("serve", folder, "--port", str(port)), "Ready")

    assert f"Lambda API   http://127.0.0.1:{port}\n" in said
    assert f"Function URL http://127.0.0.1:{port + 1}/" in said


@pytest.mark.parametrize("offset", [0, 1])
def test_a_taken_port_is_one_sentence_and_leaves_nothing(
    start: Start, folder: str, tmp_path: Path, offset: int
) -> None:
    port = free_ports(2)
    with socket.create_server(("127.0.0.1", port + offset)):
        process = start("serve", folder, "--port", str(port))
        _, complaint = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1
    assert complaint.count("\n") == 1
    assert f"Port {port + offset} on 127.0.0.1 is taken" in complaint
    assert "--port" in complaint
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_missing_assembly_is_one_sentence_with_the_fix(start: Start, tmp_path: Path) -> None:
    process = start("serve", str(tmp_path / "nothing"))
    _, complaint = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1
    assert complaint.count("\n") == 1
    assert "cdk synth" in complaint


def test_it_ends_quietly_when_nobody_reads_on(start: Start, folder: str, tmp_path: Path) -> None:
    process = start("serve", folder, "--port", "0")
    assert process.stdout is not None
    process.stdout.close()

    assert process.wait(PATIENCE_SECONDS) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert list((tmp_path / "temporary").iterdir()) == []


def test_it_ends_quietly_when_nobody_reads_the_log_on(start: Start, folder: str) -> None:
    process = start("serve", folder, "--port", "0")
    [address] = re.findall(r"curl -N (\S+)", read_until(process, "Ready"))
    assert process.stdout is not None
    process.stdout.close()

    with suppress(OSError, http.client.HTTPException):
        urllib.request.urlopen(address, timeout=PATIENCE_SECONDS).close()

    assert process.wait(PATIENCE_SECONDS) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_it_says_its_version(start: Start) -> None:
    said, _ = start("--version").communicate(timeout=PATIENCE_SECONDS)

    assert said == f"lambda-streaming {version('lambda-streaming-emulator')}\n"


@pytest.mark.parametrize("arguments", [(), ("serve", "--port", "x"), ("serve", "--port", "70000"), ("fly",)])
def test_wrong_usage_is_exit_status_2(start: Start, arguments: tuple[str, ...]) -> None:
    process = start(*arguments)
    _, complaint = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 2
    assert "usage: lambda-streaming" in complaint


def free_ports(count: int) -> int:
    """Find the first of so many free ports in a row."""
    while True:
        with ExitStack() as stack:
            first = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            try:
                for port in range(first + 1, first + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except (OSError, OverflowError):
                continue
            return int(first)
