"""`make bench`, second part: a web application in process, beside the same behind AWS's Lambda Web Adapter.

Both run the same FastAPI or Flask application on the same Python. Behind Lambda Web Adapter there are two processes:
the adapter, and uvicorn or gunicorn. `--write` writes the tables to `docs/`.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.candidates import RUNTIME_ASSET, python_with
from benchmarks.lambda_variables import lambda_variables
from benchmarks.measuring_runtime_api import MeasuringRuntimeApi
from benchmarks.process_figures import cpu_us, memory_mb, with_children
from benchmarks.rounds import Measure, Medians, measured_in_rounds, table_of

HERE = Path(__file__).parent
APPLICATIONS = HERE / "web_applications"
WEB_ADAPTER = HERE / "peers" / "lambda_web_adapter" / "bin" / "lambda-adapter"
PACKAGES = ("fastapi==0.165.0", "uvicorn==0.54.0", "flask==3.1.3", "gunicorn==27.0.1")
IDLE_S = 0.002
EVENT_COUNT, SYNC_EVENT_COUNT = 10_000, 2_000
LARGE_BYTES = 1_600 * 64 * 1024
REQUESTS = 300

_ADAPTER = "behind Lambda Web Adapter"
FASTAPI = (
    Measure("start", "process start to first byte of the first response", "ms", True, ((_ADAPTER, 0.75),)),
    Measure("json", "event to first byte, warm, JSON", "µs", True, ((_ADAPTER, 0.35),)),
    Measure("one", "event to first byte, warm, one event of an async generator", "µs", True, ((_ADAPTER, 0.35),)),
    Measure("events", "events of an async generator", "/s", False, ((_ADAPTER, 5),)),
    Measure("sync-events", "events of a sync generator", "/s", False, ((_ADAPTER, 0.7),)),
    Measure("large", "100 MB in items of 64 KiB", "MB/s", False, ((_ADAPTER, 2),)),
    Measure("memory", "memory of all processes, after these (PSS)", "MB", True, ((_ADAPTER, 0.8),)),
    Measure("cpu", "CPU time of all processes for a JSON response", "µs", True),
)
FLASK = (
    Measure("start", "process start to first byte of the first response", "ms", True, ((_ADAPTER, 0.85),)),
    Measure("json", "event to first byte, warm, JSON", "µs", True, ((_ADAPTER, 0.3),)),
    Measure("one", "event to first byte, warm, one event of a generator", "µs", True, ((_ADAPTER, 0.3),)),
    Measure("events", "events of a generator", "/s", False),
    Measure("large", "100 MB in items of 64 KiB", "MB/s", False),
    Measure("memory", "memory of all processes, after these (PSS)", "MB", True),
    Measure("cpu", "CPU time of all processes for a JSON response", "µs", True),
)


@dataclass(frozen=True, slots=True)
class Server:
    """A web application, and the ways to run it."""

    title: str
    interface: str
    application: str
    server: tuple[str, ...]
    """The module of the web server and its arguments, with `PORT` for its port."""
    measures: tuple[Measure, ...]


SERVERS = (
    Server("FastAPI", "asgi", "fastapi_app:app", ("uvicorn", "--port=PORT", "--log-level=warning"), FASTAPI),
    Server("Flask", "wsgi", "flask_app:app", ("gunicorn", "--bind=127.0.0.1:PORT", "--log-level=warning"), FLASK),
)


def main() -> None:
    options = _parse()
    if not WEB_ADAPTER.exists():
        sys.exit("Lambda Web Adapter is not compiled. Run `make bench`.")
    python, version = python_with(options.python, "web", PACKAGES)
    tables = []
    for server in SERVERS:
        for acknowledges_at_once in (True, False):
            medians = _measured(server, python, options.rounds, acknowledges_at_once=acknowledges_at_once)
            way = "at once" if acknowledges_at_once else "as the kernel does by default"
            title = f"## {server.title}, Python {version}; the server acknowledges packets {way}"
            tables.append(f"{title}\n\n{table_of(server.measures, medians, options.rounds)}")
            print(f"\n{tables[-1]}", flush=True)
    if options.write:
        page = HERE.parent / "docs" / "benchmarks-web.md"
        page.write_text("\n".join([_INTRODUCTION.format(packages=", ".join(PACKAGES)), *tables]), encoding="utf-8")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="interpreter to measure with (default: this one)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks-web.md")
    return parser.parse_args()


def _measured(server: Server, python: str, rounds: int, *, acknowledges_at_once: bool) -> Medians:
    in_process = f"{server.title} in process"
    behind = f"{_ADAPTER}, {server.server[0]}"

    def measure(name: str) -> dict[str, float]:
        api = MeasuringRuntimeApi(acknowledges_at_once=acknowledges_at_once)
        start = time.perf_counter()
        started = _in_process(server, python, api) if name == in_process else _behind_adapter(server, python, api)
        with started as pids:
            return _measure(server, api, pids, start)

    return measured_in_rounds([in_process, behind], rounds, measure)


@contextmanager
def _in_process(server: Server, python: str, api: MeasuringRuntimeApi) -> Iterator[list[int]]:
    command = [str(RUNTIME_ASSET / "bootstrap"), python, "/var/runtime/bootstrap.py"]
    variables = {
        "_HANDLER": f"lambda_streaming.{server.interface}.handler",
        "LAMBDA_STREAMING_APP": server.application,
    }
    with _started(api, command, **variables) as pid:
        yield [pid]


@contextmanager
def _behind_adapter(server: Server, python: str, api: MeasuringRuntimeApi) -> Iterator[list[int]]:
    port = _free_port()
    module, *arguments = (argument.replace("PORT", str(port)) for argument in server.server)
    variables = {
        "_HANDLER": "run.sh",
        "AWS_LWA_INVOKE_MODE": "response_stream",
        "AWS_LWA_PORT": str(port),
        "AWS_LWA_READINESS_CHECK_PATH": "/json",
    }
    # Lambda starts the adapter, which is an extension, before the server.
    with (
        _started(api, [str(WEB_ADAPTER)], **variables) as adapter,
        _started(api, [python, "-m", module, *arguments, server.application]) as web_server,
    ):
        yield [adapter, web_server]


@contextmanager
def _started(api: MeasuringRuntimeApi, command: Sequence[str], **variables: str) -> Iterator[int]:
    process = subprocess.Popen(
        command,
        cwd=APPLICATIONS,
        env=lambda_variables(APPLICATIONS, api.address, **variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        # gunicorn ends its workers only if it is asked to end.
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _measure(server: Server, api: MeasuringRuntimeApi, pids: list[int], start: float) -> dict[str, float]:
    try:
        api.wait_for_next()
        event_sent = time.perf_counter()
        start_ms = (event_sent - start + api.invoke("json").first_byte_s) * 1e3
        all_pids = with_children(pids)
        measured = {"start": start_ms, "json": _first_byte_us(api, "json"), "one": _first_byte_us(api, "one")}
        before = cpu_us(all_pids)
        for _ in range(REQUESTS):
            api.invoke("json")
        measured["cpu"] = (cpu_us(all_pids) - before) / REQUESTS
        measured["events"] = _per_second(api, "events", EVENT_COUNT)
        if any(measure.key == "sync-events" for measure in server.measures):
            measured["sync-events"] = _per_second(api, "sync-events", SYNC_EVENT_COUNT)
        measured["large"] = _per_second(api, "large", LARGE_BYTES) / 1e6
        measured["memory"] = sum(memory_mb(pid, "Pss") for pid in all_pids)
        return measured
    finally:
        api.close()


def _first_byte_us(api: MeasuringRuntimeApi, response: str) -> float:
    values = []
    for _ in range(60):
        time.sleep(IDLE_S)
        values.append(api.invoke(response).first_byte_s)
    return statistics.median(values[10:]) * 1e6


def _per_second(api: MeasuringRuntimeApi, response: str, count: int) -> float:
    return statistics.median(count / api.invoke(response).last_byte_s for _ in range(3))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


_INTRODUCTION = """\
# Benchmarks of web applications

`make bench ARGS=--write` writes this page. A server on the same machine stands in for the Runtime API. The packages are
{packages}; Lambda Web Adapter is 1.0.0-rc1, the newest on crates.io.

- Both ways run the same application. Behind Lambda Web Adapter there are two processes, with an HTTP connection.
- The HTTP client of Lambda Web Adapter leaves Nagle's algorithm on. With a server that does not acknowledge packets at
  once, its second packet waits 40 ms. It is not known how AWS's service acknowledges, so both are measured.
- Starlette runs a sync generator in a thread, one hop for each item. That limits both ways.
"""

if __name__ == "__main__":
    main()
