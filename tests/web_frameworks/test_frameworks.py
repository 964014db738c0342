"""Each framework's application gives the same answers in Lambda as behind its usual web server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.gate import Gate

from .cases import BROKEN_RULES, CASES, OWN_ERROR_PAGES, Case
from .client import Answer, Site, through_function_url
from .conftest import Lambda, SitesOf, validated
from .frameworks import API_DOCS, BACKGROUND_TASK, FRAMEWORKS, WSGI, Framework

each_framework = pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.module)
each_wsgi_framework = pytest.mark.parametrize(
    "framework",
    [framework for framework in FRAMEWORKS if framework.interface == WSGI],
    ids=lambda framework: framework.module,
)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


def comparable(answer: Answer, framework: Framework, case: Case) -> Answer:
    return replace(answer, headers=[], body=b"") if (framework.module, case.path) in OWN_ERROR_PAGES else answer


@each_framework
@each_case
def test_answer_is_that_of_the_web_server(framework: Framework, case: Case, sites_of: SitesOf) -> None:
    sites = sites_of(framework)
    answer = sites.in_lambda.send(case)
    expected = through_function_url(sites.on_server.send(case), case.method)
    assert comparable(answer, framework, case) == comparable(expected, framework, case)


@each_framework
@pytest.mark.parametrize("path", ["/text", "/events"])
def test_second_piece_is_made_after_the_first_has_arrived(
    framework: Framework, path: str, sites_of: SitesOf, gate: Gate
) -> None:
    arriving = sites_of(framework).in_lambda.open(Case("SSE", f"{path}?gate={gate.port}"))
    arriving.wait_for(b"first")
    assert b"second" not in arriving.body
    gate.open()
    answer = arriving.answer()
    assert b"second" in answer.body
    assert answer.is_whole


@each_framework
def test_error_after_the_first_byte_ends_the_response(framework: Framework, sites_of: SitesOf, gate: Gate) -> None:
    def broken_off(site: Site) -> Answer:
        arriving = site.open(Case("errors", f"/breaks?gate={gate.port}"))
        arriving.wait_for(b"first\n")
        gate.open()
        return arriving.answer()

    sites = sites_of(framework)
    on_server = broken_off(sites.on_server)
    assert (on_server.status, on_server.body, on_server.is_whole) == (200, b"first\n", False)
    assert broken_off(sites.in_lambda) == through_function_url(on_server, "GET")


@pytest.mark.parametrize(
    "framework",
    [framework for framework in FRAMEWORKS if framework.has(BACKGROUND_TASK)],
    ids=lambda framework: framework.module,
)
def test_background_task_begins_after_the_response(framework: Framework, sites_of: SitesOf, gate: Gate) -> None:
    sites = sites_of(framework)
    for site in (sites.in_lambda, sites.on_server):
        answer = site.send(Case(BACKGROUND_TASK, f"/task?gate={gate.port}"))
        assert (answer.status, b"accepted" in answer.body, answer.is_whole) == (200, True, True)
        gate.open()


@each_wsgi_framework
@each_case
def test_validator_finds_no_mistake_of_the_server(
    framework: Framework, case: Case, sites_of: SitesOf, lambda_: Lambda
) -> None:
    site = sites_of(framework).in_lambda
    answer = replace(site, address=lambda_.site(validated(framework)).address).send(case)
    if (framework.module, case.path) in BROKEN_RULES:
        assert answer.status == 500
    else:
        assert answer == site.send(case)


@each_framework
def test_api_docs_are_served_where_the_table_has_them(framework: Framework, sites_of: SitesOf) -> None:
    site = sites_of(framework).in_lambda
    statuses = {site.send(case).status for case in CASES if case.route == API_DOCS}
    assert (200 in statuses) == framework.has(API_DOCS)
