"""Behind a Function URL that buffers, applications answer as behind their web servers too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .cases import CASES, Case
from .client import Site, through_buffering_url
from .conftest import served
from .frameworks import ASGI, WSGI
from .servers import Functions, web_server

MODULES = {"with_fastapi": ASGI, "with_flask": WSGI}
BUFFERED_CASES = [case for case in CASES if case.route != "download"]


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Site, Site]]]:
    functions = Functions(tmp_path_factory.mktemp("buffered"))
    for module, interface in MODULES.items():
        functions.add(module, interface, f"{module}:app", invoke_mode="BUFFERED", LAMBDA_STREAMING_FRONT_DOORS="none")
    with (
        served(functions) as lambda_,
        web_server(ASGI, ["with_fastapi"]) as uvicorn,
        web_server(WSGI, ["with_flask"]) as gunicorn,
    ):
        ports = uvicorn | gunicorn
        yield {module: lambda_.beside(module, ports[module]) for module in MODULES}


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("case", BUFFERED_CASES, ids=lambda case: case.id)
def test_answer_is_that_of_the_web_server(module: str, case: Case, sites: dict[str, tuple[Site, Site]]) -> None:
    in_lambda, on_server = (site.send(case) for site in sites[module])
    assert in_lambda == through_buffering_url(on_server)


@pytest.mark.parametrize("module", MODULES)
def test_response_larger_than_6_mb_is_an_error(module: str, sites: dict[str, tuple[Site, Site]]) -> None:
    in_lambda, _ = sites[module]
    assert in_lambda.send(Case("download", "/download")).status == 502
    assert in_lambda.send(Case("JSON", "/json")).status == 200
