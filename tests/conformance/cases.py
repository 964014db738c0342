"""Handlers and events that run under both runtimes."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.lambda_streaming.fake_runtime_api import FUNCTION_URL_EVENT, reply

from .runtimes import Case, Event

# Long handlers. Short ones are in their case.
HANDLERS = Path(__file__).parent / "handlers"

ESCAPES = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.11"}
UNICODE = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"}

RESULTS = runpy.run_path(str(HANDLERS / "results.py"))["RESULTS"]

EVENTS: dict[str, bytes | Event] = {
    "null": b"null",
    "text": '"é \\u00e9 \\ud83d\\ude00 \\ud800"'.encode(),
    "numbers": b"[1, -0, 1.0, 1E400, -1e-400, 0.1, 123456789012345678901234567890]",
    "space around": b' \t\r\n{ "a" : [ ] } \n',
    "a duplicate key": b'{"a": 1, "a": 2}',
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "bytes": Event(body=b"\x00\xff", headers={"Content-Type": "application/octet-stream"}),
    "JSON of another type": Event(body=b"{}", headers={"Content-Type": "application/json; charset=utf-8"}),
}
# Both runtimes reject these with the same text.
REJECTED_EVENTS = {
    "no event": b"",
    "not UTF-8": b'"\xff"',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a number that is too long": b"1" * 5000,
}
# Both runtimes reject these, each with its own text.
MALFORMED_EVENTS = {
    "not JSON": b"{nonsense}",
    "two values": b"1 2",
    "truncated": b'{"a": [1, 2',
    "an extra comma": b"[1,]",
    "NaN": b"[NaN]",
    "Infinity": b"-Infinity",
    "a line break in text": b'"a\nb"',
}

ERRORS = re.findall(r"^def (\w+)\(\)", (HANDLERS / "errors.py").read_text(encoding="utf-8"), re.MULTILINE)

CLIENT_CONTEXT = {
    "client": {"installation_id": "i", "app_title": "t", "app_version_name": "n", "app_version_code": "c", "more": 1},
    "custom": {"a": ["b"]},
    "env": {"locale": "de"},
    "w3c": {"traceparent": "00-1-2-01", "tracestate": 3, "baggage": "k=v", "other": "x"},
}


def _with(**headers: object) -> Event:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in headers.items()}
    return Event({}, headers={f"Lambda-Runtime-{name.replace('_', '-')}": text for name, text in texts.items()})


CONTEXTS = {
    "nothing": Event({}),
    "a client context": _with(Client_Context=CLIENT_CONTEXT),
    "an empty client context": _with(Client_Context={}),
    "a client context of null": _with(Client_Context=None),
    "a client context without client": _with(Client_Context={"custom": None, "w3c": "text"}),
    "a client context that is not JSON": _with(Client_Context="{"),
    "an identity": _with(Cognito_Identity={"cognitoIdentityId": "id", "cognitoIdentityPoolId": "pool"}),
    "half an identity": _with(Cognito_Identity={"cognitoIdentityId": "id"}),
    "an identity that is not JSON": _with(Cognito_Identity="nonsense"),
    "a tenant": _with(Aws_Tenant_Id="tenant-1"),
    "a trace": _with(Trace_Id="Root=1-2;Parent=3;Sampled=1"),
    "no trace after a trace": Event({}),
    "a deadline that has passed": _with(Deadline_Ms="1000"),
    "an invocation id": _with(Invocation_Id="opaque=="),
}
ODD_CONTEXTS = {
    "a client context that is not an object": _with(Client_Context=[1]),
    "a client that is not an object": _with(Client_Context={"client": "text"}),
}

RECONFIGURED = {
    "an own formatter": """
for handler_ in logging.getLogger().handlers:
    handler_.setFormatter(logging.Formatter("%(levelname)s %(aws_request_id)s %(message)s|"))
""",
    "an own level": "logging.getLogger().setLevel(logging.ERROR)",
    "no handlers": "logging.getLogger().handlers.clear()",
    "an own handler": """
logging.getLogger().handlers.clear()
logging.basicConfig(stream=sys.stdout, level="INFO", format="own %(message)s")
""",
    "basicConfig by force": "logging.basicConfig(stream=sys.stdout, level='INFO', format='%(message)s', force=True)",
    "two handlers": "logging.getLogger().addHandler(logging.StreamHandler(sys.stdout))",
    "dictConfig": """
import logging.config
logging.config.dictConfig({
    "version": 1, "disable_existing_loggers": False,
    "formatters": {"short": {"format": "%(name)s %(message)s"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "short", "stream": "ext://sys.stdout"}},
    "root": {"level": "INFO", "handlers": ["out"]},
})
""",
    "a filter that drops": "logging.getLogger().handlers[0].addFilter(lambda record: 'keep' in record.getMessage())",
    "logging imported by asyncio": "import asyncio; logging.getLogger('asyncio').error('loop')",
    "stdout replaced": "sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='ascii', errors='replace')",
}
RECONFIGURED_HANDLER = """
import io, logging, sys
{change}
def handler(event, context):
    logging.getLogger().warning("keep this é")
    logging.getLogger("a.b").info("an info")
    context.log("by the context\\n")
    print("printed")
    raise ValueError("at last")
"""

SINKS: dict[str, dict[str, str]] = {
    "text": {},
    "text at INFO": {"AWS_LAMBDA_LOG_FORMAT": "Text", "AWS_LAMBDA_LOG_LEVEL": "INFO"},
    "JSON": {"AWS_LAMBDA_LOG_FORMAT": "JSON"},
    "JSON at TRACE": {"AWS_LAMBDA_LOG_FORMAT": "json", "AWS_LAMBDA_LOG_LEVEL": "TRACE"},
    "JSON at FATAL": {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "FATAL"},
    "JSON at an invalid level": {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "loud"},
}


def _bodies(events: Mapping[str, bytes | Event]) -> dict[str, Event]:
    return {label: body if isinstance(body, Event) else Event(body=body) for label, body in events.items()}


def _labels(labels: Iterable[str]) -> dict[str, Event]:
    return {label: Event(label) for label in labels}


def _file(name: str) -> dict[str, str]:
    return {"index.py": (HANDLERS / name).read_text(encoding="utf-8")}


def _handler(*lines: str, first: str = "") -> dict[str, str]:
    return {"index.py": f"{first}\ndef handler(event, context):\n" + "".join(f"    {line}\n" for line in lines)}


HELPER = {"helper.py": "def fail():\n\traise OSError(2, 'tab')\n"}
FINE = _handler("return 1")
ONE = {"one": Event("one"), "two": Event("two", headers={"Lambda-Runtime-Aws-Tenant-Id": "tenant"})}

CASES: dict[str, Case] = {
    "results, escaped": Case(_file("results.py"), _labels(RESULTS), environment=ESCAPES),
    "results, unicode": Case(_file("results.py"), _labels(RESULTS), environment=UNICODE),
    "results for a front door that buffers": Case(
        _handler("return {'/a': None, '/b': {'statusCode': 201, 'body': 'é'}}[event['rawPath']]"),
        {path: Event({**FUNCTION_URL_EVENT, "rawPath": path}) for path in ("/a", "/b")},
        environment={"LAMBDA_STREAMING_FRONT_DOORS": "none"},
    ),
    "a generator": Case(_handler("yield 'a'")),
    "a coroutine": Case({"index.py": "async def handler(event, context): return 1"}),
    "a function as result": Case(_handler("return {'a': handler}")),
    "a result with a lone surrogate, escaped": Case(_handler(r"return {'a': '\ud800', 'b': 'é'}"), environment=ESCAPES),
    "a result with a lone surrogate, unicode": Case(_handler(r"return {'a': '\ud800', 'b': 'é'}"), environment=UNICODE),
    "events": Case(_handler("return repr(event)"), _bodies(EVENTS)),
    "rejected events": Case(_handler("return repr(event)"), _bodies(REJECTED_EVENTS)),
    "malformed events": Case(_handler("return repr(event)"), _bodies(MALFORMED_EVENTS)),
    "a response that Lambda refuses": Case(FINE, {"event": Event({}, reply=reply(413, b"too large"))}),
    "errors, escaped": Case({**_file("errors.py"), **HELPER}, _labels(ERRORS), environment=ESCAPES),
    "errors, unicode": Case({**_file("errors.py"), **HELPER}, _labels(ERRORS), environment=UNICODE),
    "a handler with one argument": Case({"index.py": "def handler(event): return 1"}),
    "a handler that is not a function": Case({"index.py": "handler = 3"}),
    "an error whose __str__ fails": Case(
        _handler("raise Mute", first="class Mute(Exception):\n    def __str__(self): raise ValueError('mute')")
    ),
    "an error message with a lone surrogate": Case(_handler(r"raise ValueError('\ud800')"), environment=UNICODE),
    "an error too long for a header": Case(_handler("raise ValueError('x' * 1_100_000)")),
    "an error after the folder was removed": Case(
        _handler(
            "os.mkdir('gone')", "os.chdir('gone')", "os.rmdir('../gone')", "raise ValueError('x')", first="import os"
        )
    ),
    "sys.exit": Case(_handler("sys.exit(3)", first="import sys")),
    "sys.exit with text": Case(_handler("sys.exit('text')", first="import sys")),
    "KeyboardInterrupt": Case(_handler("raise KeyboardInterrupt")),
    "os._exit": Case(_handler("print('last')", "os._exit(7)", first="import os")),
    "stdout closed": Case(_handler("sys.stdout.close()", "raise ValueError('x')", first="import sys")),
    "context": Case(_file("described_context.py"), CONTEXTS, environment=UNICODE),
    "context that is not an object": Case(_file("described_context.py"), ODD_CONTEXTS),
    # Init.
    "a handler in a folder": Case(
        {"app/chat/main.py": "def handler(event, context): return __name__"}, handler="app/chat/main.handler"
    ),
    "a handler in a package": Case(
        {"app/__init__.py": "", "app/main.py": "def handler(e, c): return __name__"}, handler="app.main.handler"
    ),
    "no module": Case(FINE, handler="missing.handler"),
    "no module in a folder": Case(FINE, handler="app/missing.handler"),
    "an import that fails": Case({"index.py": "import does_not_exist"}),
    "an import of a name that fails": Case({"index.py": "from json import nothing_like_it"}),
    "an import that fails deeper": Case({"index.py": "import helper", "helper.py": "import gone"}),
    "an ImportError raised by the module": Case({"index.py": "raise ImportError('é own')"}),
    "an import that fails, unicode": Case({"index.py": "raise ImportError('é own')"}, environment=UNICODE),
    "an import that fails, emoji": Case({"index.py": "raise ImportError('😀 own')"}, environment=UNICODE),
    "no function": Case({"index.py": "x = 1"}),
    "no function in a folder": Case({"app/main.py": ""}, handler="app/main.handler"),
    "a syntax error": Case({"index.py": "x = 1\ndef handler(:\n    pass\n"}),
    "an indentation error": Case({"index.py": "def handler(event, context):\nreturn 1\n"}),
    "a syntax error in a helper": Case({"index.py": "import helper", "helper.py": "é = = 1"}),
    "a syntax error without text": Case({"index.py": "raise SyntaxError('own')"}),
    "a file that is not UTF-8": Case({"index.py": "# coding: ascii\nx = 'é'"}),
    "a name without a dot": Case(FINE, handler="handler"),
    "a name that is only a dot": Case(FINE, handler="."),
    "a name without module": Case(FINE, handler=".handler"),
    "a name without function": Case(FINE, handler="index."),
    "a relative name": Case(FINE, handler="..index.handler"),
    "a built-in module": Case(FINE, handler="sys.handler"),
    "a built-in module and more": Case(FINE, handler="sys.x.handler"),
    "an error while importing": Case({"index.py": "import helper", "helper.py": "def f():\n    1 / 0\nf()"}),
    "an error while importing, JSON": Case(
        {"index.py": "raise KeyError('é')"}, environment={**UNICODE, **SINKS["JSON"]}, has_telemetry=True
    ),
    "a module attribute that fails": Case({"index.py": "def __getattr__(name): raise ValueError(name)"}),
    "exit while importing": Case({"index.py": "import sys; sys.exit(4)"}),
    "exit 0 while importing": Case({"index.py": "import sys; sys.exit()"}),
    "exit with text while importing": Case({"index.py": "import sys; sys.exit('text')"}),
    "KeyboardInterrupt while importing": Case({"index.py": "raise KeyboardInterrupt('x')"}),
    # Logs.
    **{
        f"logs, {sink}{', framed' if has_telemetry else ''}": Case(
            _file("logs.py"),
            {"one": Event("one"), "fail": Event("fail", headers={"Lambda-Runtime-Aws-Tenant-Id": "tenant"})},
            environment={**UNICODE, **variables},
            has_telemetry=has_telemetry,
        )
        for sink, variables in SINKS.items()
        for has_telemetry in (False, True)
    },
    **{
        f"logs with {change}, {sink}": Case(
            {"index.py": RECONFIGURED_HANDLER.format(change=source)},
            environment=SINKS[sink],
            has_telemetry=True,
        )
        for change, source in RECONFIGURED.items()
        for sink in ("text", "JSON")
    },
    "logs with stack_info": Case(
        _handler("logging.warning('x', stack_info=True)", "return 1", first="import logging"), has_telemetry=True
    ),
    "logs without logging": Case(
        _handler(
            "print('a\\nb')",
            "context.log('c')",
            "print('d', file=sys.stderr)",
            "raise ValueError('x\\ny')",
            first="import sys",
        ),
        ONE,
        has_telemetry=True,
    ),
    "the descriptor is hidden from the handler": Case(
        _handler("return [name for name in os.environ if 'TELEMETRY' in name]", first="import os"), has_telemetry=True
    ),
    "an own module named logging": Case(
        {"index.py": "import logging\ndef handler(e, c): logging.warning('x'); return 1", "logging.py": "x = 1"}
    ),
    "an own module named json": Case(
        {
            "index.py": "import json\ndef handler(e, c): return json.loads('[1]')",
            "json.py": "x = 1",
            "traceback.py": "x = 1",
        }
    ),
    "a log line with a lone surrogate": Case(
        _handler(r"logging.warning('\ud800')", "return 1", first="import logging"), has_telemetry=True
    ),
    "exc_info without an error, JSON": Case(
        _handler("logging.error('x', exc_info=True)", "return 1", first="import logging"), environment=SINKS["JSON"]
    ),
}
