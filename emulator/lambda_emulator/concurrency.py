"""Scale a function as Lambda does: an idle execution environment takes the request, else another one is started."""

from __future__ import annotations

import asyncio
import contextlib
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from .execution_environment import ExecutionEnvironment, Phase
from .functions import Function
from .interpreter import Interpreter, find_interpreter
from .invocation import Invocation, InvocationError
from .layout import Layout, lay_out
from .logs import FunctionLog, Print

_SETTLE_SECONDS = 0.1
"""How long an environment that has just answered is waited for: a caller on the same machine asks again before the
runtime has asked for more, and would be given a new environment at each request."""


class FunctionConcurrency:
    """All execution environments of one function."""

    def __init__(self, function: Function, local_addresses: Mapping[str, str], print_line: Print) -> None:
        self.function = function
        self.folder = Path()
        """Where its code is laid out, at its first request."""
        self.code = function.code
        """What is laid out as its code: the function's, or another that fits this desk."""
        self._local_addresses = local_addresses
        self._print = print_line
        self._layout: asyncio.Task[Layout] | None = None
        self._environments: list[ExecutionEnvironment] = []
        self._started = 0
        self._changed = asyncio.Event()
        self._starts: set[asyncio.Task[None]] = set()
        self._stopped = False

    @property
    def environment_count(self) -> int:
        return len(self._environments)

    async def invoke(self, invocation: Invocation) -> None:
        """Give the invocation to an execution environment; its response is read from the invocation."""
        environment = await self._idle_environment(invocation.tenant_id)
        if environment is None:
            await self._start_environment(invocation)
            return
        await environment.invoke(invocation)

    async def stop(self) -> None:
        """End every process."""
        self._stopped = True
        await asyncio.gather(*self._starts)
        await asyncio.gather(*(environment.stop() for environment in list(self._environments)))

    async def _idle_environment(self, tenant_id: str) -> ExecutionEnvironment | None:
        environment = self._in_phase(Phase.IDLE, tenant_id)
        if environment is None and self._in_phase(Phase.SETTLING, tenant_id) is not None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._settled(tenant_id), _SETTLE_SECONDS)
            environment = self._in_phase(Phase.IDLE, tenant_id)
        return environment

    def _in_phase(self, phase: Phase, tenant_id: str) -> ExecutionEnvironment | None:
        """Find an environment of the tenant; of several, the one that was busy last."""
        found = [each for each in self._environments if each.phase is phase and each.tenant_id == tenant_id]
        return max(found, key=lambda environment: environment.phase_since, default=None)

    async def _settled(self, tenant_id: str) -> None:
        while self._in_phase(Phase.IDLE, tenant_id) is None and self._in_phase(Phase.SETTLING, tenant_id) is not None:
            self._changed.clear()
            await self._changed.wait()

    async def _start_environment(self, invocation: Invocation) -> None:
        """Start one in a task of its own: what is started is also stopped, even if its caller is cut off meanwhile."""
        start = asyncio.create_task(self._prepare_and_start(invocation))
        self._starts.add(start)
        start.add_done_callback(self._starts.discard)
        await asyncio.shield(start)

    async def _prepare_and_start(self, invocation: Invocation) -> None:
        try:
            layout = await self._shared_layout()
        except (OSError, zipfile.BadZipFile) as error:
            reason = f"The code or layers of {self.function.name} cannot be laid out: {error}"
            self._print(reason)
            invocation.report(reason.encode())
            invocation.finish(InvocationError.of("Emulator.Layout", reason))
            return
        interpreter = await asyncio.to_thread(find_interpreter, self.function.runtime)
        if self._stopped:
            return
        self._started += 1
        log = FunctionLog(self._log_prefix(), self._print)
        if self._started == 1:
            self._note_differences(log, interpreter)
        environment = ExecutionEnvironment(
            self.function,
            layout,
            interpreter,
            log,
            on_change=self._environment_changed,
            local_addresses=self._local_addresses,
            tenant_id=invocation.tenant_id,
        )
        self._environments.append(environment)
        await environment.start(invocation)

    def _note_differences(self, log: FunctionLog, interpreter: Interpreter) -> None:
        """Say once what is not as on AWS: it explains what may fail in the following."""
        difference = interpreter.difference(self.function.runtime)
        if difference:
            log.note(difference)
        for variable, missing in self.function.unresolved_variables.items():
            log.note(f"{variable} holds a placeholder, only a deployment knows {', '.join(missing)}")

    async def _shared_layout(self) -> Layout:
        if self._layout is None:
            function = replace(self.function, code=self.code)
            self._layout = asyncio.create_task(asyncio.to_thread(lay_out, function, self.folder))
        return await asyncio.shield(self._layout)

    def _log_prefix(self) -> str:
        name = self.function.construct_path
        return name if self._started == 1 else f"{name}#{self._started}"

    def _environment_changed(self) -> None:
        self._environments = [each for each in self._environments if each.phase is not Phase.ENDED]
        self._changed.set()
