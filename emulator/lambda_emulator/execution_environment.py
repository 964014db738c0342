"""An execution environment: one process, its Runtime API, its log, and one invocation at a time.

It lives from its first invocation until the process ends, by itself or killed at a deadline. It is never started
again: the next invocation gets another environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path

from .functions import Function
from .interpreter import Interpreter
from .invocation import Invocation, InvocationError
from .launch import CannotStart, launch_command, process_variables
from .layout import Layout
from .logs import FunctionLog, LogPipe
from .runtime_api import RuntimeApi

INIT_LIMIT_SECONDS = 10
"""How long a function may take to its first `/next`, beyond its own timeout."""

_SHUTDOWN_SECONDS = 0.3
"""What a process that registered an internal extension has between SIGTERM and SIGKILL."""

_DRAIN_SECONDS = 1
"""How long the rest of a response is read of a process that has ended in the middle of it."""

_LOOPBACK = "127.0.0.1"


class Phase(Enum):
    """What the environment can do with the next invocation."""

    BUSY = "it has one"
    IDLE = "it takes the next"
    SETTLING = "it has answered and will take the next as soon as the runtime asks for it"
    ENDED = "it takes none any more"


class ExecutionEnvironment:
    """Runs the process of one function. `on_change` is called whenever `phase` has changed."""

    def __init__(
        self,
        function: Function,
        layout: Layout,
        interpreter: Interpreter,
        log: FunctionLog,
        on_change: Callable[[], None],
        local_addresses: Mapping[str, str],
        tenant_id: str,
    ) -> None:
        self._function = function
        self._layout = layout
        self._interpreter = interpreter
        self._log = log
        self._on_change = on_change
        self._local_addresses = local_addresses
        self._loop = asyncio.get_running_loop()

        # For the life of the process
        self.tenant_id = tenant_id
        self.phase = Phase.BUSY
        self.phase_since = time.monotonic()
        self._runtime_api = RuntimeApi(self)
        self._process: asyncio.subprocess.Process | None = None
        self._log_pipe = LogPipe(log)
        self._watcher: asyncio.Task[None] | None = None
        self._created_at = time.monotonic()
        self._init_seconds: float | None = None
        self._end_is_expected = False
        self._max_memory_mb = 0

        # For one invocation
        self._invocation: Invocation | None = None
        self._started_at = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._reported = True

    async def start(self, invocation: Invocation) -> None:
        """Start the process for its first invocation, which fails if there is nothing to start."""
        self._invocation = invocation
        runtime_api = await self._runtime_api.start(_LOOPBACK)
        await self._runtime_api.hand_over(invocation)
        try:
            await self._start_process(runtime_api)
        except CannotStart as reason:
            self._log.write(str(reason))
            invocation.finish(reason.error)
            self._log_pipe.close_write_end()
            await self._end()
            return
        self._watcher = self._loop.create_task(self._watch())
        self._deadline = self._loop.call_later(INIT_LIMIT_SECONDS + self._function.timeout_seconds, self._time_out)

    async def invoke(self, invocation: Invocation) -> None:
        """Give an idle environment its next invocation."""
        self._invocation = invocation
        self._enter(Phase.BUSY)
        await self._runtime_api.hand_over(invocation)

    async def stop(self) -> None:
        """End the process: at once, or with a moment to say goodbye if it asked for one."""
        if self._process is not None and self._process.returncode is None:
            self._end_is_expected = True
            if self._runtime_api.has_extension:
                self._signal(signal.SIGTERM)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._process.wait(), _SHUTDOWN_SECONDS)
            self._signal(signal.SIGKILL)
        if self._watcher is not None:
            await self._watcher

    # The process

    async def _start_process(self, runtime_api: str) -> None:
        command = launch_command(self._function, self._layout, self._interpreter)
        variables = process_variables(
            self._function,
            self._layout,
            self._interpreter,
            runtime_api=runtime_api,
            local_addresses=self._local_addresses,
            log_stream=time.strftime("%Y/%m/%d/[$LATEST]") + os.urandom(16).hex(),
            desk=os.environ,
        )
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self._layout.task,
                env=variables,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=self._log_pipe.write_end,
                stderr=self._log_pipe.write_end,
                start_new_session=True,  # what it starts in its turn is ended with it
            )
        except OSError as error:
            raise CannotStart("Runtime.InvalidEntrypoint", f"{Path(command[0]).name}: {error.strerror}") from None
        self._log_pipe.close_write_end()

    async def _watch(self) -> None:
        assert self._process is not None
        status = await self._process.wait()
        self._signal(signal.SIGKILL)
        await self._runtime_api.drain(_DRAIN_SECONDS)
        self._log_pipe.read_now()
        if self._invocation is not None and not self._end_is_expected:
            error = _exit_error(self._invocation, status)
            self._log.write(f"{error.message} {error.error_type}")
            self._finish(self._invocation, error)
        self._report()
        await self._end()

    async def _end(self) -> None:
        self._cancel_deadline()
        self._log_pipe.close()
        if self._invocation is not None:
            self._invocation.report(self._log.tail)
        self._enter(Phase.ENDED)
        await self._runtime_api.close()

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and to those it started, which share its process group."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                return

    # What the Runtime API tells

    def runtime_ready(self) -> None:
        self._cancel_deadline()
        if self._init_seconds is None:
            self._init_seconds = time.monotonic() - self._created_at
            return
        self._enter(Phase.IDLE)
        self._report()

    def invocation_started(self, invocation: Invocation) -> None:
        self._log.start_tail()
        self._log.write(f"START RequestId: {invocation.request_id} Version: $LATEST")
        self._started_at = time.monotonic()
        self._reported = False
        self._deadline = self._loop.call_later(self._function.timeout_seconds, self._time_out)

    def response_sent(self, invocation: Invocation) -> None:
        self._log_pipe.read_now()
        self._read_memory()
        if invocation.error is not None and not self._end_is_expected:
            self._log.note(f"RequestId: {invocation.request_id} failed: {_describe(invocation.error)}")
        self._enter(Phase.SETTLING)

    def init_failed(self, error: InvocationError) -> None:
        self._log_pipe.read_now()
        self._log.note(f"init failed: {_describe(error)}")
        if self._invocation is not None:
            self._finish(self._invocation, error)
        self._end_is_expected = True  # the runtime is expected to exit, and is helped if it does not
        self._cancel_deadline()
        self._deadline = self._loop.call_later(_SHUTDOWN_SECONDS, self._kill)

    def request_refused(self, how: str) -> None:
        self._log_pipe.read_now()
        self._log.note(f"a request of the runtime was {how}")

    # The end of an invocation that the runtime does not end

    def _time_out(self) -> None:
        """Kill the process at its deadline: also one that has answered and goes on working."""
        if self._invocation is None:
            return
        self._log_pipe.read_now()
        self._read_memory()
        seconds = self._function.timeout_seconds
        message = f"RequestId: {self._invocation.request_id} Error: Task timed out after {seconds:.2f} seconds"
        self._log.write(message)
        self._kill()
        self._finish(self._invocation, InvocationError.of("Sandbox.Timeout", message))

    def _kill(self) -> None:
        self._end_is_expected = True
        self._signal(signal.SIGKILL)

    def _finish(self, invocation: Invocation, error: InvocationError) -> None:
        invocation.finish(error)

    # The report of an invocation

    def _report(self) -> None:
        if self._reported or self._invocation is None:
            return
        self._reported = True
        self._log_pipe.read_now()
        self._read_memory()
        duration_ms = (time.monotonic() - self._started_at) * 1000
        request_id = self._invocation.request_id
        parts = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {duration_ms:.2f} ms",
            f"Memory Size: {self._function.memory_size_mb} MB",
            f"Max Memory Used: {self._max_memory_mb} MB",
        ]
        if self._init_seconds:
            parts.append(f"Init Duration: {self._init_seconds * 1000:.2f} ms")
            self._init_seconds = 0.0
        self._log.write(f"END RequestId: {request_id}")
        self._log.write("  ".join(parts))
        self._invocation.report(self._log.tail)

    def _read_memory(self) -> None:
        """Note the most memory the process has used; only Linux tells."""
        if self._process is None:
            return
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self._max_memory_mb = int(line.split()[1]) // 1024

    def _enter(self, phase: Phase) -> None:
        if self.phase is not Phase.ENDED:
            self.phase = phase
            self.phase_since = time.monotonic()
            self._on_change()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _exit_error(invocation: Invocation, status: int) -> InvocationError:
    if status < 0:
        reason = f"Runtime exited with error: signal: {signal.Signals(-status).name}"
    elif status > 0:
        reason = f"Runtime exited with error: exit status {status}"
    else:
        reason = "Runtime exited without providing a reason"
    return InvocationError.of("Runtime.ExitError", f"RequestId: {invocation.request_id} Error: {reason}")


def _describe(error: InvocationError) -> str:
    return f"{error.error_type}: {error.message}"
