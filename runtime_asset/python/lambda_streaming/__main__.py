"""The runtime: `bootstrap` starts it in place of AWS's own, and it serves invocations until Lambda ends it."""

from __future__ import annotations

import sys

from lambda_streaming.applications.handler import HandlerApplication
from lambda_streaming.applications.handler_loader import HandlerError, load_handler
from lambda_streaming.error_report import ErrorReport
from lambda_streaming.invocation_loop import InvocationLoop
from lambda_streaming.process import python_path
from lambda_streaming.process.logs import Log
from lambda_streaming.process.settings import LogSettings, Settings, SettingsError, runtime_api_address
from lambda_streaming.wire.connection import ConnectionBroken
from lambda_streaming.wire.runtime_api import RuntimeApi, RuntimeApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from lambda_streaming.applications.handler_loader import Handler
    from lambda_streaming.invocation_loop import Metrics, Shutdown
    from lambda_streaming.response.body_writer import BodyWriter
    from lambda_streaming.response_stream import Body
    from lambda_streaming.wire.runtime_api import Invocation


def main() -> None:
    log = Log(LogSettings.from_environment())
    try:
        api = RuntimeApi(runtime_api_address())
        settings = read_settings(api, log)
        application = HandlerApplication(wrap_handler(import_handler(settings, api, log)), log)
        shutdown = prepare_shutdown(settings, api)
        metrics = prepare_metrics(settings, log)
        start_application(application, api, log)
        take_snapshot(settings, api, log)
        loop = InvocationLoop(
            api=api, application=application, settings=settings, log=log, shutdown=shutdown, metrics=metrics
        )
        try:
            loop.run()
        finally:
            application.stop()
    except SettingsError as error:
        sys.exit(f"lambda_streaming: {error}")
    except (RuntimeApiError, ConnectionBroken) as error:
        sys.exit(f"lambda_streaming: the runtime ends, Lambda starts another: {error}")


def read_settings(api: RuntimeApi, log: Log) -> Settings:
    try:
        return Settings.from_environment()
    except SettingsError as error:
        fail_init(api, log, ErrorReport("Runtime.SettingsError", str(error), []), exit_code=1)


def import_handler(settings: Settings, api: RuntimeApi, log: Log) -> Handler:
    python_path.restore(settings)
    # At the first import of `logging`: a handler that never imports it does not wait for it.
    python_path.prefer_standard_modules({"logging": lambda: set_up_root_logger(log)})
    try:
        return load_handler(settings.handler)
    except SettingsError as caught:  # Of a web application.
        error = HandlerError(ErrorReport("Runtime.SettingsError", str(caught), []))
    except HandlerError as caught:
        error = caught
    # Outside of the `except` clause: an exception that is raised again there would have this one as its context.
    return fail_import(api, log, error)


def start_application(application: HandlerApplication, api: RuntimeApi, log: Log) -> None:
    try:
        application.start()
    except HandlerError as error:
        fail_init(api, log, error.report, error.exit_code)


def wrap_handler(handler: Handler) -> Handler:
    """Return the handler with what tools have put around it while it was imported."""
    bootstrap = aws_bootstrap()
    return handler if bootstrap is None else bootstrap.wrapped(handler)


def aws_bootstrap() -> Any:
    """Return the module that stands in for AWS's `bootstrap`, None if no tool has looked for it."""
    return sys.modules.get("lambda_streaming.optional.aws_bootstrap")


def fail_import(api: RuntimeApi, log: Log, error: HandlerError) -> NoReturn:
    bootstrap = aws_bootstrap()
    if bootstrap is not None and error.__cause__ is not None:
        bootstrap.fail_init(error.__cause__, error.report.document())
    fail_init(api, log, error.report, error.exit_code)


def set_up_root_logger(log: Log) -> None:
    from lambda_streaming.process import root_logger

    root_logger.set_up(log)


def fail_init(api: RuntimeApi, log: Log, report: ErrorReport, exit_code: int) -> NoReturn:
    log.error(report)
    api.post_init_error(report)
    sys.exit(exit_code)


def prepare_shutdown(settings: Settings, api: RuntimeApi) -> Shutdown:
    if not settings.shuts_down_gracefully:
        return NoShutdown()
    from lambda_streaming.optional.graceful_shutdown import GracefulShutdown

    shutdown = GracefulShutdown()
    shutdown.install(api.address)
    return shutdown


def prepare_metrics(settings: Settings, log: Log) -> Metrics:
    if not settings.metrics_sample_rate:
        return NoMetrics()
    from lambda_streaming.optional.stream_metrics import StreamMetrics

    return StreamMetrics(settings.metrics_sample_rate, settings.function_name or "", log)


def take_snapshot(settings: Settings, api: RuntimeApi, log: Log) -> None:
    if settings.takes_snapshot:
        from lambda_streaming.optional import snap_start

        snap_start.take_snapshot(api, log)


class NoShutdown:
    """The `Shutdown` of a process that Lambda ends without a signal."""

    def idle(self) -> None: ...
    def busy(self) -> None: ...


class NoMetrics:
    """The `Metrics` of a process that writes none."""

    def begin(self) -> None: ...

    def body_kind(self, kind: type[BodyWriter]) -> type[BodyWriter]:
        return kind

    def leave_out(self) -> None: ...
    def fail(self) -> None: ...
    def end(self, invocation: Invocation, body: Body | None) -> None: ...


def __getattr__(name: str) -> Any:
    """Load the names that tools look for in the main module of AWS's runtime."""
    if name != "bootstrap":
        raise AttributeError(f"module '__main__' has no attribute {name!r}")
    from lambda_streaming.optional import aws_bootstrap

    return aws_bootstrap


if __name__ == "__main__":
    main()
