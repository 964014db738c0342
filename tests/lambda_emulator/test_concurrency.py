"""Requests at the same time get an environment each; requests one after another share one."""

from __future__ import annotations

import json
from collections.abc import Callable

from .conftest import Desk, Gate

ServeApp = Callable[..., Desk]
MakeGate = Callable[[str], Gate]

ANSWER_WHEN_LET = """
arrived, let_go = Gate("arrived"), Gate("let_go")
while True:
    request_id, event, _ = next_invocation()
    stream = Stream(request_id)
    stream.head()
    stream.write(str(os.getpid()).encode())
    if event["rawPath"] == "/wait":
        arrived.release()
        let_go.acquire()
    stream.end()
"""


def test_a_request_that_overlaps_another_starts_a_second_environment(serve_app: ServeApp, gate: MakeGate) -> None:
    arrived, let_go = gate("arrived"), gate("let_go")
    desk = serve_app(ANSWER_WHEN_LET)

    first = desk.request(path="/wait")
    arrived.acquire()
    second = desk.request(path="/")
    second_pid = second.read()
    assert desk.emulator.environment_count("App") == 2
    let_go.release()

    assert first.read() != second_pid


def test_the_environment_used_last_is_used_next(serve_app: ServeApp, gate: MakeGate) -> None:
    arrived, let_go = gate("arrived"), gate("let_go")
    desk = serve_app(ANSWER_WHEN_LET)
    first = desk.request(path="/wait")
    arrived.acquire()
    desk.request(path="/").read()
    desk.log.wait_for("REPORT RequestId")
    let_go.release()
    first_pid = first.read()
    desk.log.wait_for("REPORT RequestId", count=2)

    assert desk.request(path="/").read() == first_pid
    assert desk.emulator.environment_count("App") == 2


def test_code_is_laid_out_once_for_all_environments(serve_app: ServeApp, gate: MakeGate) -> None:
    arrived, let_go = gate("arrived"), gate("let_go")
    desk = serve_app("""
        arrived, let_go = Gate("arrived"), Gate("let_go")
        request_id, event, _ = next_invocation()
        stream = Stream(request_id)
        stream.head()
        stream.write(json.dumps([os.getpid(), os.getcwd()]).encode())
        arrived.release()
        let_go.acquire()
        stream.end()
        next_invocation()
        """)

    responses = [desk.request() for _ in range(3)]
    for _ in responses:
        arrived.acquire()
    for _ in responses:
        let_go.release()
    answers = [json.loads(response.read()) for response in responses]

    assert len({pid for pid, _ in answers}) == 3
    assert len({folder for _, folder in answers}) == 1
