"""The runtime: started by `bootstrap` in place of AWS's own, it serves invocations until Lambda ends it."""

from __future__ import annotations

import sys

from lambda_streaming import python_path
from lambda_streaming.connection import ConnectionBroken
from lambda_streaming.handler_loader import HandlerError, load_handler
from lambda_streaming.invocation_loop import InvocationLoop
from lambda_streaming.logs import Log
from lambda_streaming.runtime_api import RuntimeApi, RuntimeApiError
from lambda_streaming.settings import LogSettings, Settings, SettingsError


def main() -> None:
    log = Log(LogSettings.from_environment())
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        sys.exit(f"lambda_streaming: {error}")
    api = RuntimeApi(settings.runtime_api)
    python_path.restore(settings)
    python_path.keep_standard({"logging": log.set_up_root_logger})
    try:
        handler = load_handler(settings.handler)
    except HandlerError as error:
        log.error(error.report)
        api.post_init_error(error.report)
        sys.exit(error.exit_code)
    try:
        InvocationLoop(api, handler, settings, log).run()
    except (RuntimeApiError, ConnectionBroken, OSError) as error:
        sys.exit(f"lambda_streaming: the runtime ends, Lambda starts another: {error}")


if __name__ == "__main__":
    main()
