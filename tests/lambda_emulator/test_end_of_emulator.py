"""No process and no file outlives the emulator, however it ends."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from lambda_emulator.environments import processes
from lambda_emulator.environments.temporary_folder import PREFIX

from .cloud_assembly import CloudAssembly
from .command import Start, read_until
from .gates import PATIENCE_SECONDS, Gate, Life
from .served import Served, host_and_port, lambda_client

pytestmark = pytest.mark.process

MakeGate = Callable[[str], Gate]

ONLY_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")

BUSY_WITH_DESCENDANTS = """
import signal
stay_alive()
gate = Gate("arrived")
request_id, _, _ = next_invocation()
gate.release(f"{os.getpid()} {os.getppid()}")
signal.pause()
"""

ANSWER = """
stay_alive()
while True:
    request_id, _, _ = next_invocation()
    respond(request_id, '{"statusCode": 200, "body": "answer"}')
"""


def request(output: str) -> http.client.HTTPConnection:
    """Send a request to the Function URL in the output of the command."""
    [address] = re.findall(r"curl -N (\S+)", output)
    connection = http.client.HTTPConnection(*host_and_port(address), timeout=PATIENCE_SECONDS)
    connection.request("GET", "/")
    return connection


def wait_for_launcher(process: subprocess.Popen[str]) -> None:
    """Wait until the launcher, which shares stderr with the emulator, has ended too."""
    process.communicate(timeout=PATIENCE_SECONDS)


def temporary_folders(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "temporary").iterdir())


def write_app(cloud_assembly: CloudAssembly, program: str) -> str:
    cloud_assembly.add_function("App", program)
    cloud_assembly.add_url("App", InvokeMode="BUFFERED")
    return str(cloud_assembly.write())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_busy_function_its_descendants_and_files_end_with_the_emulator(
    start: Start, cloud_assembly: CloudAssembly, gate: MakeGate, life: Life, tmp_path: Path, number: signal.Signals
) -> None:
    arrived = gate("arrived")
    process = start("serve", write_app(cloud_assembly, BUSY_WITH_DESCENDANTS), "--port", "0")
    connection = request(read_until(process, "Ready"))
    arrived.acquire()

    process.send_signal(number)

    wait_for_launcher(process)
    life.wait_for_end()
    assert temporary_folders(tmp_path) == []
    connection.close()


def test_bundler_ends_with_a_killed_emulator(
    start: Start,
    cloud_assembly: CloudAssembly,
    app_folder: Path,
    install_bundler: Callable[[str], Path],
    gate: MakeGate,
    life: Life,
) -> None:
    begun = gate("begun")
    install_bundler(deaf_bundler(app_folder))
    process = start("serve", bundled_app(cloud_assembly), "--port", "0")
    begun.acquire()

    process.kill()

    wait_for_launcher(process)
    life.wait_for_end()


def test_second_signal_ends_the_emulator_at_once(
    start: Start,
    cloud_assembly: CloudAssembly,
    app_folder: Path,
    install_bundler: Callable[[str], Path],
    gate: MakeGate,
    life: Life,
    tmp_path: Path,
) -> None:
    """The first waits for the bundler, which does not react."""
    begun = gate("begun")
    install_bundler(deaf_bundler(app_folder))
    process = start("serve", bundled_app(cloud_assembly), "--port", "0")
    begun.acquire()

    process.send_signal(signal.SIGTERM)
    begun.acquire()
    process.send_signal(signal.SIGINT)

    assert process.wait(PATIENCE_SECONDS) == 128 + signal.SIGINT
    wait_for_launcher(process)
    life.wait_for_end()
    assert temporary_folders(tmp_path) == []


def deaf_bundler(app_folder: Path) -> str:
    """Return a bundler that tells of SIGINT, and goes on."""
    gates = app_folder / "gates"
    return f"""
        life = os.open({str(gates / "life")!r}, os.O_WRONLY)
        begun = os.open({str(gates / "begun")!r}, os.O_RDWR)
        signal.signal(signal.SIGINT, lambda *_: os.write(begun, b"\\n"))
        os.write(begun, b"\\n")
        while True:
            signal.pause()
        """


def bundled_app(cloud_assembly: CloudAssembly) -> str:
    wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}
    cloud_assembly.add_function("App", "", Runtime="python3.99", Variables=wrapper)
    cloud_assembly.add_bundling("App")
    return str(cloud_assembly.write())


def test_stopped_emulator_keeps_its_functions_and_its_folder(
    start: Start, cloud_assembly: CloudAssembly, life: Life, tmp_path: Path
) -> None:
    folder = write_app(cloud_assembly, ANSWER)
    process = start("serve", folder, "--port", "0")
    connection = request(read_until(process, "Ready"))
    assert connection.getresponse().read() == b"answer"

    process.send_signal(signal.SIGSTOP)
    read_until(start("serve", folder, "--port", "0", "--lazy"), "Ready")
    assert len(temporary_folders(tmp_path)) == 2
    assert not life.has_ended
    process.send_signal(signal.SIGCONT)

    connection.request("GET", "/")
    assert connection.getresponse().read() == b"answer"
    connection.close()


def test_start_removes_the_folders_of_dead_emulators(
    start: Start, cloud_assembly: CloudAssembly, tmp_path: Path
) -> None:
    dead = tmp_path / "temporary" / f"{PREFIX}dead"
    (dead / "0" / "task").mkdir(parents=True)

    read_until(start("serve", write_app(cloud_assembly, ANSWER), "--port", "0", "--lazy"), "Ready")

    assert not dead.exists()
    assert len(temporary_folders(tmp_path)) == 1


@ONLY_LINUX
def test_no_process_starts_before_the_first_invocation(
    cloud_assembly: CloudAssembly, serve: Callable[..., Served]
) -> None:
    """A test suite starts many emulators."""
    cloud_assembly.add_function("App", ANSWER)
    before = children()

    serve()

    assert children() == before


def children() -> set[str]:
    """Return the ids of this process's children."""
    return {pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()}


@ONLY_LINUX
def test_killed_supervisor_takes_its_process_along(
    cloud_assembly: CloudAssembly, serve: Callable[..., Served], gate: MakeGate, life: Life
) -> None:
    arrived = gate("arrived")
    cloud_assembly.add_function("App", BUSY_WITH_DESCENDANTS)
    served = serve()
    served.client.invoke(FunctionName="app", InvocationType="Event")
    _, supervisor = map(int, arrived.acquire().split())

    os.kill(supervisor, signal.SIGKILL)

    life.wait_for_end()
    served.log.wait_for("Runtime exited with error: signal: killed")


@ONLY_LINUX
def test_killed_launcher_takes_all_processes_along(
    cloud_assembly: CloudAssembly, serve: Callable[..., Served], gate: MakeGate, life: Life
) -> None:
    arrived = gate("arrived")
    cloud_assembly.add_function("App", BUSY_WITH_DESCENDANTS)
    served = serve()
    served.client.invoke(FunctionName="app", InvocationType="Event")
    _, supervisor = map(int, arrived.acquire().split())
    launcher = int(Path(f"/proc/{supervisor}/stat").read_text().rpartition(")")[2].split()[1])

    os.kill(launcher, signal.SIGKILL)

    life.wait_for_end()
    served.log.wait_for("REPORT")
    assert "start the emulator again" in served.invoke()[0]["errorMessage"]


HOST_WITH_A_FORK = """
import os, signal, sys
from lambda_emulator import EmulatorThread

with EmulatorThread(sys.argv[1], print_line=lambda line: None) as emulator:
    print(emulator.lambda_api_url, flush=True)
    sys.stdin.readline()
    child = os.fork()
    if child:
        print(child, flush=True)
    signal.pause()
"""


def test_fork_of_the_emulators_process_does_not_keep_functions_alive(
    cloud_assembly: CloudAssembly, gate: MakeGate, life: Life
) -> None:
    """A test suite may fork. The fork has the emulator's sockets open, so they do not close."""
    arrived = gate("arrived")
    cloud_assembly.add_function("App", BUSY_WITH_DESCENDANTS)
    command = [sys.executable, "-c", HOST_WITH_A_FORK, str(cloud_assembly.write())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdin is not None
        assert host.stdout is not None
        client = lambda_client(host.stdout.readline().strip())
        client.invoke(FunctionName="app", InvocationType="Event")
        arrived.acquire()
        host.stdin.write("fork\n")
        host.stdin.flush()
        fork = int(host.stdout.readline())
        try:
            host.kill()
            life.wait_for_end()
        finally:
            os.kill(fork, signal.SIGKILL)


def test_process_group_ends_with_the_emulator_where_there_are_no_subreapers(
    cloud_assembly: CloudAssembly,
    serve: Callable[..., Served],
    life: Life,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = tmp_path / "program.py"
    folder = Path(processes.__file__).parent
    program.write_text(
        f"import sys\nsys.path.append({str(folder)!r})\nimport supervisor\n"
        "supervisor._IS_LINUX = False\nsupervisor._children = list\nsupervisor.main()\n"
    )
    monkeypatch.setattr(processes, "_PROGRAM", program)
    cloud_assembly.add_function(
        "App",
        """
        import subprocess
        life = os.open(os.path.join(os.environ["GATES"], "life"), os.O_WRONLY)
        os.set_inheritable(life, True)
        subprocess.Popen(["sleep", "600"], close_fds=False)
        request_id, _, _ = next_invocation()
        respond(request_id, "1")
        next_invocation()
        """,
    )
    served = serve()
    assert served.invoke() == (1, "")

    served.stop()

    life.wait_for_end()
