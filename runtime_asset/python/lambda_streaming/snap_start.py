"""SnapStart: what happens between init and the first invocation when Lambda takes a snapshot of the environment.

Hooks come from `snapshot_restore_py`, which AWS's managed images bring. Those registered with
`register_before_snapshot` run last to first; then `/restore/next` waits while the snapshot is taken and returns in each
restored copy; then those of `register_after_restore` run first to last (protocol 1.6). Whatever one of them raises ends
the process, with the exit codes of AWS's runtime.
"""

from __future__ import annotations

import sys

from lambda_streaming.error_report import ErrorReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lambda_streaming.logs import Log
    from lambda_streaming.runtime_api import RuntimeApi

    Hook = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]

EXIT_BEFORE_SNAPSHOT = 64
EXIT_AFTER_RESTORE = 65


def take_snapshot(api: RuntimeApi, log: Log) -> None:
    """Run the hooks around the snapshot; exits the process if one fails."""
    try:
        before_snapshot, after_restore = _registered_hooks()
        while before_snapshot:
            # Taken out one by one: a hook may register another.
            _run(before_snapshot.pop())
        api.restore_next()
    except BaseException as error:  # noqa: BLE001 - SystemExit of a hook as well: Lambda is told, then the process ends
        report = ErrorReport.of_exception(error)
        log.error(report)
        api.post_init_error(report, "Runtime.BeforeSnapshotError")
        sys.exit(EXIT_BEFORE_SNAPSHOT)
    _make_unique()
    try:
        for hook in after_restore:
            _run(hook)
    except BaseException as error:  # noqa: BLE001 - as above
        report = ErrorReport.of_exception(error)
        log.error(report)
        api.post_restore_error(report, "Runtime.AfterRestoreError")
        sys.exit(EXIT_AFTER_RESTORE)


def _registered_hooks() -> tuple[list[Hook], list[Hook]]:
    try:
        import snapshot_restore_py  # type: ignore[import-untyped]
    except ImportError:
        return [], []  # An image without it has no hooks either.
    return snapshot_restore_py.get_before_snapshot(), snapshot_restore_py.get_after_restore()


def _run(hook: Hook) -> None:
    function, arguments, keywords = hook
    function(*arguments, **keywords)


def _make_unique() -> None:
    """All copies of one snapshot would draw the same numbers; `os.urandom` and what builds on it are safe."""
    random = sys.modules.get("random")
    if random is not None:
        random.seed()
