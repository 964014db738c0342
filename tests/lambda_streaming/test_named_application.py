"""`LAMBDA_STREAMING_APP`: the application that it names, and the errors of init for usual mistakes."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from lambda_streaming.applications import named_application
from lambda_streaming.applications.named_application import kind_of

from .conftest import RunRuntime
from .web_events import run_app, url_event

SOURCES = {
    "app/main.py": """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise TypeError
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"asgi"})

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"wsgi"]

def create_app():
    return app

def create_wsgi():
    return wsgi

def create_with(settings):
    return app

def broken():
    raise ValueError("no settings")

async def create_async():
    return app

class Service:
    app = staticmethod(app)

class Old:
    def __init__(self, scope): ...
    async def __call__(self, receive, send): ...

number = 1
""",
    "app/broken.py": "import missing_library\n",
    "app/typo.py": "def app(:\n",
    "app/fails.py": "1 / 0\n",
    "app/exits.py": "raise SystemExit(3)\n",
}

SERVED = {
    "app.main:app": "asgi",
    "app.main:create_app()": "asgi",
    "app.main:Service.app": "asgi",
    "app.main:wsgi": "wsgi",
    "app.main:create_wsgi()": "wsgi",
}


@pytest.mark.parametrize("name", SERVED)
def test_named_application_is_served(name: str, run_runtime: RunRuntime) -> None:
    kind = SERVED[name]
    answer = run_app(run_runtime, kind, SOURCES, name).invoke(url_event()).result()
    assert answer.payload == kind.encode()


# Kind, name, type of the error, and a part of its message.
MISTAKES = [
    ("asgi", "app.main", "Runtime.MalformedAppName", "it must be module:name, such as app.main:app"),
    ("asgi", "app.main:", "Runtime.MalformedAppName", "it must be module:name, such as app.main:app"),
    ("asgi", ":app", "Runtime.MalformedAppName", "it must be module:name, such as app.main:app"),
    ("asgi", "app.mian:app", "Runtime.ImportModuleError", "LAMBDA_STREAMING_APP names it"),
    ("asgi", "application:app", "Runtime.ImportModuleError", "LAMBDA_STREAMING_APP names it"),
    ("asgi", "app.broken:app", "Runtime.ImportModuleError", "No module named 'missing_library'"),
    ("asgi", "app.typo:app", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app.typo'"),
    ("wsgi", "app.fails:app", "ZeroDivisionError", "division by zero"),
    ("asgi", "app.fails:app", "ZeroDivisionError", "division by zero"),
    ("asgi", "app.exits:app", "Runtime.ExitError", "Module 'app.exits' exited with 3"),
    ("asgi", "app.main:ap", "Runtime.AppNotFound", "did you mean 'app'?"),
    ("asgi", "app.main:Service.other", "Runtime.AppNotFound", "which has no 'other'"),
    ("asgi", "app.main:number", "Runtime.AppNotUsable", "'number' is of type int, which is no ASGI application"),
    ("asgi", "app.main:wsgi", "Runtime.AppNotUsable", "'wsgi' is a WSGI application; use Adapter.wsgi()"),
    ("wsgi", "app.main:app", "Runtime.AppNotUsable", "'app' is an ASGI application; use Adapter.asgi()"),
    ("asgi", "app.main:create_wsgi()", "Runtime.AppNotUsable", "the result of create_wsgi() is a WSGI application"),
    ("asgi", "app.main:create_app", "Runtime.AppNotUsable", "as a factory does; call it: create_app()"),
    ("wsgi", "app.main:create_wsgi", "Runtime.AppNotUsable", "as a factory does; call it: create_wsgi()"),
    ("asgi", "app.main:number()", "Runtime.AppNotUsable", "is of type int and cannot be called"),
    ("asgi", "app.main:create_with()", "TypeError", "create_with() missing 1 required positional argument"),
    ("asgi", "app.main:broken()", "ValueError", "no settings"),
    ("asgi", "app.main:create_async()", "Runtime.AppNotUsable", "is of type coroutine, which is no ASGI application"),
]


@pytest.mark.parametrize(("kind", "name", "error_type", "message"), MISTAKES)
def test_mistake_is_an_error_of_init(
    kind: str, name: str, error_type: str, message: str, run_runtime: RunRuntime
) -> None:
    runtime = run_app(run_runtime, kind, SOURCES, name)
    error = json.loads(runtime.api.init_errors.get(timeout=20).body)
    assert error["errorType"] == error_type
    assert message in error["errorMessage"]
    assert runtime.wait_for_exit() != 0
    assert runtime.log.count("[ERROR]") == 1


def test_missing_name_is_an_error_of_init(run_runtime: RunRuntime) -> None:
    runtime = run_runtime("", handler="lambda_streaming.asgi.handler")
    error = json.loads(runtime.api.init_errors.get(timeout=20).body)
    assert error["errorType"] == "Runtime.SettingsError"
    assert "LAMBDA_STREAMING_APP is not set; it names the web application" in error["errorMessage"]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("LIFESPAN", "yes", "LAMBDA_STREAMING_LIFESPAN is 'yes'; allowed are auto, on, off"),
        ("ROOT_PATH", "api", "LAMBDA_STREAMING_ROOT_PATH is 'api'; it must begin with a slash"),
        ("FORWARDED_HOST", "1", "LAMBDA_STREAMING_FORWARDED_HOST is '1'; allowed are on, off"),
        ("APP_ERRORS", "500", "LAMBDA_STREAMING_APP_ERRORS is '500'; allowed are response, error"),
    ],
)
def test_wrong_variable_is_an_error_of_init(variable: str, value: str, message: str, run_runtime: RunRuntime) -> None:
    runtime = run_app(run_runtime, "asgi", SOURCES, "app.main:app", **{variable: value})
    error = json.loads(runtime.api.init_errors.get(timeout=20).body)
    assert error["errorType"] == "Runtime.SettingsError"
    assert message in error["errorMessage"]


def test_slow_import_is_logged_before_lambda_ends_init(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(named_application, "INIT_LIMIT_S", 1)
    still_importing = threading.Lock()
    still_importing.acquire()
    named_application._warn_of_slow_import(still_importing, "app.main")
    assert "the import of 'app.main' has taken 0 s. Lambda gives init 1 s" in capsys.readouterr().out


async def asgi_function(scope: Any, receive: Any, send: Any) -> None: ...
def asgi_that_returns_an_awaitable(scope: Any, receive: Any, send: Any) -> Any: ...
def wsgi_function(environ: Any, start_response: Any) -> Any: ...
def factory() -> Any: ...
def anything(*args: Any) -> Any: ...


class AsgiObject:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    async def method(self, scope: Any, receive: Any, send: Any) -> None: ...


class WsgiObject:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...

    def method(self, environ: Any, start_response: Any) -> Any: ...


class CallableObject:
    def __call__(self) -> Any: ...


@pytest.mark.parametrize(
    ("application", "kind"),
    [
        (asgi_function, "ASGI"),
        (asgi_that_returns_an_awaitable, "ASGI"),
        (AsgiObject(), "ASGI"),
        (AsgiObject().method, "ASGI"),
        (wsgi_function, "WSGI"),
        (WsgiObject(), "WSGI"),
        (WsgiObject().method, "WSGI"),
        (factory, "factory"),
        (CallableObject(), ""),
        (anything, ""),
        (print, ""),
        (AsgiObject, ""),
    ],
)
def test_kind_of_an_application_is_read_from_its_code(application: Any, kind: str) -> None:
    assert kind_of(application) == kind
