"""The check of the handler's call says what happens in the runtime: each source is checked, and then invoked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cdk_lambda_streaming.checks.synth_warning import SynthWarning
from cdk_lambda_streaming.code.handler_source import find_handler
from cdk_lambda_streaming.code.module_source import SoughtName

from ..lambda_streaming.conftest import RunRuntime
from ..lambda_streaming.conftest import run_runtime as run_runtime

# Packages with the calling conventions of the real ones: ASGI is called with three arguments, WSGI with two.
PACKAGES = {
    "fastapi.py": """
        class FastAPI:
            async def __call__(self, scope, receive, send): ...
        """,
    "starlette/__init__.py": "",
    "starlette/applications.py": "from fastapi import FastAPI as Starlette",
    "starlette/middleware.py": """
        class CORSMiddleware:
            def __init__(self, app, **options): ...
            async def __call__(self, scope, receive, send): ...
        """,
    "flask.py": """
        class Flask:
            def __init__(self, name): ...
            def __call__(self, environ, start_response):
                start_response("200 OK", [])
                return [b"hello"]
        """,
    "django/__init__.py": "",
    "django/core/__init__.py": "",
    "django/core/asgi.py": "from fastapi import FastAPI as get_asgi_application",
    "django/core/wsgi.py": "import flask\ndef get_wsgi_application(): return flask.Flask(__name__)",
    "fastmcp.py": """
        class FastMCP:
            def streamable_http_app(self):
                from fastapi import FastAPI
                return FastAPI()
        """,
    "tornado/__init__.py": "",
    "tornado/web.py": """
        class Application: ...
        """,
    "dash.py": """
        class Dash: ...
        """,
    "mangum.py": """
        class Mangum:
            def __init__(self, app, **options): ...
            def __call__(self, event, context):
                return {"statusCode": 200, "body": "hello"}
        """,
    "unknown.py": """
        import functools
        def drops_context(function):
            return functools.wraps(function)(lambda event, context: function(event))
        def streams(function):
            return lambda event, context: function(event, None, context)
        def make(): return lambda event, context: "made"
        class Service:
            def handle(self, event, context): return "handled"
        """,
}

ASGI = "Pass adapter=Adapter.asgi('index:handler')"
WSGI = "Pass adapter=Adapter.wsgi('index:handler')"
WEB_APPLICATIONS = {
    "FastAPI": ("from fastapi import FastAPI\nhandler = FastAPI()", "FastAPI(...), an ASGI application", ASGI),
    "name of an application": (
        "import fastapi\napp = fastapi.FastAPI()\nhandler = app",
        "fastapi.FastAPI(...), an ASGI application",
        ASGI,
    ),
    "annotated application": (
        "from fastapi import FastAPI as Api\nhandler: Api = Api()",
        "Api(...), an ASGI application",
        ASGI,
    ),
    "Starlette": ("from starlette.applications import Starlette\nhandler = Starlette()", "an ASGI application", ASGI),
    "middleware": (
        "from fastapi import FastAPI\nfrom starlette.middleware import CORSMiddleware\n"
        "app = FastAPI()\nhandler = CORSMiddleware(app, allow_origins=[])",
        "CORSMiddleware(...), an ASGI application",
        ASGI,
    ),
    "Flask": ("from flask import Flask\nhandler = Flask(__name__)", "Flask(...), a WSGI application", WSGI),
    "factory in the module": (
        "from flask import Flask\ndef create():\n    app = Flask(__name__)\n    return app\nhandler = create()",
        "Flask(...), a WSGI application",
        WSGI,
    ),
    "Django ASGI": (
        "import os\nfrom django.core.asgi import get_asgi_application\nhandler = get_asgi_application()",
        "get_asgi_application(...), an ASGI application",
        ASGI,
    ),
    "Django WSGI": (
        "import django.core.wsgi\nhandler = django.core.wsgi.get_wsgi_application()",
        "django.core.wsgi.get_wsgi_application(...), a WSGI application",
        WSGI,
    ),
    "MCP server": (
        "from fastmcp import FastMCP\nhandler = FastMCP()",
        "FastMCP(...), a web server",
        "Pass adapter=Adapter.asgi('index:handler.http_app()')",
    ),
    "MCP application": (
        "from fastmcp import FastMCP\nserver = FastMCP()\nhandler = server.streamable_http_app()",
        "an ASGI application",
        ASGI,
    ),
    "ASGI function": (
        "async def handler(scope, receive, send): ...",
        "a function of (scope, receive, send), an ASGI",
        ASGI,
    ),
    "WSGI function": (
        "def handler(environ, start_response):\n    start_response('200 OK', [])",
        "a function of (environ, start_response), a WSGI",
        WSGI,
    ),
    "server": (
        "from tornado.web import Application\nhandler = Application()",
        "Application(...), a web server",
        "Pass adapter=Adapter.lambda_web_adapter(), and write an executable run.sh",
    ),
    "Dash": (
        "from dash import Dash\nhandler = Dash()",
        "Dash(...), a web server",
        "Pass adapter=Adapter.wsgi('index:handler.server')",
    ),
}
STREAMIFY = "from lambda_streaming import streamify_response\n"
FACTORY = """
from fastapi import FastAPI
def create_app():
    app = FastAPI()
    def root():
        return {"ok": True}
    return app
handler = create_app()
"""
FACTORY_WITH_ITS_OWN_IMPORT = """
def create_app():
    from flask import Flask
    return Flask(__name__)
handler = create_app()
"""
WRONG_SIGNATURES = {
    "no parameters": "def handler():\n    yield 1",
    "only the event": "def handler(event):\n    yield 1",
    "async, only the event": "async def handler(event):\n    yield 1",
    "a method's self": "def handler(self, event, context):\n    yield 1",
    "a stream without the decorator": "def handler(event, response_stream, context): ...",
    "a keyword that has no default": "def handler(event, context, *, model): ...",
    "a lambda": "handler = lambda event: 'hello'",
    "a lambda that returns nothing": "handler = lambda: 'hello'",
    "a name of a function": "def answer(event): ...\nhandler = answer",
    "the last of two definitions": "def handler(event, context): ...\ndef handler(event): ...",
    "keywords only": "def handler(*, event, context): ...",
    "streamified without stream": STREAMIFY + "@streamify_response\ndef handler(event, context): ...",
    "streamified, async": STREAMIFY + "@streamify_response\nasync def handler(event): ...",
    "streamified by its full name": "import lambda_streaming\n"
    "@lambda_streaming.streamify_response\ndef handler(event, context): ...",
    "streamified by a call": STREAMIFY + "def answer(event, context): ...\nhandler = streamify_response(answer)",
    "streamified below another decorator": STREAMIFY
    + "def same(function): return function\n@same\n@streamify_response\ndef handler(event, context): ...",
}
RIGHT = {
    "import in a function": """
from unknown import make as FastAPI
handler = FastAPI()
def run_here():
    from fastapi import FastAPI
    return FastAPI()
""",
    "import under a condition": """
try:
    from unknown import make as App
except ImportError:
    from fastapi import FastAPI as App
handler = App()
""",
    "class of the module with the name of an import": """
from flask import Flask
class Flask(Flask):
    def __call__(self, event, context):
        return "called"
handler = Flask(__name__)
""",
    "parameter with the name of an import": """
import unknown
from flask import Flask
def made_by(Flask):
    return Flask()
handler = made_by(unknown.make)
""",
    "plain": "def handler(event, context):\n    yield 'hello'",
    "other names": "def handler(request, _):\n    yield 'hello'",
    "positional only": "def handler(event, context, /): return 1",
    "a default": "def handler(event, context=None): return 1",
    "more defaults": "def handler(event, context, model='small', *, top=5): return 1",
    "arguments": "def handler(*args): return 1",
    "arguments and keywords": "def handler(event, *args, **kwargs): return 1",
    "async": "async def handler(event, context):\n    yield 'hello'",
    "a lambda": "handler = lambda event, context: 1",
    "a lambda of all arguments": "handler = lambda *_: 1",
    "a partial": "import functools\ndef answer(model, event, context): return 1\n"
    "handler = functools.partial(answer, 'small')",
    "a method": "from unknown import Service\nhandler = Service().handle",
    "a callable object": "class Handler:\n    def __call__(self, event, context): return 1\nhandler = Handler()",
    "a class": "class handler(dict):\n    def __init__(self, event, context): super().__init__(a=1)",
    "an unknown decorator": "from unknown import drops_context\n@drops_context\ndef handler(event): return 1",
    "an unknown decorator of a stream": "from unknown import streams\n@streams\ndef handler(e, s, c): return 1",
    "an unknown maker": "from unknown import make\nhandler = make()",
    "a maker in the module": "def make():\n    def answer(e, c): return 1\n    return answer\nhandler = make()",
    "a wrapped function": "from unknown import drops_context\ndef handler(event): return 1\n"
    "handler = drops_context(handler)",
    "a later import": "def handler(event): return 1\nfrom unknown import make\nhandler = make()",
    "a branch": "if True:\n    def handler(event, context): return 1\nelse:\n    def handler(event): return 1",
    "a branch after another": "def handler(): return 1\nif True:\n    def handler(event, context): return 1",
    "a global": "def handler(event): return 1\ndef replace():\n    global handler\n"
    "    handler = lambda event, context: 1\nreplace()",
    "itself": "handler = lambda event, context: 1\nhandler = handler",
    "streamified": STREAMIFY + "@streamify_response\ndef handler(event, stream, context): stream.write('a')",
    "streamified lambda": STREAMIFY + "handler = streamify_response(lambda event, stream, context: stream.write('a'))",
    "application beside a handler": "from fastapi import FastAPI\napp = FastAPI()\n"
    "def handler(event, context):\n    yield 'hello'",
    "class of the user with a known name": "class FastAPI:\n    def __call__(self, event, context): return 1\n"
    "handler = FastAPI()",
}
MANGUM = (
    "from fastapi import FastAPI\nfrom mangum import Mangum\napi = FastAPI()\nhandler = Mangum(api, lifespan='off')"
)


def check(folder: Path, source: str) -> SynthWarning | None:
    file = folder / "index.py"
    file.write_text(source)
    return find_handler(SoughtName("handler", file, "index", "handler", "handler='{}'"), sys.version_info[:2])


def fails(run_runtime: RunRuntime, source: str) -> str:
    """Return the error document of an invocation, or nothing if it succeeds."""
    exchange = run_runtime({"index.py": source, **PACKAGES}).invoke({})
    exchange.wait_for_end()
    if exchange.is_broken:
        return "the runtime ended at its start"
    result = exchange.result()
    return result.body.decode() if result.path.endswith("/error") else ""


@pytest.mark.parametrize("name", WEB_APPLICATIONS)
def test_web_application_is_rejected_with_the_way_to_run_it(name: str, tmp_path: Path, run_runtime: RunRuntime) -> None:
    source, description, advice = WEB_APPLICATIONS[name]
    with pytest.raises(ValueError, match=r"the handler 'handler' in '.*index.py' line \d+ is ") as caught:
        check(tmp_path, source)
    message = str(caught.value)
    assert description in message
    assert "every request would fail" in message
    assert advice in message
    assert "Leave index and handler out" in message
    assert fails(run_runtime, source)


@pytest.mark.parametrize("name", WRONG_SIGNATURES)
def test_wrong_signature_is_rejected_with_both_right_ones(name: str, tmp_path: Path, run_runtime: RunRuntime) -> None:
    source = WRONG_SIGNATURES[name]
    with pytest.raises(ValueError, match=r"def handler\(event, context\), or .*\(event, response_stream, context\)"):
        check(tmp_path, source)
    error = fails(run_runtime, source)
    assert "TypeError" in error
    assert "argument" in error


@pytest.mark.parametrize("name", RIGHT)
def test_handler_that_the_runtime_can_call_is_accepted(name: str, tmp_path: Path, run_runtime: RunRuntime) -> None:
    assert check(tmp_path, RIGHT[name]) is None
    assert fails(run_runtime, RIGHT[name]) == ""


def test_mangum_causes_warning_because_nothing_streams(tmp_path: Path, run_runtime: RunRuntime) -> None:
    warning = check(tmp_path, MANGUM)
    assert warning is not None
    assert warning.id == "handlerBuffers"
    assert "is Mangum(...), which returns only whole responses" in warning.message
    assert "Pass adapter=Adapter.asgi('index:api'). Leave" in warning.message
    assert fails(run_runtime, MANGUM) == ""


def test_name_that_refers_to_itself_ends(tmp_path: Path) -> None:
    assert check(tmp_path, "first = handler = first") is None


@pytest.mark.parametrize("source", [FACTORY, FACTORY_WITH_ITS_OWN_IMPORT])
def test_application_of_a_factory_is_rejected(source: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is (FastAPI|Flask)\(\.\.\.\), an? [AW]SGI application"):
        check(tmp_path, source)
