"""`Adapter.asgi` and `Adapter.wsgi`: options, the search for the application, templates and attached functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Aws, CfnParameter, Stack, Token, aws_lambda
from aws_cdk.assertions import Annotations, Match, Template
from cdk_lambda_streaming import Adapter, BundlingOptions, StreamingFunction, StreamingLayer

Runtime = aws_lambda.Runtime
ASGI, WSGI = "lambda_streaming.asgi.handler", "lambda_streaming.wsgi.handler"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
DJANGO = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
JOBS = "def handle(event, context): ...\n"
PACKAGE = '[project]\nname = "shop"\nversion = "1"\n[build-system]\nrequires = ["hatchling"]\n'
MakeFolder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> MakeFolder:
    """Return a function that writes files into a folder and returns it."""

    def make(**files: str) -> Path:
        entry = tmp_path / "api"
        entry.mkdir(exist_ok=True)
        for name, content in files.items():
            path = entry / (name if "/" in name else name.replace("__", "/"))
            path = path.with_name(path.name.replace("_toml", ".toml").replace("_txt", ".txt"))
            path = path if path.suffix else path.with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return entry

    return make


@pytest.fixture
def unbundled(tmp_path: Path) -> Stack:
    """Return a stack that was not requested, so that nothing is installed for it."""
    return Stack(App(outdir=str(tmp_path / "cdk.out"), context={"aws:cdk:bundling-stacks": []}), "Stack")


def properties(stack: Stack) -> dict[str, Any]:
    (function,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    found: dict[str, Any] = function["Properties"]
    return found


def variables(stack: Stack) -> dict[str, Any]:
    """Return the variables that the template has besides the wrapper's."""
    found: dict[str, Any] = properties(stack).get("Environment", {}).get("Variables", {})
    return {name: value for name, value in found.items() if name.startswith("LAMBDA_STREAMING_")}


def warnings(stack: Stack) -> list[str]:
    return [str(each.entry.data) for each in Annotations.from_stack(stack).find_warning("*", Match.any_value())]


def serve(stack: Stack, entry: Path, adapter: Adapter, **options: Any) -> StreamingFunction:
    return StreamingFunction(stack, "Api", entry=entry, adapter=adapter, **options)


class TestTemplate:
    def test_asgi(self, stack: Stack, folder: MakeFolder) -> None:
        serve(stack, folder(app__main=FASTAPI), Adapter.asgi("app.main:app"))
        assert properties(stack)["Handler"] == ASGI
        assert variables(stack) == {
            "LAMBDA_STREAMING_APP": "app.main:app",
            "LAMBDA_STREAMING_GRACEFUL_SHUTDOWN": "on",
        }
        Template.from_stack(stack).resource_count_is("AWS::Lambda::LayerVersion", 1)
        assert warnings(stack) == []

    def test_wsgi(self, stack: Stack, folder: MakeFolder) -> None:
        serve(stack, folder(shop__wsgi=DJANGO), Adapter.wsgi("shop.wsgi:application"))
        assert properties(stack)["Handler"] == WSGI
        assert variables(stack) == {"LAMBDA_STREAMING_APP": "shop.wsgi:application"}
        assert warnings(stack) == []

    @pytest.mark.parametrize("make", [Adapter.asgi, Adapter.wsgi])
    def test_options_set_variables(self, make: Any, stack: Stack, folder: MakeFolder) -> None:
        adapter = make(
            "jobs:web()",
            root_path="/api",
            other_events="jobs:handle",
            authorization_header="X-Authorization",
            forwarded_host=True,
            error_responses=False,
        )
        serve(stack, folder(jobs=JOBS + "web = object"), adapter)
        expected = {
            "LAMBDA_STREAMING_APP": "jobs:web()",
            "LAMBDA_STREAMING_ROOT_PATH": "/api",
            "LAMBDA_STREAMING_OTHER_EVENTS": "jobs:handle",
            "LAMBDA_STREAMING_AUTHORIZATION_HEADER": "x-authorization",
            "LAMBDA_STREAMING_FORWARDED_HOST": "on",
            "LAMBDA_STREAMING_APP_ERRORS": "error",
        }
        assert {**expected, **variables(stack)} == variables(stack)

    def test_empty_root_path_is_no_default(self, stack: Stack, folder: MakeFolder) -> None:
        serve(stack, folder(main=FLASK), Adapter.wsgi("main:app", root_path=""))
        assert variables(stack)["LAMBDA_STREAMING_ROOT_PATH"] == ""

    @pytest.mark.parametrize(
        ("lifespan", "environment", "variable", "shutdown"),
        [
            ("auto", {}, None, "on"),
            ("on", {}, "on", "on"),
            ("off", {}, "off", None),
            ("auto", {"LAMBDA_STREAMING_GRACEFUL_SHUTDOWN": "off"}, None, "off"),
            ("off", {"LAMBDA_STREAMING_GRACEFUL_SHUTDOWN": "on"}, "off", "on"),
        ],
    )
    def test_lifespan(
        self,
        lifespan: str,
        environment: dict[str, str],
        variable: str | None,
        shutdown: str | None,
        stack: Stack,
        folder: MakeFolder,
    ) -> None:
        adapter = Adapter.asgi("main:app", lifespan=lifespan)
        serve(stack, folder(main=FASTAPI), adapter, environment=environment)
        found = variables(stack)
        assert found.get("LAMBDA_STREAMING_LIFESPAN") == variable
        assert found.get("LAMBDA_STREAMING_GRACEFUL_SHUTDOWN") == shutdown

    def test_tokens(self, stack: Stack, folder: MakeFolder) -> None:
        header = CfnParameter(stack, "Header").value_as_string
        adapter = Adapter.asgi("main:app", root_path=Aws.STACK_NAME, authorization_header=header)
        serve(stack, folder(main=FASTAPI), adapter)
        assert variables(stack)["LAMBDA_STREAMING_ROOT_PATH"] == {"Ref": "AWS::StackName"}
        assert variables(stack)["LAMBDA_STREAMING_AUTHORIZATION_HEADER"] == {"Ref": "Header"}

    def test_one_adapter_serves_two_functions(self, stack: Stack, folder: MakeFolder) -> None:
        adapter, entry = Adapter.asgi("main:app"), folder(main=FASTAPI)
        for name in ("First", "Second"):
            StreamingFunction(stack, name, entry=entry, adapter=adapter)
        template = Template.from_stack(stack)
        template.resource_properties_count_is("AWS::Lambda::Function", {"Handler": ASGI}, 2)

    def test_everything_of_handlers_works(self, stack: Stack, folder: MakeFolder) -> None:
        function = serve(
            stack,
            folder(main=FASTAPI),
            Adapter.asgi("main:app"),
            alias_name="live",
            snap_start=aws_lambda.SnapStartConf.ON_PUBLISHED_VERSIONS,
            exec_wrappers=["/opt/otel-instrument"],
            stream_metrics_sample_rate=1,
            layers=[aws_lambda.LayerVersion.from_layer_version_arn(stack, "L", "arn:aws:lambda:x:1:layer:l:1")],
        )
        function.metric_midstream_errors()
        assert function.url_target is function.alias
        found = properties(stack)
        assert len(found["Layers"]) == 2
        assert found["SnapStart"] == {"ApplyOn": "PublishedVersions"}
        assert variables(stack)["LAMBDA_STREAMING_EXEC_WRAPPERS"] == "/opt/otel-instrument"
        assert variables(stack)["LAMBDA_STREAMING_METRICS_SAMPLE_RATE"] == "1"

    def test_code_as_it_is(self, stack: Stack) -> None:
        """The code is not read, so any module passes."""
        code = aws_lambda.Code.from_inline("app = None")
        StreamingFunction(stack, "Api", code=code, adapter=Adapter.wsgi("index:app"))
        assert properties(stack)["Handler"] == WSGI

    def test_os_only_runtime(self, stack: Stack, folder: MakeFolder) -> None:
        adapter = Adapter.wsgi("main:app")
        serve(
            stack,
            folder(main=FLASK),
            adapter,
            runtime=Runtime.PROVIDED_AL2023,
            environment={"LAMBDA_STREAMING_PYTHON": "/opt/bin/python3"},
        )
        assert properties(stack)["Handler"] == WSGI
        assert variables(stack)["LAMBDA_STREAMING_APP"] == "main:app"

    def test_bootstrap_in_entry_is_rejected_on_an_os_only_runtime(self, stack: Stack, folder: MakeFolder) -> None:
        entry = folder(main=FLASK)
        (entry / "bootstrap").touch()
        with pytest.raises(ValueError, match="has a file 'bootstrap'"):
            serve(stack, entry, Adapter.wsgi("main:app"), runtime=Runtime.PROVIDED_AL2023)


class TestImages:
    def test_base_image(self, stack: Stack, folder: MakeFolder, tmp_path: Path) -> None:
        serve(stack, folder(main=FASTAPI), Adapter.asgi("main:app"), base_image="python:3.14")
        found = properties(stack)
        assert found["PackageType"] == "Image"
        assert "ImageConfig" not in found
        assert variables(stack)["LAMBDA_STREAMING_APP"] == "main:app"
        (dockerfile,) = (tmp_path / "cdk.out").glob("asset.*/Dockerfile")
        assert f"CMD {json.dumps([ASGI])}" in dockerfile.read_text()

    def test_own_image_gets_the_command(self, stack: Stack, folder: MakeFolder) -> None:
        (folder(main=FLASK) / "Dockerfile").write_text("FROM python:3.14\n")
        code = aws_lambda.Code.from_asset_image(
            str(folder()), entrypoint=["/opt/bootstrap"], working_directory="/srv", cmd=[WSGI]
        )
        StreamingFunction(stack, "Api", code=code, adapter=Adapter.wsgi("main:app"))
        config = {"Command": [WSGI], "EntryPoint": ["/opt/bootstrap"], "WorkingDirectory": "/srv"}
        assert properties(stack)["ImageConfig"] == config

    def test_other_command_is_rejected(self, stack: Stack, folder: MakeFolder) -> None:
        (folder(main=FLASK) / "Dockerfile").write_text("FROM python:3.14\n")
        code = aws_lambda.Code.from_asset_image(str(folder()), cmd=["main.app"])
        message = rf"cmd cannot be \['main.app'\].* sets it to \['{WSGI}'\]; leave cmd out"
        with pytest.raises(ValueError, match=message):
            StreamingFunction(stack, "Api", code=code, adapter=Adapter.wsgi("main:app"))


class TestOptions:
    @pytest.mark.parametrize(
        ("app", "meant"),
        [
            ("app/main.py:app", "app.main:app"),
            ("app/main.py", "app.main:app"),
            ("./shop/wsgi.py", "shop.wsgi:application"),
            ("app/main:api", "app.main:api"),
            ("app\\main.py:app", "app.main:app"),
            ("app.main.app", "app.main:app"),
            ("app.main", "app.main:app"),
            ("shop.asgi", "shop.asgi:application"),
            ("main", "main:app"),
            ("main.app", "main:app"),
            ("main.create_app()", "main:create_app()"),
        ],
    )
    @pytest.mark.parametrize("make", [Adapter.asgi, Adapter.wsgi])
    def test_near_name_is_rejected_with_the_right_one(self, make: Any, app: str, meant: str) -> None:
        with pytest.raises(ValueError, match="app must be") as caught:
            make(app)
        message = str(caught.value)
        assert message.startswith("app must be module and name of the application, such as app.main:app, or of a fac")
        assert message.endswith(f", got {app!r}; did you mean {meant!r}?")

    @pytest.mark.parametrize(
        "app",
        ["", ":", "main:", ":app", "main:app:other", "main:class", "ma in:app", "main:create(1)", "main:()", "1:a"],
    )
    def test_other_text_is_rejected(self, app: str) -> None:
        with pytest.raises(ValueError, match="app must be module and name of the application"):
            Adapter.asgi(app)

    def test_object_is_rejected(self) -> None:
        application: Any = object()
        with pytest.raises(TypeError, match=r"app must be a str, such as 'app.main:app', got <object .*pass its name"):
            Adapter.asgi(application)

    @pytest.mark.parametrize("option", ["app", "other_events"])
    def test_names_must_be_known_at_synth(self, option: str) -> None:
        options: dict[str, Any] = {"app": "main:app", option: Token.as_string({"Ref": "Name"})}
        with pytest.raises(ValueError, match=f"{option} must be known at synth.* got a token"):
            Adapter.wsgi(**options)

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"lifespan": "yes"}, ValueError, "lifespan must be one of auto, on, off, got 'yes'"),
            ({"lifespan": True}, TypeError, "lifespan must be a str, such as 'auto', got True"),
            (
                {"root_path": "api"},
                ValueError,
                "root_path must be empty, or a path in ASCII that starts with /.*, got 'api'",
            ),
            ({"root_path": "/api/"}, ValueError, "root_path must be empty, or a path"),
            ({"root_path": "/"}, ValueError, "root_path must be empty, or a path"),
            ({"root_path": "/a?b"}, ValueError, "root_path must be empty, or a path"),
            ({"root_path": 1}, TypeError, "root_path must be a str, such as '/api', got 1"),
            (
                {"other_events": "app/jobs.py:handle"},
                ValueError,
                r"other_events must be module and name of a function of \(event, context\).*did you mean 'app.jobs:han",
            ),
            ({"other_events": "jobs:handle()"}, ValueError, "other_events must be module and name of a function"),
            ({"other_events": "jobs:service.handle"}, ValueError, "other_events must be module and name of a function"),
            (
                {"other_events": print},
                TypeError,
                "other_events must be a str, such as 'app.jobs:handle', got <built-in",
            ),
            (
                {"authorization_header": "x auth"},
                ValueError,
                "authorization_header must be the name of a header.*'x au",
            ),
            (
                {"authorization_header": "Authorization"},
                ValueError,
                "authorization_header must be another header than authorization.*got 'Authorization'",
            ),
            ({"authorization_header": True}, TypeError, "authorization_header must be a str"),
            ({"forwarded_host": "on"}, TypeError, "forwarded_host must be True or False, got 'on'"),
            ({"error_responses": None}, TypeError, "error_responses must be True or False, got None"),
        ],
    )
    def test_wrong_value_is_rejected(self, options: dict[str, Any], error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            Adapter.asgi("main:app", **options)

    @pytest.mark.parametrize("options", [{"index": "main.py"}, {"handler": "app"}])
    def test_options_of_handlers_are_rejected(self, options: dict[str, Any], stack: Stack, folder: MakeFolder) -> None:
        ((option, value),) = options.items()
        message = rf"{option} is an option of .*got {option}='{value}'; leave it out.*: Adapter.wsgi\('app.main:app'\)"
        with pytest.raises(TypeError, match=message):
            serve(stack, folder(main=FLASK), Adapter.wsgi("main:app"), **options)

    @pytest.mark.parametrize(
        ("variable", "way_out"),
        [
            ("LAMBDA_STREAMING_APP", r"pass adapter=Adapter.asgi\('module:name'\)"),
            ("LAMBDA_STREAMING_LIFESPAN", r"pass lifespan to Adapter.asgi\(\)"),
            ("LAMBDA_STREAMING_ROOT_PATH", "pass root_path to Adapter.asgi"),
            ("LAMBDA_STREAMING_OTHER_EVENTS", "pass other_events to"),
            ("LAMBDA_STREAMING_AUTHORIZATION_HEADER", "pass authorization_header to"),
            ("LAMBDA_STREAMING_FORWARDED_HOST", "pass forwarded_host to"),
            ("LAMBDA_STREAMING_APP_ERRORS", "pass error_responses to"),
        ],
    )
    @pytest.mark.parametrize("adapter", [Adapter.handler(), Adapter.wsgi("main:app")])
    def test_variable_is_rejected_with_its_option(self, adapter: Adapter, variable: str, way_out: str) -> None:
        with pytest.raises(ValueError, match=f"environment variable {variable} cannot be set to 'on'.*; {way_out}"):
            adapter.implementation.check_variable(variable, "on")

    def test_misspelt_variable_is_rejected(self, stack: Stack, folder: MakeFolder) -> None:
        with pytest.raises(ValueError, match="LAMBDA_STREAMING_LIFE_SPAN; did you mean LAMBDA_STREAMING_LIFESPAN"):
            serve(
                stack, folder(main=FASTAPI), Adapter.asgi("main:app"), environment={"LAMBDA_STREAMING_LIFE_SPAN": "on"}
            )


FACTORY = "from flask import Flask\ndef create_app(testing=False):\n    app = Flask(__name__)\n    return app\n"
# Source of main.py, and the application.
RIGHT = {
    "FastAPI": (Adapter.asgi("main:app"), FASTAPI),
    "factory": (Adapter.wsgi("main:create_app()"), FACTORY),
    "factory called in the module": (Adapter.wsgi("main:app"), f"{FACTORY}app = create_app()"),
    "imported factory": (Adapter.wsgi("main:get_wsgi_application()"), DJANGO),
    "factory of an unknown object": (Adapter.asgi("main:make()"), "from web import api\ndef make():\n    return api"),
    "imported application": (Adapter.asgi("main:app"), "from web import app"),
    "application under a condition": (
        Adapter.asgi("main:app"),
        f"if True:\n    {FASTAPI.splitlines()[0]}\n    app = 1",
    ),
    "attribute": (Adapter.wsgi("main:dash.server"), "from dash import Dash\ndash = Dash()"),
    "MCP": (Adapter.asgi("main:mcp.streamable_http_app()"), "from mcp import FastMCP\nmcp = FastMCP()"),
    "ASGI function": (Adapter.asgi("main:app"), "async def app(scope, receive, send): ..."),
    "ASGI function with other names": (Adapter.asgi("main:app"), "async def app(s, r, send): ..."),
    "WSGI function": (Adapter.wsgi("main:app"), "def app(environ, respond): ..."),
    "class of the user": (Adapter.asgi("main:app"), "class App: ...\napp = App()"),
    "decorated function": (Adapter.asgi("main:app"), "@wrap\ndef app(): ..."),
}
WRONG = {
    "WSGI behind asgi": (
        Adapter.asgi("main:app"),
        FLASK,
        r"'main:app' in '.*main.py' line 2 is Flask\(...\), a WSGI application, and Adapter.asgi\(\) runs an ASGI "
        r"application. Pass adapter=Adapter.wsgi\('main:app'\)",
    ),
    "ASGI behind wsgi": (Adapter.wsgi("main:app"), FASTAPI, r"an ASGI application.*=Adapter.asgi\('main:app'\)"),
    "WSGI factory behind asgi": (Adapter.asgi("main:create_app()"), FACTORY, r"Adapter.wsgi\('main:create_app\(\)'\)"),
    "WSGI function behind asgi": (
        Adapter.asgi("main:app"),
        "def app(environ, start_response): ...",
        r"a function of \(environ, start_response\), a WSGI application.*=Adapter.wsgi\('main:app'\)",
    ),
    "Mangum": (
        Adapter.asgi("main:handler"),
        FASTAPI + "from mangum import Mangum\nhandler = Mangum(app)",
        r"is Mangum\(...\), a handler around the application, which returns only whole responses. Pass "
        r"adapter=Adapter.asgi\('main:app'\)",
    ),
    "apig-wsgi": (
        Adapter.wsgi("main:handler"),
        FLASK + "from apig_wsgi import make_lambda_handler\nhandler = make_lambda_handler(app)",
        r"a handler around the application.*=Adapter.wsgi\('main:app'\)",
    ),
    "aiohttp": (
        Adapter.asgi("main:app"),
        "from aiohttp.web import Application\napp = Application()",
        r"a web server.* Pass adapter=Adapter.lambda_web_adapter\(\)",
    ),
    "MCP server": (
        Adapter.asgi("main:mcp"),
        "from mcp.server.fastmcp import FastMCP\nmcp = FastMCP()",
        r"a web server.*=Adapter.asgi\('main:mcp.streamable_http_app\(\)'\)",
    ),
    "factory without a call": (
        Adapter.wsgi("main:create_app"),
        FACTORY,
        r"a function of \(testing=False\), which returns Flask\(...\), a WSGI application, so it is a factory. Name "
        r"it with \(\): 'main:create_app\(\)'",
    ),
    "unknown factory without a call": (
        Adapter.asgi("main:make"),
        "from web import api\ndef make():\n    return api",
        r"calls an ASGI application with \(scope, receive, send\). If it returns the application, it is a factory. "
        r"Name it with \(\): 'main:make\(\)'",
    ),
    "factory with parameters": (
        Adapter.wsgi("main:create_app()"),
        FACTORY.replace("=False", ""),
        r"a function of \(testing\), but the runtime calls a factory without arguments; write a function without",
    ),
    "factory with parameters, without a call": (
        Adapter.wsgi("main:create_app"),
        FACTORY.replace("=False", ""),
        r"so it is a factory. Write a function without parameters that calls it",
    ),
    "called application": (
        Adapter.wsgi("main:app()"),
        FLASK,
        r"'main:app\(\)' in .* is Flask\(...\), a WSGI application and no factory; name it without \(\): 'main:app'",
    ),
    "called function of ASGI": (
        Adapter.asgi("main:app()"),
        "async def app(scope, receive, send): ...",
        r"an ASGI application and no factory; name it without \(\): 'main:app'",
    ),
    "handler": (
        Adapter.wsgi("main:handle"),
        JOBS,
        r"a function of \(event, context\), a handler and no application; pass adapter=Adapter.handler\(\)",
    ),
    "missing name": (
        Adapter.asgi("main:ap"),
        FASTAPI,
        r"main.py' has no 'ap' at its top level; did you mean 'app'\? Pass Adapter.asgi\('main:app'\)",
    ),
    "missing name of a factory": (
        Adapter.wsgi("main:createapp()"),
        FACTORY,
        r"Pass Adapter.wsgi\('main:create_app\(\)'\)",
    ),
    "missing name with an attribute": (
        Adapter.wsgi("main:das.server"),
        "from dash import Dash\ndash = Dash()",
        r"Pass Adapter.wsgi\('main:dash.server'\)",
    ),
    "other name beside functions": (
        Adapter.asgi("main:application"),
        FASTAPI + "def read(): ...",
        r"no 'application' at its top level; it has 'main:app' \(an ASGI application\)",
    ),
    "missing name without an application": (
        Adapter.asgi("main:application"),
        "def make(): ...",
        "its functions are 'make'; pass one of them, such as Adapter.asgi",
    ),
    "wrong syntax": (Adapter.asgi("main:app"), "app = (", "the application's source is not valid Python 3.14"),
    "missing handler of other events": (
        Adapter.asgi("main:app", other_events="main:handler"),
        f"{FASTAPI}{JOBS}",
        "has no 'handler' at its top level; did you mean 'handle'.*Pass other_events='main:handle'",
    ),
    "other events to a function of one argument": (
        Adapter.asgi("main:app", other_events="main:handle"),
        FASTAPI + "def handle(event): ...",
        r"the handler 'handle' in .* is a function of \(event\)",
    ),
}


class TestSearch:
    @pytest.mark.parametrize("name", RIGHT)
    def test_right_application_is_accepted(self, name: str, stack: Stack, folder: MakeFolder) -> None:
        adapter, source = RIGHT[name]
        serve(stack, folder(main=source), adapter)
        assert warnings(stack) == []

    @pytest.mark.parametrize("name", WRONG)
    def test_wrong_application_is_rejected(self, name: str, stack: Stack, folder: MakeFolder) -> None:
        adapter, source, message = WRONG[name]
        with pytest.raises(ValueError, match=message):
            serve(stack, folder(main=source), adapter)

    def test_package_comes_before_module(self, stack: Stack, folder: MakeFolder) -> None:
        serve(stack, folder(**{"app/main/__init__.py": FASTAPI, "app__main": ""}), Adapter.asgi("app.main:app"))

    def test_submodule_is_no_application(self, stack: Stack, folder: MakeFolder) -> None:
        entry = folder(**{"app/__init__.py": "", "app/main.py": FASTAPI})
        with pytest.raises(ValueError, match=r"no 'main' at its top level; it has 'app.main:app' \(an ASGI"):
            serve(stack, entry, Adapter.asgi("app:main"))

    def test_handler_that_is_an_application_names_its_module(self, stack: Stack, folder: MakeFolder) -> None:
        entry = folder(app__main=FASTAPI)
        with pytest.raises(ValueError, match=r"Pass adapter=Adapter.asgi\('app.main:app'\). Leave index and handler"):
            serve(stack, entry, Adapter.handler(), index="app/main.py", handler="app")

    def test_hidden_name_causes_warning(self, stack: Stack, folder: MakeFolder) -> None:
        serve(stack, folder(main="from web import *"), Adapter.asgi("main:app"))
        (warning,) = warnings(stack)
        assert "does not show whether it has a name 'app': line 1 imports * from web" in warning
        assert "cdk-lambda-streaming:applicationUnread" in warning

    @pytest.mark.parametrize(
        ("app", "message"),
        [
            ("app.mian:app", r"no module 'app.mian' for app='app.mian:app'; did you mean 'app.main:app'\?"),
            ("main:app", r"did you mean 'app.main:app'\?"),
            ("api.app.main:app", r"did you mean 'app.main:app'\?"),
            ("app.mian:api", r"did you mean 'app.main:app'\?"),
            ("service:app", r"; it has 'app.main:app' \(an ASGI application\), 'old:create_app\(\)' \(a WSGI app"),
        ],
    )
    def test_missing_module_is_rejected_with_the_one_that_was_meant(
        self, app: str, message: str, stack: Stack, folder: MakeFolder
    ) -> None:
        entry = folder(app__main=FASTAPI, old=FACTORY, broken="def")
        with pytest.raises(ValueError, match=message):
            serve(stack, entry, Adapter.asgi(app))

    @pytest.mark.parametrize(
        ("files", "message"),
        [({"other": ""}, "; its modules are 'other'"), ({"x_txt": ""}, "; it has no Python files")],
    )
    def test_modules_are_listed(self, files: dict[str, str], message: str, stack: Stack, folder: MakeFolder) -> None:
        with pytest.raises(ValueError, match=message):
            serve(stack, folder(**files), Adapter.asgi("app.main:app"))

    def test_missing_module_of_other_events_is_rejected(self, stack: Stack, folder: MakeFolder) -> None:
        adapter = Adapter.asgi("main:app", other_events="app.jobs:handle")
        with pytest.raises(ValueError, match=r"for other_events='app.jobs:handle'; did you mean 'jobs:handle'\?"):
            serve(stack, folder(main=FASTAPI, jobs=JOBS), adapter)


class TestIgnoredModules:
    @pytest.mark.parametrize("pattern", ["app", "app/main.py", "*.py"])
    def test_module_that_is_not_deployed_is_rejected(self, pattern: str, stack: Stack, folder: MakeFolder) -> None:
        entry = folder(app__main=FASTAPI)
        (entry / ".lambdaignore").write_text(pattern)
        excluded = "app" if pattern == "app" else "app/main.py"
        with pytest.raises(ValueError, match=f"which has the application, is not deployed: .* excludes '{excluded}'"):
            serve(stack, entry, Adapter.asgi("app.main:app"))

    def test_handlers_too(self, stack: Stack, folder: MakeFolder) -> None:
        entry = folder(index="def handler(event, context): yield ''", app__main=FASTAPI)
        (entry / ".lambdaignore").write_text("index.py")
        with pytest.raises(ValueError, match=r"index\.py', which has the handler, is not deployed"):
            StreamingFunction(stack, "Chat", entry=entry)
        with pytest.raises(ValueError, match=r"index\.py', which has the handler, is not deployed"):
            serve(stack, entry, Adapter.asgi("app.main:app", other_events="index:handler"))

    def test_other_patterns_change_nothing(self, stack: Stack, folder: MakeFolder) -> None:
        entry = folder(app__main=FASTAPI)
        (entry / ".lambdaignore").write_text("*.py\n!main.py\ntests")
        serve(stack, entry, Adapter.asgi("app.main:app"))


class TestInstalledModules:
    def test_module_of_a_package_causes_warning(self, unbundled: Stack, folder: MakeFolder) -> None:
        entry = folder(requirements_txt="shop==1\n", asgi=FASTAPI)
        serve(unbundled, entry, Adapter.asgi("shop.asgi:app", other_events="shop.jobs:handle"))
        first, second = warnings(unbundled)
        assert "app='shop.asgi:app' was not checked" in first
        assert "An installed package may have it; did you mean 'asgi:app'?" in first
        assert "other_events='shop.jobs:handle' was not checked" in second

    def test_missing_module_beside_a_local_one_is_rejected(self, unbundled: Stack, folder: MakeFolder) -> None:
        entry = folder(requirements_txt="shop==1\n", app__main=FASTAPI)
        with pytest.raises(ValueError, match=r"no module 'app.mian'.* did you mean 'app.main:app'\?"):
            serve(unbundled, entry, Adapter.asgi("app.mian:app"))

    def test_hooks_may_write_any_module(self, unbundled: Stack, folder: MakeFolder) -> None:
        bundling = BundlingOptions(before_bundling=["make"])
        serve(unbundled, folder(app__main=""), Adapter.asgi("app.made:app"), bundling=bundling)
        assert "applicationUnread" in warnings(unbundled)[0]

    @pytest.mark.parametrize(
        "files", [{"pyproject_toml": PACKAGE}, {"requirements_txt": "."}, {"requirements_txt": "-e ."}]
    )
    def test_project_in_src_is_installed(self, files: dict[str, str], unbundled: Stack, folder: MakeFolder) -> None:
        entry = folder(src__shop__web=FASTAPI, **files)
        with pytest.raises(ValueError, match=r"Adapter.wsgi\(\) runs a WSGI"):
            serve(unbundled, entry, Adapter.wsgi("shop.web:app"))
        serve(unbundled, entry, Adapter.asgi("shop.web:app"))
        assert not [text for text in warnings(unbundled) if "applicationUnread" in text]

    @pytest.mark.parametrize(
        "files",
        [{}, {"requirements_txt": "fastapi==0.1"}, {"pyproject_toml": PACKAGE.partition("[build")[0]}],
    )
    def test_src_that_is_deployed_as_it_is_is_rejected(
        self, files: dict[str, str], unbundled: Stack, folder: MakeFolder
    ) -> None:
        entry = folder(src__shop__web=FASTAPI, **files)
        message = r"Lambda finds the module only as 'src.shop.web'. Make the project a package.* or 'src.shop.web:app'"
        with pytest.raises(ValueError, match=message):
            serve(unbundled, entry, Adapter.asgi("shop.web:app"))
        serve(unbundled, entry, Adapter.asgi("src.shop.web:app"))

    def test_image_installs_only_requirements(self, stack: Stack, folder: MakeFolder) -> None:
        entry = folder(src__shop__web=FASTAPI, pyproject_toml=PACKAGE)
        with pytest.raises(ValueError, match=r"only as 'src.shop.web'"):
            serve(stack, entry, Adapter.asgi("shop.web:app"), base_image="python:3.14")
        serve(stack, folder(requirements_txt="."), Adapter.asgi("shop.web:app"), base_image="python:3.14")


def plain(stack: Stack, **options: Any) -> aws_lambda.Function:
    code = aws_lambda.Code.from_inline("app = None")
    defaults = {"handler": "index.handler", "runtime": Runtime.PYTHON_3_13}
    return aws_lambda.Function(stack, "Plain", code=code, **{**defaults, **options})


class TestAttachedFunction:
    def test_adapter_sets_handler_and_variables(self, stack: Stack) -> None:
        function = plain(stack, environment={"LAMBDA_STREAMING_GRACEFUL_SHUTDOWN": "off"})
        StreamingLayer.of(stack).attach_to(function, adapter=Adapter.asgi("index:app", lifespan="on"))
        assert properties(stack)["Handler"] == ASGI
        assert variables(stack) == {
            "LAMBDA_STREAMING_APP": "index:app",
            "LAMBDA_STREAMING_LIFESPAN": "on",
            "LAMBDA_STREAMING_GRACEFUL_SHUTDOWN": "off",
        }

    def test_handler_adapter_changes_nothing(self, stack: Stack) -> None:
        StreamingLayer.of(stack).attach_to(plain(stack), adapter=Adapter.handler())
        assert properties(stack)["Handler"] == "index.handler"
        assert variables(stack) == {}

    def test_handler_and_variable_of_the_user(self, stack: Stack) -> None:
        function = plain(stack, handler=WSGI, environment={"LAMBDA_STREAMING_APP": "index:app"})
        StreamingLayer.of(stack).attach_to(function)
        assert variables(stack) == {"LAMBDA_STREAMING_APP": "index:app"}

    @pytest.mark.parametrize(
        ("handler", "environment", "message"),
        [
            (ASGI, {}, f"its handler is '{ASGI}'.*has no such variable; pass attach_to"),
            (
                "index.handler",
                {"LAMBDA_STREAMING_APP": "index:app"},
                "the variable LAMBDA_STREAMING_APP has no effect, because its handler is 'index.handler'",
            ),
            (
                "index.handler",
                {"LAMBDA_STREAMING_LIFESPAN": "on"},
                "the variable LAMBDA_STREAMING_LIFESPAN has no effect",
            ),
            (
                ASGI,
                {"LAMBDA_STREAMING_APP": "index.app"},
                r"environment variable LAMBDA_STREAMING_APP must be .*did you mean 'index:app'",
            ),
            (
                ASGI,
                {"LAMBDA_STREAMING_APP": "index:app", "LAMBDA_STREAMING_LIFESPAN": "yes"},
                "environment variable LAMBDA_STREAMING_LIFESPAN must be one of auto, on, off, got 'yes'",
            ),
        ],
    )
    def test_contradiction_is_an_error_at_synth(
        self, handler: str, environment: dict[str, str], message: str, stack: Stack
    ) -> None:
        StreamingLayer.of(stack).attach_to(plain(stack, handler=handler, environment=environment))
        with pytest.raises(RuntimeError, match=message):
            Template.from_stack(stack)

    def test_variable_beside_the_adapter_is_rejected(self, stack: Stack) -> None:
        function = plain(stack, environment={"LAMBDA_STREAMING_ROOT_PATH": "/api"})
        message = "has LAMBDA_STREAMING_ROOT_PATH set to '/api', but .*; remove the variable, and pass root_path"
        with pytest.raises(ValueError, match=message):
            StreamingLayer.of(stack).attach_to(function, adapter=Adapter.wsgi("index:app"))

    @pytest.mark.parametrize("adapter", [Adapter.native(), Adapter.lambda_web_adapter()])
    def test_adapter_without_the_runtime_is_rejected(self, adapter: Adapter, stack: Stack) -> None:
        with pytest.raises(TypeError, match=r"must be Adapter.handler\(\), Adapter.asgi\(...\) or Adapter.wsgi\(...\)"):
            StreamingLayer.of(stack).attach_to(plain(stack), adapter=adapter)

    def test_value_of_another_type_is_rejected(self, stack: Stack) -> None:
        adapter: Any = "index:app"
        with pytest.raises(TypeError, match=r"adapter must be an Adapter.*got 'index:app'"):
            StreamingLayer.of(stack).attach_to(plain(stack), adapter=adapter)

    def test_second_call_is_too_late_for_an_adapter(self, stack: Stack, entry: Path) -> None:
        chat = StreamingFunction(stack, "Chat", entry=entry)
        with pytest.raises(ValueError, match="has the streaming layer already, so it is too late for adapter"):
            StreamingLayer.of(stack).attach_to(chat, adapter=Adapter.asgi("index:app"))


class TestCors:
    def test_cors_of_an_attached_function_causes_warning(self, stack: Stack) -> None:
        attached = StreamingLayer.of(stack).attach_to(plain(stack), adapter=Adapter.wsgi("index:app"))
        attached.add_function_url(cors={"allowed_origins": ["*"]})
        assert [text for text in warnings(stack) if "corsBesideApplication" in text]

    def test_cors_beside_a_handler_is_no_warning(self, stack: Stack, entry: Path) -> None:
        StreamingFunction(stack, "Chat", entry=entry, cors={"allowed_origins": ["*"]})
        assert warnings(stack) == []
