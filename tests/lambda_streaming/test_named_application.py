"""`LAMBDA_STREAMING_APP`: the application that it names, and the errors of init for usual mistakes."""

from __future__ import annotations

import functools
import json
import re
import threading
from typing import Any
from unittest.mock import Mock

import pytest
from lambda_streaming import AsgiHandler, WsgiHandler
from lambda_streaming.applications import slow_init
from lambda_streaming.applications.call_signature import problem_of

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
    (
        "asgi",
        "app.main:wsgi",
        "Runtime.AppNotUsable",
        "'wsgi' is a WSGI application; use Adapter.wsgi() or WsgiHandler",
    ),
    ("wsgi", "app.main:app", "Runtime.AppNotUsable", "'app' is an ASGI application; use Adapter.asgi()"),
    ("asgi", "app.main:create_wsgi()", "Runtime.AppNotUsable", "the result of create_wsgi() is a WSGI application"),
    ("asgi", "app.main:create_app", "Runtime.AppNotUsable", "as a factory or a class does; call it: create_app()"),
    ("wsgi", "app.main:create_wsgi", "Runtime.AppNotUsable", "as a factory or a class does; call it: create_wsgi()"),
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


def test_slow_init_is_logged_before_lambda_ends_init(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(slow_init, "WARNING_S", 0)
    unfinished = threading.Lock()
    unfinished.acquire()
    slow_init._warn_if_slow(unfinished, "the import of 'app.main'")
    assert "the import of 'app.main' has taken 0 s. Lambda gives init 10 s" in capsys.readouterr().out


async def asgi_function(scope: Any, receive: Any, send: Any) -> None: ...
def asgi_that_returns_an_awaitable(scope: Any, receive: Any, send: Any) -> Any: ...
def wsgi_function(environ: Any, start_response: Any) -> Any: ...
def wsgi_with_an_option(environ: Any, start_response: Any, debug: bool = False) -> Any: ...
def factory() -> Any: ...
def factory_with_options(settings: Any = None) -> Any: ...
def anything(*args: Any) -> Any: ...


class AsgiObject:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    async def method(self, scope: Any, receive: Any, send: Any) -> None: ...


class WsgiObject:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...

    def method(self, environ: Any, start_response: Any) -> Any: ...

    def make(self) -> Any: ...


class AsgiClass:
    def __init__(self, scope: Any, receive: Any, send: Any) -> None: ...


class WsgiClass:
    def __init__(self, environ: Any, start_response: Any) -> None: ...


class Old:
    def __init__(self, scope: Any) -> None: ...
    async def __call__(self, receive: Any, send: Any) -> None: ...


@functools.wraps(wsgi_function)
async def made_asgi_by_a_decorator(scope: Any, receive: Any, send: Any) -> None: ...


# Object, kind for which it is taken, and a part of the problem; empty if there is none.
OBJECTS: list[tuple[Any, str, str]] = [
    (asgi_function, "ASGI", ""),
    (asgi_that_returns_an_awaitable, "ASGI", ""),
    (AsgiObject(), "ASGI", ""),
    (AsgiObject().method, "ASGI", ""),
    (AsgiClass, "ASGI", ""),
    (wsgi_function, "WSGI", ""),
    (WsgiObject(), "WSGI", ""),
    (WsgiObject().method, "WSGI", ""),
    (WsgiClass, "WSGI", ""),
    (wsgi_with_an_option, "WSGI", ""),
    (made_asgi_by_a_decorator, "ASGI", ""),
    (anything, "ASGI", ""),
    (anything, "WSGI", ""),
    (print, "ASGI", ""),
    (functools.partial(asgi_function, {}), "ASGI", ""),
    (Mock(), "WSGI", ""),
    (wsgi_function, "ASGI", "app is a WSGI application; use Adapter.wsgi() or WsgiHandler"),
    (WsgiClass, "ASGI", "app is a WSGI application"),
    (asgi_function, "WSGI", "app is an ASGI application; use Adapter.asgi() or AsgiHandler"),
    (AsgiObject().method, "WSGI", "app is an ASGI application"),
    (factory, "ASGI", "app takes no parameters, as a factory or a class does; call it: app()"),
    (factory_with_options, "ASGI", "app takes no parameters, as a factory or a class does; call it: app()"),
    (AsgiObject, "ASGI", "app takes no parameters, as a factory or a class does; call it: app()"),
    (WsgiObject().make, "WSGI", "app takes no parameters, as a factory or a class does; call it: app()"),
    (Old, "ASGI", "app takes the parameters scope; an ASGI application takes scope, receive and send"),
    (lambda event, context, more, most: None, "WSGI", "a WSGI application takes environ and start_response"),
    ("main:app", "ASGI", "app is of type str, which is no ASGI application"),
    (None, "WSGI", "app is of type NoneType, which is no WSGI application"),
]


@pytest.mark.parametrize(("application", "kind", "problem"), OBJECTS)
def test_parameters_tell_mistakes(application: Any, kind: str, problem: str) -> None:
    found = problem_of(application, kind, "app", "app()")
    assert problem in found
    assert bool(problem) == bool(found)


@pytest.mark.parametrize(("application", "kind", "problem"), OBJECTS)
def test_handlers_reject_what_is_no_application(application: Any, kind: str, problem: str) -> None:
    handler: Any = {"ASGI": AsgiHandler, "WSGI": WsgiHandler}[kind]
    if problem:
        with pytest.raises(TypeError, match=re.escape(problem)):
            handler(application)
    else:
        assert callable(handler(application))
