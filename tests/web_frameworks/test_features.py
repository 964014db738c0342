"""Middleware, files and other features of Starlette and Flask answer in Lambda as behind uvicorn and gunicorn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .cases import Case
from .client import Site, through_function_url
from .conftest import served
from .frameworks import ASGI, WSGI
from .servers import Functions, web_server

MODULES = {ASGI: "features_asgi", WSGI: "features_wsgi"}
ORIGIN = {"origin": "https://shop.example"}
UPGRADE = {"upgrade": "websocket", "sec-websocket-key": "dGhlIHNhbXBsZQ==", "sec-websocket-version": "13"}
LINES = b"first\nsecond\n" * 10_000

BOTH = (
    Case("text", "/text"),
    Case("file", "/file"),
    Case("file", "/file", "HEAD"),
    Case("range", "/file", headers={"range": "bytes=5-20"}),
    Case("range", "/file", headers={"range": "bytes=-7"}),
    Case("range", "/file", headers={"range": "bytes=999999-"}),
    Case("static", "/static/__init__.py"),
    Case("static", "/static/missing.py"),
    Case("static", "/static/..%2Fpy.typed"),
    Case("session", "/session"),
    Case("body", "/pieces", "POST", {"content-type": "application/octet-stream"}, LINES),
    Case("headers", "/headers"),
)
CASES = {
    ASGI: (
        *BOTH,
        Case("body", "/connected", "POST", {}, b"x" * 3_000_000),
        Case("mount", "/mounted/address/"),
        Case("mount", "/mounted/address"),
        Case("CORS", "/headers", headers=ORIGIN),
        Case("CORS", "/headers", "OPTIONS", {**ORIGIN, "access-control-request-method": "GET"}),
        Case("CORS", "/headers", "OPTIONS", {"origin": "https://other", "access-control-request-method": "GET"}),
        Case("upgrade", "/text", headers=UPGRADE),
        Case("upgrade", "/socket", headers=UPGRADE),
    ),
    WSGI: (*BOTH, Case("async view", "/async")),
}


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Site, Site]]]:
    functions = Functions(tmp_path_factory.mktemp("features"))
    for interface, module in MODULES.items():
        functions.add(module, interface, f"{module}:app")
    with (
        served(functions) as lambda_,
        web_server(ASGI, [MODULES[ASGI]]) as uvicorn,
        web_server(WSGI, [MODULES[WSGI]]) as gunicorn,
    ):
        ports = uvicorn | gunicorn
        yield {interface: lambda_.beside(module, ports[module]) for interface, module in MODULES.items()}


@pytest.mark.parametrize(
    ("interface", "case"),
    [(interface, case) for interface, cases in CASES.items() for case in cases],
    ids=lambda value: value if isinstance(value, str) else f"{value.id} {value.headers.get('range', '')}",
)
def test_feature_answers_as_on_the_web_server(interface: str, case: Case, sites: dict[str, tuple[Site, Site]]) -> None:
    in_lambda, on_server = (site.send(case) for site in sites[interface])
    assert in_lambda == through_function_url(on_server, case.method)
    assert in_lambda.status < 500
