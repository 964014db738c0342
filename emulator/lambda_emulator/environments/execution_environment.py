"""Execution environments: one process each, with a Runtime API, a log, and one invocation at a time.

An environment lives from its start until its process ends: by itself, killed at a deadline, or because it was idle for
too long. It is never started again: the next invocation gets another environment.
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

from ..functions import Function
from ..invocation import Invocation, InvocationError
from ..logs import FunctionLog, LogPipe
from .credentials import Credentials, CredentialsError
from .interpreters import Interpreter
from .launch import LOG_FRAMES_VARIABLE, CannotStart, launch_command, process_variables, writes_log_frames
from .layout import Layout
from .processes import Process, Processes, is_exhausted
from .report import TIMEOUT, Report, Status, end_line, init_report_line, start_line
from .runtime_api import RuntimeApi

INIT_LIMIT_SECONDS = 10
"""Time until the first `/next`, in addition to the function's timeout."""

MAX_OPEN_FILES = 1024
"""Lambda's limit for a function's descriptors."""

_SHUTDOWN_SECONDS = 0.3
"""Time between SIGTERM and SIGKILL, for a process that registered an internal extension."""

_DRAIN_SECONDS = 1
"""Time to read the rest of a response after its process has ended."""

_LOOPBACK = "127.0.0.1"


class Phase(Enum):
    """Readiness of an environment for its next invocation."""

    BUSY = "it has an invocation"
    IDLE = "it takes the next invocation"
    SETTLING = "it has answered, and is idle as soon as the runtime asks for the next invocation"
    ENDING = "its process is about to end"
    ENDED = "its process has ended"


_ALLOWED = {
    Phase.IDLE: {Phase.BUSY, Phase.ENDING, Phase.ENDED},
    Phase.BUSY: {Phase.SETTLING, Phase.ENDING, Phase.ENDED},
    Phase.SETTLING: {Phase.IDLE, Phase.ENDING, Phase.ENDED},
    Phase.ENDING: {Phase.ENDED},
    Phase.ENDED: set(),
}
"""Moves between phases. Others change nothing: the response of a process that is about to end may still arrive."""


class ExecutionEnvironment:
    """Execution environment of a function. Every change of `phase` calls `on_change`.

    Without an invocation to start with, it is idle at once: an invocation may come before its init is complete.
    """

    def __init__(
        self,
        function: Function,
        layout: Layout,
        interpreter: Interpreter,
        log: FunctionLog,
        processes: Processes,
        on_change: Callable[[], None],
        local_addresses: Mapping[str, str],
        credentials: Credentials,
        invocation: Invocation | None,
    ) -> None:
        self._function = function
        self._layout = layout
        self._interpreter = interpreter
        self.log = log
        self._processes = processes
        self._on_change = on_change
        self._local_addresses = local_addresses
        self._credentials = credentials
        self._loop = asyncio.get_running_loop()

        # For the life of the process
        self.tenant_id = invocation.tenant_id if invocation else ""
        self.phase = Phase.BUSY if invocation else Phase.IDLE
        self.phase_since = time.monotonic()
        self._runtime_api = RuntimeApi(self)
        self._process: Process | None = None
        self._log_pipe: LogPipe | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._created_at = time.monotonic()
        self._init_ms: float | None = None
        self._init_is_complete = False
        self._end_is_expected = False
        self._max_memory_mb = 0

        # For one invocation
        self._invocation = invocation
        self._started_at = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._status: Status | None = None
        self._reported = True

    async def start(self) -> None:
        """Start the process. Its invocation fails if it cannot start. Raise `OSError` if the machine is exhausted."""
        self._deadline = self._loop.call_later(INIT_LIMIT_SECONDS + self._function.timeout_seconds, self._time_out)
        try:
            await self._start_process()
        except CannotStart as reason:
            self.log.write(str(reason))
            self._report_failed_init(Status("error", reason.error.error_type))
            if self._invocation is not None:
                self._invocation.finish(reason.error)
            await self._end()
            return
        except OSError:
            await self._end()
            raise
        self._watcher = self._loop.create_task(self._watch())

    async def invoke(self, invocation: Invocation) -> None:
        """Give an idle environment its next invocation."""
        self._invocation = invocation
        self._enter(Phase.BUSY)
        await self._runtime_api.hand_over(invocation)

    def retire(self) -> None:
        """Take no further invocation. `stop` has to follow."""
        self._expect_end()

    async def stop(self) -> None:
        """End the process. SIGKILL follows SIGTERM after `_SHUTDOWN_SECONDS` if it registered an internal extension."""
        if self._process is not None and not self._process.has_ended:
            self._expect_end()
            if self._runtime_api.has_extension:
                self._process.send_signal(signal.SIGTERM)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._process.wait(), _SHUTDOWN_SECONDS)
            self._process.end()
        if self._watcher is not None:
            await self._watcher

    # The process

    async def _start_process(self) -> None:
        command = launch_command(self._function, self._layout, self._interpreter)
        has_frames = writes_log_frames(self._function)
        self._log_pipe = LogPipe(self.log, with_frames=has_frames)
        variables = process_variables(
            self._function,
            self._layout,
            self._interpreter,
            runtime_api=await self._runtime_api.start(_LOOPBACK),
            local_addresses=self._local_addresses,
            log_stream=time.strftime("%Y/%m/%d/[$LATEST]") + os.urandom(16).hex(),
            credentials=await self._read_credentials(),
        )
        if self._invocation is not None:
            await self._runtime_api.hand_over(self._invocation)
        output = self._log_pipe.write_end
        try:
            self._process = await self._processes.run(
                command,
                folder=self._layout.task,
                variables=variables,
                stdout=output,
                stderr=output,
                inherited={LOG_FRAMES_VARIABLE: output} if has_frames else {},
                max_open_files=MAX_OPEN_FILES,
            )
        except OSError as error:
            if is_exhausted(error):
                raise
            raise CannotStart("Runtime.InvalidEntrypoint", f"{Path(command[0]).name}: {error.strerror}") from None
        self._log_pipe.close_write_end()

    async def _read_credentials(self) -> Mapping[str, str]:
        try:
            return await asyncio.to_thread(self._credentials.read)
        except CredentialsError as error:
            raise CannotStart("Emulator.Credentials", str(error)) from None

    async def _watch(self) -> None:
        assert self._process is not None
        status = await self._process.wait()
        await self._runtime_api.drain(_DRAIN_SECONDS)
        self._flush_log()
        if not self._end_is_expected:
            self._log_exit(_exit_reason(status))
        self._report()
        await self._end()

    def _log_exit(self, reason: str) -> None:
        """Log an end that only the process itself has caused, and tell the caller."""
        self._status = Status("error", "Runtime.ExitError")
        self._report_failed_init(self._status)
        if self._invocation is None or (self._invocation.is_over and self._reported):
            self.log.announce(f"the process has ended: {reason}")
            return
        error = InvocationError.of("Runtime.ExitError", f"RequestId: {self._invocation.request_id} Error: {reason}")
        self.log.write(f"{error.message}\n{error.error_type}")
        self._invocation.finish(error)

    async def _end(self) -> None:
        self._cancel_deadline()
        if self._log_pipe is not None:
            self._log_pipe.close()
        if self._invocation is not None:
            self._invocation.report(self.log.tail)
        self._enter(Phase.ENDED)
        await self._runtime_api.close()

    # The protocol `RuntimeObserver`

    def runtime_ready(self) -> None:
        self._cancel_deadline()
        if not self._init_is_complete:
            self._init_is_complete = True
            self._init_ms = self._init_age_ms
            return
        self._report()
        self._enter(Phase.IDLE)

    def invocation_started(self, invocation: Invocation) -> None:
        self.log.start_tail()
        self.log.write(start_line(invocation.request_id))
        self._started_at = time.monotonic()
        self._reported = False
        self._deadline = self._loop.call_later(self._function.timeout_seconds, self._time_out)

    def response_sent(self, invocation: Invocation) -> None:
        self._read_log()
        self._read_memory()
        if invocation.error is not None and not self._end_is_expected:
            self.log.announce(f"RequestId: {invocation.request_id} failed: {_describe(invocation.error)}")
        self._enter(Phase.SETTLING)

    def init_failed(self, error: InvocationError) -> None:
        self._flush_log()
        self._report_failed_init(Status("error", error.error_type))
        self.log.announce(f"init failed: {_describe(error)}")
        if self._invocation is not None:
            self._invocation.finish(error)
        self._expect_end()  # the runtime has to exit; it is killed if it does not
        self._cancel_deadline()
        self._deadline = self._loop.call_later(_SHUTDOWN_SECONDS, self._kill)

    def request_rejected(self, answer: str) -> None:
        self._read_log()
        self.log.announce(f"a request of the runtime was {answer}")

    # Invocations that the runtime does not end

    def _time_out(self) -> None:
        """Kill the process at its deadline, even if it has answered and still works."""
        self._flush_log()
        self._read_memory()
        self._status = TIMEOUT
        self._report_failed_init(TIMEOUT)
        self._kill()
        if self._invocation is not None:
            error = _timeout_error(self._invocation)
            self.log.announce(f"failed: {_describe(error)}")
            self._invocation.finish(error)

    def _kill(self) -> None:
        self._expect_end()
        if self._process is not None:
            self._process.end()

    def _expect_end(self) -> None:
        self._end_is_expected = True
        self._enter(Phase.ENDING)

    # The log

    def _report(self) -> None:
        """Log the end of an invocation. Its log is complete then."""
        if self._reported or self._invocation is None:
            return
        self._reported = True
        self._flush_log()
        self._read_memory()
        request_id = self._invocation.request_id
        report = Report(
            request_id,
            duration_ms=self._duration_ms,
            memory_size_mb=self._function.memory_size_mb,
            max_memory_mb=self._max_memory_mb,
            init_ms=self._init_ms,
            status=self._status,
        )
        self._init_ms = None
        self.log.write(end_line(request_id))
        self.log.write(report.line())
        self._invocation.report(self.log.tail)

    @property
    def _duration_ms(self) -> float:
        if self._status is TIMEOUT:
            return self._function.timeout_seconds * 1000
        return (time.monotonic() - self._started_at) * 1000

    def _report_failed_init(self, status: Status) -> None:
        if not self._init_is_complete:
            self._init_is_complete = True
            self.log.write(init_report_line(self._init_age_ms, status))

    @property
    def _init_age_ms(self) -> float:
        return (time.monotonic() - self._created_at) * 1000

    def _read_log(self) -> None:
        if self._log_pipe is not None:
            self._log_pipe.read_now()

    def _flush_log(self) -> None:
        if self._log_pipe is not None:
            self._log_pipe.flush()

    def _read_memory(self) -> None:
        """Record the peak memory of the process. Only Linux reports it."""
        if self._process is None or self._process.has_ended:
            return
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self._max_memory_mb = int(line.split()[1]) // 1024

    def _enter(self, phase: Phase) -> None:
        if phase in _ALLOWED[self.phase]:
            self.phase = phase
            self.phase_since = time.monotonic()
            self._on_change()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _exit_reason(status: int) -> str:
    """Return the reason for an end, in the words of Lambda, which is written in Go."""
    if status < 0:
        name = signal.strsignal(-status) or f"signal {-status}"
        return f"Runtime exited with error: signal: {name.partition(':')[0].lower()}"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    return "Runtime exited without providing a reason"


def _timeout_error(invocation: Invocation) -> InvocationError:
    seconds = invocation.function.timeout_seconds
    message = f"RequestId: {invocation.request_id} Error: Task timed out after {seconds:.2f} seconds"
    return InvocationError.of("Sandbox.Timedout", message)


def _describe(error: InvocationError) -> str:
    return f"{error.error_type}: {error.message}"
