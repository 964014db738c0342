"""The runtime: started by `bootstrap` in place of AWS's own, it serves invocations until Lambda ends it."""

from __future__ import annotations

import sys

from lambda_streaming import python_path
from lambda_streaming.connection import ConnectionBroken
from lambda_streaming.error_report import ErrorReport
from lambda_streaming.handler_loader import HandlerError, load_handler
from lambda_streaming.invocation_loop import InvocationLoop, KilledAtOnce, NotMeasured
from lambda_streaming.logs import Log
from lambda_streaming.runtime_api import RuntimeApi, RuntimeApiError
from lambda_streaming.settings import LogSettings, Settings, SettingsError, runtime_api_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from lambda_streaming.handler_loader import Handler
    from lambda_streaming.invocation_loop import Metrics, Shutdown


def main() -> None:
    log = Log(LogSettings.from_environment())
    try:
        api = RuntimeApi(runtime_api_address())
        settings = read_settings(api, log)
        handler = prepare_handler(settings, api, log)
        shutdown = prepare_shutdown(settings, api)
        metrics = prepare_metrics(settings, log)
        if settings.takes_snapshot:
            from lambda_streaming.snap_start import take_snapshot

            take_snapshot(api, log)
        InvocationLoop(api, handler, settings, log, shutdown, metrics).run()
    except SettingsError as error:
        sys.exit(f"lambda_streaming: {error}")
    except (RuntimeApiError, ConnectionBroken) as error:
        sys.exit(f"lambda_streaming: the runtime ends, Lambda starts another: {error}")


def read_settings(api: RuntimeApi, log: Log) -> Settings:
    try:
        return Settings.from_environment()
    except SettingsError as error:
        fail_init(api, log, ErrorReport("Runtime.SettingsError", str(error), []), exit_code=1)


def prepare_handler(settings: Settings, api: RuntimeApi, log: Log) -> Handler:
    python_path.restore(settings)
    python_path.keep_standard({"logging": log.set_up_root_logger})
    try:
        return load_handler(settings.handler)
    except HandlerError as error:
        fail_init(api, log, error.report, error.exit_code)


def fail_init(api: RuntimeApi, log: Log, report: ErrorReport, exit_code: int) -> NoReturn:
    log.error(report)
    api.post_init_error(report)
    sys.exit(exit_code)


def prepare_shutdown(settings: Settings, api: RuntimeApi) -> Shutdown:
    if not settings.shuts_down_gracefully:
        return KilledAtOnce()
    from lambda_streaming.graceful_shutdown import GracefulShutdown

    shutdown = GracefulShutdown()
    shutdown.install(api.address)
    return shutdown


def prepare_metrics(settings: Settings, log: Log) -> Metrics:
    if not settings.metrics_sample_rate:
        return NotMeasured()
    from lambda_streaming.stream_metrics import StreamMetrics

    return StreamMetrics(settings.metrics_sample_rate, settings.function_name or "", log)


if __name__ == "__main__":
    main()
