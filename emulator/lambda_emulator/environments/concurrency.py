"""Scaling, as on Lambda: an idle execution environment takes an invocation, or else a new one starts.

An invocation above a limit is rejected. Environments that have been idle for long end, but for one of each function.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import time
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..functions import Function
from ..invocation import Invocation, InvocationError, Throttled, ThrottleReason
from ..logs import FunctionLog, Print
from .credentials import Credentials
from .execution_environment import ExecutionEnvironment, Phase
from .interpreters import Interpreter, find_interpreter
from .launch import reason_not_run
from .layout import Layout, lay_out
from .processes import Processes, is_exhausted

DEFAULT_MAX_CONCURRENCY = 100
"""Each environment is a process here, most with 20 to 60 MB. AWS's default of 1,000 would fill a laptop's memory."""

DEFAULT_IDLE_SECONDS = 60.0
"""AWS keeps idle environments for some minutes. Here they take the memory of a developer machine."""

_SETTLE_SECONDS = 0.1
"""Time to wait for an environment that has just answered, until its runtime asks for the next invocation.

A caller on the same machine is faster than the runtime. Without the wait, each of its requests would start a new
environment.
"""

_DESCRIPTORS_OF_AN_ENVIRONMENT = 8

_SPARE_DESCRIPTORS = 24
"""Descriptors for callers, so that each gets at least a 429."""

_RUNNING = {Phase.BUSY, Phase.SETTLING}


class Account:
    """The limit that all functions share."""

    def __init__(self, max_concurrency: int = DEFAULT_MAX_CONCURRENCY) -> None:
        self.max_concurrency = max_concurrency
        self.functions: list[FunctionConcurrency] = []

    @property
    def running(self) -> int:
        return sum(function.running for function in self.functions)

    @property
    def starting(self) -> int:
        return sum(function.starting for function in self.functions)


class FunctionConcurrency:
    """Execution environments of one function."""

    def __init__(
        self,
        function: Function,
        *,
        account: Account,
        processes: Processes,
        folder: Path,
        idle_seconds: float,
        local_addresses: Mapping[str, str],
        credentials: Credentials,
        print_line: Print,
    ) -> None:
        self.function = function
        self.code = function.code
        """Code to lay out: the function's own, or a bundle for this machine."""
        self._account = account
        self._processes = processes
        self._folder = folder
        self._idle_seconds = idle_seconds
        self._local_addresses = local_addresses
        self._credentials = credentials
        self._print = print_line
        self._layout: asyncio.Task[Layout] | None = None
        self._early_start: asyncio.Task[None] | None = None
        self._environments: list[ExecutionEnvironment] = []
        self._started = 0
        self.starting = 0
        """Invocations whose environment does not exist yet."""
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle_check: asyncio.TimerHandle | None = None
        self._stopped = False
        account.functions.append(self)

    @property
    def environment_count(self) -> int:
        return len(self._environments)

    @property
    def running(self) -> int:
        """The number of invocations that run now."""
        return self.starting + sum(environment.phase in _RUNNING for environment in self._environments)

    async def invoke(self, invocation: Invocation) -> None:
        """Give the invocation to an execution environment. The response is read from the invocation.

        Raise `Throttled` if it would exceed a limit.
        """
        if self._early_start is not None:
            await asyncio.wait({self._early_start})
        environment = await self._idle_environment(invocation.tenant_id)
        self._check_limits()
        if environment is not None:
            await environment.invoke(invocation)
            return
        self._check_descriptors()
        await self._start_environment(invocation)

    def start_early(self) -> None:
        """Start an environment before the first invocation, so that a failure of its init shows at once."""
        function = self.function
        is_excluded = reason_not_run(function) or function.is_made_by_cdk or function.isolates_tenants
        if not is_excluded and function.reserved_concurrency != 0 and not self._environments:
            self._early_start = self._in_background(self._prepare_and_start(None))

    async def stop(self) -> None:
        """End every process."""
        self._stopped = True
        if self._idle_check is not None:
            self._idle_check.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(environment.stop() for environment in list(self._environments)))

    # Limits

    def _check_limits(self) -> None:
        reserved = self.function.reserved_concurrency
        if reserved is not None and self.running >= reserved:
            raise Throttled(
                ThrottleReason.RESERVED_CONCURRENCY,
                f"Rate Exceeded. {self.function.name} runs {self.running} invocations, and its "
                f"ReservedConcurrentExecutions is {reserved}.",
            )
        if self._account.running >= self._account.max_concurrency:
            raise Throttled(
                ThrottleReason.CONCURRENCY,
                f"Rate Exceeded. {self._account.running} invocations run, and --max-concurrency is "
                f"{self._account.max_concurrency}.",
            )

    def _check_descriptors(self) -> None:
        needed = (self._account.starting + 1) * _DESCRIPTORS_OF_AN_ENVIRONMENT + _SPARE_DESCRIPTORS
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit != resource.RLIM_INFINITY and _open_descriptors() + needed > limit:
            raise Throttled(
                ThrottleReason.CONCURRENCY,
                f"Rate Exceeded. The emulator may open {limit} files, which is not enough for another environment. "
                "Raise the limit with `ulimit -n`.",
            )

    # Choosing an environment

    async def _idle_environment(self, tenant_id: str) -> ExecutionEnvironment | None:
        environment = self._in_phase(Phase.IDLE, tenant_id)
        if environment is None and self._in_phase(Phase.SETTLING, tenant_id) is not None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._settled(tenant_id), _SETTLE_SECONDS)
            environment = self._in_phase(Phase.IDLE, tenant_id)
        return environment

    def _in_phase(self, phase: Phase, tenant_id: str) -> ExecutionEnvironment | None:
        """Return an environment of the tenant in this phase: the one that was busy last, or None."""
        found = [each for each in self._environments if each.phase is phase and each.tenant_id == tenant_id]
        return max(found, key=lambda environment: environment.phase_since, default=None)

    async def _settled(self, tenant_id: str) -> None:
        while self._in_phase(Phase.IDLE, tenant_id) is None and self._in_phase(Phase.SETTLING, tenant_id) is not None:
            self._changed.clear()
            await self._changed.wait()

    # Starting an environment

    async def _start_environment(self, invocation: Invocation) -> None:
        """Start an environment in a task of its own, so that it is also stopped if its caller leaves meanwhile."""
        self.starting += 1
        await asyncio.shield(self._in_background(self._prepare_and_start(invocation)))

    async def _prepare_and_start(self, invocation: Invocation | None) -> None:
        try:
            environment = await self._prepare(invocation)
        except OSError as error:
            self._report_failed_layout(invocation, error)
            return
        finally:
            if invocation is not None:
                self.starting -= 1
        if environment is not None:
            self._environments.append(environment)
            await _start(environment)

    async def _prepare(self, invocation: Invocation | None) -> ExecutionEnvironment | None:
        layout = await self._shared_layout()
        interpreter = await asyncio.to_thread(find_interpreter, self.function.runtime)
        if self._stopped:
            return None
        self._started += 1
        log = FunctionLog(self._log_prefix(), self._print)
        if self._started == 1:
            differences = self._differences(interpreter) if invocation else ()  # the start prints them
            for difference in (*differences, *map(str, layout.left_out)):
                log.announce(difference)
        return ExecutionEnvironment(
            self.function,
            layout,
            interpreter,
            log,
            processes=self._processes,
            on_change=self._environment_changed,
            local_addresses=self._local_addresses,
            credentials=self._credentials,
            invocation=invocation,
        )

    def _report_failed_layout(self, invocation: Invocation | None, error: Exception) -> None:
        reason = f"The code or layers of {self.function.name} cannot be copied: {error}"
        self._print(reason)
        if invocation is not None:
            invocation.report(reason.encode())
            invocation.finish(InvocationError.of("Emulator.Layout", reason))

    def _differences(self, interpreter: Interpreter) -> Iterator[str]:
        """Yield the differences from AWS, which may explain later failures."""
        difference = interpreter.difference(self.function.runtime)
        if difference:
            yield difference
        yield from self.function.placeholder_warnings

    async def _shared_layout(self) -> Layout:
        if self._layout is None:
            function = replace(self.function, code=self.code)
            self._layout = asyncio.create_task(asyncio.to_thread(lay_out, function, self._folder))
        return await asyncio.shield(self._layout)

    def _log_prefix(self) -> str:
        name = self.function.construct_path
        return name if self._started == 1 else f"{name}#{self._started}"

    # Ending idle environments

    def _environment_changed(self) -> None:
        self._environments = [each for each in self._environments if each.phase is not Phase.ENDED]
        self._changed.set()
        self._schedule_idle_check()

    def _schedule_idle_check(self) -> None:
        if self._idle_check is not None:
            self._idle_check.cancel()
            self._idle_check = None
        surplus = self._surplus_environments()
        if surplus and not self._stopped:
            age = time.monotonic() - surplus[0].phase_since
            loop = asyncio.get_running_loop()
            self._idle_check = loop.call_later(max(0, self._idle_seconds - age), self._end_idle_environment)

    def _surplus_environments(self) -> list[ExecutionEnvironment]:
        """Return the idle environments, the one that is idle for longest first, without one that is kept."""
        idle = [each for each in self._environments if each.phase is Phase.IDLE]
        has_others = any(each.phase in _RUNNING for each in self._environments)
        longest_first = sorted(idle, key=lambda environment: environment.phase_since)
        return longest_first if has_others else longest_first[:-1]

    def _end_idle_environment(self) -> None:
        for environment in self._surplus_environments()[:1]:
            environment.retire()
            self._in_background(self._end(environment))

    async def _end(self, environment: ExecutionEnvironment) -> None:
        await environment.stop()
        environment.log.announce(f"ended after {self._idle_seconds:g} seconds without an invocation")

    def _in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_retrieve_exception)
        return task


async def _start(environment: ExecutionEnvironment) -> None:
    try:
        await environment.start()
    except OSError as error:
        if not is_exhausted(error):
            raise
        reason = f"Rate Exceeded. No process can start: {error.strerror}. End other programs, or raise the limit."
        raise Throttled(ThrottleReason.CONCURRENCY, reason) from None


def _retrieve_exception(task: asyncio.Task[None]) -> None:
    """Mark the exception of a task as seen. Its caller may have left."""
    if not task.cancelled():
        task.exception()


def _open_descriptors() -> int:
    """Return the number of this process's open descriptors, or 0 if the system does not tell."""
    try:
        return len(os.listdir("/dev/fd"))
    except OSError:
        return 0
