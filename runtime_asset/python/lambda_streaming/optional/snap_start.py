"""SnapStart: the hooks before the snapshot of an environment and after each restore.

`snapshot_restore_py`, part of AWS's managed images, registers the hooks. Those of `register_before_snapshot` run last
to first. Then `/restore/next` waits while Lambda takes the snapshot, and returns in each restored copy. Then those of
`register_after_restore` run first to last (protocol.md 1.6). An exception of a hook ends the process, with the exit
codes of AWS's runtime.
"""

from __future__ import annotations

import sys

from lambda_streaming.error_report import ErrorReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lambda_streaming.process.logs import Log
    from lambda_streaming.wire.runtime_api import RuntimeApi

    Hook = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]

EXIT_BEFORE_SNAPSHOT = 64
EXIT_AFTER_RESTORE = 65


def take_snapshot(api: RuntimeApi, log: Log) -> None:
    """Run the hooks around the snapshot; exits the process if one fails."""
    try:
        before_snapshot, after_restore = _registered_hooks()
        while before_snapshot:
            # One by one: a hook may register another.
            _run(before_snapshot.pop())
        api.restore_next()
    except BaseException as error:  # noqa: BLE001 - SystemExit too: it is reported, then the process ends
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
        return [], []  # An image without the module has no hooks.
    return snapshot_restore_py.get_before_snapshot(), snapshot_restore_py.get_after_restore()


def _run(hook: Hook) -> None:
    function, arguments, keywords = hook
    function(*arguments, **keywords)


def _make_unique() -> None:
    """Seed `random` again: all copies of a snapshot would draw the same numbers. `os.urandom` is safe."""
    random = sys.modules.get("random")
    if random is not None:
        random.seed()
