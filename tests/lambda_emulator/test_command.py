"""The command starts, prints addresses and differences from AWS, and leaves no process and no file."""

from __future__ import annotations

import hashlib
import http.client
import http.server
import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import pytest

from ..ports import free_ports
from .cloud_assembly import CloudAssembly
from .command import Start, read_until
from .gates import PATIENCE_SECONDS, Gate
from .served import host_and_port, is_gone

pytestmark = pytest.mark.process

REPORT_PID = """
while True:
    request_id, event, _ = next_invocation()
    stream = Stream(request_id)
    stream.head()
    stream.write(json.dumps(os.getpid()).encode())
    stream.end()
"""


@pytest.fixture
def folder(cloud_assembly: CloudAssembly) -> str:
    cloud_assembly.add_function("App", REPORT_PID)
    cloud_assembly.add_url("App", AuthType="AWS_IAM")
    return str(cloud_assembly.write())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_every_process_and_removes_every_file(
    start: Start, folder: str, tmp_path: Path, number: signal.Signals
) -> None:
    process = start("serve", folder, "--port", "0")
    output = read_until(process, "Ready")
    [address] = re.findall(r"curl -N (\S+)", output)
    with urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as response:
        pid = json.load(response)
    os.kill(pid, 0)

    process.send_signal(number)

    assert process.wait(PATIENCE_SECONDS) == 0
    assert is_gone(pid)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_signal_ends_the_command_while_it_bundles(
    start: Start,
    cloud_assembly: CloudAssembly,
    app_folder: Path,
    install_bundler: Callable[[str], Path],
    gate: Callable[[str], Gate],
) -> None:
    """The bundler gets SIGINT, and removes its incomplete files."""
    begun, ended = gate("begun"), gate("ended")
    install_bundler(f"""
        try:
            os.write(os.open({str(app_folder / "gates" / "begun")!r}, os.O_RDWR), b"\\n")
            signal.pause()
        finally:
            os.write(os.open({str(app_folder / "gates" / "ended")!r}, os.O_RDWR), b"\\n")
        """)
    wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}
    cloud_assembly.add_function("App", REPORT_PID, Runtime="python3.99", Variables=wrapper)
    cloud_assembly.add_bundling("App")
    process = start("serve", str(cloud_assembly.write()), "--port", "0")
    begun.acquire()

    process.send_signal(signal.SIGTERM)

    ended.acquire()
    assert process.wait(PATIENCE_SECONDS) == 0


def test_start_prints_addresses_and_differences_from_aws(start: Start, folder: str) -> None:
    output = read_until(start("serve", folder, "--port", "0"), "Ready")

    assert "Demo/App   app" in output
    assert re.search(r"Function URL http://127\.0\.0\.1:\d+/ +\(RESPONSE_STREAM, AWS_IAM\)", output)
    assert re.search(r'boto3\.client\("lambda", endpoint_url="http://127\.0\.0\.1:\d+"', output)
    assert "signatures are not verified" in output
    assert "lets any caller in" in output


def test_function_that_cannot_run_has_no_command(start: Start, cloud_assembly: CloudAssembly) -> None:
    cloud_assembly.add_function("App", REPORT_PID, Runtime="nodejs24.x")
    cloud_assembly.add_url("App")

    output = read_until(start("serve", str(cloud_assembly.write()), "--port", "0"), "Ready")

    assert "app does not run here: it needs AWS's own nodejs24.x runtime" in output
    assert re.search(r"Function URL http://.*\n  It answers each request with 502\.", output)
    assert "curl" not in output


def test_functions_of_the_cdk_take_one_line(start: Start, cloud_assembly: CloudAssembly) -> None:
    cloud_assembly.add_function("App", REPORT_PID)
    for number in range(5):
        name = f"Provider{number}"
        cloud_assembly.add_function(name, REPORT_PID, Runtime="nodejs24.x", Variables={"TABLE": {"Ref": "Unknown"}})
        cloud_assembly.resources[name]["Metadata"]["aws:cdk:path"] = f"Demo/Custom::{name}/Handler/Resource"

    output = read_until(start("serve", str(cloud_assembly.write()), "--port", "0"), "Ready")

    line = (
        "Functions of the CDK itself, which do not run here: Demo/Custom::Provider0/Handler, "
        "Demo/Custom::Provider1/Handler, Demo/Custom::Provider2/Handler, 2 more\n"
    )
    assert line in output
    assert output.count("Custom::") == 3
    assert "placeholder" not in output


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", r"caf\xe9"), ("utf-8", "caf\u00e9")])
def test_text_that_stdout_cannot_encode_is_escaped(
    start: Start, cloud_assembly: CloudAssembly, monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str
) -> None:
    """JSON can carry half a surrogate pair, which no encoding has."""
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

    output = ""
    for _ in range(2):
        with pytest.raises(urllib.error.HTTPError, match="502"):
            urllib.request.urlopen(address, timeout=PATIENCE_SECONDS)
        output += read_until(process, "REPORT")

    assert output.count(f"Demo/App | {shown}") == 2
    assert output.count(r"failed: Function.ValueError: \ud800") == 2


def test_assembly_without_functions_prints_the_reason(start: Start, cloud_assembly: CloudAssembly) -> None:
    folder = cloud_assembly.write()

    output = read_until(start("serve", str(folder), "--port", "0"), "Ready")

    assert f"No functions: {folder} has no resource of type AWS::Lambda::Function" in output
    assert "cdk synth" in output


def test_missing_content_is_a_warning_with_the_fix(start: Start, cloud_assembly: CloudAssembly) -> None:
    layer = cloud_assembly.add_asset({"bootstrap": ""})
    cloud_assembly.add_resource("Layer", "AWS::Lambda::LayerVersion", {"Content": layer})
    cloud_assembly.add_function("App", REPORT_PID, Layers=[{"Ref": "Layer"}])
    folder = cloud_assembly.write()
    for asset in folder.glob("asset.*"):
        shutil.rmtree(asset)

    output = read_until(start("serve", str(folder), "--port", "0"), "Ready")

    assert re.search(
        rf"Warning: The code of Demo/App is missing: {folder}/asset\.\w+ does not exist\. Run `cdk synth`", output
    )
    assert re.search(r"Warning: The content of Demo/Layer is missing: .* Run `cdk synth` again", output)


REPORT_CREDENTIALS = """
while True:
    request_id, event, _ = next_invocation()
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    respond(request_id, json.dumps([os.environ.get(name) for name in names]))
"""


def passed_credentials(output: str) -> list[str | None]:
    [address] = re.findall(r"Lambda API +(\S+)", output)
    request = urllib.request.Request(f"{address}/2015-03-31/functions/app/invocations", b"{}", method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
        answer: list[str | None] = json.load(response)
        return answer


@pytest.fixture
def keys_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)


@pytest.mark.usefixtures("keys_of_the_shell")
@pytest.mark.parametrize(
    ("options", "description", "passed"),
    [
        ((), "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of this shell", ["AKIDEXAMPLE", "secret", None]),
        (("--no-credentials",), "functions get none.", ["the-emulator-has-no-credentials"] * 3),
        (("--profile", "dev"), "those of the profile dev", ["AKIDPROFILE", "hidden", None]),
    ],
)
def test_start_says_which_credentials_functions_get(
    start: Start,
    cloud_assembly: CloudAssembly,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    description: str,
    passed: list[str | None],
) -> None:
    (tmp_path / "config").write_text("[profile dev]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = hidden\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    cloud_assembly.add_function("App", REPORT_CREDENTIALS)

    output = read_until(start("serve", str(cloud_assembly.write()), "--port", "0", *options), "Ready")

    [line] = re.findall(r"AWS credentials: .*", output)
    assert description in line
    assert "secret" not in line
    assert passed_credentials(output) == passed


class SingleSignOn(http.server.BaseHTTPRequestHandler):
    """AWS's service that gives credentials for a token."""

    def do_GET(self) -> None:
        credentials = {"accessKeyId": self.headers["x-amz-sso_bearer_token"], "secretAccessKey": "hidden"}
        role = {**credentials, "sessionToken": "session", "expiration": 32_472_144_000_000}
        body = json.dumps({"roleCredentials": role}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


def test_profile_with_single_sign_on_is_resolved_by_botocore(
    start: Start, cloud_assembly: CloudAssembly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_url = "https://sso.invalid/start"
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    token = {"accessToken": "AKIDOFTOKEN", "expiresAt": "2999-01-01T00:00:00Z", "startUrl": start_url}
    (cache / f"{hashlib.sha1(start_url.encode()).hexdigest()}.json").write_text(json.dumps(token))
    (tmp_path / "config").write_text(
        f"[profile dev]\nsso_start_url = {start_url}\nsso_region = eu-west-1\n"
        "sso_account_id = 123456789012\nsso_role_name = Developer\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    cloud_assembly.add_function("App", REPORT_CREDENTIALS)
    with http.server.HTTPServer(("127.0.0.1", 0), SingleSignOn) as sign_on:
        thread = threading.Thread(target=sign_on.serve_forever)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", f"http://127.0.0.1:{sign_on.server_port}")

        options = ("--port", "0", "--profile", "dev")
        output = read_until(start("serve", str(cloud_assembly.write()), *options), "Ready")
        passed = passed_credentials(output)

        sign_on.shutdown()
        thread.join()

    assert passed == ["AKIDOFTOKEN", "hidden", "session"]


def test_unknown_profile_is_one_line(start: Start, folder: str) -> None:
    _, error = (process := start("serve", folder, "--profile", "nope")).communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1
    assert error.count("\n") == 1
    assert "The config profile (nope) could not be found" in error


def test_allowed_host_is_answered(start: Start, cloud_assembly: CloudAssembly) -> None:
    cloud_assembly.add_function("App", REPORT_PID)
    cloud_assembly.add_url("App")
    hosts = ("--allowed-host", "My.Example", "--allowed-host", "other.example")
    output = read_until(start("serve", str(cloud_assembly.write()), "--port", "0", *hosts), "Ready")
    [address] = re.findall(r"curl -N (\S+)", output)

    for host, status in (("my.example:1", 200), ("other.example", 200), ("third.example", 403)):
        connection = http.client.HTTPConnection(*host_and_port(address), timeout=PATIENCE_SECONDS)
        connection.request("GET", "/", headers={"Host": host})
        assert connection.getresponse().status == status
        connection.close()


def test_function_urls_use_the_ports_after_the_lambda_api(start: Start, folder: str) -> None:
    port = free_ports(2)

    output = read_until(start("serve", folder, "--port", str(port)), "Ready")

    assert f"Lambda API   http://127.0.0.1:{port}\n" in output
    assert f"Function URL http://127.0.0.1:{port + 1}/" in output


def test_function_url_keeps_its_port_when_a_function_is_added(start: Start, cloud_assembly: CloudAssembly) -> None:
    port = free_ports(3)
    cloud_assembly.add_function("Chat", REPORT_PID)
    cloud_assembly.add_url("Chat")
    before = start("serve", str(cloud_assembly.write()), "--port", str(port))
    output = read_until(before, "Ready")
    assert f"Function URL http://127.0.0.1:{port + 1}/" in output
    before.send_signal(signal.SIGTERM)
    before.wait(PATIENCE_SECONDS)
    cloud_assembly.add_function("App", REPORT_PID)
    cloud_assembly.add_url("App")

    output = read_until(start("serve", str(cloud_assembly.write()), "--port", str(port)), "Ready")

    app, chat = re.findall(r"Function URL (\S+)", output)
    assert (app, chat) == (f"http://127.0.0.1:{port + 2}/", f"http://127.0.0.1:{port + 1}/")


def test_port_above_the_last_one_is_one_line_with_the_fix(start: Start, folder: str) -> None:
    process = start("serve", folder, "--port", "65535")
    _, error = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1
    assert error.count("\n") == 1
    assert "Port 65536 does not exist" in error
    assert "--port" in error


@pytest.mark.parametrize("offset", [0, 1])
def test_taken_port_is_one_line_and_leaves_no_file(start: Start, folder: str, tmp_path: Path, offset: int) -> None:
    port = free_ports(2)
    with socket.create_server(("127.0.0.1", port + offset)):
        process = start("serve", folder, "--port", str(port))
        _, error = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1
    assert error.count("\n") == 1
    assert f"Port {port + offset} on 127.0.0.1 is taken" in error
    assert "--port" in error
    assert list((tmp_path / "temporary").iterdir()) == []


def test_missing_assembly_is_one_line_with_the_fix(start: Start, tmp_path: Path) -> None:
    process = start("serve", str(tmp_path / "nothing"))
    _, error = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1
    assert error.count("\n") == 1
    assert "cdk synth" in error


def test_command_ends_quietly_when_stdout_closes_at_the_start(start: Start, folder: str, tmp_path: Path) -> None:
    process = start("serve", folder, "--port", "0")
    assert process.stdout is not None
    process.stdout.close()

    assert process.wait(PATIENCE_SECONDS) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert list((tmp_path / "temporary").iterdir()) == []


def test_command_ends_quietly_when_stdout_closes_later(start: Start, folder: str) -> None:
    process = start("serve", folder, "--port", "0")
    [address] = re.findall(r"curl -N (\S+)", read_until(process, "Ready"))
    assert process.stdout is not None
    process.stdout.close()

    with suppress(OSError, http.client.HTTPException):
        urllib.request.urlopen(address, timeout=PATIENCE_SECONDS).close()

    assert process.wait(PATIENCE_SECONDS) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_version_is_printed(start: Start) -> None:
    output, _ = start("--version").communicate(timeout=PATIENCE_SECONDS)

    assert output == f"lambda-streaming {version('lambda-streaming-emulator')}\n"


def test_readme_lists_each_option_with_its_default(start: Start) -> None:
    help_text, _ = start("serve", "--help").communicate(timeout=PATIENCE_SECONDS)
    options = re.findall(r"^  (--[a-z-]+)(.*(?:\n {4,}.*)*)", help_text, re.MULTILINE)
    defaults = {name: "".join(re.findall(r"\(default:\s+([^\s)]+)\)", text)) for name, text in options}
    readme = (Path(__file__).parents[2] / "emulator" / "README.md").read_text()

    assert {"--port", "--lazy"} < defaults.keys()
    assert dict(re.findall(r"^\| `(--[a-z-]+)` \| `?([^ `|]*)`? ?\|", readme, re.MULTILINE)) == defaults


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("serve", "--port", "x"),
        ("serve", "--port", "70000"),
        ("serve", "--allowed-host", "http://my.example"),
        ("serve", "--allowed-host", "my.example:80"),
        ("serve", "--allowed-host", ""),
        ("serve", "--allowed-host", "*"),
        ("serve", "--profile", "dev", "--no-credentials"),
        ("serve", "--max-concurrency", "0"),
        ("serve", "--idle-seconds", "-1"),
        ("serve", "--idle-seconds", "nan"),
        ("fly",),
    ],
)
def test_wrong_usage_is_exit_status_2(start: Start, arguments: tuple[str, ...]) -> None:
    process = start(*arguments)
    _, error = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 2
    assert "usage: lambda-streaming" in error


FAILING_INIT = 'fail_init("Runtime.ImportModuleError", "no module")'


def test_failed_init_shows_without_a_request(start: Start, cloud_assembly: CloudAssembly) -> None:
    cloud_assembly.add_function("App", FAILING_INIT)

    process = start("serve", str(cloud_assembly.write()), "--port", "0")

    read_until(process, "Demo/App * init failed: Runtime.ImportModuleError: no module")


@pytest.mark.parametrize("options", [(), ("--lazy",)])
def test_member_that_is_left_out_shows_with_the_first_environment(
    start: Start, cloud_assembly: CloudAssembly, options: tuple[str, ...]
) -> None:
    layer = cloud_assembly.add_asset({"bootstrap": ""})
    os.mkfifo(cloud_assembly.folder / f"asset.{layer['S3Key'].removesuffix('.zip')}" / "pipe")
    cloud_assembly.add_resource("Layer", "AWS::Lambda::LayerVersion", {"Content": layer})
    cloud_assembly.add_function("App", REPORT_PID, Layers=[{"Ref": "Layer"}])
    cloud_assembly.add_url("App")
    process = start("serve", str(cloud_assembly.write()), "--port", "0", *options)
    [address] = re.findall(r"curl -N (\S+)", output := read_until(process, "Ready"))

    urllib.request.urlopen(address, timeout=PATIENCE_SECONDS).close()

    output += read_until(process, "REPORT")
    assert output.count("pipe of asset") == 1
    assert "is left out: it is a device, pipe or socket" in output


def test_lazy_start_runs_a_function_at_its_first_request(start: Start, cloud_assembly: CloudAssembly) -> None:
    """Only the first environment that starts for a request announces the differences from AWS."""
    cloud_assembly.add_resource("Bucket", "AWS::S3::Bucket", {})
    cloud_assembly.add_function("App", REPORT_PID, Variables={"BUCKET": {"Ref": "Bucket"}})
    cloud_assembly.add_url("App")
    process = start("serve", str(cloud_assembly.write()), "--port", "0", "--lazy")
    [address] = re.findall(r"curl -N (\S+)", read_until(process, "Ready"))

    urllib.request.urlopen(address, timeout=PATIENCE_SECONDS).close()

    assert "Demo/App * BUCKET depends on" in read_until(process, "REPORT")


def limit_open_files(soft: int, hard: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


WAIT_FOR_ALL = """
arrived, released = Gate("arrived"), Gate("released")
while True:
    request_id, event, _ = next_invocation()
    arrived.release()
    released.acquire()
    respond(request_id, '{"statusCode": 200, "body": "answer"}')
"""


def test_every_request_is_answered_when_no_more_files_can_be_opened(
    start: Start, cloud_assembly: CloudAssembly, gate: Callable[[str], Gate]
) -> None:
    arrived, released = gate("arrived"), gate("released")
    cloud_assembly.add_function("App", WAIT_FOR_ALL)
    cloud_assembly.add_url("App", InvokeMode="BUFFERED")
    folder = str(cloud_assembly.write())
    process = start("serve", folder, "--port", "0", "--lazy", preexec_fn=limit_open_files(100, 100))
    [address] = re.findall(r"curl -N (\S+)", read_until(process, "Ready"))

    connections = [http.client.HTTPConnection(*host_and_port(address), timeout=PATIENCE_SECONDS) for _ in range(20)]
    for connection in connections:
        connection.request("GET", "/")
    statuses = Counter(connection.getresponse().status for connection in answered(connections, arrived, released))

    assert statuses.keys() == {200, 429}
    assert statuses.total() == 20


def answered(
    connections: list[http.client.HTTPConnection], arrived: Gate, released: Gate
) -> Iterator[http.client.HTTPConnection]:
    """Yield the connections as they are answered. Each invocation that has arrived is released then."""
    waiting = {connection.sock: connection for connection in connections}
    while waiting:
        readable, _, _ = select.select([*waiting, arrived], [], [], PATIENCE_SECONDS)
        assert readable, f"{len(waiting)} requests got no answer"
        for source in readable:
            if source is arrived:
                arrived.acquire()
                released.release()
            else:
                yield waiting.pop(source)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the limits of another process")
def test_soft_limit_of_open_files_is_raised_at_the_start(start: Start, folder: str) -> None:
    process = start("serve", folder, "--port", "0", "--lazy", preexec_fn=limit_open_files(256, 5000))

    read_until(process, "Ready")

    assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (5000, 5000)
