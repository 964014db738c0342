"""Program that starts an emulator's processes, and ends them and all their descendants with the emulator.

    python -I -S supervisor.py DESCRIPTOR LOCK FOLDER

It shares no code with the emulator, and imports little: the emulator starts faster. The program itself is the
*launcher*. DESCRIPTOR is a socket to the emulator; each byte on it brings descriptors, and the first is a *control*
socket. For each byte the launcher forks a *supervisor*, which reads a `Request` from the control socket, starts the
process, and answers with lines of JSON: `pid` or `errno`, and at the end `status`.

The kernel closes the emulator's sockets, however the emulator ends. Then the supervisors end their processes, and the
launcher removes FOLDER. LOCK is a descriptor that stays open until then. On Linux a supervisor adopts the orphans of
its process, so none escapes by `setsid` or by a second fork, and the launcher does the same for a supervisor that was
killed. Elsewhere the process group is ended.

Only children that have not been reaped are signalled: their ids cannot belong to other processes.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, NoReturn

END = 0
"""Byte on a control socket that ends the process and its descendants. Other bytes are signals to its process group."""

MAX_DESCRIPTORS = 8

_IS_LINUX = sys.platform == "linux"

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_PARENT_CHECK_SECONDS = 1
"""Interval of looking for the emulator. Its sockets stay open if a fork of it has inherited them."""

_SUPERVISORS_END_SECONDS = 3

_POLL_SECONDS = 0.001


class Request(NamedTuple):
    """Process to start. Its stdout and stderr are the second and third descriptor beside the control socket."""

    command: Sequence[str]
    folder: str
    variables: dict[str, str]
    descriptor_variables: Sequence[str] = ()
    """Variables that hold the numbers of the further descriptors, which the process inherits."""
    max_open_files: int | None = None


def main() -> None:
    requests, lock, folder = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), sys.argv[3]
    for descriptor in (requests.fileno(), lock):
        os.set_inheritable(descriptor, False)
    _adopt_orphans()
    supervisors = _launch_supervisors(requests, emulator=os.getppid())
    _end_supervisors(supervisors)
    _remove(folder)


# The launcher


def _launch_supervisors(requests: socket.socket, *, emulator: int) -> set[int]:
    """Fork a supervisor for each request, until the emulator ends. Return the ids of those that are left."""
    supervisors: set[int] = set()
    requests.settimeout(_PARENT_CHECK_SECONDS)
    while os.getppid() == emulator:
        with suppress(TimeoutError):
            descriptors = _receive(requests)
            if not descriptors:
                break
            _fork_supervisor(requests, descriptors, supervisors)
        _reap(supervisors)
    return supervisors


def _receive(requests: socket.socket) -> list[int]:
    """Return the descriptors of the next request, or none if the emulator has ended."""
    with suppress(ConnectionError):
        return socket.recv_fds(requests, 1, MAX_DESCRIPTORS)[1]
    return []


def _fork_supervisor(requests: socket.socket, descriptors: Sequence[int], supervisors: set[int]) -> None:
    launcher = os.getpid()
    try:
        pid = os.fork()
        if pid == 0:
            requests.close()
            _run_supervisor(launcher, descriptors)
        supervisors.add(pid)
    except OSError as error:
        with suppress(OSError):  # the emulator has ended
            os.write(descriptors[0], _encode(errno=error.errno))
    for descriptor in descriptors:
        os.close(descriptor)


def _reap(supervisors: set[int]) -> None:
    """Reap supervisors that have ended. End the processes that one of them has left."""
    with suppress(ChildProcessError):
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            supervisors.discard(pid)
    for orphan in _children():
        if orphan not in supervisors:
            _kill(orphan)


def _end_supervisors(supervisors: set[int]) -> None:
    """Wait until the supervisors have ended their processes. End them and their processes if they do not."""
    for pid in supervisors:
        _kill(pid, signal.SIGTERM)
        _kill(pid, signal.SIGCONT)
    deadline = time.monotonic() + _SUPERVISORS_END_SECONDS
    while supervisors and time.monotonic() < deadline:
        _reap(supervisors)
        time.sleep(_POLL_SECONDS)
    for pid in supervisors:
        _kill(pid)
    _end_children()


def _remove(folder: str) -> None:
    import shutil  # takes longer to import than all the others

    shutil.rmtree(folder, ignore_errors=True)


# A supervisor


def _run_supervisor(launcher: int, descriptors: Sequence[int]) -> NoReturn:
    try:
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        _end_with_parent(launcher, signal.SIGTERM)
        _adopt_orphans()
        _supervise(socket.socket(fileno=descriptors[0]), descriptors[1:])
    except Exception as error:  # noqa: BLE001 - a fork must never run the launcher's code
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        os._exit(0)


def _supervise(control: socket.socket, descriptors: Sequence[int]) -> None:
    wakeups = _wake_up_on(signal.SIGCHLD, signal.SIGTERM)
    with control.makefile("rb", buffering=0) as lines:
        text = lines.readline()
    if not text:
        return
    try:
        pid = _start(Request(**json.loads(text)), descriptors)
    except OSError as error:
        _answer(control, errno=error.errno)
        return
    _answer(control, pid=pid)
    _answer(control, status=_watch(control, wakeups, pid))


def _answer(control: socket.socket, **values: int | None) -> None:
    with suppress(OSError):  # the emulator has ended
        control.sendall(_encode(**values))


def _encode(**values: int | None) -> bytes:
    return f"{json.dumps(values)}\n".encode()


def _wake_up_on(*signals: signal.Signals) -> socket.socket:
    """Return a socket that gets a byte for each of the signals."""
    receiver, sender = socket.socketpair()
    receiver.setblocking(False)
    sender.setblocking(False)
    signal.set_wakeup_fd(sender.detach(), warn_on_full_buffer=False)
    for number in signals:
        signal.signal(number, lambda *_: None)
    return receiver


def _watch(control: socket.socket, wakeups: socket.socket, process: int) -> int:
    """Wait until the process ends, or has to. Return its exit status when no descendant is left."""
    while True:
        readable, _, _ = select.select([control, wakeups], [], [])
        if wakeups in readable and signal.SIGTERM in wakeups.recv(64):
            return _end_process(process)
        if control in readable and not _pass_on_signals(control, process):
            return _end_process(process)
        status = _reap_orphans(process)
        if status is not None:
            _end_process(process)
            return status


def _pass_on_signals(control: socket.socket, process: int) -> bool:
    """Send the received signals to the process group. Return False if the process has to end."""
    try:
        numbers = control.recv(64)
    except ConnectionError:
        return False
    for number in numbers:
        if number == END:
            return False
        _kill_group(process, number)
    return bool(numbers)


def _reap_orphans(process: int) -> int | None:
    """Reap what has ended. Return the exit status of the process if it is among them, else None."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == process:
                return os.waitstatus_to_exitcode(status)
            if pid == 0:
                break
    return None


def _end_process(process: int) -> int:
    """End the process and its descendants. Return its exit status, or 0 if it has been reaped."""
    if not _IS_LINUX:
        _kill_group(process, signal.SIGKILL)
    return _end_children(process)


def _end_children(process: int = 0) -> int:
    """End all children. Orphans become children, so in the end no descendant is left. Return the status of one."""
    process_status = 0
    while True:
        for child in _children():
            _kill(child)
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return process_status
        if pid == process:
            process_status = os.waitstatus_to_exitcode(status)
        elif pid == 0:
            time.sleep(_POLL_SECONDS)


# Starting a process


def _start(request: Request, descriptors: Sequence[int]) -> int:
    """Start the process and return its id. Raise `OSError` if the program cannot run."""
    failures, failed = os.pipe()
    supervisor = os.getpid()
    pid = os.fork()
    if pid == 0:
        _execute(request, descriptors, supervisor, failed)
    for descriptor in (*descriptors, failed):
        os.close(descriptor)
    failure = os.read(failures, 16)  # empty when the program runs, which closes the other end
    os.close(failures)
    if failure:
        os.waitpid(pid, 0)
        raise OSError(int(failure), os.strerror(int(failure)))
    return pid


def _execute(request: Request, descriptors: Sequence[int], supervisor: int, failed: int) -> NoReturn:
    try:
        os.setsid()
        _end_with_parent(supervisor, signal.SIGKILL)
        stdout, stderr, *inherited = descriptors
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        for descriptor in inherited:
            os.set_inheritable(descriptor, True)
        numbers = dict(zip(request.descriptor_variables, map(str, inherited), strict=True))
        os.chdir(request.folder)
        _limit_open_files(request.max_open_files)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and a program inherits that
            signal.signal(number, signal.SIG_DFL)
        os.execve(request.command[0], list(request.command), {**request.variables, **numbers})
    except OSError as error:
        os.write(failed, str(error.errno).encode())
    finally:
        os._exit(127)


def _limit_open_files(number: int | None) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if number is not None and (hard == resource.RLIM_INFINITY or number <= hard):
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


# The kernel


def _adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends."""
    if _IS_LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _end_with_parent(parent: int, number: signal.Signals) -> None:
    """Get a signal when the parent ends. Exit if it has ended already."""
    if _IS_LINUX:
        _prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def _children() -> list[int]:
    """Return the ids of this process's children. Only Linux tells them."""
    try:
        with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def _kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _kill_group(process: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process, number)


if __name__ == "__main__":
    main()
