"""The lifespan of an ASGI application: startup before the first event, shutdown at the end of the process.

ASGI, "Lifespan Protocol", version 2.0. The application's lifespan is one task on the event loop of the process. Between
startup and shutdown it waits in `receive`.
"""

from __future__ import annotations

from lambda_streaming.applications.handler_loader import HandlerError
from lambda_streaming.error_report import ErrorReport
from lambda_streaming.process.python_path import import_standard

import_standard("asyncio")
import asyncio  # noqa: E402 - the standard one, just imported; the user's folder may hold a module of this name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from lambda_streaming.process.logs import Log

# Lambda leaves an environment with an extension some 300 ms; elsewhere a hanging shutdown must not keep the process.
SHUTDOWN_TIMEOUT_S = 2.0


class NoLifespan:
    """The lifespan of an application that has none."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}

    async def startup(self) -> None: ...
    async def shutdown(self, log: Log) -> None: ...


class Lifespan:
    """Runs the lifespan. `state` is what the application keeps for its requests."""

    def __init__(self, app: Any, versions: Mapping[str, str], *, is_required: bool) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._versions = versions
        self._is_required = is_required
        self._task: asyncio.Task[None] | None = None
        # Messages for the application, and the last one of it.
        self._messages: asyncio.Queue[dict[str, Any]] | None = None
        self._answer: asyncio.Future[dict[str, Any]] | None = None

    async def startup(self) -> None:
        """Run the startup. Raises `HandlerError` if it fails. An application that has no lifespan is accepted."""
        self._messages = asyncio.Queue()
        self._task = asyncio.get_running_loop().create_task(self._run())
        answer = await self._exchange("lifespan.startup")
        if answer is None:
            self._accept_missing(self._task)
        elif answer["type"] == "lifespan.startup.failed":
            # Starlette raises its exception again after this message, which has the traceback.
            await asyncio.wait((self._task,), timeout=0.1)
            if self._task.done() and not self._task.cancelled():
                self._task.exception()  # Read, so that asyncio does not log it a second time.
            raise _failed_startup(str(answer.get("message", "")))

    async def shutdown(self, log: Log) -> None:
        """Run the shutdown of an application that has started."""
        if self._task is None or self._task.done():
            return
        try:
            answer = await asyncio.wait_for(self._exchange("lifespan.shutdown"), SHUTDOWN_TIMEOUT_S)
        except asyncio.TimeoutError:
            log.warning(f"The application's shutdown takes more than {SHUTDOWN_TIMEOUT_S:g} s, and is given up")
            return
        if answer is not None and answer["type"] == "lifespan.shutdown.failed":
            log.warning(f"The application's shutdown failed: {answer.get('message', '')}")

    async def _run(self) -> None:
        assert self._messages is not None
        scope = {"type": "lifespan", "asgi": {**self._versions, "spec_version": "2.0"}, "state": self.state}
        await self._app(scope, self._messages.get, self._send)

    async def _send(self, message: dict[str, Any]) -> None:
        kinds = [f"lifespan.{part}.{end}" for part in ("startup", "shutdown") for end in ("complete", "failed")]
        if message["type"] not in kinds:
            raise RuntimeError(f"the application sent {message['type']!r} in its lifespan; allowed are {kinds}")
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(message)

    async def _exchange(self, kind: str) -> dict[str, Any] | None:
        """Send a message to the application; return its answer, None if its lifespan ended without one."""
        assert self._messages is not None
        assert self._task is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._messages.put_nowait({"type": kind})
        await asyncio.wait((self._answer, self._task), return_when=asyncio.FIRST_COMPLETED)
        return self._answer.result() if self._answer.done() else None

    def _accept_missing(self, task: asyncio.Task[None]) -> None:
        """Accept an application without a lifespan, unless one is required."""
        error = None if task.cancelled() else task.exception()
        if not self._is_required:
            return
        if error is not None:
            raise HandlerError(ErrorReport.of_exception(error)) from error
        raise _failed_startup("the application has no lifespan, and lifespan is 'on'; pass lifespan='auto'")


def _failed_startup(message: str) -> HandlerError:
    # Starlette's message is a whole traceback.
    lines = message.strip().splitlines() or ["without a message"]
    return HandlerError(
        ErrorReport(
            "Runtime.ApplicationStartupFailed",
            f"The startup of the application failed: {lines[-1].strip()}",
            [f"{line}\n" for line in lines] if len(lines) > 1 else [],
        )
    )
